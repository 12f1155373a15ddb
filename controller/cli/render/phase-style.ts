import type { Phase } from '../../../state/status.ts';
import type { Style } from '../terminal.ts';

/** The style in which a phase is shown; its name says the same. */
export function phaseStyle(phase: Phase): Style {
  if (phase === 'Ready') return 'good';
  return phase === 'Blocked' || phase === 'Failed' ? 'bad' : 'busy';
}

/** The style of the worst of several phases; that of Ready for none. */
export function worstStyle(phases: readonly Phase[]): Style {
  const styles = new Set(phases.map(phaseStyle));
  if (styles.has('bad')) return 'bad';
  return styles.has('busy') ? 'busy' : 'good';
}
