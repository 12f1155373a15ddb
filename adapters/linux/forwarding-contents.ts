import { isIPv4 } from 'node:net';
import { contains, parseAddress, parseCidr } from '../../state/address.ts';
import { isInterfaceName, isName } from '../../state/names.ts';
import type { Forward, ForwardBridge } from './port-forwarding.ts';

/** Name of a set or a map of the table. */
export const setNames = [
  'to_any',
  'to_exact',
  'new_any',
  'new_exact',
  'in_any',
  'in_exact',
  'out_any',
  'out_exact',
  'targets',
  'within',
] as const;
export type SetName = (typeof setNames)[number];

/** Elements of each set, from what names one (with its data, in a map) to its comment. */
export type Contents = ReadonlyMap<SetName, ReadonlyMap<string, string | null>>;

/** Nothing is forwarded. */
export const noContents: Contents = new Map();

/** Address of a forward at every IPv4 address of the host. */
export const everyAddress = '0.0.0.0';

/**
 * What the sets hold for these forwards. Throws a RangeError for what a rule set could read as syntax, for two forwards at one address and
 * port, and for one that leads to none of the bridges.
 */
export function contentsFor(forwards: readonly Forward[], bridges: readonly ForwardBridge[]): Contents {
  const all = emptyContents();
  for (const forward of forwards) {
    assertForward(forward);
    const everywhere = forward.address === everyAddress;
    const { to, begun, inbound, outbound } = everywhere ? all.any : all.exact;
    const where = whereText(everywhere ? null : forward.address, forward.port);
    const target = `${forward.toAddress} . ${forward.toPort}`;
    const comment = commentOf(forward);
    if (begun.has(where))
      throw new RangeError(
        `found a second forward at ${forward.address}:${forward.port} (rule '${forward.rule}'), expected one`,
      );
    to.set(`${where} : ${target}`, null);
    begun.set(where, comment);
    inbound.set(`${where} . ${target}`, comment);
    outbound.set(`${where} . ${target}`, comment);
  }
  for (const { bridge, subnet } of targetsOf(forwards, bridges)) {
    all.targets.set(bridge, null);
    // nft lists a block of one address as that address.
    all.within.set(`${bridge} . ${subnet.replace(/\/32$/, '')}`, null);
  }
  return contentsOf(all);
}

type Filling = Map<string, string | null>;

function emptyContents() {
  const filling = (): Filling => new Map();
  const scope = () => ({ to: filling(), begun: filling(), inbound: filling(), outbound: filling() });
  return { any: scope(), exact: scope(), targets: filling(), within: filling() };
}

function contentsOf({ any, exact, targets, within }: ReturnType<typeof emptyContents>): Contents {
  return new Map<SetName, Filling>([
    ['to_any', any.to],
    ['to_exact', exact.to],
    ['new_any', any.begun],
    ['new_exact', exact.begun],
    ['in_any', any.inbound],
    ['in_exact', exact.inbound],
    ['out_any', any.outbound],
    ['out_exact', exact.outbound],
    ['targets', targets],
    ['within', within],
  ]);
}

function whereText(address: string | null, port: number): string {
  return address === null ? `${port}` : `${address} . ${port}`;
}

/** The bridges that forwards lead to, each once. */
function targetsOf(
  forwards: readonly Forward[],
  bridges: readonly ForwardBridge[],
): ReadonlySet<ForwardBridge> {
  const blocks = bridges.map((bridge) => ({ bridge, subnet: subnetOf(bridge) }));
  const addresses = new Map(forwards.map(({ rule, toAddress }) => [toAddress, rule]));
  const targets = [...addresses].map(([toAddress, rule]) => {
    const address = parseAddress(toAddress);
    const block = blocks.find(({ subnet }) => address !== null && contains(subnet, address));
    if (block !== undefined) return block.bridge;
    throw new RangeError(
      `found forward '${rule}' to ${toAddress}, expected an address in one of ${bridges.map(({ subnet }) => subnet).join(', ') || 'no subnets'}`,
    );
  });
  return new Set(targets);
}

function subnetOf({ bridge, subnet }: ForwardBridge) {
  const cidr = parseCidr(subnet);
  if (cidr !== null && isInterfaceName(bridge)) return cidr.subnet;
  throw new RangeError(
    `found bridge ${JSON.stringify(bridge)} of ${JSON.stringify(subnet)}, expected the plain name of an interface and a CIDR subnet: a rule set would read it as syntax`,
  );
}

const isPort = (port: number): boolean => Number.isInteger(port) && port >= 1 && port <= 65_535;

function assertForward(forward: Forward): void {
  const { rule, address, port, toAddress, toPort } = forward;
  // Node takes an IPv4 address as strictly as we do: four decimal parts without leading zeros.
  const plain = isIPv4(address) && isIPv4(toAddress) && isName(rule);
  if (plain && isPort(port) && isPort(toPort)) return;
  throw new RangeError(
    `found forward ${JSON.stringify(forward)}, expected a plain name, IPv4 addresses and ports of 1-65535: a rule set would read it as syntax`,
  );
}

/** Names the rule, and where it leads: a forward that leads elsewhere is another, and counts from zero. */
function commentOf({ rule, toAddress, toPort }: Forward): string {
  return `${rule} to ${toAddress}:${toPort}`;
}

/** Name of the rule that a comment is of. */
export function ruleOf(comment: string): string {
  return comment.split(' ')[0] ?? comment;
}

type Elements = ReadonlyMap<string, string | null>;

/** Those elements of the one that the other does not have, or has with another comment. */
export function differing(one: Elements = new Map(), other: Elements = new Map()) {
  return [...one].filter(([name, comment]) => !other.has(name) || other.get(name) !== comment);
}

/** Connections that began at `port` (and `address`; null: any) and were led to `toAddress` and `toPort`. */
export interface LedConnections {
  readonly address: string | null;
  readonly port: number;
  readonly toAddress: string;
  readonly toPort: number;
}

/** Where connections led that are led so no more, those among `earlier` too: they must not go on. */
export function ledNoMore(
  present: Contents,
  wanted: Contents,
  earlier: readonly LedConnections[] = [],
): readonly LedConnections[] {
  const gone = (['to_any', 'to_exact'] as const).flatMap((set) =>
    differing(present.get(set), wanted.get(set)).map(([element]) => readLed(set, element)),
  );
  const again = earlier.filter((led) => {
    const set = led.address === null ? 'to_any' : 'to_exact';
    return wanted.get(set)?.has(ledText(led)) !== true;
  });
  return [...again, ...gone];
}

function ledText({ address, port, toAddress, toPort }: LedConnections): string {
  return `${whereText(address, port)} : ${toAddress} . ${toPort}`;
}

function readLed(set: 'to_any' | 'to_exact', element: string): LedConnections {
  const words = element.split(/ [.:] /);
  const [port = '', toAddress = '', toPort = ''] = words.slice(-3);
  const address = set === 'to_exact' ? (words[0] ?? null) : null;
  return { address, port: Number(port), toAddress, toPort: Number(toPort) };
}
