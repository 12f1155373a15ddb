import type { RevisionEntry, RevisionOutcome } from '../../api/contract.ts';
import type { Terminal } from '../terminal.ts';
import { failureDetails, failureHeadline } from './failure-text.ts';
import { ago } from './moment.ts';
import { problemsText } from './outcome-text.ts';
import { progressLine } from './progress-line.ts';
import { when } from './revision-text.ts';
import { wrapped } from './text.ts';

type Paper = Pick<Terminal, 'width' | 'paint'>;

/** A revision that has ended, and its neighbours in the history. */
export interface Ended {
  readonly entry: RevisionEntry;
  /** The last one before it that was DONE. */
  readonly fallback: RevisionEntry | null;
  /** The one after it. */
  readonly next: RevisionEntry | null;
}

/** What became of the device when a revision failed. */
function aftermath({ entry, fallback, next }: Ended): string {
  const { revision, failure, desired, attempts } = entry;
  if (failure?.code === 'Superseded' && next !== null) return `revision ${next.revision} was tried instead`;
  if (fallback !== null) {
    const begun = attempts === 0 ? 'nothing of it was begun, and nothing disturbed: ' : '';
    return `${begun}revision ${fallback.revision} ${attempts === 0 ? 'stayed desired' : 'was made desired again'}`;
  }
  const none = `no revision was DONE before, so there was none to go back to: revision ${revision}`;
  if (desired) return `${none} stays desired, and becomes DONE when all of it holds`;
  return next === null
    ? `${none} stayed desired`
    : `${none} stayed desired until revision ${next.revision} came`;
}

/** Why a revision ended as it did: what failed, when, the last lines that were said, and what happened then. */
export function endText(ended: Ended, now: number, paper: Paper): string {
  const { revision, phase, failure, endedAt, at, desired } = ended.entry;
  if (failure === null) {
    const held = `revision ${revision} is ${phase} since ${when(endedAt ?? at, now)}: all of it held`;
    return wrapped(`${held}${desired ? ', and it is what is desired now' : ''}`, paper.width);
  }
  return [
    wrapped(`revision ${revision} is ${phase}: ${failureHeadline(failure)}`, paper.width),
    failureDetails(failure, paper, ` (${ago(failure.at, now)})`),
    wrapped(aftermath(ended), paper.width),
  ].join('');
}

/** How far a trial is, and what of it nobody waits for any longer. */
export function trialText(outcome: RevisionOutcome, now: number, paper: Paper): string {
  const line = progressLine(outcome, now, Number.POSITIVE_INFINITY);
  return `${wrapped(line, paper.width)}${problemsText(outcome.problems, paper)}`;
}
