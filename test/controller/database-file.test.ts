import { execFileSync } from 'node:child_process';
import { hash } from 'node:crypto';
import { copyFileSync, existsSync, readFileSync, writeFileSync } from 'node:fs';
import { chmod, mkdir, readdir, rename, stat, symlink } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import test, { type ExecutionContext } from 'ava';
import { Database } from '../../controller/database.ts';
import { DatabaseError } from '../../controller/database-error.ts';
import type { RevisionFact } from '../../controller/input.ts';
import { accepted, done, lease } from './database-facts.ts';
import { directoryOf } from './source/files.ts';

async function databasePath(t: ExecutionContext): Promise<string> {
  return join(await directoryOf(t), 'holdfast.db');
}

function open(t: ExecutionContext, path: string): Database {
  const database = Database.open(path);
  t.teardown(() => database.close());
  return database;
}

/** Opens a database for one look: what is known then is what was on disk. */
function look<Result>(path: string, work: (database: Database) => Result): Result {
  const database = Database.open(path);
  try {
    return work(database);
  } finally {
    database.close();
  }
}

const load = (path: string) => look(path, (database) => database.load());

/** Accepts a revision and commits it. */
function commit(path: string, fact: RevisionFact): void {
  look(path, (database) => {
    database.persist(fact);
    database.persist(done(fact.revision));
  });
}

/** The DatabaseError with which opening ends. */
function refused(t: ExecutionContext, path: string): DatabaseError {
  const error = t.throws(() => Database.open(path), { instanceOf: DatabaseError });
  if (error instanceof DatabaseError) return error;
  throw new TypeError('opening ended with no DatabaseError');
}

const refusal = (t: ExecutionContext, path: string) => refused(t, path).code;

test('a new database is empty, and nobody else can read it', async (t) => {
  const path = await databasePath(t);
  const database = open(t, path);
  t.is(database.load(), null);
  database.persist(accepted(1));
  for (const file of ['', '-wal', '-reserve']) t.is((await stat(path + file)).mode & 0o777, 0o600);
});

test('one process at a time has a database', async (t) => {
  const path = await databasePath(t);
  const database = open(t, path);
  t.is(refusal(t, path), 'InUse');
  database.persist(accepted(1));
  database.close();
  t.is(load(path)?.revision, 1);
});

test('a file that is no database, an empty one, or a torn one is an error, and stays as it is', async (t) => {
  const path = await databasePath(t);
  for (const content of ['', 'this is no database'.repeat(1000)]) {
    writeFileSync(path, content, { mode: 0o600 });
    t.is(refusal(t, path), 'Corrupt');
    t.is(readFileSync(path, 'utf8'), content);
  }
  const whole = `${path}.whole`;
  commit(
    whole,
    accepted(1, {
      state: Object.fromEntries(Array.from({ length: 500 }, (_, i) => [`c${i}/run.json`, { i }])),
    }),
  );
  const bytes = readFileSync(whole);
  writeFileSync(path, bytes.subarray(0, bytes.length / 2));
  t.is(refusal(t, path), 'Corrupt');
  t.deepEqual(readFileSync(path), bytes.subarray(0, bytes.length / 2));
});

test('one flipped bit of a document is found', async (t) => {
  const path = await databasePath(t);
  commit(path, accepted(1, { state: { 'device.json': { marker: 'address 10.0.5.2' } } }));
  const bytes = readFileSync(path);
  const at = bytes.indexOf('address 10.0.5.2') + 15;
  bytes[at] = '3'.charCodeAt(0);
  writeFileSync(path, bytes);
  t.is(refusal(t, path), 'Corrupt');
});

test('a database of a newer format, or of another program, is refused and untouched', async (t) => {
  const path = await databasePath(t);
  commit(path, accepted(1));
  const newer = new DatabaseSync(path);
  newer.exec('PRAGMA user_version = 1000');
  newer.close();
  const foreign = `${path}.foreign`;
  const other = new DatabaseSync(foreign);
  other.exec('CREATE TABLE cookies (name TEXT)');
  other.close();
  await chmod(foreign, 0o600);
  const before = [readFileSync(path), readFileSync(foreign)];
  t.is(refusal(t, path), 'NewerFormat');
  t.is(refusal(t, foreign), 'NotHoldfast');
  t.deepEqual([readFileSync(path), readFileSync(foreign)], before);
});

test('a database that is a link, or that others can write to, is refused', async (t) => {
  const path = await databasePath(t);
  commit(path, accepted(1));
  await symlink(path, `${path}.link`);
  t.is(refusal(t, `${path}.link`), 'Unsafe');
  await chmod(path, 0o666);
  t.is(refusal(t, path), 'Unsafe');
});

test('a write-ahead log without its database is not taken for a new beginning', async (t) => {
  const path = await databasePath(t);
  const database = open(t, path);
  database.persist(accepted(1));
  const copy = `${path}.copy`;
  copyFileSync(`${path}-wal`, `${copy}-wal`);
  t.is(refusal(t, copy), 'Corrupt');
  t.false(existsSync(copy));
});

test('what a crash left of making a new database is no hindrance', async (t) => {
  const path = await databasePath(t);
  writeFileSync(`${path}.new`, 'half');
  t.is(load(path), null);
  t.deepEqual(await readdir(join(path, '..')), ['holdfast.db']);
});

