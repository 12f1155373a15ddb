import type { ResourceCounts, RevisionOutcome } from '../../api/contract.ts';
import type { Terminal } from '../terminal.ts';
import { findingCounts, findingsText } from './finding-text.ts';
import { phaseStyle } from './resource-table.ts';
import { count, cut, printable, wrapped } from './text.ts';

type Problem = RevisionOutcome['problems'][number];

const totalOf = ({ ready, waiting, blocked, failed }: ResourceCounts): number =>
  ready + waiting + blocked + failed;

/** `3 of 5 resources are ready, 1 waiting, 1 failed`. */
export function countsText(counts: ResourceCounts): string {
  const total = totalOf(counts);
  if (total === 0) return 'nothing is wanted and nothing is there';
  if (counts.ready === total)
    return total === 1 ? 'its resource is ready' : `all ${total} resources are ready`;
  const others = (['waiting', 'blocked', 'failed'] as const)
    .filter((name) => counts[name] > 0)
    .map((name) => `, ${counts[name]} ${name}`);
  return `${counts.ready} of ${count(total, 'resource')} ready${others.join('')}`;
}

function problemText(
  { key, phase, why }: Problem,
  { width, paint }: Pick<Terminal, 'width' | 'paint'>,
): string {
  return `  ${printable(key)}  ${paint(phaseStyle(phase), phase)}\n${wrapped(why, width, '    ')}`;
}

/** Resources that are not ready, each with its reason down to the root cause. */
export function problemsText(
  problems: readonly Problem[],
  terminal: Pick<Terminal, 'width' | 'paint'>,
): string {
  return problems.map((problem) => problemText(problem, terminal)).join('');
}

/** How a revision ended, or stands: findings, one line that sums up, then what is not ready and why. */
export function outcomeText(outcome: RevisionOutcome, terminal: Pick<Terminal, 'width' | 'paint'>): string {
  const findings = findingsText(outcome.findings, terminal);
  if (outcome.phase === 'WONTGO') {
    return `${findings}refused: ${findingCounts(outcome.findings)}; nothing was touched\n`;
  }
  const same = outcome.unchanged ? ' (unchanged)' : '';
  const summary = `revision ${outcome.revision}${same}: ${countsText(outcome.resources)}\n`;
  return `${findings}${summary}${problemsText(outcome.problems, terminal)}`;
}

/** One line that is redrawn while a revision is on its way; no longer than `width`, so that it does not wrap. */
export function progressLine({ revision, resources }: RevisionOutcome, width: number): string {
  return cut(`revision ${revision}: ${countsText(resources)}`, width - 1);
}
