import type { RevisionOutcome } from '../../api/contract.ts';
import { countsText } from './counts-text.ts';
import { cut } from './text.ts';

/**
 * One line that is redrawn while a revision is on its way: phase, counts, and seconds until it is committed. No longer than `width`, so
 * that it does not wrap. `now` is milliseconds since the epoch.
 */
export function progressLine(outcome: RevisionOutcome, now: number, width: number): string {
  const { revision, phase, desired, resources, commitAt } = outcome;
  const back = phase === 'ERROR' && desired !== revision ? `, back to revision ${desired}` : '';
  const left = commitAt === null ? '' : `, commits in ${Math.max(0, Math.ceil((commitAt - now) / 1000))} s`;
  return cut(`revision ${revision} is ${phase}${back}: ${countsText(resources)}${left}`, width - 1);
}
