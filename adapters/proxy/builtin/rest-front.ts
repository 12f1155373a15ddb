import type { Server } from 'node:http';
import type { After } from '../../linux/network-monitor.ts';
import type { Caught } from '../containment.ts';
import { identityText } from '../link-identity.ts';
import type { ProxyRoute, ProxyTraffic, RestListener } from '../proxy.ts';
import type { Front } from './front.ts';
import { HttpFront } from './http-front.ts';
import type { ProxyLimits } from './limits.ts';
import type { Provider } from './provider.ts';
import { linkRules, type RequestHead } from './request-head.ts';

/** Answers the requests of a rest link: each is passed on in the name of its client and role, and else as it is (LINK-5). */
export class RestFront implements Front {
  readonly #front: HttpFront;

  /** `complain`: see HttpFront. */
  constructor({ client, role }: RestListener, limits: ProxyLimits, after: After, complain: Caught) {
    const identity = ['X-PV-Client', identityText(client), 'X-PV-Role', identityText(role)];
    const fieldsFor = ({ authority, fields }: RequestHead): string[] => [
      'Host',
      // A client of HTTP/1.0 may name none; one of HTTP/1.1, which we are to the provider, has to.
      authority === '' ? 'localhost' : authority,
      ...fields,
      ...identity,
    ];
    const manner = { rules: linkRules, fieldsFor, connections: limits.linkConnections, isHalfOpen: true };
    this.#front = new HttpFront(limits, after, complain, manner);
  }

  server(): Server {
    return this.#front.server();
  }

  route(routes: readonly ProxyRoute[], providerOf: (route: ProxyRoute) => Provider | null): void {
    this.#front.route(routes, providerOf);
  }

  traffic(listener: string): readonly ProxyTraffic[] {
    return this.#front.traffic(listener).map((one) => ({ ...one, sessions: this.#front.open }));
  }

  close(): void {
    this.#front.close();
  }
}

/** All that comes goes to its one provider, as it is. */
export function linkRoute({ backend }: RestListener): ProxyRoute {
  return { rule: '', host: null, path: '', keepPrefix: true, backend };
}
