import { hash } from 'node:crypto';
import type { DatabaseSync, StatementSync } from 'node:sqlite';
import type { Json } from '../state/json.ts';
import type { FlatState, HeldLease } from '../state/revision.ts';
import { DatabaseError, typedError } from './database-error.ts';
import { connect } from './database-file.ts';
import { newPositions } from './document-positions.ts';

/** A revision as it is made durable. */
export interface RevisionCommit {
  /** Higher than every one before. */
  readonly revision: number;
  readonly digest: string;
  /** Where it came from, for people. */
  readonly source: string;
  /** What somebody said about it. */
  readonly message?: string;
  /** Milliseconds since the epoch. */
  readonly at: number;
  /** All of it. Documents that are the very same objects as in the revision before cost nothing. */
  readonly state: FlatState;
  /** What becomes of leases: new ones (or ones with another address), and ones that end. */
  readonly leases: { readonly held: readonly HeldLease[]; readonly released: readonly HeldLease[] };
}

/** What the database knows: the current revision, and who holds which address. */
export interface StoredRevision
  extends Pick<RevisionCommit, 'revision' | 'digest' | 'source' | 'at' | 'state'> {
  /** Sorted by pool, container and interface. */
  readonly leases: readonly HeldLease[];
}

/** One accepted revision, without its content. */
export interface RevisionRecord extends Pick<RevisionCommit, 'revision' | 'digest' | 'source' | 'at'> {
  readonly message: string | null;
}

interface DocumentRow {
  readonly position: number;
  readonly document: Json;
}

/** What is to be done to the rows. */
interface Difference {
  readonly written: ReadonlyMap<string, DocumentRow>;
  readonly removed: readonly string[];
}

/**
 * What must survive a crash and a power cut, in one SQLite file: the current revision and the leases (LEASE-4). A commit that has
 * returned is on disk (write-ahead log, fsync on every commit); one that has not is there whole or not at all. Writing
 * costs what has changed. One process at a time has it open.
 */
export class Database {
  readonly #path: string;
  readonly #connection: DatabaseSync;
  readonly #putDocument: StatementSync;
  readonly #removeDocument: StatementSync;
  readonly #putLease: StatementSync;
  readonly #removeLease: StatementSync;
  readonly #rows: Map<string, DocumentRow>;
  #suspect: DatabaseError | null = null;

