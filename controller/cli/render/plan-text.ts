import { acceptable } from '../../../state/finding.ts';
import type { PlanOutcome } from '../../api/contract.ts';
import type { Terminal } from '../terminal.ts';
import { findingCounts, findingsText } from './finding-text.ts';
import { count, printable, wrapped } from './text.ts';

/** The steps in the order in which they would be taken, and what would not become ready. */
export function planText(
  { steps, findings, problems }: PlanOutcome,
  terminal: Pick<Terminal, 'width' | 'paint'>,
): string {
  const found = findingsText(findings, terminal);
  if (!acceptable(findings)) return `${found}refused: ${findingCounts(findings)}; nothing would be done\n`;
  const width = Math.max(0, ...steps.map(({ action }) => action.length));
  const lines = steps.map(({ action, key }) => `  ${action.padEnd(width)}  ${printable(key)}\n`);
  const none = problems.length === 0 ? 'nothing to do\n' : 'no step would be taken\n';
  const heading = steps.length === 0 ? none : `${count(steps.length, 'step')} to take:\n`;
  const notReady =
    problems.length === 0 ? '' : `${count(problems.length, 'resource')} would not become ready:\n`;
  const reasons = problems.map(({ why }) => wrapped(why, terminal.width, '  '));
  return `${found}${heading}${lines.join('')}${notReady}${reasons.join('')}`;
}
