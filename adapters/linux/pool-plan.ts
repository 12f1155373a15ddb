import { macOf, overlaps, parseAddress, parseCidr } from '../../state/address.ts';
import { digestOf } from '../../state/json.ts';
import { isInterfaceName, isName } from '../../state/names.ts';
import {
  type BridgePoolSpec,
  type Conflict,
  gatewayAddress,
  type PoolSpec,
  poolKey,
} from '../../state/resource.ts';
import type { HostLink, HostLinks } from './host-links.ts';
import { bridgeAlias, type Instance, parseBridgeAlias } from './mark.ts';
import type { PoolRecord } from './pool-record.ts';

/** What planning looks at. */
export interface PoolView {
  readonly instance: Instance;
  readonly host: HostLinks;
  readonly records: ReadonlyMap<string, PoolRecord>;
  /** Host ends of the veth pairs that belong on a pool's bridge. */
  readonly members: (pool: string) => readonly string[];
}

/** What takes a pool from what is there to what is wanted: lines for `ip -batch`. */
export interface PoolPlan {
  /** On file before anything is done; null: there is nothing to remember. */
  readonly intent: PoolRecord | null;
  /** On file once all is done; null: the record goes. */
  readonly settled: PoolRecord | null;
  /** Run before the additions of every pool, so that pools can exchange bridges and addresses. */
  readonly removals: readonly string[];
  readonly additions: readonly string[];
}

export type PoolPlanned = PoolPlan | { readonly conflict: Conflict };

/**
 * The MAC of a bridge that we make: that of its gateway address (as LEASE-3). A bridge without one of its own takes
 * the lowest of its members', which changes as containers come and go; this one is the same even after the bridge was
 * made anew, so that what containers remember of their gateway (ARP) stays true.
 */
export function bridgeMac(spec: BridgePoolSpec): string {
  return macOf(parseAddress(spec.gateway) ?? 0);
}

/**
 * We made this bridge for this pool. Its alias says so; between its making and the setting of its alias (two messages
 * to the kernel), its MAC and our record do.
 */
export function isOwnBridge(view: PoolView, pool: string, link: HostLink): boolean {
  const mark = parseBridgeAlias(link.alias);
  if (mark !== null) return mark.instance === view.instance && mark.pool === pool;
  const record = view.records.get(pool);
  return (
    record?.created === true &&
    record.spec.type === 'bridge' &&
    record.spec.bridge === link.name &&
    link.kind === 'bridge' &&
    link.alias === null &&
    link.mac === bridgeMac(record.spec)
  );
}

/** Names of bridges that we made for this pool, whatever they are called now. */
export function ownBridges(view: PoolView, pool: string): readonly string[] {
  return [...view.host.links.values()]
    .filter((link) => isOwnBridge(view, pool, link))
    .map((link) => link.name);
}

/** Make the pool as `spec` says, from whatever is there. Two answers to the same view are the same. */
export function planEnsure(view: PoolView, spec: PoolSpec): PoolPlanned {
  const conflict = nameConflict(spec) ?? interfaceConflict(view, spec) ?? routeConflict(view, spec);
  if (conflict !== null) return { conflict };
  const record = view.records.get(spec.name);
  const moved = record !== undefined && hostInterface(record.spec) !== hostInterface(spec);
  const before = moved ? removalLines(view, record.spec, record) : [];
  const plan =
    spec.type === 'bridge' ? planBridge(view, spec, moved ? undefined : record) : planMacvlan(view, spec);
  return { ...plan, removals: [...new Set([...before, ...plan.removals])] };
}

/** Take away what we made for the pool, and nothing else. */
export function planRemove(view: PoolView, spec: PoolSpec): PoolPlan {
  const record = view.records.get(spec.name);
  const removals = removalLines(view, record?.spec ?? spec, record);
  return { intent: record ?? null, settled: null, removals, additions: [] };
}

function hostInterface(spec: PoolSpec): string {
  return spec.type === 'bridge' ? spec.bridge : spec.parent;
}