  private constructor(path: string, connection: DatabaseSync) {
    this.#path = path;
    this.#connection = connection;
    this.#putDocument = connection.prepare(
      `INSERT INTO documents (path, position, json, sha256) VALUES (?, ?, ?, ?)
       ON CONFLICT (path) DO UPDATE SET position = excluded.position, json = excluded.json, sha256 = excluded.sha256`,
    );
    this.#removeDocument = connection.prepare('DELETE FROM documents WHERE path = ?');
    this.#putLease = connection.prepare(
      'INSERT INTO leases (pool, container, interface, address) VALUES (?, ?, ?, ?)',
    );
    this.#removeLease = connection.prepare(
      'DELETE FROM leases WHERE pool = ? AND container = ? AND interface = ?',
    );
    this.#rows = this.#readRows();
  }

  /**
   * Opens the database at `path`, making it where there is none; `:memory:` is one that ends with the process. Throws a DatabaseError
   * when it is damaged, newer than this program, another program's or user's, or open in another process. It is then as it was:
   * nothing is repaired, replaced or forgotten here.
   */
  static open(path: string): Database {
    const connection = connect(path);
    try {
      return new Database(path, connection);
    } catch (error) {
      connection.close();
      throw typedError(error, path);
    }
  }

  /** The current revision; null as long as none was committed. */
  load(): StoredRevision | null {
    return this.#guarded(() => {
      const row = this.#connection
        .prepare(
          `SELECT number AS revision, digest, source, at FROM revisions
           WHERE number = (SELECT number FROM current_revision)`,
        )
        .get();
      if (row === undefined) return null;
      const state = this.#state();
      return { ...revisionOf(row), state, leases: this.#leases() };
    });
  }

  /** Every accepted revision, oldest first. */
  revisions(): readonly RevisionRecord[] {
    return this.#guarded(() =>
      this.#connection
        .prepare('SELECT number AS revision, digest, source, at, message FROM revisions ORDER BY number')
        .all()
        .map((row) => ({ ...revisionOf(row), message: row.message === null ? null : String(row.message) })),
    );
  }

  /**
   * Makes a revision current, with its leases, in one transaction. When it returns, that is on disk; when it throws, the revision
   * before is the current one, unless the DatabaseError is `Suspect`: then the database answers nothing more until
   * it is opened again (a failed fsync may not be tried again: what it lost is not known).
   */
  commitRevision(commit: RevisionCommit): void {
    const difference = this.#differenceTo(commit.state);
    this.#transaction(() => {
      this.#writeRevision(commit);
      for (const [path, row] of difference.written) this.#writeDocument(path, row);
      for (const path of difference.removed) this.#removeDocument.run(path);
      this.#writeLeases(commit.leases);
    });
    for (const [path, row] of difference.written) this.#rows.set(path, row);
    for (const path of difference.removed) this.#rows.delete(path);
  }

  /** Lets go of the file. May be called twice. */
  close(): void {
    if (this.#connection.isOpen) this.#connection.close();
  }

  #writeRevision({ revision, digest, source, message, at }: RevisionCommit): void {
    this.#connection
      .prepare('INSERT INTO revisions (number, digest, source, message, at) VALUES (?, ?, ?, ?, ?)')
      .run(revision, digest, source, message ?? null, at);
    this.#connection
      .prepare(
        'INSERT INTO current_revision (id, number) VALUES (1, ?) ON CONFLICT (id) DO UPDATE SET number = excluded.number',
      )
      .run(revision);
  }

  /** Compares by identity, so that it reads no document: looking at 30,000 takes some 15 ms. */
  #differenceTo(state: FlatState): Difference {
    const paths = Object.keys(state);
    const positions = newPositions(paths, (path) => this.#rows.get(path)?.position);
    const written = new Map<string, DocumentRow>();
    let kept = 0;
    for (const path of paths) {
      const before = this.#rows.get(path);
      const document = state[path] ?? null;
      const position = positions.get(path) ?? before?.position ?? 0;
      if (before !== undefined) kept++;
      if (before?.document !== document || before.position !== position)
        written.set(path, { position, document });
    }
    const removed =
      kept === this.#rows.size ? [] : [...this.#rows.keys()].filter((path) => !Object.hasOwn(state, path));
    return { written, removed };
  }

  #writeDocument(path: string, { position, document }: DocumentRow): void {
    if (!path.isWellFormed()) {
      throw new RangeError(
        `found path ${JSON.stringify(path)} with half a surrogate pair, expected Unicode text`,
      );
    }
    const json = JSON.stringify(document);
    this.#putDocument.run(path, position, json, checksum(path, json));
  }

  /** All that end or change go first: two containers may exchange their addresses. */
  #writeLeases({ held, released }: RevisionCommit['leases']): void {
    for (const lease of [...released, ...held])
      this.#removeLease.run(lease.pool, lease.container, lease.interface);
    for (const lease of held) this.#putLease.run(lease.pool, lease.container, lease.interface, lease.address);
  }

  #readRows(): Map<string, DocumentRow> {
    const rows = new Map<string, DocumentRow>();
    for (const row of this.#connection
      .prepare('SELECT path, position, json, sha256 FROM documents ORDER BY position')
      .iterate()) {
      const [path, json] = [String(row.path), String(row.json)];
      if (checksum(path, json) !== row.sha256) {
        throw new DatabaseError(
          'Corrupt',
          this.#path,
          `found '${path}' in ${this.#path} with another content than was written`,
        );
      }
      rows.set(path, { position: Number(row.position), document: JSON.parse(json) });
    }
    return rows;
  }

  #state(): FlatState {
    const rows = [...this.#rows].sort(([, one], [, other]) => one.position - other.position);
    return Object.fromEntries(rows.map(([path, { document }]) => [path, document]));
  }

  #leases(): readonly HeldLease[] {
    return this.#connection
      .prepare('SELECT pool, container, interface, address FROM leases ORDER BY pool, container, interface')
      .all()
      .map((row) => ({
        pool: String(row.pool),
        container: String(row.container),
        interface: String(row.interface),
        address: String(row.address),
      }));
  }

  #transaction(work: () => void): void {
    this.#guarded(() => {
      this.#connection.exec('BEGIN IMMEDIATE');
      try {
        work();
        this.#connection.exec('COMMIT');
      } catch (error) {
        if (this.#connection.isTransaction) this.#connection.exec('ROLLBACK');
        throw error;
      }
    });
  }

  /** Turns SQLite's errors into typed ones, and answers nothing more after one that leaves the disk in doubt. */
  #guarded<Result>(work: () => Result): Result {
    if (this.#suspect !== null) throw this.#suspect;
    try {
      return work();
    } catch (error) {
      const typed = typedError(error, this.#path);
      if (typed instanceof DatabaseError && typed.code === 'Suspect') this.#suspect = typed;
      throw typed;
    }
  }
}

function revisionOf(row: Readonly<Record<string, unknown>>): Omit<RevisionRecord, 'message'> {
  return {
    revision: Number(row.revision),
    digest: String(row.digest),
    source: String(row.source),
    at: Number(row.at),
  };
}

/** SQLite has no checksums of its own, and the disks of devices forget: a flipped bit must not become a configuration. */
function checksum(path: string, json: string): string {
  return hash('sha256', `${path}\0${json}`);
}
