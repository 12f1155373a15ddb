import type { DatabaseSync } from 'node:sqlite';
import type { TrialFailure, Verdict } from '../state/revision.ts';
import type { RevisionFact } from './input.ts';
import type { RevisionRecord } from './revision-log.ts';

/** Which revision is committed and which on trial; null: none is. */
export interface Standing {
  readonly committed: number | null;
  readonly trying: number | null;
  /** The device is booted for the one on trial (ROLL-8). */
  readonly rebooting: boolean;
}

/** Every revision that is remembered, without its content, and how each stands. */
export class RevisionTable {
  readonly #connection: DatabaseSync;

  constructor(connection: DatabaseSync) {
    this.#connection = connection;
  }

  get standing(): Standing {
    const row = this.#connection.prepare('SELECT committed, trying, rebooting FROM standing').get();
    const rebooting = row?.rebooting === 1;
    return { committed: numberOrNull(row?.committed), trying: numberOrNull(row?.trying), rebooting };
  }

  set standing({ committed, trying, rebooting }: Standing) {
    this.#connection
      .prepare('UPDATE standing SET committed = ?, trying = ?, rebooting = ?')
      .run(committed, trying, rebooting ? 1 : 0);
  }

  /** How many facts were ever written: tells whether the last one was. */
  get facts(): number {
    return Number(this.#connection.prepare('SELECT facts FROM standing').get()?.facts);
  }

  countFact(): void {
    this.#connection.exec('UPDATE standing SET facts = facts + 1');
  }

  /** The highest number that any revision has had; 0: there was none. */
  get latest(): number {
    return Number(this.#connection.prepare('SELECT max(number) AS latest FROM revisions').get()?.latest ?? 0);
  }

  /** The last revision before `revision` that was DONE; null: none is remembered. */
  doneBefore(revision: number): number | null {
    const row = this.#connection
      .prepare(`SELECT max(number) AS number FROM revisions WHERE phase = 'DONE' AND number < ?`)
      .get(revision);
    return numberOrNull(row?.number);
  }

  /** Throws a RangeError where the number is not higher than every one before: contents are kept as differences between neighbours. */
  add({ revision, digest, source, message, at, standing }: RevisionFact): void {
    const { latest } = this;
    if (revision <= latest)
      throw new RangeError(`found revision ${revision}, expected a number above ${latest}`);
    this.#connection
      .prepare(
        'INSERT INTO revisions (number, digest, source, message, at, attempts) VALUES (?, ?, ?, ?, ?, ?)',
      )
      .run(revision, digest, source, message, at, standing === 'refused' ? 0 : 1);
  }

  /** Throws a RangeError where the revision is not known. */
  end({ revision, phase, at, failure }: Verdict): void {
    const { changes } = this.#connection
      .prepare('UPDATE revisions SET phase = ?, ended_at = ?, failure = ? WHERE number = ?')
      .run(phase, at, failure === null ? null : JSON.stringify(failure), revision);
    refuseUnknown(changes, revision);
  }

  /** Throws a RangeError where the revision is not known. */
  countAttempt(revision: number): void {
    const { changes } = this.#connection
      .prepare('UPDATE revisions SET attempts = attempts + 1 WHERE number = ?')
      .run(revision);
    refuseUnknown(changes, revision);
  }

  /** Oldest first. */
  all(): readonly RevisionRecord[] {
    return this.#connection.prepare('SELECT * FROM revisions ORDER BY number').all().map(recordOf);
  }

  /** Numbers of those whose content is kept, in ascending order. */
  kept(): readonly number[] {
    return this.#connection
      .prepare('SELECT number FROM revisions WHERE kept = 1 ORDER BY number')
      .all()
      .map((row) => Number(row.number));
  }

  dropContent(revision: number): void {
    this.#connection.prepare('UPDATE revisions SET kept = 0 WHERE number = ?').run(revision);
  }

  /** Forgets those up to `revision` whose content is not kept. */
  forgetThrough(revision: number): void {
    this.#connection.prepare('DELETE FROM revisions WHERE number <= ? AND kept = 0').run(revision);
  }
}

function recordOf(row: Readonly<Record<string, unknown>>): RevisionRecord {
  return {
    revision: Number(row.number),
    digest: String(row.digest),
    source: String(row.source),
    message: row.message === null ? null : String(row.message),
    at: Number(row.at),
    phase: phaseOf(row.phase),
    endedAt: numberOrNull(row.ended_at),
    failure: failureOf(row.failure),
    attempts: Number(row.attempts),
    kept: row.kept === 1,
  };
}

/** The table's own check lets nothing else in. */
function phaseOf(value: unknown): RevisionRecord['phase'] {
  return value === 'DONE' || value === 'ERROR' ? value : 'INPROGRESS';
}

function failureOf(value: unknown): TrialFailure | null {
  return typeof value === 'string' ? JSON.parse(value) : null;
}

function numberOrNull(value: unknown): number | null {
  return typeof value === 'number' ? value : null;
}

function refuseUnknown(changes: number | bigint, revision: number): void {
  if (changes === 0) throw new RangeError(`found no revision ${revision}, expected one that was accepted`);
}
