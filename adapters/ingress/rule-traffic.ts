import { type Key, listenerKey } from '../../state/resource.ts';
import type { RuleTraffic } from '../adapter.ts';
import type { ForwardTraffic } from '../linux/port-forwarding.ts';
import type { ProxyTraffic } from '../proxy/proxy.ts';
import type { ListenerRecord } from './listener-records.ts';

/** What each rule has carried, by kernel and proxy together. */
export function ruleTraffic(
  records: ReadonlyMap<Key, ListenerRecord>,
  forwarded: readonly ForwardTraffic[],
  proxied: readonly ProxyTraffic[],
): readonly RuleTraffic[] {
  // The kernel carries tcp alone, of which a listener has one rule, and a rule one listener.
  const listenerOf = new Map<string, Key>();
  for (const [key, { spec }] of records) {
    if (spec.type === 'tcp') for (const { rule } of spec.routes) listenerOf.set(rule, key);
  }
  const ofKernel = forwarded.flatMap((each): readonly RuleTraffic[] => {
    const listener = listenerOf.get(each.rule);
    return listener === undefined ? [] : [{ ...each, listener }];
  });
  const ofProxy = proxied.map((each): RuleTraffic => ({ ...each, listener: listenerKey(each.listener) }));
  const groups = Map.groupBy([...ofKernel, ...ofProxy], ({ listener, rule }) => `${listener} ${rule}`);
  return [...groups.values()].map((parts) => parts.reduce(sum));
}

function sum(one: RuleTraffic, other: RuleTraffic): RuleTraffic {
  return {
    ...one,
    connections: one.connections + other.connections,
    bytesIn: one.bytesIn + other.bytesIn,
    bytesOut: one.bytesOut + other.bytesOut,
  };
}
