import type { Proposal, TrialFailure } from '../state/revision.ts';
import type { StatusBoard } from './status-board.ts';
import { heldBy, spoken } from './why.ts';

/** Why a trial would fail before it begins. */
export type ForeseenFailure = Omit<TrialFailure, 'at'> & { readonly key: NonNullable<TrialFailure['key']> };

type Changes = Proposal['changes'];

/** Conflicts that are known when a revision is compiled (ENG-8). */
export function foreseenConflicts(changes: Changes): readonly ForeseenFailure[] {
  return [...changes].flatMap(([key, desired]) => {
    const conflict = desired?.conflict;
    if (conflict === undefined || conflict.tolerated === true || desired?.optional === true) return [];
    const waitsFor = conflict.holder === undefined ? [] : [conflict.holder];
    const message = `${conflict.message}${heldBy({ phase: 'Blocked', waitsFor })}`;
    return [{ code: conflict.code, key, message }];
  });
}

/** Containers that stay down, and that a revision does not change: they keep everything from being ready. */
export function standingFailures(changes: Changes, board: StatusBoard): readonly ForeseenFailure[] {
  return [...board.blocked(), ...board.failed()].flatMap((key) => {
    const status = board.get(key);
    const isDown = status?.reason === 'ContainerExited' || status?.reason === 'RetriesExhausted';
    if (!isDown || changes.has(key)) return [];
    const message = `${spoken(key)} is down, and this revision does not change it: ${status.message}`;
    return [{ code: status.reason, key, message }];
  });
}
