import type { RevisionPhase } from './api/contract.ts';
import type { Engine } from './engine.ts';

/** A resource that failed this often in a row counts as at rest: an outcome does not wait for it any longer. */
export const GIVE_UP_ATTEMPTS = 5;

/** Where the current revision stands, as far as its resources tell. */
export function phaseOf(engine: Pick<Engine, 'board' | 'atRest'>): RevisionPhase {
  if (!engine.atRest(GIVE_UP_ATTEMPTS)) return 'INPROGRESS';
  return engine.board.troubled().size === 0 ? 'DONE' : 'ERROR';
}
