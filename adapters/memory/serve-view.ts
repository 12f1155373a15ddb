import { isDeepStrictEqual } from 'node:util';
import { listenText } from '../../state/ingress.ts';
import { type ListenerSpec, nameOf, type ObservedResource, type RouteSpec } from '../../state/resource.ts';
import type { Proxy as HostProxy, ProxyBackend, ProxyListener, ProxyProcess } from '../proxy/proxy.ts';
import type { EchoedService } from './serve-echoes.ts';

/** The service that a route leads to; null: to none. */
export function serviceOf(type: ListenerSpec['type'], route: RouteSpec): EchoedService | null {
  const { backend, provider: container, service } = route;
  return backend === null ? null : { container, service, type };
}

/** What a proxy has to serve for a listener, the services of which answer at `pathOf`. */
export function proxyListener(
  name: string,
  { type, addresses, port, routes }: ListenerSpec,
  pathOf: (service: EchoedService) => string,
): ProxyListener {
  const backendOf = (route: RouteSpec): ProxyBackend | null => {
    const service = serviceOf(type, route);
    return service === null ? null : { type: 'socket', path: pathOf(service) };
  };
  return {
    name,
    type,
    addresses,
    port,
    routes: routes.map((route) => {
      const { rule, host, path, keepPrefix } = route;
      return { rule, host, path, keepPrefix, backend: backendOf(route) };
    }),
  };
}

const isIpv6 = (address: string): boolean => address.includes(':');

/** The listener without its IPv6 addresses; null: it has none, or no others. */
export function withoutIpv6(listener: ProxyListener): ProxyListener | null {
  const addresses = listener.addresses.filter((address) => !isIpv6(address));
  return addresses.length === 0 || addresses.length === listener.addresses.length
    ? null
    : { ...listener, addresses };
}

/** Who serves, what it should serve of a listener, and what it does. */
export interface Service {
  readonly carrier: HostProxy['name'];
  readonly process: ProxyProcess | null;
  readonly wanted: ProxyListener;
}

/** What is seen of a listener: its model, with what the proxy really does for it. */
export function servedListener(
  model: ObservedResource<'listener'>,
  { carrier, process, wanted }: Service,
): ObservedResource<'listener'> {
  const served = process?.listeners.find(({ name }) => name === nameOf(model.key));
  const missing = wanted.addresses.filter((address) => served?.addresses.includes(address) !== true);
  const silent = missing.map((host) => `nothing listens at ${listenText({ host, port: wanted.port })}`);
  // What listens at IPv4 alone does so since the host has no IPv6: see withoutIpv6.
  const isHalf = missing.every(isIpv6) && missing.length < wanted.addresses.length;
  const other = served === undefined || isDeepStrictEqual(served.routes, wanted.routes);
  return {
    ...model,
    drift: [...(isHalf ? [] : silent), ...(other ? [] : ['other rules are served than it has'])],
    facts: {
      carriers: wanted.addresses.map((address) => (missing.includes(address) ? 'model' : carrier)),
      ...(isHalf && silent.length > 0
        ? { warnings: silent.map((text) => `${text}: this host has no such address`) }
        : {}),
    },
  };
}
