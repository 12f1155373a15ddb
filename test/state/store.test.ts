import test, { type ExecutionContext } from 'ava';
import type { Finding } from '../../state/finding.ts';
import type { Json } from '../../state/json.ts';
import type { ContainerNetwork, ContainerSpec, Key } from '../../state/resource.ts';
import type { FlatState, StateChange } from '../../state/revision.ts';
import { DesiredStore } from '../../state/store.ts';
import { randomNumbers } from './random.ts';
import { randomChange, randomState } from './random-states.ts';
import { deviceWith, revisionOf, runOf } from './revisions.ts';
import { addressOf, apply, desiredOf, merging, noFacts, storeOf } from './stores.ts';

function networkOf(store: DesiredStore, container: string): ContainerNetwork | undefined {
  return (store.desired(`container/${container}`)?.spec as ContainerSpec | undefined)?.network;
}

const seed004 = revisionOf(
  { internal: { type: 'bridge', bridge: 'pvbr0', subnet: '10.0.5.0/24', gateway: '10.0.5.1', nat: true } },
  { server: { pool: 'internal', hostname: 'server' }, client: { pool: 'internal', hostname: 'client' } },
);

test('[LEASE-1] the example of two containers gives the server 10.0.5.2 and the client 10.0.5.3', (t) => {
  const store = storeOf(seed004);
  t.deepEqual(store.keys(), [
    'pool/internal',
    'lease/internal/server/eth0',
    'container/server',
    'lease/internal/client/eth0',
    'container/client',
  ]);
  t.deepEqual(store.leases(), [
    { pool: 'internal', container: 'server', interface: 'eth0', address: '10.0.5.2' },
    { pool: 'internal', container: 'client', interface: 'eth0', address: '10.0.5.3' },
  ]);
});

test('[CTR-3] a container on a bridge is resolved down to link, address, prefix, gateway and MAC', (t) => {
  const store = storeOf(seed004);
  const server = store.desired('container/server');
  t.deepEqual(networkOf(store, 'server'), {
    mode: 'pool',
    interfaces: [
      {
        name: 'eth0',
        pool: 'internal',
        type: 'veth',
        link: 'pvbr0',
        address: '10.0.5.2',
        prefix: 24,
        gateway: '10.0.5.1',
        mac: '02:00:0a:00:05:02',
      },
    ],
  });
  t.deepEqual(server?.dependsOn, ['pool/internal', 'lease/internal/server/eth0']);
  t.deepEqual(server?.pointers, ['/server~1run.json']);
});

test('[POOL-10] a revision without pools wants no pool and no lease', (t) => {
  const store = storeOf(revisionOf({}, { web: null, db: { mode: 'host' } }));
  t.deepEqual(store.keys(), ['container/web', 'container/db']);
  t.deepEqual(storeOf({}).keys(), []);
});

test('[REV-7] content that is current already changes nothing and says so', (t) => {
  const store = storeOf(seed004);
  const before = desiredOf(store);
  const again = apply(store, { type: 'replace', state: structuredClone(seed004) });
  t.like(again, { accepted: true, unchanged: true, digest: store.digest, patch: [] });
  t.is(again.changes.size, 0);
  t.deepEqual(again.leases, { held: [], released: [] });
  t.true(desiredOf(store).every((resource, index) => resource === before[index]));
  t.true(store.propose(merging({}), noFacts).unchanged);
});

test('[REV-7] the digest of a proposal is the one that the store has once it is committed', (t) => {
  const store = storeOf(seed004);
  const proposal = store.propose(merging({ 'client/run.json': null }), noFacts);
  t.not(proposal.digest, store.digest);
  store.commit(proposal);
  t.is(store.digest, proposal.digest);
  t.is(store.digest, storeOf(store.flat()).digest);
});

test('[REV-3] an RFC 6902 patch changes the current revision, and the record of it says the same', (t) => {
  const store = storeOf(seed004);
  const path = '/client~1run.json/network/static_ip';
  const proposal = apply(store, { type: 'patch', operations: [{ op: 'add', path, value: '10.0.5.99' }] });
  t.is(addressOf(store, 'client'), '10.0.5.99');
  t.deepEqual(proposal.patch, [{ op: 'add', path, value: '10.0.5.99' }]);
  t.deepEqual([...proposal.changes.keys()], ['lease/internal/client/eth0', 'container/client']);
});

