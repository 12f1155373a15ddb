import type { DatabaseSync } from 'node:sqlite';
import type { HeldLease, Verdict } from '../state/revision.ts';
import type { EventRecord } from '../state/status.ts';
import { DocumentTable } from './database-documents.ts';
import { EventTable } from './database-events.ts';
import { connect } from './database-file.ts';
import { LeaseTable } from './database-leases.ts';
import { RevisionTable } from './database-revisions.ts';
import { thin } from './database-thinning.ts';
import type { Fact, RevisionFact } from './input.ts';
import type { Kept } from './restore.ts';

/**
 * One opening of the database: its tables, and what each fact does to them. Errors are SQLite's own, or a DatabaseError where a document is
 * damaged, or a RangeError for a fact that does not fit what is there.
 */
export class DatabaseSession {
  readonly revisions: RevisionTable;
  readonly documents: DocumentTable;
  readonly leaseTable: LeaseTable;
  readonly eventTable: EventTable;
  readonly #connection: DatabaseSync;

  /** Throws what `connect` throws, and a DatabaseError when the newest revision is damaged. */
  constructor(path: string) {
    this.#connection = connect(path);
    try {
      this.revisions = new RevisionTable(this.#connection);
      this.documents = new DocumentTable(this.#connection, path);
      this.leaseTable = new LeaseTable(this.#connection);
      this.eventTable = new EventTable(this.#connection);
      this.documents.check();
    } catch (error) {
      this.#connection.close();
      throw error;
    }
  }

  load(): Kept | null {
    const { committed, trying, rebooting } = this.revisions.standing;
    const { latest } = this.revisions;
    const { sequence } = this.eventTable;
    if (latest === 0 && sequence === 0) return null;
    const revision = committed ?? trying ?? 0;
    return {
      latest,
      revision,
      state: this.documents.stateOf(revision),
      leases: this.leases(),
      committed: committed !== null,
      interrupted: committed === null || rebooting ? null : trying,
      ...(rebooting && committed !== null && trying !== null
        ? { resumed: { revision: trying, state: this.documents.stateOf(trying) } }
        : {}),
      sequence,
    };
  }

  leases(): readonly HeldLease[] {
    const nothingCommitted = this.revisions.standing.committed === null;
    return nothingCommitted ? this.leaseTable.onTrial() : this.leaseTable.committed();
  }

  /** Writes a fact and events in one transaction, and waits for the disk. */
  persist(fact: Fact, events: readonly EventRecord[]): void {
    this.#transaction(() => {
      this.#write(fact);
      this.revisions.countFact();
      this.eventTable.add(events);
    });
  }

  /** Writes events without waiting for the disk, but where SQLite is about to empty its log anyway. */
  noteEvents(events: readonly EventRecord[]): void {
    this.#connection.exec('PRAGMA synchronous = NORMAL');
    try {
      this.#transaction(() => this.eventTable.add(events));
    } finally {
      this.#connection.exec('PRAGMA synchronous = FULL');
    }
  }

  /** Writes everything that the log holds into the database itself, waits for the disk, and empties the log. */
  emptyLog(): void {
    this.#connection.exec('PRAGMA wal_checkpoint(TRUNCATE)');
  }

  /** May be called twice. */
  close(): void {
    if (this.#connection.isOpen) this.#connection.close();
  }

  #write(fact: Fact): void {
    switch (fact.type) {
      case 'revision':
        return this.#accept(fact);
      case 'verdict':
        return this.#end(fact.verdict);
      case 'attempt':
        return this.#attempt(fact.revision);
      case 'reboot':
        this.revisions.standing = { ...this.revisions.standing, rebooting: true };
    }
  }

  #attempt(revision: number): void {
    this.revisions.countAttempt(revision);
    this.revisions.standing = { ...this.revisions.standing, rebooting: false };
  }

  #accept(fact: RevisionFact): void {
    if (fact.ends !== null) this.#end(fact.ends);
    const { revision, standing, at, failure } = fact;
    this.revisions.add(fact);
    this.documents.write(revision, fact.tree.toFlat());
    if (standing !== 'refused') this.#tryOut(fact);
    if (standing === 'refused')
      this.revisions.end({ revision, phase: 'ERROR', at: failure?.at ?? at, failure });
    if (standing === 'committed') this.#end({ revision, phase: 'DONE', at, failure: null });
    thin(this.revisions, this.documents);
  }

  #tryOut({ revision, leases }: RevisionFact): void {
    const { committed } = this.revisions.standing;
    if (committed === null) this.leaseTable.extend(leases);
    else this.leaseTable.propose(leases);
    this.revisions.standing = { committed, trying: revision, rebooting: false };
  }

  #end(verdict: Verdict): void {
    const { revision, phase } = verdict;
    const { committed, trying } = this.revisions.standing;
    const fits = phase === 'DONE' ? revision === trying : revision !== committed;
    if (!fits) {
      throw new RangeError(
        `found verdict ${phase} of revision ${revision}, where ${committed ?? 'none'} is committed and ${trying ?? 'none'} on trial`,
      );
    }
    if (phase === 'DONE') {
      this.leaseTable.settle();
      this.revisions.standing = { committed: revision, trying: null, rebooting: false };
    } else if (revision === trying && committed !== null) {
      this.leaseTable.forgetTrial();
      this.revisions.standing = { committed, trying: null, rebooting: false };
    }
    this.revisions.end(verdict);
  }

  #transaction(work: () => void): void {
    this.#connection.exec('BEGIN IMMEDIATE');
    try {
      work();
      this.#connection.exec('COMMIT');
    } catch (error) {
      this.documents.forget();
      if (this.#connection.isTransaction) this.#connection.exec('ROLLBACK');
      throw error;
    }
  }
}
