import { statSync } from 'node:fs';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { Database } from '../../controller/database.ts';
import { keptContents, keptRecords, pastContentsBytes } from '../../controller/database-thinning.ts';
import type { FlatState } from '../../state/revision.ts';
import { StateTree } from '../../state/tree.ts';
import { accepted, done, failed } from './database-facts.ts';
import { directoryOf } from './source/files.ts';

/** A database whose revision n has `stateOf(n)`. */
class Filled {
  readonly path: string;
  readonly database: Database;
  readonly #stateOf: (revision: number) => FlatState;

  constructor(path: string, stateOf: (revision: number) => FlatState) {
    this.path = path;
    this.database = Database.open(path);
    this.#stateOf = stateOf;
  }

  accept(revision: number, ends: 'DONE' | 'ERROR' | null): void {
    this.database.persist(accepted(revision, { tree: StateTree.empty.replacedBy(this.#stateOf(revision)) }));
    if (ends !== null) this.database.persist(ends === 'DONE' ? done(revision) : failed(revision));
  }

  /** Numbers of revisions whose content is there, each of which is checked to be what was written. */
  readable(t: ExecutionContext, through: number): readonly number[] {
    const numbers = Array.from({ length: through }, (_, index) => index + 1).filter((revision) => {
      const state = this.database.stateOf(revision);
      if (state !== null) t.deepEqual(state, this.#stateOf(revision), `revision ${revision}`);
      return state !== null;
    });
    const kept = this.database.revisions().filter((record) => record.kept);
    t.deepEqual(
      kept.map((record) => record.revision),
      numbers,
    );
    return numbers;
  }
}

function filled(t: ExecutionContext, stateOf: (revision: number) => FlatState, path = ':memory:'): Filled {
  const database = new Filled(path, stateOf);
  t.teardown(() => database.database.close());
  return database;
}

const range = (from: number, through: number) =>
  Array.from({ length: through - from + 1 }, (_, index) => from + index);

/** One document for all time, one that changes every time, one that changes every seventh time, one that comes and goes. */
const mixed = (revision: number): FlatState => ({
  always: 1,
  seventh: Math.floor(revision / 7),
  each: revision,
  ...(revision % 3 === 0 ? { third: 'x' } : {}),
});

test(`[ROLL-6] the contents of the newest ${keptContents} revisions are kept`, (t) => {
  const store = filled(t, mixed);
  for (const revision of range(1, 120)) store.accept(revision, 'DONE');
  t.deepEqual(store.readable(t, 120), range(71, 120));
});

test('[ROLL-6] the committed revision, the one that was DONE before it, and the one on trial are never thinned', (t) => {
  const store = filled(t, mixed);
  for (const revision of range(1, 9)) store.accept(revision, 'DONE');
  for (const revision of range(10, 150)) store.accept(revision, 'ERROR');
  t.deepEqual(store.readable(t, 150), [8, 9, ...range(101, 150)]);
  store.accept(151, 'DONE');
  store.accept(152, 'ERROR');
  t.deepEqual(store.readable(t, 152), [9, ...range(103, 152)]);
  store.accept(153, 'DONE');
  store.accept(154, 'ERROR');
  t.deepEqual(store.readable(t, 154), range(105, 154));
});

test('[ROLL-5] where nothing was ever committed, the one on trial is never thinned, however many were refused since', (t) => {
  const store = filled(t, mixed);
  store.accept(1, 'ERROR');
  for (const revision of range(2, 80)) {
    const tree = StateTree.empty.replacedBy(mixed(revision));
    store.database.persist(accepted(revision, { tree, standing: 'refused' }));
  }
  t.deepEqual(store.readable(t, 80), [1, ...range(31, 80)]);
  t.is(store.database.load()?.revision, 1);
});

test('contents of the past are limited in bytes too, and the file is', async (t) => {
  const megabyte = 1024 * 1024;
  const stateOf = (revision: number) => ({ big: `${revision}`.padEnd(megabyte, 'x'), revision });
  const store = filled(t, stateOf, join(await directoryOf(t), 'holdfast.db'));
  for (const revision of range(1, 2)) store.accept(revision, 'DONE');
  for (const revision of range(3, 60)) store.accept(revision, 'ERROR');
  // One megabyte in each of the past ones, two of which are spared whatever they take.
  const past = Math.floor(pastContentsBytes / (megabyte + 200));
  t.deepEqual(store.readable(t, 60), [1, 2, ...range(60 - past + 2, 60)]);
  store.database.close();
  t.true(statSync(store.path).size < pastContentsBytes + 4 * megabyte);
});

test(`the newest ${keptRecords} revisions are remembered, and those that are spared`, (t) => {
  const store = filled(t, () => ({ always: 1 }));
  store.accept(1, 'DONE');
  for (const revision of range(2, keptRecords + 20)) {
    store.database.persist(accepted(revision, { standing: 'refused' }));
  }
  const numbers = store.database.revisions().map((record) => record.revision);
  t.deepEqual(numbers, [1, ...range(21, keptRecords + 20)]);
});
