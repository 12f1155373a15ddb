import type { RevisionEntry } from '../../api/contract.ts';
import type { Terminal } from '../terminal.ts';
import { failureDetails, failureHeadline } from './failure-text.ts';
import { ago, localInstant } from './moment.ts';
import { revisionStyle } from './revision-style.ts';
import { printable, wrapped } from './text.ts';

type Paper = Pick<Terminal, 'width' | 'paint'>;

/** Width of the names on the left. */
const labelWidth = 12;

function field(label: string, value: string, width: number): string {
  const lines = wrapped(value, width, ' '.repeat(labelWidth)).trimStart();
  return `  ${`${label}:`.padEnd(labelWidth - 2)}${lines}`;
}

/** A moment in local time, and how long ago that was. */
export function when(milliseconds: number, now: number): string {
  return `${localInstant(milliseconds)} (${ago(milliseconds, now)})`;
}

/** The record of a revision: where it came from, when, and how it ended. `now` is milliseconds since the epoch. */
export function revisionText(entry: RevisionEntry, now: number, paper: Paper): string {
  const { revision, phase, desired, digest, source, message, at, endedAt, attempts, failure } = entry;
  const { width, paint } = paper;
  const head = `revision ${revision} is ${paint(revisionStyle(phase), phase)}${desired ? ', and desired now' : ''}`;
  const reason = failure === null ? '' : field('Failure', failureHeadline(failure), width);
  const details = failure === null ? '' : failureDetails(failure, paper, ` (${ago(failure.at, now)})`);
  return [
    `${head}\n`,
    field('Content', digest, width),
    field('Source', printable(source), width),
    message === null ? '' : field('Message', message, width),
    field('Accepted', when(at, now), width),
    endedAt === null ? '' : field('Ended', when(endedAt, now), width),
    attempts > 1 ? field('Attempts', `${attempts}`, width) : '',
    `${reason}${details}`,
  ].join('');
}
