import type { GraphLink, ResourceItem, RouteItem } from '../../controller/api/contract.ts';
import type { ListenerSight } from '../../controller/route-items.ts';
import type {
  DesiredResource,
  FactsByKind,
  ListenerSpec,
  ObservedResource,
  RouteSpec,
} from '../../state/resource.ts';
import type { Phase, Status } from '../../state/status.ts';
import { item } from './fixtures.ts';

/** A rule that leads to a port of `web`. */
export const webRoute: RouteSpec = {
  rule: 'web',
  host: null,
  path: '',
  keepPrefix: false,
  provider: 'web',
  service: 'http',
  backend: { type: 'address', address: '10.0.5.2', port: 80, link: { bridge: 'br0', subnet: '10.0.5.0/24' } },
};

/** A rule that leads to a socket of `api`. */
export const apiRoute: RouteSpec = {
  ...webRoute,
  rule: 'api',
  path: '/api',
  provider: 'api',
  service: 'rest',
  backend: { type: 'socket', container: 'api', socket: '/run/api.sock' },
};

/** A rule whose service nobody provides. */
export const lostRoute: RouteSpec = {
  ...webRoute,
  rule: 'lost',
  path: '/lost',
  service: 'htpt',
  backend: null,
};

/** `:80` for `/api` and everything else. */
export const httpListener: ListenerSpec = {
  type: 'http',
  addresses: ['0.0.0.0', '::'],
  port: 80,
  routes: [apiRoute, webRoute],
};

/** A status of phase `phase`. */
export function status(phase: Phase, fields: Partial<Status> = {}): Status {
  return {
    phase,
    reason: phase === 'Ready' ? 'AsDesired' : `${phase}Reason`,
    message: phase === 'Ready' ? 'as desired' : `it is ${phase.toLowerCase()}`,
    since: 0,
    attempts: 0,
    revision: 7,
    cause: { trigger: { type: 'start' }, via: [] },
    waitsFor: [],
    ...fields,
  };
}

/** `:80` as it is desired with `routes`. */
export function desiredListener(
  routes: readonly RouteSpec[] = httpListener.routes,
  fields: Partial<DesiredResource<'listener'>> = {},
): DesiredResource<'listener'> {
  return {
    key: 'listener/:80',
    kind: 'listener',
    spec: { ...httpListener, routes },
    digest: 'd1',
    dependsOn: [],
    pointers: routes.map((_route, index) => `/device.json/ingress/${index}`),
    ...fields,
  };
}

/** `:80` as it is observed where HAProxy carries it. */
export function observedListener(
  fields: Partial<ObservedResource<'listener'>> = {},
): ObservedResource<'listener'> {
  const facts: FactsByKind['listener'] = { carriers: ['haproxy', 'haproxy'] };
  return {
    key: 'listener/:80',
    kind: 'listener',
    spec: httpListener,
    digest: 'd1',
    drift: [],
    facts,
    ...fields,
  };
}

/** `:80` as it stands where all is well. */
export function sight(fields: Partial<ListenerSight> = {}): ListenerSight {
  return {
    key: 'listener/:80',
    desired: desiredListener(),
    observed: observedListener(),
    status: status('Ready'),
    ...fields,
  };
}

/** `:80` as it is listed. */
export function listenerItem(phase: Phase = 'Ready', fields: Partial<ResourceItem> = {}): ResourceItem {
  return {
    ...item('listener/:80', httpListener, phase, phase === 'Ready' ? 'as desired' : `it is ${phase}`, {
      carriers: ['haproxy', 'haproxy'],
    }),
    ...fields,
  };
}

/** A rule of `:80` as it is listed. */
export function routeItem(route: RouteSpec, phase: Phase = 'Ready', message = 'serves'): RouteItem {
  const reason = phase === 'Ready' ? 'Serving' : 'ProviderNotReady';
  return {
    ...route,
    listener: 'listener/:80',
    type: 'http',
    pointer: '/device.json/ingress/0',
    phase,
    reason,
    message,
  };
}

/** How the rule `api` stands in the graph while its provider runs. */
export const apiLink: GraphLink = {
  type: 'http',
  name: 'rest',
  consumer: 'EXTERNAL',
  consumer_pid: 0,
  provider: 'api',
  provider_pid: 4242,
  role: 'any',
  interface: 'http',
  target: ':80/api',
  socket: '/run/api.sock',
};
