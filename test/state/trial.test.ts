import test from 'ava';
import type { DesiredResource, Key } from '../../state/resource.ts';
import { DesiredStore } from '../../state/store.ts';
import { revisionOf, runOf } from './revisions.ts';
import { addressOf, apply, desiredOf, merging, noFacts, storeOf, tryOut } from './stores.ts';

const internal = { internal: '10.0.5.0/24' };
const inPool = { pool: 'internal' };
const two = revisionOf(internal, { a: inPool, b: inPool });

/** All that can be seen of a store. */
function seen(store: DesiredStore) {
  return {
    keys: store.keys(),
    desired: desiredOf(store),
    leases: store.leases(),
    flat: store.flat(),
    digest: store.digest,
    findings: store.findings,
  };
}

test('[ROLL-7] a trial that is reverted leaves everything as it was, down to the objects', (t) => {
  const store = storeOf(two);
  const before = seen(store);
  const trial = {
    'a/run.json': null,
    'b/run.json': { network: { static_ip: '10.0.5.9' } },
    'c/run.json': runOf('c', inPool),
  };
  const proposal = tryOut(store, merging(trial));
  t.true(store.onTrial);
  t.is(store.digest, proposal.digest);
  t.is(store.baseDigest, before.digest);
  t.not(addressOf(store, 'c'), undefined);
  const back = store.revert();
  t.false(store.onTrial);
  t.deepEqual(seen(store), before);
  t.true(desiredOf(store).every((resource, index) => resource === before.desired[index]));
  t.deepEqual(
    [...back],
    [
      ...['lease/internal/a/eth0', 'container/a', 'lease/internal/b/eth0', 'container/b'].map((key) => [
        key,
        store.desired(key as Key),
      ]),
      ...['lease/internal/c/eth0', 'container/c'].map((key) => [key, null]),
    ],
  );
});

test('[LEASE-4] while a revision is on trial, a dynamic newcomer gets no address that the trial merely dropped', (t) => {
  const store = storeOf(two);
  const proposal = tryOut(store, merging({ 'a/run.json': null, 'c/run.json': runOf('c', inPool) }));
  t.is(addressOf(store, 'c'), '10.0.5.4');
  t.like(proposal.leases, {
    held: [{ container: 'c' }],
    released: [{ container: 'a', address: '10.0.5.2' }],
  });
  store.keep();
  tryOut(store, merging({ 'd/run.json': runOf('d', inPool) }));
  t.is(addressOf(store, 'd'), '10.0.5.2');
});

test('[LEASE-4] an address that a trial dropped is given where the pool has no other, and to whoever asks for it by name', (t) => {
  const store = storeOf(revisionOf({ internal: '10.0.5.0/29' }, { a: inPool, b: inPool }));
  const wishes = ['c', 'd', 'e', 'f', 'g'].map((name) => [`${name}/run.json`, runOf(name, inPool)]);
  tryOut(store, merging({ 'a/run.json': null, ...Object.fromEntries(wishes) }));
  t.deepEqual(
    ['c', 'd', 'e', 'f', 'g'].map((name) => addressOf(store, name)),
    ['10.0.5.4', '10.0.5.5', '10.0.5.6', '10.0.5.2', null],
  );
  store.revert();
  const byName = runOf('h', { pool: 'internal', static_ip: '10.0.5.2' });
  tryOut(store, merging({ 'a/run.json': null, 'h/run.json': byName, 'i/run.json': runOf('i', inPool) }));
  t.deepEqual([addressOf(store, 'h'), addressOf(store, 'i')], ['10.0.5.2', '10.0.5.4']);
  store.revert();
  t.is(addressOf(store, 'a'), '10.0.5.2');
});

test('[ROLL-1] what a trial desires follows from the committed state and its own, not from a trial before it', (t) => {
  const store = storeOf(two);
  tryOut(store, merging({ 'a/run.json': null, 'c/run.json': runOf('c', inPool) }));
  const next = tryOut(
    store,
    merging({ 'a/run.json': two['a/run.json'] ?? null, 'd/run.json': runOf('d', inPool) }),
  );
  const direct = storeOf(two);
  tryOut(direct, { type: 'replace', state: store.flat() });
  t.deepEqual(desiredOf(store), desiredOf(direct));
  t.deepEqual(
    ['a', 'b', 'c', 'd'].map((name) => addressOf(store, name)),
    ['10.0.5.2', '10.0.5.3', '10.0.5.4', '10.0.5.5'],
  );
  t.deepEqual(
    [...next.changes.keys()],
    ['lease/internal/a/eth0', 'container/a', 'lease/internal/d/eth0', 'container/d'],
  );
});

test('[ROLL-1] a proposal during a trial is told as against what is desired now, its leases as against what is committed', (t) => {
  const store = storeOf(two);
  tryOut(store, merging({ 'c/run.json': runOf('c', inPool) }));
  const c = store.desired('container/c');
  const proposal = store.propose(merging({ 'd/run.json': runOf('d', inPool) }), noFacts);
  t.deepEqual([...proposal.changes.keys()], ['lease/internal/d/eth0', 'container/d']);
  t.deepEqual(
    proposal.leases.held.map(({ container }) => container),
    ['c', 'd'],
  );
  store.adopt(proposal);
  t.is(store.desired('container/c'), c);
  const back = store.propose({ type: 'replace', state: two }, noFacts);
  t.is(back.digest, store.baseDigest);
  t.deepEqual(
    [...back.changes],
    ['lease/internal/c/eth0', 'container/c', 'lease/internal/d/eth0', 'container/d'].map((key) => [
      key as Key,
      null,
    ]),
  );
  t.deepEqual(back.leases, { held: [], released: [] });
});

