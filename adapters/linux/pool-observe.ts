import { formatSubnet, parseCidr } from '../../state/address.ts';
import { digestOf } from '../../state/json.ts';
import {
  type BridgePoolSpec,
  gatewayAddress,
  type MacvlanPoolSpec,
  type ObservedResource,
  type PoolSpec,
  poolKey,
} from '../../state/resource.ts';
import { needsRules } from './firewall.ts';
import type { HostLink } from './host-links.ts';
import { bridgeAlias, parseBridgeAlias } from './mark.ts';
import type { RuleStatus } from './packet-rules.ts';
import {
  bridgeMac,
  detachedMembers,
  downMembers,
  isOwnBridge,
  ownBridges,
  type PoolView,
} from './pool-plan.ts';
import type { PoolRecord } from './pool-record.ts';

/** All pools of ours, by name: those on record, and those of which only a marked bridge is left after a crash. */
export function observePools(view: PoolView, rules: RuleStatus): readonly ObservedResource<'pool'>[] {
  const recorded = [...view.records.values()].map((record) => observeRecorded(view, record, rules));
  const orphans = new Map<string, HostLink>();
  for (const link of view.host.links.values()) {
    const mark = parseBridgeAlias(link.alias);
    if (mark?.instance !== view.instance || view.records.has(mark.pool)) continue;
    orphans.set(mark.pool, orphans.get(mark.pool) ?? link);
  }
  const stranded = [...orphans].map(([pool, link]) => observeOrphan(pool, link));
  return [...recorded, ...stranded].sort((one, other) => (one.key < other.key ? -1 : 1));
}

/** A pool as it stands after its steps have all succeeded. */
export function settledPool(record: PoolRecord, warnings: readonly string[]): ObservedResource<'pool'> {
  return observed(record.spec, record, [], warnings);
}

function observed(
  spec: PoolSpec,
  record: PoolRecord | undefined,
  drift: readonly string[],
  warnings: readonly string[],
): ObservedResource<'pool'> {
  return {
    key: poolKey(spec.name),
    kind: 'pool',
    spec,
    digest: record?.digest ?? digestOf(spec),
    drift,
    facts: {
      adopted: spec.type === 'bridge' && record?.created === false,
      ...(warnings.length === 0 ? {} : { warnings }),
    },
  };
}

function observeRecorded(view: PoolView, record: PoolRecord, rules: RuleStatus): ObservedResource<'pool'> {
  const { spec } = record;
  if (spec.type === 'macvlan') return observeMacvlan(view, record, spec);
  const drift = [...bridgeDrift(view, record, spec), ...ruleDrift(spec, rules)];
  return observed(spec, record, drift, needsRules(spec) ? rules.warnings : []);
}

function observeMacvlan(view: PoolView, record: PoolRecord, spec: MacvlanPoolSpec): ObservedResource<'pool'> {
  const parent = view.host.links.get(spec.parent);
  const missing = parent === undefined ? [`parent interface '${spec.parent}' is missing`] : [];
  return observed(spec, record, [...missing, ...strayBridges(view, spec.name, null)], parentWarnings(parent));
}

/** A parent that is down carries nothing, but it is the host's to bring up. */
export function parentWarnings(parent: HostLink | undefined): readonly string[] {
  return parent === undefined || parent.up ? [] : [`parent interface '${parent.name}' is down`];
}

function bridgeDrift(view: PoolView, record: PoolRecord, spec: BridgePoolSpec): readonly string[] {
  const link = view.host.links.get(spec.bridge);
  const stray = strayBridges(view, spec.name, spec.bridge);
  if (link === undefined) return [`bridge '${spec.bridge}' is missing`, ...stray];
  if (link.kind !== 'bridge') return [`'${spec.bridge}' is no longer a bridge`, ...stray];
  const address = gatewayAddress(spec);
  return [
    ...(record.created ? markDrift(view, spec, link) : []),
    ...(link.up ? [] : [`bridge '${spec.bridge}' is down`]),
    ...(link.addresses.includes(address) ? [] : [`bridge '${spec.bridge}' has lost its address ${address}`]),
    ...detachedMembers(view, spec).map((name) => `'${name}' is not attached to bridge '${spec.bridge}'`),
    ...downMembers(view, spec).map((name) => `'${name}' is down`),
    ...stray,
  ];
}

function markDrift(view: PoolView, spec: BridgePoolSpec, link: HostLink): readonly string[] {
  if (!isOwnBridge(view, spec.name, link)) return [`bridge '${spec.bridge}' was replaced by another`];
  return [
    ...(link.alias === bridgeAlias(view.instance, spec.name)
      ? []
      : [`bridge '${spec.bridge}' has lost its mark`]),
    ...(link.mac === bridgeMac(spec) ? [] : [`bridge '${spec.bridge}' has another MAC, ${link.mac}`]),
  ];
}

function strayBridges(view: PoolView, pool: string, bridge: string | null): readonly string[] {
  return ownBridges(view, pool)
    .filter((name) => name !== bridge)
    .map((name) => `bridge '${name}' is left over`);
}

/** Rules are one set for all bridges; forwarding matters to those that leave their own. */
function ruleDrift(spec: BridgePoolSpec, status: RuleStatus): readonly string[] {
  const forwards = spec.nat || !spec.isolated;
  return [status.rules, forwards ? status.forwarding : null].filter((drift) => drift !== null);
}

/** What can be told from a marked bridge alone; no desired pool is like it, so it is either made anew or removed. */
function observeOrphan(pool: string, link: HostLink): ObservedResource<'pool'> {
  const cidr = parseCidr(link.addresses[0] ?? '0.0.0.0/0');
  const spec: BridgePoolSpec = {
    type: 'bridge',
    name: pool,
    bridge: link.name,
    subnet: cidr === null ? '0.0.0.0/0' : formatSubnet(cidr.subnet),
    gateway: (link.addresses[0] ?? '0.0.0.0').split('/')[0] ?? '0.0.0.0',
    nat: false,
    isolated: false,
  };
  return observed(spec, undefined, [`what the bridge '${link.name}' was made from is not on record`], []);
}
