import type { StepOf } from '../../adapters/adapter.ts';
import { listenText } from '../../state/ingress.ts';
import { digestOf } from '../../state/json.ts';
import {
  type BridgePoolSpec,
  type ContainerSpec,
  containerKey,
  type LeaseSpec,
  type LinkSpec,
  type ListenerSpec,
  leaseKey,
  linkKey,
  listenerKey,
  type PoolSpec,
  poolKey,
  type RootVolume,
  type RouteSpec,
} from '../../state/resource.ts';

/** Resources that the contract suites are played with, and the steps that make and remove them. */

/** A bridge pool 10.66.N.0/24 on bridge `hfN`. */
export function bridgePool(number: number, overrides: Partial<BridgePoolSpec> = {}): BridgePoolSpec {
  return {
    type: 'bridge',
    name: `pool-${number}`,
    bridge: `hf${number}`,
    subnet: `10.66.${number}.0/24`,
    gateway: `10.66.${number}.1`,
    nat: false,
    isolated: true,
    ...overrides,
  };
}

/** The lease of `container`'s eth0 for host `host` of `bridgePool(number)`. */
export function lease(number: number, container: string, host: number, names = [container]): LeaseSpec {
  const hex = (value: number) => value.toString(16).padStart(2, '0');
  return {
    pool: `pool-${number}`,
    container,
    interface: 'eth0',
    address: `10.66.${number}.${host}`,
    static: false,
    prefix: 24,
    mac: `02:00:0a:42:${hex(number)}:${hex(host)}`,
    names,
  };
}

/** A container on these leases: eth0, eth1, … in their order. */
export function container(
  name: string,
  root: RootVolume,
  leases: readonly LeaseSpec[],
  overrides: Partial<ContainerSpec> = {},
): ContainerSpec {
  const interfaces = leases.map((held, index) => ({
    name: held.interface,
    pool: held.pool,
    type: 'veth' as const,
    link: held.pool.replace('pool-', 'hf'),
    address: held.address ?? '',
    prefix: held.prefix,
    gateway: index === 0 ? `${(held.address ?? '').replace(/\d+$/, '1')}` : null,
    mac: held.mac ?? '',
  }));
  return {
    name,
    hostname: name,
    root,
    persistence: 'boot',
    network: interfaces.length === 0 ? { mode: 'none' } : { mode: 'pool', interfaces },
    config: [],
    files: [],
    goal: 'STARTED',
    system: null,
    ...overrides,
  };
}

export const ensurePool = (spec: PoolSpec): StepOf<'pool.ensure'> => ({
  action: 'pool.ensure',
  key: poolKey(spec.name),
  spec,
  digest: digestOf(spec),
});

export const removePool = (spec: PoolSpec): StepOf<'pool.remove'> => ({
  action: 'pool.remove',
  key: poolKey(spec.name),
  spec,
});

const keyOfLease = (spec: LeaseSpec) => leaseKey(spec.pool, spec.container, spec.interface);

export const reserve = (spec: LeaseSpec): StepOf<'lease.reserve'> => ({
  action: 'lease.reserve',
  key: keyOfLease(spec),
  spec,
  digest: digestOf(spec),
});

export const release = (spec: LeaseSpec): StepOf<'lease.release'> => ({
  action: 'lease.release',
  key: keyOfLease(spec),
  spec,
});

export const start = (spec: ContainerSpec): StepOf<'container.start'> => ({
  action: 'container.start',
  key: containerKey(spec.name),
  spec,
  digest: digestOf(spec),
});

export const stop = (name: string): StepOf<'container.stop'> => ({
  action: 'container.stop',
  key: containerKey(name),
});

export const removeContainer = (name: string): StepOf<'container.remove'> => ({
  action: 'container.remove',
  key: containerKey(name),
});

/** Behind the bridge of `bridgePool(1)`. */
const behind = { bridge: 'hf1', subnet: '10.66.1.0/24' } as const;

/** A route of every host and path to an address that `lease(1, 'web', 2)` holds. */
export function route(rule: string, overrides: Partial<RouteSpec> = {}): RouteSpec {
  return {
    rule,
    host: null,
    path: '',
    keepPrefix: false,
    provider: 'web',
    service: 'site',
    backend: { type: 'address', address: '10.66.1.2', port: 8080, link: behind },
    ...overrides,
  };
}

/** A listener at one address of the host, 127.0.0.1 where `overrides` say nothing else, with `route(…)` of this name. */
export function listener(port: number, rule: string, overrides: Partial<ListenerSpec> = {}): ListenerSpec {
  return { type: 'http', addresses: ['127.0.0.1'], port, routes: [route(rule)], ...overrides };
}

/** Named after the first address that it listens at. */
const keyOfListener = ({ addresses: [host = ''], port }: ListenerSpec) =>
  listenerKey(listenText({ host, port }));

export const ensureListener = (spec: ListenerSpec): StepOf<'listener.ensure'> => ({
  action: 'listener.ensure',
  key: keyOfListener(spec),
  spec,
  digest: digestOf(spec),
});

export const removeListener = (spec: ListenerSpec): StepOf<'listener.remove'> => ({
  action: 'listener.remove',
  key: keyOfListener(spec),
  spec,
});

/** A unix link of `client` to the service `raw` of `server`. */
export function serviceLink(overrides: Partial<LinkSpec> = {}): LinkSpec {
  return {
    type: 'unix',
    service: 'raw',
    consumer: 'client',
    provider: 'server',
    socket: '/run/example/raw.sock',
    target: '/run/pv/services/raw.sock',
    role: 'any',
    interface: null,
    ...overrides,
  };
}

export const ensureLink = (spec: LinkSpec): StepOf<'link.ensure'> => ({
  action: 'link.ensure',
  key: linkKey(spec.consumer, spec.target),
  spec,
  digest: digestOf(spec),
});

export const removeLink = (spec: LinkSpec): StepOf<'link.remove'> => ({
  action: 'link.remove',
  key: linkKey(spec.consumer, spec.target),
  spec,
});
