import {
  closeSync,
  existsSync,
  fsyncSync,
  lstatSync,
  openSync,
  renameSync,
  rmSync,
  type Stats,
} from 'node:fs';
import { dirname } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { companionsOfDatabase, DatabaseError, typedError } from './database-error.ts';
import { migrate, refuseUnknownFormat } from './database-schema.ts';

/** SQLite empties its log when it has grown to so many pages of 4 KiB, and makes it so short again where it grew beyond. */
const logPages = 256;

/**
 * Opens the database at `path` for this process alone, making it where there is none. A new one gets its name only when it is
 * complete, so that a crash leaves either none or a whole one. One that is there is never replaced: what is wrong
 * with it is a DatabaseError.
 */
export function connect(path: string): DatabaseSync {
  if (path !== ':memory:') {
    const stats = lstatSync(path, { throwIfNoEntry: false });
    if (stats === undefined) create(path);
    else refuseForeignFile(path, stats);
  }
  let connection: DatabaseSync | null = null;
  try {
    connection = new DatabaseSync(path);
    connection.exec('PRAGMA locking_mode = EXCLUSIVE');
    refuseUnknownFormat(connection, path);
    refuseDamage(connection, path);
    connection.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL');
    connection.exec(
      `PRAGMA wal_autocheckpoint = ${logPages}; PRAGMA journal_size_limit = ${logPages * 4096}`,
    );
    migrate(connection);
    return connection;
  } catch (error) {
    connection?.close();
    throw typedError(error, path);
  }
}

function create(path: string): void {
  if (existsSync(`${path}-wal`)) {
    throw new DatabaseError(
      'Corrupt',
      path,
      `found ${path}-wal without ${path}: a part of the database is gone`,
    );
  }
  const fresh = `${path}.new`;
  for (const suffix of ['', ...companionsOfDatabase]) rmSync(fresh + suffix, { force: true });
  closeSync(openSync(fresh, 'wx', 0o600));
  const connection = new DatabaseSync(fresh);
  try {
    connection.exec('PRAGMA synchronous = EXTRA;');
    migrate(connection);
  } catch (error) {
    throw typedError(error, path);
  } finally {
    connection.close();
  }
  renameSync(fresh, path);
  syncDirectoryOf(path);
}

/** Who could put a file here could decide what runs on this device. */
function refuseForeignFile(path: string, stats: Stats): void {
  const user = process.geteuid?.() ?? stats.uid;
  const refuse = (found: string): never => {
    throw new DatabaseError(
      'Unsafe',
      path,
      `found ${found} at ${path}, expected a file that only this user can write to`,
    );
  };
  if (!stats.isFile()) refuse('a link or a special file');
  if (stats.uid !== user) refuse(`a file of user ${stats.uid}`);
  if ((stats.mode & 0o022) !== 0) refuse(`a file of mode ${(stats.mode & 0o777).toString(8)}`);
  if (stats.size === 0)
    throw new DatabaseError('Corrupt', path, `found an empty file at ${path}, expected a database`);
}

function refuseDamage(connection: DatabaseSync, path: string): void {
  const row = connection.prepare('PRAGMA quick_check(1)').get();
  const result = String(row?.quick_check);
  if (result !== 'ok') throw new DatabaseError('Corrupt', path, `found damage in ${path}: ${result}`);
}

function syncDirectoryOf(path: string): void {
  const directory = openSync(dirname(path), 'r');
  try {
    fsyncSync(directory);
  } finally {
    closeSync(directory);
  }
}
