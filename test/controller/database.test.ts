import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import test, { type ExecutionContext } from 'ava';
import { Database } from '../../controller/database.ts';
import type { Fact } from '../../controller/input.ts';
import { keptEvents } from '../../controller/options.ts';
import type { Kept } from '../../controller/restore.ts';
import type { HeldLease } from '../../state/revision.ts';
import type { EventRecord } from '../../state/status.ts';
import { StateTree } from '../../state/tree.ts';
import { accepted, done, failed, failure, lease, superseded } from './database-facts.ts';
import { directoryOf } from './source/files.ts';

/** A database that can be closed and opened again in the middle of a test, so that what is known is what was on disk. */
class Reopened {
  readonly path: string;
  #database: Database;

  constructor(path: string) {
    this.path = path;
    this.#database = Database.open(path);
  }

  get database(): Database {
    return this.#database;
  }

  get kept(): Kept | null {
    return this.again().load();
  }

  again(): Database {
    this.#database.close();
    this.#database = Database.open(this.path);
    return this.#database;
  }

  persist(...facts: readonly Fact[]): this {
    for (const fact of facts) this.#database.persist(fact);
    return this;
  }
}

async function newDatabase(t: ExecutionContext): Promise<Reopened> {
  const reopened = new Reopened(join(await directoryOf(t), 'holdfast.db'));
  t.teardown(() => reopened.database.close());
  return reopened;
}

const held = (...leases: readonly HeldLease[]) => ({ held: leases, released: [] });

/** What of `kept` says what is to be desired. */
function standing(kept: Kept | null) {
  return [kept?.latest, kept?.revision, kept?.committed, kept?.interrupted];
}

test('[REV-2] a revision is the same after opening again, order of entries and of members included', async (t) => {
  const store = await newDatabase(t);
  const state = {
    'web/run.json': { b: 1, a: [null, true, 'ü\u0000\ud83d\ude00', 1.5e300], 10: 'x' },
    'device.json': {},
    '#spec': 'pantavisor-service-system@1',
    'a/run.json': { ['__proto__']: { x: 1 } },
    ['__proto__']: { y: 1 },
  };
  store.persist(accepted(1, { state, message: 'first' }), done(1));
  const { kept } = store;
  t.deepEqual(kept, {
    latest: 1,
    revision: 1,
    state,
    leases: [],
    committed: true,
    interrupted: null,
    sequence: 0,
  });
  t.is(JSON.stringify(kept?.state), JSON.stringify(state));
});

test('[ROLL-6] the content of every revision is what it was, whatever was added, changed, moved or removed since', async (t) => {
  const store = await newDatabase(t);
  const states = [
    { a: 1, b: 2, c: 3 },
    { a: 1, x: { y: 1 }, b: 2, c: 4 },
    { c: 4, a: 1, b: 2 },
    {},
    { ['__proto__']: 1, z: 1 },
    { a: 1, b: 2, c: 3 },
    { a: 1, b: 2, c: 3 },
  ];
  for (const [index, state] of states.entries()) store.persist(accepted(index + 1, { state }));
  const contents = () => states.map((_, index) => JSON.stringify(store.database.stateOf(index + 1)));
  const written = states.map((state) => JSON.stringify(state));
  t.deepEqual(contents(), written);
  store.again();
  t.deepEqual(contents(), written);
  t.is(store.database.stateOf(8), null);
  t.is(store.database.stateOf(0), null);
});

test('[ENG-6] a revision writes the rows in which it differs from the one before, and no others', async (t) => {
  const store = await newDatabase(t);
  const state = Object.fromEntries(
    Array.from({ length: 5000 }, (_, i) => [`c${i}/run.json`, { name: `c${i}` }]),
  );
  const first = StateTree.empty.replacedBy(state);
  store.persist(accepted(1, { tree: first }));
  const pagesOf = async (fact: Fact) => {
    store.again();
    store.persist(fact);
    return (await stat(`${store.path}-wal`)).size / 4096;
  };
  const changed = first.with(new Map([['c2500/run.json', { name: 'new' }]]));
  const written = await pagesOf(accepted(2, { tree: changed }));
  t.true(written <= 20, `${written} pages`);
  const asText = await pagesOf(accepted(3, { tree: StateTree.empty.replacedBy(changed.toFlat()) }));
  t.true(asText <= 20, `${asText} pages`);
});

