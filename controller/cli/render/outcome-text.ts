import type { RevisionOutcome } from '../../api/contract.ts';
import type { Terminal } from '../terminal.ts';
import { countsText } from './counts-text.ts';
import { failureDetails, failureHeadline } from './failure-text.ts';
import { findingCounts, findingsText } from './finding-text.ts';
import { phaseStyle } from './phase-style.ts';
import { revisionStyle } from './revision-style.ts';
import { printable, wrapped } from './text.ts';

type Problem = RevisionOutcome['problems'][number];
type Paper = Pick<Terminal, 'width' | 'paint'>;

function problemText({ key, phase, why }: Problem, { width, paint }: Paper): string {
  return `  ${printable(key)}  ${paint(phaseStyle(phase), phase)}\n${wrapped(why, width, '    ')}`;
}

/** Resources that are not ready, each with its reason down to the root cause. */
export function problemsText(problems: readonly Problem[], paper: Paper): string {
  return problems.map((problem) => problemText(problem, paper)).join('');
}

/** Why a trial failed, and what is desired since. `begun`: something of it was carried out. */
function failedText(outcome: RevisionOutcome, begun: boolean, paper: Paper): string {
  const { revision, desired, failure, resources, settled } = outcome;
  const head = `revision ${revision} is ERROR`;
  const reason =
    failure === null
      ? `${head}\n`
      : `${wrapped(`${head}: ${failureHeadline(failure)}`, paper.width)}${failureDetails(failure, paper)}`;
  const counts = countsText(resources);
  if (desired === revision) {
    const rest = `no revision was DONE before, so there is none to go back to: revision ${revision} stays desired`;
    return `${reason}${wrapped(`${rest}, and becomes DONE when all of it holds. ${counts}`, paper.width)}`;
  }
  if (desired > revision) return `${reason}revision ${desired} is desired now\n`;
  if (!begun) return `${reason}nothing was disturbed: revision ${desired} stays desired: ${counts}\n`;
  return `${reason}revision ${desired} is desired again${settled ? '' : ', and not there yet'}: ${counts}\n`;
}

/**
 * How a revision ended, or stands: findings, one line that sums up, then what is not ready and why. `begun` is false for one that had failed
 * when it was accepted: its failure was foreseen.
 */
export function outcomeText(outcome: RevisionOutcome, begun: boolean, paper: Paper): string {
  const { revision, phase, findings, unchanged, resources, problems } = outcome;
  const found = findingsText(findings, paper);
  if (phase === 'WONTGO') return `${found}refused: ${findingCounts(findings)}; nothing was touched\n`;
  const missing = problemsText(problems, paper);
  if (phase === 'ERROR') return `${found}${failedText(outcome, begun, paper)}${missing}`;
  const same = unchanged ? ' (unchanged)' : '';
  const standing = paper.paint(revisionStyle(phase), phase);
  return `${found}revision ${revision} is ${standing}${same}: ${countsText(resources)}\n${missing}`;
}
