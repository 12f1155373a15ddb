import { formatAddress, formatSubnet, overlaps, type Subnet } from './address.ts';
import { chooseBridgeNames } from './bridge-name.ts';
import { type Finding, quote } from './finding.ts';
import { finding } from './finding-catalog.ts';
import { isJsonObject, type JsonObject } from './json.ts';
import { MAX_POOLS } from './limits.ts';
import { isInterfaceName, isName, nameDescription } from './names.ts';
import { pointerTo } from './pointer.ts';
import { type Report, readGateway, readSubnet } from './read-subnet.ts';
import type { PoolSpec } from './resource.ts';

/** A pool that is sound in itself. */
interface PoolDraft {
  readonly name: string;
  readonly type: 'bridge' | 'macvlan';
  readonly subnet: Subnet;
  readonly gateway: number;
  readonly nat: boolean;
  /** Bridge or parent; null: the name of a bridge is to be derived. */
  readonly hostInterface: string | null;
}

/**
 * Reads `network` of device.json (POOL-1, POOL-2, POOL-3, POOL-8). Its shape is reported elsewhere: what is of a wrong
 * one is passed over here. Pools with an error are left out; of two that contradict each other, the later one has it.
 */
export function readPools(network: JsonObject): {
  readonly pools: ReadonlyMap<string, PoolSpec>;
  readonly findings: readonly Finding[];
} {
  const documents = isJsonObject(network.pools) ? Object.entries(network.pools).slice(0, MAX_POOLS) : [];
  const findings: Finding[] = [];
  const drafts: PoolDraft[] = [];
  for (const [name, document] of documents) {
    const report: Report = (code, member, details) => {
      const pointer = pointerTo(
        'device.json',
        'network',
        'pools',
        name,
        ...(member === null ? [] : [member]),
      );
      findings.push(finding(code, { pointer, ...details }));
    };
    const draft = isJsonObject(document) ? readPool(name, document, report) : null;
    if (draft !== null && !hasRival(draft, drafts, report)) drafts.push(draft);
  }
  return { pools: specsOf(drafts, network.isolation !== 'none'), findings };
}

function specsOf(drafts: readonly PoolDraft[], isolated: boolean): ReadonlyMap<string, PoolSpec> {
  const bridges = chooseBridgeNames(drafts);
  const specs = new Map<string, PoolSpec>();
  for (const { name, type, nat, hostInterface, ...draft } of drafts) {
    const addresses = { subnet: formatSubnet(draft.subnet), gateway: formatAddress(draft.gateway) };
    const hostSide = bridges.get(name) ?? hostInterface ?? '';
    if (type === 'macvlan') specs.set(name, { type, name, parent: hostSide, ...addresses });
    else specs.set(name, { type, name, bridge: hostSide, ...addresses, nat, isolated });
  }
  return specs;
}

function readPool(name: string, document: JsonObject, report: Report): PoolDraft | null {
  const named = isName(name);
  if (!named) {
    const message = `found a pool named ${quote(name)}, expected ${nameDescription}`;
    report('NameInvalid', null, { found: name, expected: nameDescription, message });
  }
  const type = document.type ?? 'bridge';
  if (type !== 'bridge' && type !== 'macvlan') return null;
  reportIneffective(name, type, document, report);
  const hostInterface = readHostInterface(name, type, document, report);
  const subnet = readSubnet(name, document.subnet, report);
  const gateway = subnet === null ? null : readGateway(name, document.gateway, subnet, report);
  if (!named || subnet === null || gateway === null || hostInterface === undefined) return null;
  return { name, type, subnet, gateway, nat: document.nat === true, hostInterface };
}

/** Bridge or parent; null where a bridge's name is to be derived; undefined where the one given can't be used. */
function readHostInterface(
  name: string,
  type: 'bridge' | 'macvlan',
  { bridge, parent }: JsonObject,
  report: Report,
): string | null | undefined {
  const given = type === 'bridge' ? bridge : parent;
  if (typeof given === 'string') return isInterfaceName(given) ? given : undefined;
  if (given !== undefined) return undefined;
  if (type === 'bridge') return null;
  const expected = 'the name of an interface of the host';
  const message = `found no 'parent' in the macvlan pool '${name}', expected ${expected}`;
  const hint = bridge === undefined ? null : '`bridge` is for pools of type "bridge"';
  report('MacvlanWithoutParent', 'parent', { found: undefined, expected, message, hint });
  return undefined;
}

/** Fields that do nothing in a pool of this type, or nothing yet. */
function reportIneffective(
  name: string,
  type: 'bridge' | 'macvlan',
  document: JsonObject,
  report: Report,
): void {
  const ignored = type === 'bridge' ? ['parent'] : ['bridge', 'nat'];
  for (const [member, found] of Object.entries(document)) {
    if (ignored.includes(member) && found !== false) {
      const expected = `no '${member}' in a pool of type "${type}"`;
      const message = `found '${member}' in pool '${name}', which is of type "${type}": it has no effect there`;
      report('FieldIgnored', member, { found, expected, message });
    }
    if (member === 'subnet6' || member === 'gateway6') {
      const expected = 'IPv4 alone, for now';
      const message = `found '${member}' in pool '${name}': pools have no IPv6 yet, so it has no effect`;
      report('NotSupportedYet', member, { found, expected, message });
    }
  }
}

/** An earlier pool claims what this one does; reported, both named. */
function hasRival(draft: PoolDraft, earlier: readonly PoolDraft[], report: Report): boolean {
  const { name, hostInterface, subnet } = draft;
  const sameBridge = earlier.find(
    (other) =>
      draft.type === 'bridge' &&
      other.type === 'bridge' &&
      hostInterface !== null &&
      other.hostInterface === hostInterface,
  );
  if (sameBridge !== undefined) {
    const expected = 'a bridge that no other pool names';
    const message = `found bridge '${hostInterface}' in the pools '${sameBridge.name}' and '${name}', expected ${expected}`;
    report('BridgeShared', 'bridge', { found: hostInterface, expected, message });
  }
  const overlapping = earlier.find((other) => overlaps(other.subnet, subnet));
  if (overlapping !== undefined) {
    const expected = 'a subnet that shares no address with another pool';
    const message = `found ${formatSubnet(subnet)} as subnet of pool '${name}', which overlaps ${formatSubnet(overlapping.subnet)} of pool '${overlapping.name}'; expected ${expected}`;
    report('SubnetsOverlap', 'subnet', { found: formatSubnet(subnet), expected, message });
  }
  return sameBridge !== undefined || overlapping !== undefined;
}
