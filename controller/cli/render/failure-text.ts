import type { TrialFailure } from '../../../state/revision.ts';
import type { Terminal } from '../terminal.ts';
import { localInstant } from './moment.ts';
import { cut, printable, wrapped } from './text.ts';

type Paper = Pick<Terminal, 'width'>;

/** Characters that are told of one line: it is broken, not cut, since what matters is often at its end; but hostile ones have no end. */
const mostOfLine = 400;

/** What happened, in one line. */
export function failureHeadline({ message }: TrialFailure): string {
  return message.split('\n', 1)[0] ?? '';
}

/** Where and when a trial failed, and what the container or program said last. `when` follows the local time. */
export function failureDetails(failure: TrialFailure, { width }: Paper, when = ''): string {
  const { code, key, at, message } = failure;
  const place = key === null ? '' : ` at ${printable(key)}`;
  const said = message.split('\n').slice(1);
  const lines = said.map((line) => wrapped(cut(line, mostOfLine), width, '  | '));
  return [
    wrapped(`${code}${place}, ${localInstant(at)}${when}`, width, '  '),
    ...(lines.length === 0 ? [] : ['  last lines:\n', ...lines]),
  ].join('');
}
