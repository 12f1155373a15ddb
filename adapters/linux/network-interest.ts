import {
  type BridgePoolSpec,
  gatewayAddress,
  type ObservedResource,
  type PoolSpec,
} from '../../state/resource.ts';
import type { StepOf } from '../adapter.ts';
import { needsForwarding } from './firewall.ts';
import { isVethName } from './mark.ts';
import type { Interest } from './monitor-lines.ts';
import type { PoolRecord } from './pool-record.ts';

const interfaceOf = (spec: PoolSpec): string => (spec.type === 'bridge' ? spec.bridge : spec.parent);

/** What news matter to these pools: those on record, as they were last seen, and those that the host refused. */
export function interestIn(
  records: ReadonlyMap<string, PoolRecord>,
  known: readonly ObservedResource<'pool'>[],
  blocked: readonly StepOf<'pool.ensure'>[],
): Interest {
  const specs = [...records.values()].map((record) => record.spec);
  const bridges = specs.filter((spec): spec is BridgePoolSpec => spec.type === 'bridge');
  const unsettled = known.filter((pool) => pool.drift.length > 0 || pool.facts.warnings !== undefined);
  return {
    bridges: new Map(bridges.map((spec) => [spec.bridge, gatewayAddress(spec)])),
    parents: new Set(specs.filter((spec) => spec.type === 'macvlan').map((spec) => spec.parent)),
    unsettled: new Set([...unsettled, ...blocked].map(({ spec }) => interfaceOf(spec))),
    blockedByRoute: blocked.length > 0,
    forwarding: needsForwarding(bridges),
    isMember: isVethName,
  };
}