test('[ROLL-8] a trial for which the device boots is told with its content, until it was taken up once', async (t) => {
  const store = await newDatabase(t);
  store.persist(accepted(1, { state: { a: 1 } }), done(1), accepted(2, { state: { a: 2 } }));
  store.persist({ type: 'reboot', revision: 2, at: 5 });
  t.deepEqual(standing(store.kept), [2, 1, true, null]);
  t.deepEqual(store.kept?.resumed, { revision: 2, state: { a: 2 } });
  t.deepEqual(store.again().load()?.resumed, { revision: 2, state: { a: 2 } });
  store.persist({ type: 'attempt', revision: 2, at: 6 });
  t.deepEqual(standing(store.kept), [2, 1, true, 2]);
  t.is(store.kept?.resumed, undefined);
});

test('[ROLL-4] a trial that had not ended is told beside the committed revision, which is the one to be desired', async (t) => {
  const store = await newDatabase(t);
  store.persist(accepted(1, { state: { a: 1 } }), done(1), accepted(2, { state: { a: 2 } }));
  t.deepEqual(standing(store.kept), [2, 1, true, 2]);
  t.deepEqual(store.kept?.state, { a: 1 });
  store.persist(failed(2, failure('Interrupted')));
  t.deepEqual(standing(store.kept), [2, 1, true, null]);
});

test('[ROLL-1] a trial that is DONE is committed, and one that failed leaves the one before committed', async (t) => {
  const store = await newDatabase(t);
  store.persist(accepted(1), done(1), accepted(2), done(2));
  t.deepEqual(standing(store.kept), [2, 2, true, null]);
  store.persist(accepted(3), failed(3));
  t.deepEqual(standing(store.kept), [3, 2, true, null]);
});

test('[ROLL-3] how every revision went is on record', async (t) => {
  const store = await newDatabase(t);
  const refusal = failure('AddressTaken', 4000);
  store.persist(
    accepted(1, { message: 'first' }),
    done(1),
    accepted(2),
    accepted(3, { ends: superseded(2) }),
    accepted(4, { standing: 'refused', failure: refusal, ends: superseded(3) }),
    accepted(5),
    failed(5),
    accepted(6, { standing: 'committed' }),
    accepted(7),
  );
  const line = (revision: number) => ({
    revision,
    digest: `digest ${revision}`,
    source: 'test',
    message: null,
    at: revision * 1000,
    kept: true,
    attempts: 1,
  });
  t.deepEqual(store.again().revisions(), [
    { ...line(1), message: 'first', phase: 'DONE', endedAt: 1001, failure: null },
    { ...line(2), phase: 'ERROR', endedAt: 2003, failure: failure('Superseded') },
    { ...line(3), phase: 'ERROR', endedAt: 3003, failure: failure('Superseded') },
    { ...line(4), phase: 'ERROR', endedAt: 4000, failure: refusal, attempts: 0 },
    { ...line(5), phase: 'ERROR', endedAt: 5002, failure: failure() },
    { ...line(6), phase: 'DONE', endedAt: 6000, failure: null },
    { ...line(7), phase: 'INPROGRESS', endedAt: null, failure: null },
  ]);
});

test('[ENG-8] a revision that was refused before its trial moves neither the committed one nor the trial nor a lease', async (t) => {
  const store = await newDatabase(t);
  store.persist(accepted(1, { leases: held(lease('a', '10.0.5.2')) }), done(1));
  store.persist(accepted(2, { leases: held(lease('b', '10.0.5.3')) }));
  const refused = { standing: 'refused', failure: failure('AddressTaken') } as const;
  store.persist(accepted(3, { ...refused, leases: held(lease('c', '10.0.5.4')) }));
  t.deepEqual(standing(store.kept), [3, 1, true, 2]);
  store.persist(done(2));
  t.deepEqual(store.kept?.leases, [lease('a', '10.0.5.2'), lease('b', '10.0.5.3')]);
});