test('[REV-3] a patch that fails is refused with its place, and touches nothing', (t) => {
  const store = storeOf(seed004);
  const { digest } = store;
  const operations = [{ op: 'remove', path: '/nobody~1run.json' }] as const;
  const proposal = store.propose({ type: 'patch', operations }, noFacts);
  t.like(proposal, { accepted: false, findings: [{ code: 'PatchFailed', pointer: '/nobody~1run.json' }] });
  t.is(proposal.changes.size, 0);
  t.throws(() => store.commit(proposal), { message: /not accepted/ });
  t.is(store.digest, digest);
});

test('[REV-6] findings of all documents come at once, in the order of the revision, and nothing is changed', (t) => {
  const store = storeOf(seed004);
  const state = {
    ...revisionOf({ internal: '10.0.5.0/99' }, { a: { pool: 'internal', hostname: 7 }, b: null }),
    'b/run.json': { ...(runOf('c', null) as object) },
  };
  const proposal = store.propose({ type: 'replace', state }, noFacts);
  t.false(proposal.accepted);
  const places = proposal.findings.map((finding: Finding) => finding.pointer.split('/')[1]);
  t.deepEqual([...new Set(places)], ['device.json', 'a~1run.json', 'b~1run.json']);
  t.deepEqual(store.flat(), seed004);
});

test('[REV-8] what is no state at all is refused', (t) => {
  for (const state of [null, 7, 'x', []] as unknown as FlatState[]) {
    t.like(new DesiredStore().propose({ type: 'replace', state }, noFacts), { accepted: false });
  }
});

test('[REV-8] documents that a patch makes are held to the same limits as those of a whole revision', (t) => {
  const store = storeOf(seed004);
  const hostile = JSON.parse('{"server/run.json": {"__proto__": {"a": 1}}}') as Json;
  t.like(store.propose({ type: 'merge', patch: hostile }, noFacts).findings, [{ code: 'HostileName' }]);
  t.like(store.propose(merging({ 'a/../b': 1 }), noFacts).findings, [{ code: 'PathRefused' }]);
});

test('[LEASE-5] a container that cannot have its address is blocked, by its lease and by itself, and the holder runs on', (t) => {
  const address = { pool: 'internal', static_ip: '10.0.3.50' };
  const store = storeOf(revisionOf({ internal: '10.0.3.0/24' }, { valid: address, collision: address }));
  const message =
    'failed to reserve static IP 10.0.3.50 (already in use or outside subnet), refusing to start';
  const holder: Key = 'lease/internal/valid/eth0';
  t.deepEqual(store.desired('lease/internal/collision/eth0')?.conflict, {
    code: 'AddressTaken',
    message,
    holder,
  });
  t.deepEqual(store.desired('container/collision')?.conflict, {
    code: 'AddressTaken',
    message: `container 'collision', interface 'eth0': ${message}`,
    holder,
  });
  t.is(store.desired('container/valid')?.conflict, undefined);
  t.deepEqual(networkOf(store, 'collision'), {
    mode: 'pool',
    interfaces: [],
  });
});

test('[ENG-8] an unknown pool is a conflict of its container, not an error of the revision, and ends when the pool comes', (t) => {
  const store = storeOf(revisionOf({}, { web: { pool: 'internal' }, other: null }));
  t.deepEqual(store.desired('lease/internal/web/eth0')?.conflict, {
    code: 'UnknownPool',
    message: "references unknown pool 'internal'",
  });
  t.like(store.desired('container/web'), {
    conflict: {
      code: 'UnknownPool',
      message: "container 'web', interface 'eth0': references unknown pool 'internal'",
    },
    dependsOn: ['lease/internal/web/eth0'],
  });
  t.is(store.desired('container/other')?.conflict, undefined);
  const proposal = apply(store, merging({ 'device.json': deviceWith({ internal: '10.0.5.0/24' }) }));
  t.deepEqual([...proposal.changes.keys()], ['pool/internal', 'lease/internal/web/eth0', 'container/web']);
  t.is(store.desired('container/web')?.conflict, undefined);
  t.deepEqual(store.desired('container/web')?.dependsOn, ['pool/internal', 'lease/internal/web/eth0']);
});

test('[LEASE-6] an address in a container’s own LXC configuration is given to nobody else', (t) => {
  const sha256 = 'a'.repeat(64);
  const store = new DesiredStore();
  const state = {
    ...revisionOf({ internal: '10.0.5.0/24' }, { web: { pool: 'internal' } }),
    'baked/run.json': runOf('baked', null, { config: 'lxc.container.conf' }),
    'baked/lxc.container.conf': sha256,
  };
  const text = [
    'lxc.net.0.type = veth',
    'lxc.net.0.link = lxcbr0',
    'lxc.net.0.ipv4.address = 10.0.5.2/24',
  ].join('\n');
  const draft = store.draft({ type: 'replace', state });
  t.deepEqual(draft.objects, [{ sha256, pointer: '/baked~1lxc.container.conf', text: true }]);
  const proposal = store.propose(draft, { texts: { [sha256]: text }, missing: [] });
  t.true(proposal.accepted, JSON.stringify(proposal.findings));
  store.commit(proposal);
  t.is(addressOf(store, 'web'), '10.0.5.3');
});

