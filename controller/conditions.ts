import type { Status } from '../state/status.ts';
import type { Condition } from './api/contract.ts';

/** A condition without its name and the revision that it speaks of. */
export type Aspect = Pick<Condition, 'status' | 'reason' | 'message'>;

export const isTrue = (reason: string, message: string): Aspect => ({ status: 'True', reason, message });
export const isFalse = (reason: string, message: string): Aspect => ({ status: 'False', reason, message });
export const isUnknown = (reason: string, message: string): Aspect => ({
  status: 'Unknown',
  reason,
  message,
});

/** Of what is not desired any more. */
export const removing: Aspect = isFalse('Removing', 'it is not desired any more');

/** Why something is not there: nothing is wrong where it is only not there yet. */
export function reasonOf({ phase, reason }: Status): string {
  return phase === 'Blocked' || phase === 'Failed' ? reason : 'Pending';
}

/** The three conditions of a resource, in the order in which they come about; `revision` is the newest that they speak of. */
export function conditionsOf(
  aspects: Readonly<Record<Condition['type'], Aspect>>,
  revision: number,
): readonly Condition[] {
  return conditionTypes.map((type) => ({ type, ...aspects[type], revision }));
}

const conditionTypes: readonly Condition['type'][] = ['Accepted', 'ResolvedRefs', 'Programmed'];