function nameConflict(spec: PoolSpec): Conflict | null {
  const name = hostInterface(spec);
  if (isInterfaceName(name) && isName(spec.name)) return null;
  return {
    code: 'UnusableName',
    message: `found pool ${JSON.stringify(spec.name)} on interface ${JSON.stringify(name)}; both names must be letters, digits, '_', '.' and '-', an interface's of at most 15 bytes`,
  };
}

function interfaceConflict(view: PoolView, spec: PoolSpec): Conflict | null {
  const link = view.host.links.get(hostInterface(spec));
  if (spec.type === 'macvlan') return link === undefined ? parentMissing(spec.name, spec.parent) : null;
  if (link === undefined) return null;
  if (link.kind !== 'bridge') return taken(spec, `is there and is no bridge but ${link.kind ?? 'a device'}`);
  const mark = parseBridgeAlias(link.alias);
  if (mark === null) return null;
  if (mark.instance !== view.instance) return taken(spec, `belongs to another Holdfast (${mark.instance})`);
  if (mark.pool === spec.name) return null;
  return { ...taken(spec, `belongs to pool '${mark.pool}'`), holder: poolKey(mark.pool) };
}

function parentMissing(pool: string, parent: string): Conflict {
  return {
    code: 'ParentMissing',
    message: `pool '${pool}' needs the interface '${parent}', and this host has none of that name; 'ip link' lists those it has`,
  };
}

function taken(spec: BridgePoolSpec, why: string): Conflict {
  return {
    code: 'InterfaceTaken',
    message: `pool '${spec.name}' needs a bridge '${spec.bridge}', but '${spec.bridge}' ${why}; name another bridge`,
  };
}

/**
 * A subnet that the host reaches elsewhere already. What runs is left alone: a pool whose bridge carries its gateway
 * is not asked again. Routes over our own bridges are no conflict, since desired pools never overlap: they are about
 * to move. A macvlan pool adds no route to the host, so that its subnet can be the parent's own.
 */
function routeConflict(view: PoolView, spec: PoolSpec): Conflict | null {
  if (spec.type === 'macvlan') return null;
  const subnet = parseCidr(spec.subnet)?.subnet;
  if (subnet === undefined || view.host.links.get(spec.bridge)?.addresses.includes(gatewayAddress(spec)))
    return null;
  const ours = new Set([spec.bridge, ...bridgesInUse(view)]);
  for (const route of view.host.routes) {
    const destination = parseCidr(route.destination)?.subnet;
    const foreign = route.devices.length === 0 || route.devices.some((device) => !ours.has(device));
    if (destination === undefined || !foreign || !overlaps(subnet, destination)) continue;
    const device = route.devices.length === 0 ? '' : ` over ${route.devices.join(' and ')}`;
    return {
      code: 'SubnetOverlapsHost',
      message: `pool '${spec.name}' needs the subnet ${spec.subnet}, but this host has a route to ${route.destination}${device}; choose a subnet that it does not use`,
    };
  }
  return null;
}

function bridgesInUse(view: PoolView): readonly string[] {
  const recorded = [...view.records.values()].map((record) => hostInterface(record.spec));
  const marked = [...view.host.links.values()].filter(
    (link) => parseBridgeAlias(link.alias)?.instance === view.instance,
  );
  return [...recorded, ...marked.map((link) => link.name)];
}

/** Deleting a bridge detaches its members; an adopted one only loses the addresses that we put there. */
function removalLines(view: PoolView, spec: PoolSpec, record: PoolRecord | undefined): readonly string[] {
  const own = ownBridges(view, spec.name);
  const lines = own.map((name) => `link delete dev ${name}`);
  if (spec.type !== 'bridge' || record?.created !== false) return lines;
  const there = view.host.links.get(spec.bridge)?.addresses ?? [];
  const ours = record.addresses.filter((address) => there.includes(address));
  return [...lines, ...ours.map((address) => `address delete ${address} dev ${spec.bridge}`)];
}

