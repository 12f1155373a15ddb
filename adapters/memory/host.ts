import {
  type ContainerSpec,
  containerKey,
  gatewayAddress,
  type Key,
  type LeaseSpec,
  type ObservedResource,
  type PoolSpec,
  poolKey,
} from '../../state/resource.ts';

/** A bridge of the modelled host. */
export interface BridgeModel {
  /** The pool that made it; null: it was there before. */
  mark: string | null;
  addresses: Set<string>;
  up: boolean;
}

/** What was made of a spec, with the spec, as a real adapter keeps it beside its objects. */
interface Made<Spec> {
  readonly spec: Spec;
  readonly digest: string;
}

/** A process of the modelled host: a container's init. */
export interface ProcessModel {
  readonly container: string;
}

/**
 * A host in a plain object: interfaces, rules, processes, addresses. Tests change it behind the adapter's back, as an
 * administrator or a crash would; what is observed follows from it and from nothing else.
 */
export interface HostModel {
  readonly bridges: Map<string, BridgeModel>;
  /** Other interfaces, e.g. parents of macvlan pools. */
  readonly links: Set<string>;
  /** Subnets that are masqueraded, by pool. */
  readonly masquerade: Map<string, string>;
  readonly processes: Map<number, ProcessModel>;
  readonly pools: Map<string, Made<PoolSpec> & { readonly adopted: boolean }>;
  readonly leases: Map<Key, Made<LeaseSpec>>;
  readonly containers: Map<string, Made<ContainerSpec> & { pid: number | null }>;
  nextPid: number;
}

/** An empty host with one uplink, `eth0`. */
export function emptyHost(): HostModel {
  return {
    bridges: new Map(),
    links: new Set(['eth0']),
    masquerade: new Map(),
    processes: new Map(),
    pools: new Map(),
    leases: new Map(),
    containers: new Map(),
    nextPid: 1000,
  };
}

function poolDrift(host: HostModel, spec: PoolSpec): readonly string[] {
  if (spec.type === 'macvlan') return host.links.has(spec.parent) ? [] : [`parent ${spec.parent} is missing`];
  const bridge = host.bridges.get(spec.bridge);
  if (bridge === undefined) return [`bridge ${spec.bridge} is missing`];
  const drift: string[] = [];
  if (!bridge.up) drift.push(`bridge ${spec.bridge} is down`);
  const address = gatewayAddress(spec);
  if (!bridge.addresses.has(address)) drift.push(`bridge ${spec.bridge} lacks ${address}`);
  if (spec.nat && host.masquerade.get(spec.name) !== spec.subnet)
    drift.push(`${spec.subnet} is not masqueraded`);
  return drift;
}

/** What the host has of a pool; null: nothing of ours. */
export function observePool(host: HostModel, name: string): ObservedResource<'pool'> | null {
  const made = host.pools.get(name);
  if (made === undefined) return null;
  const { spec, digest, adopted } = made;
  return { key: poolKey(name), kind: 'pool', spec, digest, drift: poolDrift(host, spec), facts: { adopted } };
}

/** What the host has of a lease. */
export function observeLease(host: HostModel, key: Key): ObservedResource<'lease'> | null {
  const made = host.leases.get(key);
  if (made === undefined) return null;
  return { key, kind: 'lease', spec: made.spec, digest: made.digest, drift: [], facts: {} };
}

/** What the host has of a container. */
export function observeContainer(host: HostModel, name: string): ObservedResource<'container'> | null {
  const made = host.containers.get(name);
  if (made === undefined) return null;
  const pid = made.pid !== null && host.processes.has(made.pid) ? made.pid : null;
  const running = pid !== null;
  return {
    key: containerKey(name),
    kind: 'container',
    spec: made.spec,
    digest: made.digest,
    drift: running ? [] : ['not running'],
    facts: { running, pid },
  };
}

/** Everything of ours on the host. */
export function observeHost(host: HostModel): readonly ObservedResource[] {
  const found = [
    ...[...host.pools.keys()].map((name) => observePool(host, name)),
    ...[...host.leases.keys()].map((key) => observeLease(host, key)),
    ...[...host.containers.keys()].map((name) => observeContainer(host, name)),
  ];
  return found.filter((resource) => resource !== null);
}
