import {
  type ContainerExit,
  type ContainerSpec,
  containerKey,
  gatewayAddress,
  type Key,
  type LeaseSpec,
  type ListenerSpec,
  type ObservedResource,
  type PoolSpec,
  poolKey,
} from '../../state/resource.ts';
import { type LinkModel, observeLink, type SocketModel } from './links.ts';
import { observeListener } from './listeners.ts';

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

/** A container of the modelled host. */
export interface ContainerModel extends Made<ContainerSpec> {
  /** Of its init; one that is in no process table any more has ended, and nobody saw how. */
  pid: number | null;
  /** It has signalled since it was last started (CTR-6). */
  ready: boolean;
  /** How it ended by itself; see `exitContainer`. */
  exit: ContainerExit | null;
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
  readonly containers: Map<string, ContainerModel>;
  readonly listeners: Map<Key, Made<ListenerSpec>>;
  /** What listens for ours, by where: `0.0.0.0:80`, `[::]:80`. */
  readonly sockets: Map<string, Key>;
  /** Ports at which processes that are not ours listen, by the process's name. */
  readonly foreignPorts: Map<number, string>;
  /** Listeners that were last refused since a foreign process has their port. */
  readonly refused: Map<Key, number>;
  /** Made links. */
  readonly serviceLinks: Map<Key, LinkModel>;
  /** What providers listen at, by `pathIn`; one that no link has asked for yet is not in it. */
  readonly providerSockets: Map<string, SocketModel>;
  /** Sockets that their providers have yet to make, by `pathIn`. */
  readonly withheldSockets: Set<string>;
  /** What containers have of their own where links may want to be, by `pathIn`: `a file`. */
  readonly foreignTargets: Map<string, string>;
  /** Links that were last refused since something is at their target, by `pathIn`. */
  readonly refusedLinks: Map<Key, string>;
  /** Containers that do not signal when they are started; `signalReady` does it for them. */
  readonly silent: Set<string>;
  nextPid: number;
  nextInode: number;
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
    listeners: new Map(),
    sockets: new Map(),
    foreignPorts: new Map(),
    refused: new Map(),
    serviceLinks: new Map(),
    providerSockets: new Map(),
    withheldSockets: new Set(),
    foreignTargets: new Map(),
    refusedLinks: new Map(),
    silent: new Set(),
    nextPid: 1000,
    nextInode: 500_000,
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

function isRunning(host: HostModel, { pid }: ContainerModel): boolean {
  return pid !== null && host.processes.has(pid);
}

/** Process id of a container's init; null: it does not run. */
export function pidOf(host: HostModel, name: string): number | null {
  const made = host.containers.get(name);
  return made !== undefined && isRunning(host, made) ? made.pid : null;
}

/** What the host has of a container. */
export function observeContainer(host: HostModel, name: string): ObservedResource<'container'> | null {
  const made = host.containers.get(name);
  if (made === undefined) return null;
  const running = isRunning(host, made);
  return {
    key: containerKey(name),
    kind: 'container',
    spec: made.spec,
    digest: made.digest,
    drift: running || made.spec.goal === 'MOUNTED' ? [] : ['not running'],
    facts: {
      running,
      pid: running ? made.pid : null,
      ready: running && made.ready,
      exit: running ? null : made.exit,
    },
  };
}

/** The container's init ends by itself. Nothing happens to one that does not run. */
export function exitContainer(host: HostModel, name: string, exit: ContainerExit): void {
  const made = host.containers.get(name);
  if (made === undefined || made.pid === null || !host.processes.delete(made.pid)) return;
  made.pid = null;
  made.ready = false;
  made.exit = exit;
}

/** The container says that it is ready (CTR-6). Nothing happens to one that does not run, or that nobody waits for. */
export function signalReady(host: HostModel, name: string): void {
  const made = host.containers.get(name);
  if (made !== undefined && isRunning(host, made) && made.spec.goal === 'READY') made.ready = true;
}

/** Everything of ours on the host. */
export function observeHost(host: HostModel): readonly ObservedResource[] {
  const found = [
    ...[...host.pools.keys()].map((name) => observePool(host, name)),
    ...[...host.leases.keys()].map((key) => observeLease(host, key)),
    ...[...host.containers.keys()].map((name) => observeContainer(host, name)),
    ...[...host.listeners.keys()].map((key) => observeListener(host, key)),
    ...[...host.serviceLinks.keys()].map((key) => observeLink(host, key)),
  ];
  return found.filter((resource) => resource !== null);
}