test('[REV-2] an object that is not in the store is an error at the place that names it', (t) => {
  const sha256 = 'b'.repeat(64);
  const state = {
    ...revisionOf({}, { web: null }),
    'web/run.json': runOf('web', null, { 'root-volume': 'root.squashfs' }),
    'web/root.squashfs': sha256,
  };
  const store = new DesiredStore();
  const change: StateChange = { type: 'replace', state };
  const refused = store.propose(change, { texts: {}, missing: [sha256] });
  t.like(refused, {
    accepted: false,
    findings: [{ severity: 'error', code: 'ObjectMissing', pointer: '/web~1root.squashfs', found: sha256 }],
  });
  t.true(store.propose(change, noFacts).accepted);
});

test('[LEASE-7] a container that changes keeps its address, static or not', (t) => {
  const store = storeOf(
    revisionOf(
      { internal: '10.0.5.0/24' },
      { a: { pool: 'internal' }, b: { pool: 'internal', static_ip: '10.0.5.9' } },
    ),
  );
  const proposal = apply(
    store,
    merging({
      'a/run.json': { network: { hostname: 'new-a' } },
      'b/run.json': { network: { hostname: 'new-b' } },
    }),
  );
  t.deepEqual([addressOf(store, 'a'), addressOf(store, 'b')], ['10.0.5.2', '10.0.5.9']);
  t.deepEqual(proposal.leases, { held: [], released: [] });
  t.like(store.desired('lease/internal/a/eth0'), { spec: { names: ['a', 'new-a'] } });
});

test('[CTR-7] a container whose resolved spec is the same is the same object after the change', (t) => {
  const store = storeOf(seed004);
  const server = store.desired('container/server');
  const proposal = apply(store, merging({ 'client/run.json': { network: { hostname: 'other' } } }));
  t.is(store.desired('container/server'), server);
  t.deepEqual([...proposal.changes.keys()], ['lease/internal/client/eth0', 'container/client']);
  const noted = apply(store, merging({ 'server/services.json': [] }));
  t.false(noted.unchanged);
  t.is(noted.changes.size, 0);
});

test('[CTR-7] a pool that gets masquerading changes no container of it; a new gateway changes all of them', (t) => {
  const store = storeOf(revisionOf({ internal: '10.0.5.0/24' }, { a: { pool: 'internal' }, b: null }));
  const nat = apply(store, merging({ 'device.json': { network: { pools: { internal: { nat: true } } } } }));
  t.deepEqual([...nat.changes.keys()], ['pool/internal']);
  const gateway = { network: { pools: { internal: { gateway: '10.0.5.254' } } } };
  const moved = apply(store, merging({ 'device.json': gateway }));
  t.deepEqual([...moved.changes.keys()], ['pool/internal', 'container/a']);
});

test('a restarted controller gives every container the address that it had', (t) => {
  const first = storeOf(seed004);
  apply(first, merging({ 'server/run.json': null }));
  apply(first, merging({ 'server/run.json': seed004['server/run.json'] ?? null }));
  const leases = first.leases();
  t.is(addressOf(first, 'client'), '10.0.5.3');
  const second = storeOf({ ...first.flat(), 'a/run.json': runOf('a', { pool: 'internal' }) }, leases);
  t.deepEqual(second.leases().slice(0, 2), leases);
  t.is(addressOf(second, 'a'), '10.0.5.4');
});

test('what a container gives up is released, and desired no more', (t) => {
  const store = storeOf(seed004);
  const proposal = apply(store, merging({ 'server/run.json': null, 'device.json': null }));
  t.is(proposal.changes.get('lease/internal/server/eth0'), null);
  t.is(proposal.changes.get('container/server'), null);
  t.is(proposal.changes.get('pool/internal'), null);
  t.is(proposal.leases.released.length, 2);
  t.deepEqual(store.keys(), ['lease/internal/client/eth0', 'container/client']);
});

