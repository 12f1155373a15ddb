import type { Server } from 'node:net';
import type { ProxyRoute, ProxyTraffic } from '../proxy.ts';
import type { Provider } from './provider.ts';

/** One listener's inside: what answers those who connect to any of its addresses. */
export interface Front {
  /** A server for one more address; it does not listen yet. */
  server(): Server;
  /** Replaces the routes. What goes on by those that stay goes on; the rest is cut. */
  route(routes: readonly ProxyRoute[], providerOf: (route: ProxyRoute) => Provider | null): void;
  traffic(listener: string): readonly ProxyTraffic[];
  /** Cuts all connections. */
  close(): void;
}
