import type { RevisionEntry } from '../../api/contract.ts';
import { committedOf } from '../past-revisions.ts';
import type { Terminal } from '../terminal.ts';
import { failureHeadline } from './failure-text.ts';
import { revisionStyle } from './revision-style.ts';
import { type Row, tableText } from './table.ts';
import { cutFront, instant } from './text.ts';

/** A source is most often a path, of which the end says most. */
const sourceWidth = 12;

const columns = [
  { title: 'REV' },
  { title: 'NOW' },
  { title: 'PHASE' },
  { title: 'WHEN' },
  { title: 'SOURCE' },
  { title: 'MESSAGE', flexible: true },
];

/** UTC to the minute: seconds are in `show`. */
const minute = (milliseconds: number): string => `${instant(milliseconds).slice(0, 16)}Z`;

/** What a revision is to the device at this moment. */
function nowText({ revision, desired }: RevisionEntry, committed: number | null): string {
  if (desired) return 'desired';
  return revision === committed ? 'committed' : '';
}

function rowOf(entry: RevisionEntry, committed: number | null): Row {
  const { revision, phase, at, source, message, failure } = entry;
  return [
    { text: `${revision}` },
    { text: nowText(entry, committed), style: 'strong' },
    { text: phase, style: revisionStyle(phase) },
    { text: minute(at) },
    { text: cutFront(source, sourceWidth) },
    { text: failure === null ? (message ?? '') : failureHeadline(failure) },
  ];
}

/** Every revision as a row, the newest last: why it failed where it did, else what somebody said about it. */
export function historyTable(
  entries: readonly RevisionEntry[],
  { width, paint }: Pick<Terminal, 'width' | 'paint'>,
): string {
  const committed = committedOf(entries)?.revision ?? null;
  const rows = entries.map((entry) => rowOf(entry, committed));
  return tableText(columns, rows, width, paint);
}
