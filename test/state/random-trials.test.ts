import test, { type ExecutionContext } from 'ava';
import type { DesiredResource, Key } from '../../state/resource.ts';
import type { Proposal } from '../../state/revision.ts';
import type { DesiredStore } from '../../state/store.ts';
import { randomNumbers } from './random.ts';
import { randomChange, randomState } from './random-states.ts';
import { runOf } from './revisions.ts';
import { desiredOf, merging, noFacts, storeOf } from './stores.ts';

/** What a store holds; `resources` are compared as objects. */
interface Snapshot {
  readonly flat: ReturnType<DesiredStore['flat']>;
  readonly leases: ReturnType<DesiredStore['leases']>;
  readonly findings: DesiredStore['findings'];
  readonly resources: ReadonlyMap<Key, DesiredResource | undefined>;
}

function snapshotOf(store: DesiredStore): Snapshot {
  const { findings } = store;
  const resources = new Map(store.keys().map((key) => [key, store.desired(key)]));
  return { flat: store.flat(), leases: store.leases(), findings, resources };
}

/** The very same objects, and the same of all else. */
function assertSame(t: ExecutionContext, store: DesiredStore, before: Snapshot, what: string): void {
  const now = snapshotOf(store);
  t.deepEqual(now, before, what);
  t.true(
    [...now.resources].every(([key, resource]) => before.resources.get(key) === resource),
    `${what}: another object`,
  );
}

/** What is told of a change is all of it: everything else is the same object. */
function assertTold(
  t: ExecutionContext,
  store: DesiredStore,
  before: Snapshot,
  changes: Proposal['changes'],
): void {
  const after = snapshotOf(store);
  const keys = new Set([...before.resources.keys(), ...after.resources.keys()]);
  const different = [...keys].filter((key) => before.resources.get(key) !== after.resources.get(key));
  t.deepEqual([...changes.keys()].sort(), different.sort());
  for (const [key, resource] of changes) t.is(store.desired(key) ?? null, resource);
}

/** Both give the same addresses to the same newcomers, and say the same of it. */
function assertAlike(t: ExecutionContext, store: DesiredStore, other: DesiredStore, what: string): void {
  t.deepEqual(desiredOf(store), desiredOf(other), what);
  t.deepEqual(store.leases(), other.leases(), what);
  t.deepEqual(store.findings, other.findings, what);
  t.is(store.digest, other.digest, what);
  const newcomer = { interfaces: [{ pool: 'one' }, { pool: 'two' }, { pool: 'one' }] };
  const probe = merging({
    'p/run.json': runOf('p', newcomer),
    'q/run.json': runOf('q', { pool: 'one', static_ip: '10.0.5.3' }),
  });
  const { changes, leases } = store.propose(probe, noFacts);
  const expected = other.propose(probe, noFacts);
  t.deepEqual([...changes], [...expected.changes], what);
  t.deepEqual(leases, expected.leases, what);
}

for (let seed = 1; seed <= 80; seed += 1) {
  test(`[ROLL-7] [LEASE-4] whatever is proposed, tried, kept and reverted (seed ${seed}), a store is as one made from scratch, or as it was`, (t) => {
    randomRun(t, seed);
  });
}

function randomRun(t: ExecutionContext, seed: number): void {
  const random = randomNumbers(seed);
  const store = storeOf(randomState(random));
  let base = snapshotOf(store);
  for (let round = 0; round < 16; round += 1) {
    const before = snapshotOf(store);
    const what = `round ${round}`;
    const choice = store.onTrial ? random(6) : 2 + random(4);
    if (choice === 0) {
      store.keep();
      assertSame(t, store, before, what);
      base = before;
      assertAlike(t, store, storeOf(store.flat(), store.leases()), what);
    } else if (choice === 1) {
      const back = store.revert();
      assertSame(t, store, base, what);
      assertTold(t, store, before, back);
      assertAlike(t, store, storeOf(store.flat(), store.leases()), what);
    } else {
      const proposal = store.propose(randomChange(random, store), noFacts);
      assertSame(t, store, before, `${what}: proposing changed the store`);
      t.true(proposal.accepted, `${what}: ${JSON.stringify(proposal.findings)}`);
      if (choice === 2) store.commit(proposal);
      else store.adopt(proposal);
      assertTold(t, store, before, proposal.changes);
      assertLikeFromBase(t, store, base, proposal);
      if (choice === 2) base = snapshotOf(store);
    }
  }
}

/** The same state, tried against what is committed without anything in between. */
function assertLikeFromBase(
  t: ExecutionContext,
  store: DesiredStore,
  base: Snapshot,
  { leases }: Proposal,
): void {
  const direct = storeOf(base.flat, base.leases);
  const proposal = direct.propose({ type: 'replace', state: store.flat() }, noFacts);
  direct.adopt(proposal);
  t.deepEqual(desiredOf(store), desiredOf(direct));
  t.deepEqual(store.leases(), direct.leases());
  t.deepEqual(store.findings, direct.findings);
  t.deepEqual(leases, proposal.leases);
}
