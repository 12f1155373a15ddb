import { isJsonObject, type Json } from '../../state/json.ts';
import { type Contents, ruleOf, type SetName, setNames } from './forwarding-contents.ts';
import { canonicalListing } from './nft-firewall.ts';
import type { ForwardTraffic } from './port-forwarding.ts';

/** The table of port forwarding as `nft --json list table` shows it. */
export interface ForwardingListing {
  /** All but the elements of sets: equal texts, equal chains and sets. */
  readonly frame: string;
  readonly contents: Contents;
  readonly traffic: readonly ForwardTraffic[];
}

interface Element {
  readonly name: string;
  readonly comment: string | null;
  readonly packets: number;
  readonly bytes: number;
}

/** What may be in an element of ours; anything else is in a rule set as nobody of us wrote it, and counts as a part of its frame. */
const plainName = /^[\w./: -]+$/;

/** Reads what nft says. Throws a SyntaxError for what is no JSON. */
export function readForwardingListing(stdout: string): ForwardingListing {
  const { nftables = [] } = JSON.parse(stdout) as { nftables?: readonly Json[] };
  const sets = new Map(nftables.flatMap((entry) => setIn(entry)));
  const contents = new Map(
    setNames.map((name) => [
      name,
      new Map((sets.get(name) ?? []).map((element) => [element.name, element.comment])),
    ]),
  );
  const bare = JSON.stringify({ nftables: nftables.map(withoutElements) });
  const strange = [...sets.values()].flat().filter(({ name }) => !plainName.test(name));
  const frame = [canonicalListing(bare).text, ...strange.map(({ name }) => name)].join('\n');
  return { frame, contents, traffic: trafficIn(sets) };
}

function memberOf(entry: Json): Readonly<Record<string, Json>> | null {
  if (!isJsonObject(entry)) return null;
  const member = entry.set ?? entry.map;
  return member !== undefined && isJsonObject(member) ? (member as Readonly<Record<string, Json>>) : null;
}

function withoutElements(entry: Json): Json {
  const member = memberOf(entry);
  if (member === null || !isJsonObject(entry)) return entry;
  const { elem: _, ...rest } = member;
  return (entry.set === undefined ? { map: rest } : { set: rest }) as Json;
}

function setIn(entry: Json): readonly (readonly [string, readonly Element[]])[] {
  const member = memberOf(entry);
  if (member === null || typeof member.name !== 'string') return [];
  const elements = Array.isArray(member.elem) ? member.elem : [];
  return [[member.name, elements.map((element: Json) => readElement(element))]];
}

/** `[key, data]` of a map; `{elem: {val, comment, counter}}` of a set that has more than the value to say; the value itself else. */
function readElement(element: Json): Element {
  const none = { comment: null, packets: 0, bytes: 0 };
  if (Array.isArray(element)) return { name: element.map(valueText).join(' : '), ...none };
  if (!isJsonObject(element) || !isJsonObject(element.elem ?? null))
    return { name: valueText(element), ...none };
  const { val, comment, counter } = element.elem as Readonly<Record<string, Json>>;
  const counted = isJsonObject(counter ?? null) ? (counter as Readonly<Record<string, Json>>) : {};
  return {
    name: valueText(val ?? null),
    comment: typeof comment === 'string' ? comment : null,
    packets: Number(counted.packets ?? 0),
    bytes: Number(counted.bytes ?? 0),
  };
}

function valueText(value: Json): string {
  if (typeof value === 'string' || typeof value === 'number') return String(value);
  const { concat: parts, prefix } = isJsonObject(value) ? value : {};
  if (isJsonObject(prefix)) return `${prefix.addr}/${prefix.len}`;
  return Array.isArray(parts) ? parts.map(valueText).join(' . ') : JSON.stringify(value);
}

function trafficIn(sets: ReadonlyMap<string, readonly Element[]>): readonly ForwardTraffic[] {
  const byRule = new Map<string, { connections: number; bytesIn: number; bytesOut: number }>();
  const each = (prefix: 'new' | 'in' | 'out', add: (sum: Sum, element: Element) => void) => {
    const names: readonly SetName[] = [`${prefix}_any`, `${prefix}_exact`];
    for (const element of names.flatMap((name) => sets.get(name) ?? [])) {
      const rule = ruleOf(element.comment ?? '');
      const sum = byRule.get(rule) ?? { connections: 0, bytesIn: 0, bytesOut: 0 };
      add(sum, element);
      byRule.set(rule, sum);
    }
  };
  each('new', (sum, { packets }) => {
    sum.connections += packets;
  });
  each('in', (sum, { bytes }) => {
    sum.bytesIn += bytes;
  });
  each('out', (sum, { bytes }) => {
    sum.bytesOut += bytes;
  });
  return [...byRule].map(([rule, sum]) => ({ rule, ...sum }));
}

interface Sum {
  connections: number;
  bytesIn: number;
  bytesOut: number;
}