test('[ROLL-5] as long as nothing was ever committed, the last revision stays desired, and may be DONE after it failed', async (t) => {
  const store = await newDatabase(t);
  store.persist(accepted(1, { state: { a: 1 }, leases: held(lease('a', '10.0.5.2')) }), failed(1));
  t.deepEqual(standing(store.kept), [1, 1, false, null]);
  store.persist({ type: 'attempt', revision: 1, at: 5 });
  t.like(store.again().revisions()[0], { phase: 'ERROR', attempts: 2, failure: failure() });
  store.persist(
    accepted(2, {
      state: { a: 2 },
      ends: superseded(1),
      leases: { held: [lease('b', '10.0.5.2')], released: [lease('a', '10.0.5.2')] },
    }),
  );
  t.deepEqual(standing(store.kept), [2, 2, false, null]);
  t.deepEqual(store.kept?.leases, [lease('b', '10.0.5.2')]);
  store.persist(failed(2), done(2));
  t.deepEqual(standing(store.kept), [2, 2, true, null]);
  t.deepEqual(store.kept?.leases, [lease('b', '10.0.5.2')]);
  t.like(store.again().revisions()[1], { phase: 'DONE', failure: null });
});

test('[LEASE-4] leases are the device’s when their revision is committed, and forgotten when it failed', async (t) => {
  const store = await newDatabase(t);
  const [web, db, other] = [lease('web', '10.0.5.2'), lease('db', '10.0.5.3'), lease('web', '10.0.5.2', 'b')];
  store.persist(accepted(1, { leases: held(web, db, other) }));
  t.deepEqual(store.kept?.leases, [db, web, other]);
  store.persist(done(1), accepted(2, { leases: { held: [lease('new', '10.0.5.9')], released: [db] } }));
  t.deepEqual(store.kept?.leases, [db, web, other]);
  store.persist(failed(2), accepted(3), done(3));
  t.deepEqual(store.kept?.leases, [db, web, other]);
  store.persist(accepted(4, { leases: { held: [], released: [db] } }), done(4));
  t.deepEqual(store.kept?.leases, [web, other]);
});

test('[LEASE-4] the leases of a trial that took the place of another are those of the committed revision with its own changes', async (t) => {
  const store = await newDatabase(t);
  const [web, db] = [lease('web', '10.0.5.2'), lease('db', '10.0.5.3')];
  store.persist(accepted(1, { leases: held(web, db) }), done(1));
  store.persist(accepted(2, { leases: { held: [lease('new', '10.0.5.4')], released: [web] } }));
  const moved = { held: [lease('db', '10.0.5.4')], released: [db] };
  store.persist(accepted(3, { ends: superseded(2), leases: moved }), done(3));
  t.deepEqual(store.kept?.leases, [lease('db', '10.0.5.4'), web]);
});

test('[LEASE-4] taking everything down gives the leases back at once, whatever is on trial', async (t) => {
  const store = await newDatabase(t);
  const web = lease('web', '10.0.5.2');
  const down = { standing: 'committed', leases: { held: [], released: [web] } } as const;
  store.persist(accepted(1, { leases: held(web) }), accepted(2, { ...down, ends: superseded(1) }));
  t.deepEqual([standing(store.kept), store.kept?.leases], [[2, 2, true, null], []]);
  store.persist(
    accepted(3, { leases: held(web) }),
    done(3),
    accepted(4, { leases: held(lease('x', '10.0.5.7')) }),
  );
  store.persist(accepted(5, { ...down, ends: superseded(4) }));
  t.deepEqual([standing(store.kept), store.kept?.leases], [[5, 5, true, null], []]);
});

test('[LEASE-4] two containers may exchange their addresses in one revision', async (t) => {
  const store = await newDatabase(t);
  const before = [lease('a', '10.0.5.2'), lease('b', '10.0.5.3')];
  const exchanged = [lease('a', '10.0.5.3'), lease('b', '10.0.5.2')];
  store.persist(accepted(1, { leases: held(...before) }), done(1));
  store.persist(accepted(2, { leases: { held: exchanged, released: before } }), done(2));
  t.deepEqual(store.kept?.leases, exchanged);
});

test('a fact that does not fit changes nothing, and the next one that does is taken', async (t) => {
  const store = await newDatabase(t);
  store.persist(accepted(1, { state: { a: 1 }, leases: held(lease('a', '10.0.5.2')) }), done(1));
  const misfits: Readonly<Record<string, readonly [Fact, RegExp]>> = {
    'a number that was there': [
      accepted(1, { state: { a: 2 } }),
      /found revision 1, expected a number above 1/,
    ],
    'the end of a revision that nobody knows': [failed(9), /no revision 9/],
    'DONE of one that is not on trial': [done(9), /1 is committed and none on trial/],
    'ERROR of the committed one': [failed(1), /verdict ERROR of revision 1/],
    'an attempt at one that nobody knows': [{ type: 'attempt', revision: 9, at: 1 }, /no revision 9/],
    'an address twice': [
      accepted(2, { state: { a: 3 }, leases: held(lease('b', '10.0.5.3'), lease('c', '10.0.5.3')) }),
      /UNIQUE/,
    ],
    'a path that is no text': [accepted(2, { state: { a: 4, '\ud800': 3 } }), /half a surrogate pair/],
  };
  for (const [what, [fact, message]] of Object.entries(misfits)) {
    t.throws(() => store.database.persist(fact), { message }, what);
    t.deepEqual(store.database.load()?.state, { a: 1 }, what);
  }
  t.is(store.database.revisions().length, 1);
  store.persist(accepted(2, { state: { a: 5 } }), done(2));
  t.deepEqual([store.kept?.state, store.kept?.leases], [{ a: 5 }, [lease('a', '10.0.5.2')]]);
});

