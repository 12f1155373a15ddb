import type { Verdict } from '../state/revision.ts';
import type { RevisionContent, RevisionEntry } from './api/contract.ts';
import { Problem } from './api/problem.ts';
import type { Engine } from './engine.ts';
import type { RevisionLog, RevisionRecord } from './revision-log.ts';
import { unknownRevisionText } from './unknown-revision.ts';

/** What the history is told from. */
export interface HistoryParts {
  readonly engine: Pick<Engine, 'revision' | 'rollout'>;
  readonly log: Pick<RevisionLog, 'revisions' | 'stateOf'>;
}

/** As many numbers as a person reads in one sentence. */
const NUMBERS_SHOWN = 10;

/** Every revision that is remembered, and what a user can go back to (ROLL-6). */
export class RevisionHistory {
  readonly #parts: HistoryParts;

  constructor(parts: HistoryParts) {
    this.#parts = parts;
  }

  /** Oldest first. */
  entries(): readonly RevisionEntry[] {
    const { engine, log } = this.#parts;
    return log.revisions().map((record) => entryOf(record, engine));
  }

  /** Throws a Problem: 404 where `revision` is not known, 410 where its content is not kept any more. */
  content(revision: number): RevisionContent {
    const { engine, log } = this.#parts;
    const records = log.revisions();
    const record = records.find((one) => one.revision === revision);
    if (record === undefined) throw unknownRevision(revision, records);
    const state = record.kept ? log.stateOf(revision) : null;
    if (state === null) throw notKept(revision, records);
    return { ...entryOf(record, engine), state };
  }

  /**
   * Content of the revision that `rollback` without a number goes back to: the committed one where another is on trial, else the newest
   * that was DONE before the present one and is neither the same nor empty (that is what `down` leaves). Throws a Problem: 409 where
   * there is none, 410 where its content is not kept any more.
   */
  before(): RevisionContent {
    const { engine, log } = this.#parts;
    const { trial, committed } = engine.rollout;
    if (trial !== null) {
      if (committed === null)
        throw nothingBefore(`revision ${trial.revision} is on trial, and none was DONE before`);
      return this.content(committed);
    }
    const records = log.revisions();
    const present = records.find(({ revision }) => revision === engine.revision);
    for (const { revision, phase, digest } of records.toReversed()) {
      if (revision >= engine.revision || phase !== 'DONE' || digest === present?.digest) continue;
      const content = this.content(revision);
      if (Object.keys(content.state).length > 0) return content;
    }
    throw nothingBefore(
      engine.revision === 0
        ? 'there is no revision yet'
        : `no revision before ${engine.revision} was DONE with another content`,
    );
  }
}

/** A record with how it ended, where that could not be saved yet. */
export function endedRecord(record: RevisionRecord, ended: Verdict | null): RevisionRecord {
  if (ended?.revision !== record.revision) return record;
  return { ...record, phase: ended.phase, endedAt: ended.at, failure: ended.failure };
}

function entryOf(record: RevisionRecord, { revision, rollout }: HistoryParts['engine']): RevisionEntry {
  const { trial, ended } = rollout;
  const desired = record.revision === revision;
  if (trial?.revision !== record.revision) return { ...endedRecord(record, ended), desired };
  return { ...record, phase: trial.phase, failure: trial.failure, desired };
}

/** A Problem (404) for a number that no remembered revision has. */
export function unknownRevision(revision: number, records: readonly RevisionRecord[]): Problem {
  const text = unknownRevisionText(
    revision,
    records.map((record) => record.revision),
  );
  return new Problem(
    404,
    'UnknownRevision',
    text,
    records.length === 0 ? undefined : "'holdfast history' lists them",
  );
}

function notKept(revision: number, records: readonly RevisionRecord[]): Problem {
  const kept = records.filter((record) => record.kept).map((record) => record.revision);
  const shown = kept.slice(-NUMBERS_SHOWN).join(', ');
  const more = kept.length > NUMBERS_SHOWN ? `, and ${kept.length - NUMBERS_SHOWN} older ones` : '';
  return new Problem(
    410,
    'RevisionNotKept',
    `the content of revision ${revision} is not kept any more`,
    kept.length === 0 ? undefined : `kept: ${shown}${more}`,
  );
}

function nothingBefore(reason: string): Problem {
  return new Problem(
    409,
    'NothingToGoBackTo',
    `there is nothing to go back to: ${reason}`,
    "name a revision, as in 'holdfast rollback 3'; 'holdfast history' lists them",
  );
}