test('[REV-7] content that is on trial already changes nothing and says so', (t) => {
  const store = storeOf(two);
  tryOut(store, merging({ 'a/run.json': null }));
  const again = store.propose({ type: 'replace', state: structuredClone(store.flat()) }, noFacts);
  t.like(again, { accepted: true, unchanged: true, digest: store.digest, patch: [] });
  t.is(again.changes.size, 0);
});

test('[ROLL-1] what is proposed before something else became desired has to be proposed again', (t) => {
  const store = storeOf(two);
  const change = merging({ 'c/run.json': runOf('c', inPool) });
  const early = store.propose(change, noFacts);
  tryOut(store, merging({ 'a/run.json': null }));
  const during = store.propose(change, noFacts);
  t.throws(() => store.adopt(early), { message: /older revision/ });
  t.is(addressOf(store, 'c'), undefined);
  store.keep();
  t.throws(() => store.adopt(during), { message: /older revision/ });
  tryOut(store, merging({ 'b/run.json': null }));
  const onTrial = store.propose(change, noFacts);
  store.revert();
  t.throws(() => store.commit(onTrial), { message: /older revision/ });
});

test('[ROLL-1] only what is on trial can be kept or reverted', (t) => {
  const store = storeOf(two);
  t.false(store.onTrial);
  t.is(store.baseDigest, store.digest);
  t.throws(() => store.keep(), { message: /nothing on trial/ });
  t.throws(() => store.revert(), { message: /nothing on trial/ });
});

test('[ROLL-1] a change that is refused during a trial leaves the trial as it is', (t) => {
  const store = storeOf(two);
  tryOut(store, merging({ 'a/run.json': null }));
  const before = seen(store);
  const refused = store.propose(merging({ 'b/run.json': { 'root-volume': 7 } }), noFacts);
  t.false(refused.accepted);
  t.deepEqual(seen(store), before);
  t.true(store.onTrial);
});

test('[REV-2] a container that goes back to what is committed needs no object anew', (t) => {
  const sha256 = 'c'.repeat(64);
  const files = { 'web/run.json': runOf('web', null, { 'root-volume': 'r' }), 'web/r': sha256 };
  const store = storeOf({ ...two, ...files });
  tryOut(store, merging({ 'web/run.json': { 'root-volume': 'dir:/srv/root' }, 'a/run.json': null }));
  const lost = { texts: {}, missing: [sha256] };
  t.true(store.propose({ type: 'replace', state: { ...two, ...files } }, lost).accepted);
  store.revert();
  const other = { ...files, 'web/run.json': runOf('web', null, { 'root-volume': 'r', roles: ['nobody'] }) };
  t.false(store.propose({ type: 'replace', state: { ...two, ...other } }, lost).accepted);
});

test('[ENG-6] a trial of one container among 5,000, and its way back, touch that one alone', (t) => {
  const names = Array.from({ length: 5_000 }, (_, index) => `c${index}`);
  const store = storeOf(
    revisionOf({ internal: '10.0.0.0/16' }, Object.fromEntries(names.map((name) => [name, inPool]))),
  );
  const before = new Map(store.keys().map((key) => [key, store.desired(key)]));
  const others = () => store.keys().filter((key) => store.desired(key) !== before.get(key));
  const change = merging({ 'c77/run.json': { network: { static_ip: '10.0.200.1' } } });
  const keys: readonly Key[] = ['lease/internal/c77/eth0', 'container/c77'];
  t.deepEqual([...tryOut(store, change).changes.keys()], keys);
  t.deepEqual(others(), keys);
  const again = store.propose(merging({ 'c78/run.json': null }), noFacts);
  t.deepEqual([...again.changes.keys()], ['lease/internal/c78/eth0', 'container/c78']);
  t.deepEqual([...store.revert().keys()], keys);
  t.deepEqual(others(), []);
});

test('a commit during a trial leaves nothing of the trial', (t) => {
  const store = storeOf(two);
  tryOut(store, merging({ 'a/run.json': null, 'c/run.json': runOf('c', inPool) }));
  apply(store, { type: 'replace', state: revisionOf(internal, { b: inPool }) });
  t.false(store.onTrial);
  t.deepEqual(
    store.leases().map(({ container, address }) => [container, address]),
    [['b', '10.0.5.3']],
  );
  const all: readonly (DesiredResource | undefined)[] = desiredOf(store);
  t.deepEqual(all, desiredOf(storeOf(store.flat(), store.leases())));
});

test('a first revision may be on trial too: what is behind it is nothing', (t) => {
  const store = new DesiredStore();
  tryOut(store, { type: 'replace', state: two });
  t.is(store.revert().size, 5);
  t.deepEqual(seen(store), seen(new DesiredStore()));
});
