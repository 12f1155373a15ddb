import test from 'ava';
import type { Json, JsonObject } from '../../state/json.ts';
import type { ContainerSpec, Lifecycle } from '../../state/resource.ts';
import type { DesiredStore } from '../../state/store.ts';
import { deviceWith, revisionOf, runOf } from './revisions.ts';
import { apply, merging, noFacts, storeOf } from './stores.ts';

/** A revision with these groups, and containers that say so much of themselves. */
function grouped(groups: Json | null, containers: Readonly<Record<string, JsonObject>>) {
  const runs = Object.entries(containers).map(([name, more]) => [
    `${name}/run.json`,
    runOf(name, null, more),
  ]);
  const device = deviceWith({}) as JsonObject;
  return {
    ...revisionOf({}),
    'device.json': groups === null ? device : { ...device, groups },
    ...Object.fromEntries(runs),
  };
}

function lifecycleOf(store: DesiredStore, container: string): Lifecycle | undefined {
  return store.desired(`container/${container}`)?.lifecycle;
}

function goalOf(store: DesiredStore, container: string): string | undefined {
  return (store.desired(`container/${container}`)?.spec as ContainerSpec | undefined)?.goal;
}

const data = { name: 'data', status_goal: 'MOUNTED', timeout: 0.5 };
const app = { name: 'app', status_goal: 'READY', auto_recovery: { policy: 'always' } };
const groups = [data, app];

test('[CTR-6] groups are resources in the order of device.json, each with its place and its time', (t) => {
  const store = storeOf(grouped(groups, { web: { group: 'app' } }));
  t.deepEqual(store.keys(), ['group/data', 'group/app', 'container/web']);
  t.like(store.desired('group/data'), {
    kind: 'group',
    spec: { name: 'data', rank: 0, timeoutMs: 500 },
    dependsOn: [],
    pointers: ['/device.json/groups/0'],
  });
  t.like(store.desired('group/app'), {
    spec: { name: 'app', rank: 1, timeoutMs: 30_000 },
    pointers: ['/device.json/groups/1'],
  });
  t.is(store.desired('group/app')?.lifecycle, undefined);
});

const placements: readonly (readonly [says: JsonObject, goal: string, group: string | null, rank: number])[] =
  [
    [{}, 'STARTED', null, 2],
    [{ status_goal: 'READY' }, 'READY', null, 2],
    [{ status_goal: 'MOUNTED' }, 'MOUNTED', null, 2],
    [{ group: 'data' }, 'MOUNTED', 'data', 0],
    [{ group: 'data', status_goal: 'STARTED' }, 'STARTED', 'data', 0],
    [{ group: 'app' }, 'READY', 'app', 1],
  ];

for (const [says, goal, group, rank] of placements) {
  test(`[CTR-6] a container that says ${JSON.stringify(says)} is to be ${goal}, at place ${rank}`, (t) => {
    const store = storeOf(grouped(groups, { web: says }));
    t.is(goalOf(store, 'web'), goal);
    t.like(lifecycleOf(store, 'web'), { group, rank });
  });
}

test('[CTR-8] a container is restarted as it says itself and as its group says beside that', (t) => {
  const own = { group: 'app', auto_recovery: { max_retries: 3 } };
  const store = storeOf(grouped(groups, { web: own, api: { group: 'app' }, db: {} }));
  t.like(lifecycleOf(store, 'web')?.recovery, { policy: 'always', maxRetries: 3 });
  t.like(lifecycleOf(store, 'api')?.recovery, { policy: 'always', maxRetries: null });
  t.is(lifecycleOf(store, 'db')?.recovery, null);
});

test('[CTR-7] another group, place or recovery is told and restarts nothing; another goal is another spec', (t) => {
  const store = storeOf(grouped(groups, { web: { group: 'app' }, db: {} }));
  const before = { web: store.desired('container/web')?.digest, db: store.desired('container/db')?.digest };
  const more = [{ name: 'first' }, data, { ...app, auto_recovery: { policy: 'no' } }];
  const moved = apply(store, merging({ 'device.json': { groups: more } as JsonObject }));
  t.deepEqual(
    [...moved.changes.keys()],
    ['group/first', 'group/data', 'group/app', 'container/web', 'container/db'],
  );
  t.like(lifecycleOf(store, 'web'), { rank: 2, recovery: { policy: 'no' } });
  t.is(lifecycleOf(store, 'db')?.rank, 3);
  t.is(store.desired('container/web')?.digest, before.web);
  t.is(store.desired('container/db')?.digest, before.db);
  const started = more.map((group) => ({ ...group, status_goal: 'STARTED' }));
  apply(store, merging({ 'device.json': { groups: started } as JsonObject }));
  t.not(store.desired('container/web')?.digest, before.web);
  t.is(store.desired('container/db')?.digest, before.db);
});

test('[ENG-6] a group that changes concerns its own containers alone', (t) => {
  const store = storeOf(grouped(groups, { web: { group: 'app' }, disk: { group: 'data' }, db: {} }));
  const other = [data, { ...app, timeout: 7, auto_recovery: { policy: 'on-failure' } }];
  const proposal = store.propose(merging({ 'device.json': { groups: other } as JsonObject }), noFacts);
  t.deepEqual([...proposal.changes.keys()], ['group/app', 'container/web']);
});

test('[CTR-6] [REV-6] a group that the device does not have is an error; where it has none at all, a warning', (t) => {
  const store = storeOf(grouped(groups, { web: { group: 'app' } }));
  const renamed = store.propose(merging({ 'device.json': { groups: [{ name: 'apps' }] } }), noFacts);
  t.like(renamed, {
    accepted: false,
    findings: [
      {
        severity: 'error',
        code: 'GroupUnknown',
        pointer: '/web~1run.json/group',
        found: 'app',
        hint: "did you mean 'apps'?",
      },
    ],
  });
  const without = apply(store, merging({ 'device.json': { groups: null } }));
  t.like(without.findings, [
    { severity: 'warning', code: 'GroupNotDefined', pointer: '/web~1run.json/group' },
  ]);
  t.like(lifecycleOf(store, 'web'), { group: null, rank: 0 });
  t.deepEqual(store.keys(), ['container/web']);
  apply(store, merging({ 'device.json': { groups } }));
  t.deepEqual(store.findings, []);
  t.like(lifecycleOf(store, 'web'), { group: 'app', rank: 1 });
});