test('what a refusal tells a person to do keeps the old database, and lets the next start begin anew', async (t) => {
  const path = join(await directoryOf(t), "it's here", 'holdfast.db');
  await mkdir(dirname(path), { mode: 0o700 });
  for (const round of [1, 2]) {
    commit(path, accepted(1));
    writeFileSync(path, 'garbled');
    const { code, message } = refused(t, path);
    t.is(code, 'Corrupt');
    const command = /begin anew: (.*), start the controller/.exec(message)?.[1] ?? 'false';
    execFileSync('sh', ['-c', command]);
    t.is(load(path), null);
    t.deepEqual(await readdir(`${path}.aside-${round}`), ['holdfast.db', 'holdfast.db-reserve']);
    t.is(readFileSync(join(`${path}.aside-${round}`, 'holdfast.db'), 'utf8'), 'garbled');
  }
});

/** What a controller of the first format had written. */
const firstFormat = `
  CREATE TABLE revisions (number INTEGER PRIMARY KEY, digest TEXT NOT NULL, source TEXT NOT NULL, message TEXT, at INTEGER NOT NULL) STRICT;
  CREATE TABLE current_revision (id INTEGER PRIMARY KEY CHECK (id = 1), number INTEGER NOT NULL REFERENCES revisions (number)) STRICT;
  CREATE TABLE documents (path TEXT PRIMARY KEY, position REAL NOT NULL, json TEXT NOT NULL, sha256 TEXT NOT NULL) STRICT, WITHOUT ROWID;
  CREATE TABLE leases (
    pool TEXT NOT NULL, container TEXT NOT NULL, interface TEXT NOT NULL, address TEXT NOT NULL,
    PRIMARY KEY (pool, container, interface), UNIQUE (pool, address)
  ) STRICT, WITHOUT ROWID;
  PRAGMA application_id = 0x484f4c44; PRAGMA user_version = 1; PRAGMA journal_mode = WAL;`;

async function ofFirstFormat(t: ExecutionContext, content: string): Promise<string> {
  const path = await databasePath(t);
  const connection = new DatabaseSync(path);
  connection.function('checksum', (path, json) => hash('sha256', `${path}\0${json}`));
  connection.exec(`${firstFormat} ${content}`);
  connection.close();
  await chmod(path, 0o600);
  return path;
}

test('[LEASE-4] a database of the first format is taken over: what was current is committed, and keeps content and leases', async (t) => {
  const path = await ofFirstFormat(
    t,
    `INSERT INTO revisions VALUES (1, 'one', 'cli', NULL, 5), (2, 'two', 'cli', 'second', 6);
     INSERT INTO current_revision VALUES (1, 2);
     INSERT INTO documents SELECT column1, column2, column3, checksum(column1, column3) FROM
       (VALUES ('b', 1.5, '{"x":1}'), ('a', 1.25, '[]'), ('__proto__', 2.0, '"p"'));
     INSERT INTO leases VALUES ('a', 'web', 'eth0', '10.0.5.2');`,
  );
  const state = { a: [], b: { x: 1 }, ['__proto__']: 'p' };
  const leases = [lease('web', '10.0.5.2')];
  const taken = { latest: 2, revision: 2, state, leases, committed: true, interrupted: null, sequence: 0 };
  t.deepEqual(load(path), taken);
  t.deepEqual(Object.keys(load(path)?.state ?? {}), ['a', 'b', '__proto__']);
  const ended = { phase: 'DONE', failure: null, attempts: 1 } as const;
  t.deepEqual(
    look(path, (database) => database.revisions()),
    [
      { revision: 1, digest: 'one', source: 'cli', message: null, at: 5, endedAt: 5, kept: false, ...ended },
      {
        revision: 2,
        digest: 'two',
        source: 'cli',
        message: 'second',
        at: 6,
        endedAt: 6,
        kept: true,
        ...ended,
      },
    ],
  );
  t.is(
    look(path, (database) => database.stateOf(1)),
    null,
  );
  look(path, (database) => database.persist(accepted(3, { state: { a: 1 } })));
  t.deepEqual(load(path), { ...taken, latest: 3, interrupted: 3 });
});

test('a database of the first format in which nothing was ever accepted is taken over as empty', async (t) => {
  const path = await ofFirstFormat(t, '');
  t.is(load(path), null);
  commit(path, accepted(1, { state: { a: 1 } }));
  t.deepEqual(load(path)?.state, { a: 1 });
});

test('[ROLL-4] a database that is taken away from a running controller takes no fact, until it is back', async (t) => {
  const path = await databasePath(t);
  const database = open(t, path);
  database.persist(accepted(1));
  await rename(path, `${path}.elsewhere`);
  t.throws(() => database.persist(done(1)), { code: 'Gone', message: /no file.*holdfast\.db.*put it back/ });
  copyFileSync(`${path}.elsewhere`, path);
  t.throws(() => database.persist(done(1)), { code: 'Gone' }, 'another file of the same content');
  await rename(`${path}.elsewhere`, path);
  database.persist(done(1));
  t.like(database.load(), { revision: 1, committed: true });
});
