import type { Finding } from '../../../state/finding.ts';
import type { Terminal } from '../terminal.ts';
import { count, printable, wrapped } from './text.ts';

/** Where a finding is, as far as it is known: file and line, as editors take them, then the pointer. */
function placeOf({ location, pointer }: Finding): string {
  const file = location === undefined ? [] : [`${location.file}:${location.line}:${location.column}`];
  return [...file, ...(pointer === '' ? [] : [pointer])].join('  ');
}

/** What is wrong, without the place where that stands in front of it: the heading has it. */
function withoutPlace({ location, message }: Finding): string {
  if (location === undefined) return message;
  const { file, line, column } = location;
  const place = [`${file}:${line}:${column}: `, `${file}: `].find((each) => message.startsWith(each));
  return place === undefined ? message : message.slice(place.length);
}

/** One finding: severity, code and place; then what is wrong; then what to do. */
export function findingText(finding: Finding, { width, paint }: Pick<Terminal, 'width' | 'paint'>): string {
  const severity = paint(finding.severity === 'error' ? 'bad' : 'busy', finding.severity);
  const heading = `${severity} ${finding.code}  ${printable(placeOf(finding))}`.trimEnd();
  const hint = finding.hint === undefined ? '' : wrapped(`hint: ${finding.hint}`, width, '  ');
  return `${heading}\n${wrapped(withoutPlace(finding), width, '  ')}${hint}`;
}

/** All findings, in their order. */
export function findingsText(
  findings: readonly Finding[],
  terminal: Pick<Terminal, 'width' | 'paint'>,
): string {
  return findings.map((finding) => findingText(finding, terminal)).join('');
}

/** `2 errors, 1 warning`; empty when there is none. */
export function findingCounts(findings: readonly Finding[]): string {
  const errors = findings.filter(({ severity }) => severity === 'error').length;
  const warnings = findings.length - errors;
  return [
    ...(errors === 0 ? [] : [count(errors, 'error')]),
    ...(warnings === 0 ? [] : [count(warnings, 'warning')]),
  ].join(', ');
}
