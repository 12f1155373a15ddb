import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { copyFileSync, existsSync, readFileSync, writeFileSync } from 'node:fs';
import { chmod, readdir, stat, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { DatabaseSync } from 'node:sqlite';
import test, { type ExecutionContext } from 'ava';
import { Database, type RevisionCommit } from '../../controller/database.ts';
import { DatabaseError } from '../../controller/database-error.ts';
import { setDatabaseAside } from '../../controller/database-file.ts';
import type { HeldLease } from '../../state/revision.ts';
import { directoryOf } from './source/files.ts';

async function databasePath(t: ExecutionContext): Promise<string> {
  return join(await directoryOf(t), 'holdfast.db');
}

function open(t: ExecutionContext, path: string): Database {
  const database = Database.open(path);
  t.teardown(() => database.close());
  return database;
}

/** Closes a database and opens it again: what is known afterwards is what was on disk. */
function load(path: string): ReturnType<Database['load']> {
  const database = Database.open(path);
  try {
    return database.load();
  } finally {
    database.close();
  }
}

function commit(path: string, change: RevisionCommit): void {
  const database = Database.open(path);
  try {
    database.commitRevision(change);
  } finally {
    database.close();
  }
}

const lease = (container: string, address: string): HeldLease => ({
  pool: 'a',
  container,
  interface: 'eth0',
  address,
});

function revision(number: number, parts: Partial<RevisionCommit> = {}): RevisionCommit {
  const leases = { held: [], released: [] };
  return {
    revision: number,
    digest: `digest ${number}`,
    source: 'test',
    at: 1000 + number,
    state: {},
    leases,
    ...parts,
  };
}

/** Code of the DatabaseError with which opening ends. */
function refusal(t: ExecutionContext, path: string): string {
  const error = t.throws(() => Database.open(path), { instanceOf: DatabaseError });
  return error instanceof DatabaseError ? error.code : '';
}

test('a new database is empty, and nobody else can read it', async (t) => {
  const path = await databasePath(t);
  t.is(open(t, path).load(), null);
  t.is((await stat(path)).mode & 0o777, 0o600);
  t.is((await stat(`${path}-wal`)).mode & 0o777, 0o600);
});

test('[REV-2] a revision is the same after opening again, order of entries and of members included', async (t) => {
  const path = await databasePath(t);
  const state = {
    'web/run.json': { b: 1, a: [null, true, 'ü\u0000\ud83d\ude00', 1.5e300], 10: 'x' },
    'device.json': {},
    '#spec': 'pantavisor-service-system@1',
    'a/run.json': { ['__proto__']: { x: 1 } },
  };
  commit(path, revision(1, { state, message: 'first' }));
  const loaded = load(path);
  t.deepEqual(loaded, { revision: 1, digest: 'digest 1', source: 'test', at: 1001, state, leases: [] });
  t.is(JSON.stringify(loaded?.state), JSON.stringify(state));
});

test('[REV-2] changed, added, moved and removed entries are what is found after opening again', async (t) => {
  const path = await databasePath(t);
  const states = [
    { a: 1, b: 2, c: 3 },
    { a: 1, x: { y: 1 }, b: 2, c: 4 },
    { c: 4, a: 1, b: 2 },
    {},
    { z: 1 },
  ];
  for (const [index, state] of states.entries()) {
    commit(path, revision(index + 1, { state }));
    t.is(JSON.stringify(load(path)?.state), JSON.stringify(state));
  }
  t.is(load(path)?.revision, 5);
});

test('[ENG-6] a commit writes the rows that changed, and no others', async (t) => {
  const path = await databasePath(t);
  const state = Object.fromEntries(
    Array.from({ length: 5000 }, (_, i) => [`c${i}/run.json`, { name: `c${i}` }]),
  );
  const database = open(t, path);
  database.commitRevision(revision(1, { state }));
  const before = (await stat(`${path}-wal`)).size;
  database.commitRevision(revision(2, { state: { ...state, 'c2500/run.json': { name: 'new' } } }));
  const pages = ((await stat(`${path}-wal`)).size - before) / 4096;
  t.true(pages <= 12, `${pages} pages`);
});

test('[LEASE-4] leases are kept when the controller ends and starts again, and go only when they are released', async (t) => {
  const path = await databasePath(t);
  const [web, db, other] = [
    lease('web', '10.0.5.2'),
    lease('db', '10.0.5.3'),
    { ...lease('web', '10.0.5.2'), pool: 'b' },
  ];
  commit(path, revision(1, { leases: { held: [web, db, other], released: [] } }));
  t.deepEqual(load(path)?.leases, [db, web, other]);
  commit(path, revision(2));
  t.deepEqual(load(path)?.leases, [db, web, other]);
  commit(path, revision(3, { leases: { held: [], released: [db] } }));
  t.deepEqual(load(path)?.leases, [web, other]);
});

test('[LEASE-4] two containers may exchange their addresses in one revision', async (t) => {
  const path = await databasePath(t);
  commit(
    path,
    revision(1, { leases: { held: [lease('a', '10.0.5.2'), lease('b', '10.0.5.3')], released: [] } }),
  );
  const exchanged = [lease('a', '10.0.5.3'), lease('b', '10.0.5.2')];
  commit(path, revision(2, { leases: { held: exchanged, released: [] } }));
  t.deepEqual(load(path)?.leases, exchanged);
});

test('a commit that fails leaves the revision before, whole', async (t) => {
  const path = await databasePath(t);
  const database = open(t, path);
  const first = revision(1, {
    state: { a: 1, b: 2 },
    leases: { held: [lease('a', '10.0.5.2')], released: [] },
  });
  database.commitRevision(first);
  const twice = { held: [lease('b', '10.0.5.2')], released: [] };
  t.throws(() => database.commitRevision(revision(2, { state: { a: 3 }, leases: twice })), {
    message: /UNIQUE/,
  });
  t.throws(() => database.commitRevision(revision(1, { state: { a: 3 } })), { message: /UNIQUE/ });
  t.throws(() => database.commitRevision(revision(2, { state: { '\ud800': 3 } })), {
    instanceOf: RangeError,
  });
  t.deepEqual(database.load()?.state, { a: 1, b: 2 });
  database.commitRevision(revision(2, { state: { a: 3 } }));
  database.close();
  t.deepEqual(load(path)?.state, { a: 3 });
  t.deepEqual(load(path)?.leases, [lease('a', '10.0.5.2')]);
});

test('every accepted revision is on record', async (t) => {
  const database = open(t, await databasePath(t));
  database.commitRevision(revision(1, { message: 'first' }));
  database.commitRevision(revision(2));
  t.deepEqual(database.revisions(), [
    { revision: 1, digest: 'digest 1', source: 'test', at: 1001, message: 'first' },
    { revision: 2, digest: 'digest 2', source: 'test', at: 1002, message: null },
  ]);
});

test('[LEASE-4] killed at any moment, the database has the last acknowledged revision or the one after, whole', async (t) => {
  const path = await databasePath(t);
  for (const acknowledgements of [1, 2, 7, 23]) {
    const child = spawn(process.execPath, [join(import.meta.dirname, 'commit-until-killed.ts'), path]);
    let acknowledged = 0;
    let seen = 0;
    for await (const line of createInterface({ input: child.stdout })) {
      acknowledged = Number(line);
      if (++seen === acknowledgements) child.kill('SIGKILL');
    }
    if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
    const found = load(path);
    t.true(
      found?.revision === acknowledged || found?.revision === acknowledged + 1,
      `${found?.revision}, ${acknowledged}`,
    );
    const content = { revision: found?.revision ?? 0 };
    t.deepEqual(found?.state, { 'device.json': content, 'web/run.json': content });
    t.deepEqual(found?.leases, [lease('web', `10.0.5.${2 + (content.revision % 200)}`)]);
  }
});

test('one process at a time has a database', async (t) => {
  const path = await databasePath(t);
  const database = open(t, path);
  t.is(refusal(t, path), 'InUse');
  database.commitRevision(revision(1));
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
    revision(1, {
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
  commit(path, revision(1, { state: { 'device.json': { marker: 'address 10.0.5.2' } } }));
  const bytes = readFileSync(path);
  const at = bytes.indexOf('address 10.0.5.2') + 15;
  bytes[at] = '3'.charCodeAt(0);
  writeFileSync(path, bytes);
  t.is(refusal(t, path), 'Corrupt');
});

test('a database of a newer format, or of another program, is refused and untouched', async (t) => {
  const path = await databasePath(t);
  commit(path, revision(1));
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
  commit(path, revision(1));
  await symlink(path, `${path}.link`);
  t.is(refusal(t, `${path}.link`), 'Unsafe');
  await chmod(path, 0o666);
  t.is(refusal(t, path), 'Unsafe');
});

test('a write-ahead log without its database is not taken for a new beginning', async (t) => {
  const path = await databasePath(t);
  const database = open(t, path);
  database.commitRevision(revision(1));
  const copy = `${path}.copy`;
  copyFileSync(`${path}-wal`, `${copy}-wal`);
  t.is(refusal(t, copy), 'Corrupt');
  t.false(existsSync(copy));
});

test('set aside, a database is kept under another name, and the next opening begins anew', async (t) => {
  const path = await databasePath(t);
  commit(path, revision(1));
  t.is(setDatabaseAside(path), `${path}.aside-1`);
  t.is(load(path), null);
  t.is(setDatabaseAside(path), `${path}.aside-2`);
  t.is(load(`${path}.aside-1`)?.revision, 1);
});

test('what a crash left of making a new database is no hindrance', async (t) => {
  const path = await databasePath(t);
  writeFileSync(`${path}.new`, 'half');
  t.is(load(path), null);
  t.deepEqual(await readdir(join(path, '..')), ['holdfast.db']);
});

test('a database in memory works the same, and ends with the process', (t) => {
  const database = open(t, ':memory:');
  database.commitRevision(revision(1, { state: { a: 1 } }));
  t.deepEqual(database.load()?.state, { a: 1 });
  t.is(Database.open(':memory:').load(), null);
});