test('objects that the content of a kept revision names are told, those of past revisions included', async (t) => {
  const store = await newDatabase(t);
  const [one, two] = ['1'.repeat(64), 'ab'.repeat(32)];
  store.persist(accepted(1, { state: { 'a/root.squashfs': one, b: 'A'.repeat(64), c: [two] } }));
  store.persist(accepted(2, { state: { 'a/root.squashfs': two, 'b/x': two } }));
  t.deepEqual(store.again().keptObjects(), new Set([one, two]));
});

const event = (sequence: number): EventRecord => ({
  sequence,
  at: sequence,
  key: null,
  severity: 'normal',
  reason: 'Test',
  message: `event ${sequence}`,
  cause: { trigger: { type: 'start' }, via: [] },
});
const events = (from: number, to: number) =>
  Array.from({ length: to - from + 1 }, (_, index) => event(from + index));

test('events are kept with the next fact or flush, and their numbers go on', async (t) => {
  const store = await newDatabase(t);
  store.database.note([event(1)]);
  store.database.note([event(2)]);
  t.deepEqual(store.database.events(), events(1, 2));
  t.is(store.kept, null);
  store.database.note([event(3)]);
  store.database.flush();
  t.deepEqual(store.again().events(), [event(3)]);
  t.deepEqual([standing(store.kept), store.kept?.sequence], [[0, 0, false, null], 3]);
  store.database.note([event(4)]);
  store.persist(accepted(1));
  t.deepEqual(store.again().events(), [event(3), event(4)]);
});

test('the last events are kept, and no more', async (t) => {
  const store = await newDatabase(t);
  store.database.note(events(1, keptEvents + 5));
  store.database.flush();
  store.database.note(events(keptEvents + 6, keptEvents + 10));
  const last = events(11, keptEvents + 10);
  t.deepEqual(store.database.events(), last);
  store.database.flush();
  t.deepEqual(store.again().events(), last);
});

test('[LEASE-4] killed at any moment, the database has the last acknowledged fact or the one after, whole', async (t) => {
  const path = join(await directoryOf(t), 'holdfast.db');
  for (const acknowledgements of [1, 2, 7, 23, 24]) {
    const child = spawn(process.execPath, [join(import.meta.dirname, 'commit-until-killed.ts'), path]);
    let acknowledged = '';
    let seen = 0;
    for await (const line of createInterface({ input: child.stdout })) {
      acknowledged = line;
      if (++seen === acknowledgements) child.kill('SIGKILL');
    }
    if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
    const database = Database.open(path);
    const kept = database.load();
    database.close();
    const [what, number] = [acknowledged.split(' ')[0], Number(acknowledged.split(' ')[1])];
    const found = `${kept?.revision} ${kept?.committed} ${kept?.interrupted ?? kept?.latest}`;
    const first = number === 1 ? '1 false 1' : `${number - 1} true ${number}`;
    const expected =
      what === 'trying'
        ? [first, `${number} true ${number}`]
        : [`${number} true ${number}`, `${number} true ${number + 1}`];
    t.true(expected.includes(found), `${found}, acknowledged ${acknowledged}`);
    const content = { revision: kept?.revision ?? 0 };
    t.deepEqual(kept?.state, { 'device.json': content, 'web/run.json': content });
    t.deepEqual(kept?.leases, [lease('web', `10.0.5.${2 + (content.revision % 200)}`)]);
  }
});

test('a database in memory works the same, and ends with the process', (t) => {
  const database = Database.open(':memory:');
  database.persist(accepted(1, { state: { a: 1 } }));
  t.deepEqual(database.load()?.state, { a: 1 });
  database.close();
  t.is(Database.open(':memory:').load(), null);
});
