import test from 'ava';
import type { JsonObject } from '../../state/json.ts';
import type { DesiredResource } from '../../state/resource.ts';
import type { DesiredStore } from '../../state/store.ts';
import { revisionOf, runOf } from './revisions.ts';
import { apply, desiredOf, merging, storeOf, tryOut } from './stores.ts';

const system = { restart_policy: 'system' };
const groups = [
  { name: 'root', restart_policy: 'system' },
  { name: 'app', restart_policy: 'container' },
];

function stateOf(containers: Readonly<Record<string, JsonObject>>) {
  const runs = Object.entries(containers).map(([name, more]) => [
    `${name}/run.json`,
    runOf(name, null, more),
  ]);
  return { ...revisionOf({}), 'device.json': { groups }, ...Object.fromEntries(runs) };
}

/** What each container has of the state of the system. */
function systemOf(store: DesiredStore): ReadonlySet<string | null> {
  const containers = desiredOf(store).filter((resource) => resource?.kind === 'container');
  return new Set(containers.map((container) => (container as DesiredResource<'container'>).spec.system));
}

const another: JsonObject = { network: { mode: 'host' } };

test('[ROLL-8] where no container asks for it, there is no system transition', (t) => {
  const store = storeOf(stateOf({ a: {}, b: { group: 'app' } }));
  t.deepEqual([...systemOf(store)], [null]);
});

const asking: readonly (readonly [says: JsonObject, asks: boolean])[] = [
  [system, true],
  [{ group: 'root' }, true],
  [{ group: 'root', restart_policy: 'container' }, false],
  [{ group: 'app', restart_policy: 'system' }, true],
  [{ group: 'app' }, false],
  [{}, false],
];

for (const [says, asks] of asking) {
  test(`[ROLL-8] a change of a container that says ${JSON.stringify(says)} restarts ${asks ? 'all' : 'that one alone'}`, (t) => {
    const store = storeOf(stateOf({ a: says, b: {}, c: { group: 'app' } }));
    t.is(systemOf(store).size, 1);
    const { changes } = apply(store, merging({ 'a/run.json': another }));
    t.deepEqual([...changes.keys()], asks ? ['container/a', 'container/b', 'container/c'] : ['container/a']);
    t.is(systemOf(store).size, 1);
  });
}

test('[ROLL-8] a container that comes to the system or leaves it changes all of them, too', (t) => {
  const store = storeOf(stateOf({ a: system, b: {}, c: {} }));
  const [before] = systemOf(store);
  t.is(apply(store, merging({ 'd/run.json': runOf('d', null, system) })).changes.size, 4);
  t.is(apply(store, merging({ 'd/run.json': null })).changes.size, 4);
  t.deepEqual([...systemOf(store)], [before]);
  t.is(apply(store, merging({ 'a/run.json': { restart_policy: null } })).changes.size, 3);
  t.deepEqual([...systemOf(store)], [null]);
});

test('[ROLL-8] a group that becomes one of the system makes its containers parts of it', (t) => {
  const store = storeOf(stateOf({ a: { group: 'app' }, b: {} }));
  const all = groups.map((group) => ({ ...group, restart_policy: 'system' }));
  const { changes } = apply(store, merging({ 'device.json': { groups: all } }));
  t.deepEqual([...changes.keys()], ['container/a', 'container/b']);
  t.not([...systemOf(store)][0], null);
});

test('[ROLL-8] what of a system container is no part of its spec is no system transition', (t) => {
  const store = storeOf(stateOf({ a: system, b: {} }));
  const recovery = { auto_recovery: { policy: 'always' } };
  t.deepEqual([...apply(store, merging({ 'a/run.json': recovery })).changes.keys()], ['container/a']);
});

test('[ROLL-8] the state of the system follows from its containers, not from how they came about', (t) => {
  const store = storeOf(stateOf({ a: system, b: {}, z: system }));
  const [before] = systemOf(store);
  const other = storeOf(stateOf({ z: system, b: {} }));
  apply(other, merging({ 'a/run.json': runOf('a', null, system) }));
  t.deepEqual([...systemOf(other)], [before]);
});

test('[ROLL-8] a container that cannot have its address counts with the spec that it would have', (t) => {
  const inPool = { network: { pool: 'nowhere' } };
  const store = storeOf(stateOf({ a: { ...system, ...inPool }, b: {} }));
  t.is(store.desired('container/a')?.conflict?.code, 'UnknownPool');
  t.is(systemOf(store).size, 1);
  t.not([...systemOf(store)][0], null);
});

test('[ROLL-8] a system transition that is on trial is reverted as a whole', (t) => {
  const store = storeOf(stateOf({ a: system, b: {}, c: {} }));
  const before = store.keys().map((key) => store.desired(key));
  t.is(tryOut(store, merging({ 'a/run.json': another })).changes.size, 3);
  t.is(store.revert().size, 3);
  t.true(store.keys().every((key, index) => store.desired(key) === before[index]));
});
