import { hash } from 'node:crypto';
import type { DatabaseSync, StatementSync } from 'node:sqlite';
import type { Json } from '../state/json.ts';
import type { FlatState } from '../state/revision.ts';
import { isSha256 } from '../state/sha256.ts';
import { DatabaseError } from './database-error.ts';
import { newPositions } from './document-positions.ts';

interface Row {
  readonly id: number;
  readonly position: number;
  readonly document: Json;
}

/** What a row takes beside its path and its text, about: numbers, checksum, its entry in the index. */
const rowOverheadBytes = 120;
const bytesOfRow = `octet_length(path) + octet_length(json) + ${rowOverheadBytes}`;

/**
 * Contents of revisions. A row is one document at one position, in the revisions from `first` to the one before `until`; those of
 * the newest revision have no `until`. So a revision costs the rows in which it differs from the one numbered before it,
 * and its content is what is valid at its number. Every row has a checksum.
 */
export class DocumentTable {
  readonly #connection: DatabaseSync;
  readonly #path: string;
  readonly #insert: StatementSync;
  readonly #end: StatementSync;
  /** Rows of the newest revision; null: to be read from the table. */
  #latest: Map<string, Row> | null = null;
  #pastBytes = 0;

  constructor(connection: DatabaseSync, path: string) {
    this.#connection = connection;
    this.#path = path;
    this.#insert = connection.prepare(
      'INSERT INTO documents (path, position, json, sha256, first) VALUES (?, ?, ?, ?, ?)',
    );
    this.#end = connection.prepare(
      `UPDATE documents SET until = ? WHERE id = ? RETURNING ${bytesOfRow} AS bytes`,
    );
  }

  /** What the rows that are no part of the newest revision take, in bytes. */
  get pastBytes(): number {
    this.#rows();
    return this.#pastBytes;
  }

  /** Reads the newest revision. Throws a DatabaseError when a document of it is not what was written. */
  check(): void {
    this.#rows();
  }

  /** To be called when what was written since the transaction began is taken back. */
  forget(): void {
    this.#latest = null;
  }

  /**
   * Writes the content of a new revision, which becomes the newest one. Documents that are the very same objects as before are not even
   * looked at: 30,000 of them take some 15 ms. Throws a RangeError for a path that is no Unicode text.
   */
  write(revision: number, state: FlatState): void {
    const rows = this.#rows();
    const entries = Object.entries(state);
    const positions = newPositions(Object.keys(state), (path) => rows.get(path)?.position);
    for (const [path, document] of entries) {
      const before = rows.get(path);
      const position = positions.get(path) ?? before?.position ?? 0;
      if (before?.position === position && isSame(before.document, document)) {
        if (before.document !== document) rows.set(path, { ...before, document });
        continue;
      }
      if (before !== undefined) this.#endRow(before, revision);
      rows.set(path, this.#insertRow(path, { position, document }, revision));
    }
    if (rows.size === entries.length) return;
    for (const [path, row] of rows) {
      if (Object.hasOwn(state, path)) continue;
      this.#endRow(row, revision);
      rows.delete(path);
    }
  }

  /** Content of a revision that is kept, entries in their order. Throws a DatabaseError when a document of it is damaged. */
  stateOf(revision: number): FlatState {
    const latest = this.#rows();
    const rows = this.#connection
      .prepare(
        `SELECT id, path, json, sha256 FROM documents
         WHERE first <= ? AND (until IS NULL OR until > ?) ORDER BY position`,
      )
      .all(revision, revision);
    return Object.fromEntries(
      rows.map((row) => {
        const known = latest.get(String(row.path));
        // The very same object as far as it is in the newest revision too: then writing another one compares nothing.
        const isLatest = known !== undefined && known.id === row.id;
        return [String(row.path), isLatest ? known.document : this.#documentOf(row)];
      }),
    );
  }

  /**
   * Forgets the content of `revision`, where `before` and `after` are the next ones in both directions that are kept: rows that are in no
   * other revision go.
   */
  drop(revision: number, { before, after }: { readonly before: number; readonly after: number }): void {
    this.#rows();
    const gone = this.#connection
      .prepare(
        `DELETE FROM documents WHERE until > ? AND until <= ? AND first > ? RETURNING ${bytesOfRow} AS bytes`,
      )
      .all(revision, after, before);
    for (const row of gone) this.#pastBytes -= Number(row.bytes);
  }

  /** sha256 of every object that a kept content names (REV-1). */
  objects(): ReadonlySet<string> {
    const texts = this.#connection
      .prepare(`SELECT DISTINCT json FROM documents WHERE octet_length(json) = 66 AND json GLOB '"*"'`)
      .all();
    return new Set(texts.map((row) => String(row.json).slice(1, -1)).filter(isSha256));
  }

  #rows(): Map<string, Row> {
    if (this.#latest !== null) return this.#latest;
    const rows = new Map<string, Row>();
    const stored = this.#connection.prepare(
      'SELECT id, path, position, json, sha256 FROM documents WHERE until IS NULL ORDER BY position',
    );
    for (const row of stored.iterate()) {
      const [id, position] = [Number(row.id), Number(row.position)];
      rows.set(String(row.path), { id, position, document: this.#documentOf(row) });
    }
    const past = this.#connection
      .prepare(`SELECT total(${bytesOfRow}) AS bytes FROM documents WHERE until IS NOT NULL`)
      .get();
    this.#pastBytes = Number(past?.bytes);
    this.#latest = rows;
    return rows;
  }

  #documentOf(row: Readonly<Record<string, unknown>>): Json {
    const [path, json] = [String(row.path), String(row.json)];
    if (checksum(path, json) === row.sha256) return JSON.parse(json);
    const message = `found '${path}' in ${this.#path} with another content than was written`;
    throw new DatabaseError('Corrupt', this.#path, message);
  }

  #insertRow(path: string, row: Omit<Row, 'id'>, revision: number): Row {
    if (!path.isWellFormed()) {
      throw new RangeError(
        `found path ${JSON.stringify(path)} with half a surrogate pair, expected Unicode text`,
      );
    }
    const json = JSON.stringify(row.document);
    const { lastInsertRowid } = this.#insert.run(path, row.position, json, checksum(path, json), revision);
    return { id: Number(lastInsertRowid), ...row };
  }

  #endRow({ id }: Row, revision: number): void {
    this.#pastBytes += Number(this.#end.get(revision, id)?.bytes);
  }
}

/** The same text: the order of members is no content, but what somebody wrote is given back as it was. */
function isSame(one: Json, other: Json): boolean {
  return one === other || JSON.stringify(one) === JSON.stringify(other);
}

/** SQLite has no checksums of its own, and the disks of devices forget: a flipped bit must not become a configuration. */
function checksum(path: string, json: string): string {
  return hash('sha256', `${path}\0${json}`);
}