test('only the first interface of a container carries the gateway', (t) => {
  const interfaces = [{ pool: 'internal' }, { pool: 'dmz', name: 'wan' }];
  const store = storeOf(
    revisionOf(
      {
        internal: '10.0.5.0/24',
        dmz: { type: 'macvlan', parent: 'eth9', subnet: '10.0.6.0/24', gateway: '10.0.6.1' },
      },
      { web: { interfaces } },
    ),
  );
  t.like(networkOf(store, 'web'), {
    interfaces: [
      { name: 'eth0', type: 'veth', gateway: '10.0.5.1' },
      { name: 'wan', type: 'macvlan', link: 'eth9', gateway: null, address: '10.0.6.2' },
    ],
  });
});

test('two containers of one pool that go by one name are warned of, as long as they do', (t) => {
  const wish = { pool: 'internal', hostname: 'api' };
  const store = storeOf(
    revisionOf({ internal: '10.0.5.0/24' }, { a: wish, b: wish, c: { pool: 'internal' } }),
  );
  const shared = () => store.findings.filter((finding) => finding.code === 'HostnameShared');
  t.like(shared(), [{ severity: 'warning', pointer: '/b~1run.json' }]);
  apply(store, merging({ 'a/run.json': { network: { hostname: 'C' } } }));
  t.like(shared(), [{ severity: 'warning', pointer: '/c~1run.json', found: 'c' }]);
  apply(store, merging({ 'c/run.json': null }));
  t.deepEqual(shared(), []);
});

test('a proposal changes nothing, however often it is made, until it is committed', (t) => {
  const store = storeOf(seed004);
  const before = {
    desired: desiredOf(store),
    leases: store.leases(),
    flat: store.flat(),
    digest: store.digest,
  };
  const change = merging({ 'new/run.json': runOf('new', { pool: 'internal' }), 'server/run.json': null });
  const one = store.propose(change, noFacts);
  const other = store.propose(store.draft(change), noFacts);
  t.deepEqual(other, one);
  t.deepEqual(
    { desired: desiredOf(store), leases: store.leases(), flat: store.flat(), digest: store.digest },
    before,
  );
  store.commit(one);
  t.throws(() => store.commit(other), { message: /older revision/ });
  t.is(addressOf(store, 'new'), '10.0.5.4');
});

test('a draft of an older revision is drafted again against the current one', (t) => {
  const store = storeOf(seed004);
  const draft = store.draft(merging({ 'client/run.json': null }));
  apply(store, merging({ 'server/run.json': null }));
  store.commit(store.propose(draft, noFacts));
  t.deepEqual(store.keys(), ['pool/internal']);
});

test('[ENG-6] one container’s address among 5,000 changes its lease and itself, and no other object', (t) => {
  const names = Array.from({ length: 5_000 }, (_, index) => `c${index}`);
  const wishes = Object.fromEntries(names.map((name) => [name, { pool: 'internal' }]));
  const store = storeOf(revisionOf({ internal: '10.0.0.0/16' }, wishes));
  const before = new Map(store.keys().map((key) => [key, store.desired(key)]));
  const path = '/c77~1run.json/network/static_ip';
  const proposal = apply(store, { type: 'patch', operations: [{ op: 'add', path, value: '10.0.200.1' }] });
  t.deepEqual([...proposal.changes.keys()], ['lease/internal/c77/eth0', 'container/c77']);
  const moved = store.keys().filter((key) => store.desired(key) !== before.get(key));
  t.deepEqual(moved, ['lease/internal/c77/eth0', 'container/c77']);
  t.is(before.size, 10_001);
});

for (let seed = 1; seed <= 60; seed += 1) {
  test(`[ENG-6] after random changes (seed ${seed}) all is as if compiled at once with the same leases held`, (t) => {
    randomRun(t, seed);
  });
}

function randomRun(t: ExecutionContext, seed: number): void {
  const random = randomNumbers(seed);
  const store = storeOf(randomState(random));
  for (let round = 0; round < 12; round += 1) {
    const change = randomChange(random, store);
    const before = desiredOf(store);
    const leases = store.leases();
    const proposal = store.propose(change, noFacts);
    t.deepEqual(
      [desiredOf(store), store.leases()],
      [before, leases],
      `round ${round}: proposing changed the store`,
    );
    if (!proposal.accepted) t.fail(`round ${round}: ${JSON.stringify(proposal.findings)}`);
    store.commit(proposal);
    const anew = storeOf(store.flat(), store.leases());
    t.deepEqual(desiredOf(store), desiredOf(anew), `round ${round}: ${JSON.stringify(change)}`);
    t.deepEqual(store.findings, anew.findings, `round ${round}`);
    t.is(store.digest, anew.digest);
  }
}
