import { freeze } from 'immer';
import { devicePath } from './component.ts';
import { type Groups, placeAmong, type RankedGroup } from './groups.ts';
import { canonicalJson, digestOf } from './json.ts';
import type { ContainerRequests, LeaseGrant } from './ledger.ts';
import type { ContainerManifest, InterfaceManifest } from './manifest.ts';
import { pointerTo } from './pointer.ts';
import {
  type Conflict,
  type ContainerNetwork,
  type ContainerSpec,
  containerKey,
  type DesiredResource,
  type GroupSpec,
  groupKey,
  type Key,
  type Kind,
  type LeaseSpec,
  leaseKey,
  type NetworkInterface,
  type PoolSpec,
  poolKey,
  type SpecByKind,
} from './resource.ts';

/** What compiling a container looks at besides its manifest. */
export interface CompileContext {
  pool(name: string): PoolSpec | undefined;
  readonly groups: Groups;
  /** Containers whose services it requires, and that it starts after (LINK-1). */
  providers(container: string): readonly string[];
  /** How the request of a lease was met. */
  grant(lease: Key): LeaseGrant | undefined;
  /** An address in the container's own configuration that another one has leased (LEASE-6). */
  reservationConflict(container: string): Conflict | null;
}

/** A pool as a resource. */
export function compilePool(spec: PoolSpec): DesiredResource<'pool'> {
  return resource('pool', poolKey(spec.name), spec, {
    dependsOn: [],
    pointers: [pointerTo(devicePath, 'network', 'pools', spec.name)],
  });
}

/** A group as a resource (CTR-6). Its place among the groups is its place in the document: names are unique there. */
export function compileGroup({ name, rank, timeoutSeconds }: RankedGroup): DesiredResource<'group'> {
  const spec: GroupSpec = { name, rank, timeoutMs: Math.max(1, Math.round(timeoutSeconds * 1000)) };
  return resource('group', groupKey(name), spec, {
    dependsOn: [],
    pointers: [pointerTo(devicePath, 'groups', rank)],
  });
}

/** What a container asks of the ledger before it can be compiled. */
export function requestsOf(manifest: ContainerManifest): ContainerRequests {
  const leases = interfacesOf(manifest).map(({ pool, name, staticAddress }) => ({
    pool,
    interface: name,
    staticAddress,
  }));
  return { leases, reservedAddresses: manifest.reservedAddresses };
}

/** Keys of what a container is compiled into, in that order. */
export function keysOf(manifest: ContainerManifest): readonly Key[] {
  const leases = interfacesOf(manifest).map((face) => leaseKey(face.pool, manifest.name, face.name));
  return [...leases, containerKey(manifest.name)];
}

/** A container but for the one thing that it has of others: the state of the system (ROLL-8). */
export interface ContainerDraft {
  readonly spec: Omit<ContainerSpec, 'system'>;
  readonly rest: Rest;
  /** Digest of `spec` where a change of it is a system transition; else null. */
  readonly systemDigest: string | null;
}

export interface CompiledContainer {
  /** In the order of its interfaces. */
  readonly leases: readonly DesiredResource<'lease'>[];
  readonly draft: ContainerDraft;
}

/**
 * The leases of a container and the container itself, resolved down to addresses. What cannot be had is
 * a conflict of the lease and, with the interface named, of the container (LEASE-5): both are shown as blocked. An
 * interface without an address is left out of the container's spec, a pool that is not there out of `dependsOn`.
 * Throws when a lease of the manifest was not asked for (`requestsOf`).
 */
export function compileContainer(manifest: ContainerManifest, context: CompileContext): CompiledContainer {
  const leases = interfacesOf(manifest).map((face) => compileLease(manifest, face, context));
  const conflict = containerConflict(manifest, leases, context);
  const { name, hostname, root, persistence, config, files } = manifest;
  const { goal, system, lifecycle } = placeAmong(context.groups, manifest);
  const network = compileNetwork(manifest, leases, context);
  const spec = { name, hostname, root, persistence, network, config, files, goal };
  const rest: Rest = {
    dependsOn: [
      ...new Set(leases.flatMap((lease) => [...lease.dependsOn, lease.key])),
      ...context.providers(name).map(containerKey),
    ],
    pointers: [manifest.pointer],
    ...(conflict === null ? {} : { conflict }),
    lifecycle,
  };
  return { leases, draft: { spec, rest, systemDigest: system ? digestOf(spec) : null } };
}

