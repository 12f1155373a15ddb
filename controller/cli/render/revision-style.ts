import type { RevisionPhase } from '../../api/contract.ts';
import type { Style } from '../terminal.ts';

/** The style in which the phase of a revision is shown; its name says the same. */
export function revisionStyle(phase: RevisionPhase): Style {
  if (phase === 'DONE') return 'good';
  return phase === 'ERROR' || phase === 'WONTGO' ? 'bad' : 'busy';
}