function planMacvlan(view: PoolView, spec: PoolSpec): PoolPlan {
  const record = { spec, digest: digestOf(spec), created: false, addresses: [] };
  const removals = ownBridges(view, spec.name).map((name) => `link delete dev ${name}`);
  return { intent: record, settled: record, removals, additions: [] };
}

function planBridge(view: PoolView, spec: BridgePoolSpec, record: PoolRecord | undefined): PoolPlan {
  const link = view.host.links.get(spec.bridge);
  const created = link === undefined || isOwnBridge(view, spec.name, link);
  const wanted = gatewayAddress(spec);
  const ours = ownAddresses(link, created, record);
  const keeps = link?.addresses.includes(wanted) ?? false;
  const settled: PoolRecord = {
    spec,
    digest: digestOf(spec),
    created,
    addresses: keeps && !ours.includes(wanted) ? [] : [wanted],
  };
  const stale = ownBridges(view, spec.name).filter((name) => name !== spec.bridge);
  return {
    intent: { ...settled, addresses: [...new Set([...ours, ...settled.addresses])] },
    settled,
    removals: [
      ...stale.map((name) => `link delete dev ${name}`),
      ...ours
        .filter((address) => address !== wanted && link?.addresses.includes(address))
        .map((address) => `address delete ${address} dev ${spec.bridge}`),
    ],
    additions: [
      ...(created ? ownBridgeLines(view, spec, link) : adoptedBridgeLines(spec, link)),
      ...(keeps ? [] : [`address add ${wanted} broadcast + dev ${spec.bridge}`]),
      ...memberLines(view, spec),
    ],
  };
}

/** Addresses that we put on the bridge; on one of our making whose record is lost, all of them. */
function ownAddresses(
  link: HostLink | undefined,
  created: boolean,
  record: PoolRecord | undefined,
): readonly string[] {
  if (record?.created === created) return record.addresses;
  return created ? (link?.addresses ?? []) : [];
}

function ownBridgeLines(view: PoolView, spec: BridgePoolSpec, link: HostLink | undefined): readonly string[] {
  const alias = bridgeAlias(view.instance, spec.name);
  const mac = bridgeMac(spec);
  // The kernel takes no alias in the message that makes a link.
  if (link === undefined) {
    return [
      `link add name ${spec.bridge} address ${mac} type bridge`,
      `link set dev ${spec.bridge} alias ${alias} up`,
    ];
  }
  const changes = [
    ...(link.alias === alias ? [] : [`alias ${alias}`]),
    ...(link.mac === mac ? [] : [`address ${mac}`]),
    ...(link.up ? [] : ['up']),
  ];
  return changes.length === 0 ? [] : [`link set dev ${spec.bridge} ${changes.join(' ')}`];
}

function adoptedBridgeLines(spec: BridgePoolSpec, link: HostLink | undefined): readonly string[] {
  return link === undefined || link.up ? [] : [`link set dev ${spec.bridge} up`];
}

/** Puts the members that are there back as they belong: on the bridge, and up. */
function memberLines(view: PoolView, spec: BridgePoolSpec): readonly string[] {
  return [
    ...detachedMembers(view, spec).map((name) => `link set dev ${name} master ${spec.bridge}`),
    ...downMembers(view, spec).map((name) => `link set dev ${name} up`),
  ];
}

function membersThat(
  view: PoolView,
  spec: BridgePoolSpec,
  wrong: (link: HostLink) => boolean,
): readonly string[] {
  return view.members(spec.name).filter((name) => {
    const link = view.host.links.get(name);
    return link !== undefined && wrong(link);
  });
}

/** Members of the pool that exist and are not attached to its bridge, because it was deleted or they were taken off. */
export function detachedMembers(view: PoolView, spec: BridgePoolSpec): readonly string[] {
  return membersThat(view, spec, (link) => link.master !== spec.bridge);
}

/** Members of the pool that exist and were set down. */
export function downMembers(view: PoolView, spec: BridgePoolSpec): readonly string[] {
  return membersThat(view, spec, (link) => !link.up);
}