/** The container itself. `system`: as in its spec. */
export function finishContainer({ spec, rest }: ContainerDraft, system: string | null): DesiredResource {
  return resource('container', containerKey(spec.name), { ...spec, system }, rest);
}

/** A container as it is when only the state of the system is another (ROLL-8). */
export function withSystem(container: DesiredResource, system: string | null): DesiredResource {
  const { key, kind, spec, digest: _, ...rest } = container as DesiredResource<'container'>;
  return resource(kind, key, { ...spec, system }, rest);
}

/** `before`, where `after` says nothing else: so that what did not change is the same object. */
export function unlessSame(before: DesiredResource | undefined, after: DesiredResource): DesiredResource {
  if (before === undefined || before.digest !== after.digest) return after;
  return canonicalJson(restOf(before)) === canonicalJson(restOf(after)) ? before : after;
}

function restOf({ dependsOn, pointers, conflict, lifecycle, optional }: DesiredResource): unknown {
  return { dependsOn, pointers, conflict, lifecycle, optional };
}

function interfacesOf(manifest: ContainerManifest): readonly InterfaceManifest[] {
  return manifest.network.mode === 'pool' ? manifest.network.interfaces : [];
}

function compileLease(
  manifest: ContainerManifest,
  face: InterfaceManifest,
  context: CompileContext,
): DesiredResource<'lease'> {
  const key = leaseKey(face.pool, manifest.name, face.name);
  const grant = context.grant(key);
  if (grant === undefined) throw new Error(`${key} was compiled before the ledger was asked for it`);
  const spec: LeaseSpec = {
    pool: face.pool,
    container: manifest.name,
    interface: face.name,
    address: grant.conflict === null ? grant.address : null,
    static: face.staticAddress !== null,
    prefix: grant.prefix,
    mac: grant.conflict === null ? (face.mac ?? grant.mac) : null,
    names: [...new Set([manifest.name, manifest.hostname])],
  };
  return resource('lease', key, spec, {
    dependsOn: context.pool(face.pool) === undefined ? [] : [poolKey(face.pool)],
    pointers: [face.pointer],
    ...(grant.conflict === null ? {} : { conflict: grant.conflict }),
  });
}

function containerConflict(
  manifest: ContainerManifest,
  leases: readonly DesiredResource<'lease'>[],
  context: CompileContext,
): Conflict | null {
  const found = leases.flatMap(({ conflict, spec }) =>
    conflict === undefined
      ? []
      : [{ ...conflict, message: `interface '${spec.interface}': ${conflict.message}` }],
  );
  const reserved = context.reservationConflict(manifest.name);
  const conflicts = reserved === null ? found : [...found, reserved];
  const [first] = conflicts;
  if (first === undefined) return null;
  const messages = conflicts.map((conflict) => conflict.message).join('; ');
  return { ...first, message: `container '${manifest.name}', ${messages}` };
}

function compileNetwork(
  manifest: ContainerManifest,
  leases: readonly DesiredResource<'lease'>[],
  context: CompileContext,
): ContainerNetwork {
  const { network } = manifest;
  if (network.mode !== 'pool') return network;
  const interfaces = leases.flatMap(({ spec }, position) => {
    const pool = context.pool(spec.pool);
    return pool === undefined ? [] : (resolve(spec, pool, position === 0) ?? []);
  });
  return { mode: 'pool', interfaces };
}

/** An interface as LXC gets it (CTR-3); null while it has no address. A container has one default route: its first interface's. */
function resolve(lease: LeaseSpec, pool: PoolSpec, isFirst: boolean): NetworkInterface | null {
  if (lease.address === null || lease.mac === null) return null;
  const { address, prefix, mac } = lease;
  const gateway = isFirst ? pool.gateway : null;
  const attachment =
    pool.type === 'bridge'
      ? ({ type: 'veth', link: pool.bridge } as const)
      : ({ type: 'macvlan', link: pool.parent } as const);
  return { name: lease.interface, pool: pool.name, ...attachment, address, prefix, gateway, mac };
}

/** All of a resource that its digest does not cover. */
type Rest = Omit<DesiredResource, 'key' | 'kind' | 'spec' | 'digest'>;

function resource<K extends Kind>(kind: K, key: Key, spec: SpecByKind[K], rest: Rest): DesiredResource<K> {
  return freeze({ key, kind, spec, digest: digestOf(spec), ...rest }, true);
}
