import { lstatSync } from 'node:fs';
import type { FlatState, HeldLease } from '../state/revision.ts';
import type { EventRecord } from '../state/status.ts';
import { DatabaseError, typedError } from './database-error.ts';
import { Reserve } from './database-reserve.ts';
import { DatabaseSession } from './database-session.ts';
import type { Fact } from './input.ts';
import { keptEvents } from './options.ts';
import type { Kept } from './restore.ts';
import type { RevisionLog, RevisionRecord } from './revision-log.ts';

/**
 * What must survive a crash and a power cut, in one SQLite file (LEASE-4, ROLL-4). A fact whose `persist` has returned is on disk
 * (write-ahead log, fsync on every one); a fact whose `persist` has not is there whole or not at all. Writing costs what has changed.
 * One process at a time has it open. What goes wrong with it is a DatabaseError; a fact that does not fit what is there is a RangeError.
 *
 * After a write or fsync that failed otherwise than for lack of space, what is on disk is not known, and trying the fsync again
 * would tell nothing. So the file is closed, opened, and what SQLite finds is written into it anew and synced: then it is
 * known whether the fact is there. Where that fails too, nothing is answered any more.
 */
export class Database implements RevisionLog {
  readonly #path: string;
  readonly #reserve: Reserve;
  #session: DatabaseSession;
  /** Which file was opened. */
  readonly #file: string;
  /** Why nothing is answered any more. */
  #lost: DatabaseError | null = null;
  /** Events that are to be written, at most `keptEvents`. */
  #noted: readonly EventRecord[] = [];

  private constructor(path: string) {
    this.#path = path;
    this.#reserve = new Reserve(path);
    try {
      this.#session = new DatabaseSession(path);
      this.#file = fileAt(path);
    } catch (error) {
      throw typedError(error, path);
    }
  }

  /**
   * Opens the database at `path`, making it where there is none; `:memory:` is one that ends with the process. Throws a DatabaseError
   * when it is damaged, newer than this program, another program's or user's, or open in another process. It is then as it was:
   * nothing is repaired, replaced or forgotten here.
   */
  static open(path: string): Database {
    const database = new Database(path);
    database.#settle();
    return database;
  }

  load(): Kept | null {
    return this.#read((session) => session.load());
  }

  revisions(): readonly RevisionRecord[] {
    return this.#read(({ revisions }) => revisions.all());
  }

  stateOf(revision: number): FlatState | null {
    return this.#read(({ revisions, documents }) =>
      revisions.kept().includes(revision) ? documents.stateOf(revision) : null,
    );
  }

  leases(): readonly HeldLease[] {
    return this.#read((session) => session.leases());
  }

  keptObjects(): ReadonlySet<string> {
    return this.#read(({ documents }) => documents.objects());
  }

  /**
   * When it throws, the fact is not there: after `Full` the next one may find space, after `Suspect` the database was opened anew and
   * goes on. Only where opening it failed is that not known, and nothing is answered any more. A revision is refused with
   * `Full` as long as there is no space kept free with which its verdict can be saved.
   */
  persist(fact: Fact): void {
    // Taking everything down needs little, and must be possible on a full disk too.
    const isNew = fact.type === 'revision' && fact.standing !== 'committed';
    if (isNew && this.#path !== ':memory:') this.#reserve.hold();
    try {
      this.#persist(fact, this.#noted);
    } catch (error) {
      const mayUseReserve = !isNew && error instanceof DatabaseError && error.code === 'Full';
      if (!mayUseReserve || !this.#reserve.release()) throw error;
      this.#persist(fact, []);
    }
  }

  note(events: readonly EventRecord[]): void {
    this.#noted = [...this.#noted, ...events].slice(-keptEvents);
  }

  /** Throws a DatabaseError where it can't; what was noted is then written with the next fact or flush. */
  flush(): void {
    const events = this.#noted;
    if (events.length === 0) return;
    this.#write((session) => session.noteEvents(events));
    this.#noted = [];
  }

  events(): readonly EventRecord[] {
    return [...this.#read(({ eventTable }) => eventTable.all()), ...this.#noted].slice(-keptEvents);
  }

  /** Lets go of the file; events that were noted and not flushed are lost. May be called twice. */
  close(): void {
    this.#session.close();
  }

  /** Who removes or replaces the file under a running controller would have every fact written to where nobody finds it. */
  #refuseStrayFile(): void {
    if (this.#path === ':memory:' || fileAt(this.#path) === this.#file) return;
    const message = `found no file, or another one, at ${this.#path}, expected the one that this controller has open`;
    throw new DatabaseError('Gone', this.#path, message);
  }

  #persist(fact: Fact, events: readonly EventRecord[]): void {
    this.#refuseStrayFile();
    const factsBefore = this.#factsWritten();
    try {
      this.#write((session) => session.persist(fact, events));
    } catch (error) {
      if (this.#factsWritten() === factsBefore) throw error;
    }
    this.#noted = this.#noted.slice(events.length);
  }

  #factsWritten(): number {
    return this.#read(({ revisions }) => revisions.facts);
  }

  /**
   * What a controller before this one wrote last may be known to the kernel and not to the disk, where it was killed in an fsync. It is
   * put on disk now, before anything rests on it; without space for that the kernel's word has to do.
   */
  #settle(): void {
    try {
      this.#read((session) => session.emptyLog());
    } catch (error) {
      if (error instanceof DatabaseError && error.code === 'Full') return;
      this.close();
      throw error;
    }
  }

  #write(work: (session: DatabaseSession) => void): void {
    try {
      this.#read(work);
    } catch (error) {
      if (this.#lost === null && error instanceof DatabaseError && error.code === 'Suspect') this.#reopen();
      throw error;
    }
  }

  #reopen(): void {
    try {
      this.#session.close();
      this.#session = new DatabaseSession(this.#path);
      this.#session.emptyLog();
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      const message = `${this.#path} could not be opened again after a write that failed: ${reason}`;
      this.#lost = new DatabaseError('Suspect', this.#path, message, { cause: error });
      throw this.#lost;
    }
  }

  #read<Result>(work: (session: DatabaseSession) => Result): Result {
    if (this.#lost !== null) throw this.#lost;
    try {
      return work(this.#session);
    } catch (error) {
      throw typedError(error, this.#path);
    }
  }
}

/** Which file there is at `path`; empty: none. */
function fileAt(path: string): string {
  const stats = lstatSync(path, { throwIfNoEntry: false });
  return stats === undefined ? '' : `${stats.dev}:${stats.ino}`;
}
