import type { Condition } from '../../api/contract.ts';
import type { Style, Terminal } from '../terminal.ts';
import { indent, printable, wrapped } from './text.ts';

type Paper = Pick<Terminal, 'width' | 'paint'>;

const statusStyles: Readonly<Record<Condition['status'], Style>> = {
  True: 'good',
  False: 'bad',
  Unknown: 'busy',
};

const [longestType, longestStatus] = ['ResolvedRefs'.length, 'Unknown'.length];

/** A condition in a line, and below it why it is so. */
function conditionText(
  { type, status, reason, revision, message }: Condition,
  { width, paint }: Paper,
): string {
  const padding = ' '.repeat(longestStatus - status.length);
  const heading = `${type.padEnd(longestType)}  ${paint(statusStyles[status], status)}${padding}  ${printable(reason)}`;
  return `${indent}${heading}, revision ${revision}\n${wrapped(message, width, `${indent}${indent}`)}`;
}

/** Conditions under their heading. */
export function conditionsText(conditions: readonly Condition[], paper: Paper): string {
  return `Conditions:\n${conditions.map((condition) => conditionText(condition, paper)).join('')}`;
}
