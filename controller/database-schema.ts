import type { DatabaseSync } from 'node:sqlite';
import { DatabaseError } from './database-error.ts';

/** `HOLD` in the file's header tells whose database it is (https://www.sqlite.org/pragma.html#pragma_application_id). */
const applicationId = 0x484f4c44;

/**
 * Every format there ever was, as the step to it from the one before. The number of steps that were taken is the
 * database's `user_version`. A step is never changed once it was released: a new one is added.
 */
const migrations: readonly string[] = [
  `
  CREATE TABLE revisions (
    number INTEGER PRIMARY KEY,
    digest TEXT NOT NULL,
    source TEXT NOT NULL,
    message TEXT,
    at INTEGER NOT NULL
  ) STRICT;
  CREATE TABLE current_revision (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    number INTEGER NOT NULL REFERENCES revisions (number)
  ) STRICT;
  CREATE TABLE documents (
    path TEXT PRIMARY KEY,
    position REAL NOT NULL,
    json TEXT NOT NULL,
    sha256 TEXT NOT NULL
  ) STRICT, WITHOUT ROWID;
  CREATE TABLE leases (
    pool TEXT NOT NULL,
    container TEXT NOT NULL,
    interface TEXT NOT NULL,
    address TEXT NOT NULL,
    PRIMARY KEY (pool, container, interface),
    UNIQUE (pool, address)
  ) STRICT, WITHOUT ROWID;
  `,
  // How revisions end, which one is committed and which on trial, contents of the past, events. In the format before, being
  // accepted was being current: what it knows as accepted was DONE, and only the current content was kept.
  `
  ALTER TABLE revisions ADD COLUMN phase TEXT NOT NULL DEFAULT 'INPROGRESS' CHECK (phase IN ('INPROGRESS', 'DONE', 'ERROR'));
  ALTER TABLE revisions ADD COLUMN ended_at INTEGER;
  ALTER TABLE revisions ADD COLUMN failure TEXT;
  ALTER TABLE revisions ADD COLUMN attempts INTEGER NOT NULL DEFAULT 1;
  ALTER TABLE revisions ADD COLUMN kept INTEGER NOT NULL DEFAULT 1;
  UPDATE revisions SET phase = 'DONE', ended_at = at, kept = number IN (SELECT number FROM current_revision);
  CREATE INDEX kept_revisions ON revisions (number) WHERE kept = 1;
  CREATE INDEX done_revisions ON revisions (number) WHERE phase = 'DONE';

  CREATE TABLE standing (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    committed INTEGER REFERENCES revisions (number),
    trying INTEGER REFERENCES revisions (number),
    rebooting INTEGER NOT NULL DEFAULT 0,
    facts INTEGER NOT NULL
  ) STRICT;
  INSERT INTO standing (id, committed, trying, facts) VALUES (1, (SELECT number FROM current_revision), NULL, 0);

  ALTER TABLE documents RENAME TO current_documents;
  CREATE TABLE documents (
    id INTEGER PRIMARY KEY,
    path TEXT NOT NULL,
    position REAL NOT NULL,
    json TEXT NOT NULL,
    sha256 TEXT NOT NULL,
    first INTEGER NOT NULL,
    until INTEGER CHECK (until > first)
  ) STRICT;
  INSERT INTO documents (path, position, json, sha256, first)
    SELECT path, position, json, sha256, (SELECT number FROM current_revision) FROM current_documents ORDER BY position;
  DROP TABLE current_documents;
  DROP TABLE current_revision;
  CREATE UNIQUE INDEX latest_documents ON documents (path) WHERE until IS NULL;
  CREATE INDEX past_documents ON documents (until) WHERE until IS NOT NULL;

  CREATE TABLE trial_leases (
    pool TEXT NOT NULL,
    container TEXT NOT NULL,
    interface TEXT NOT NULL,
    address TEXT,
    PRIMARY KEY (pool, container, interface),
    UNIQUE (pool, address)
  ) STRICT, WITHOUT ROWID;
  CREATE TABLE events (sequence INTEGER PRIMARY KEY, json TEXT NOT NULL) STRICT;
  `,
];

/** Throws a DatabaseError when a database is another program's, or newer than this one. Changes nothing. */
export function refuseUnknownFormat(connection: DatabaseSync, path: string): void {
  if (numberOf(connection, 'application_id') !== applicationId && !isBlank(connection)) {
    throw new DatabaseError('NotHoldfast', path, `found a database of another program at ${path}`);
  }
  const version = numberOf(connection, 'user_version');
  if (version > migrations.length) {
    const message = `found format ${version} in ${path}, expected at most ${migrations.length}`;
    throw new DatabaseError('NewerFormat', path, message);
  }
}

/** Brings a database to the newest format, each step in a transaction of its own. */
export function migrate(connection: DatabaseSync): void {
  const version = numberOf(connection, 'user_version');
  for (const [index, step] of migrations.entries()) {
    if (index < version) continue;
    connection.exec(
      `BEGIN IMMEDIATE; ${step}; PRAGMA application_id = ${applicationId}; PRAGMA user_version = ${index + 1}; COMMIT;`,
    );
  }
}

function isBlank(connection: DatabaseSync): boolean {
  return connection.prepare('SELECT 1 FROM sqlite_schema LIMIT 1').get() === undefined;
}

function numberOf(connection: DatabaseSync, pragma: 'user_version' | 'application_id'): number {
  return Number(connection.prepare(`PRAGMA ${pragma}`).get()?.[pragma]);
}
