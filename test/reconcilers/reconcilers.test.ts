import test from 'ava';
import { plan } from '../../reconcilers/index.ts';
import type { View } from '../../reconcilers/reconciler.ts';
import type {
  ContainerSpec,
  GroupSpec,
  Key,
  LeaseSpec,
  ListenerSpec,
  PoolSpec,
  Recovery,
  RouteSpec,
} from '../../state/resource.ts';
import { type Scene, see, short, view, want } from './scene.ts';

const pool: PoolSpec = {
  type: 'bridge',
  name: 'lan',
  bridge: 'pvbr0',
  subnet: '10.0.5.0/24',
  gateway: '10.0.5.1',
  nat: false,
  isolated: true,
};
const lease: LeaseSpec = {
  pool: 'lan',
  container: 'web',
  interface: 'eth0',
  address: '10.0.5.2',
  static: false,
  prefix: 24,
  mac: '02:00:0a:00:05:02',
  names: ['web'],
};
const container: ContainerSpec = {
  name: 'web',
  hostname: 'web',
  root: { type: 'directory', path: '/srv/root' },
  persistence: 'boot',
  network: {
    mode: 'pool',
    interfaces: [
      {
        name: 'eth0',
        pool: 'lan',
        type: 'veth',
        link: 'pvbr0',
        address: '10.0.5.2',
        prefix: 24,
        gateway: '10.0.5.1',
        mac: '02:00:0a:00:05:02',
      },
    ],
  },
  config: [],
  files: [],
  goal: 'STARTED',
  system: null,
};

const running = { running: true, pid: 7, ready: false, exit: null };
const halted = { running: false, pid: null, ready: false, exit: null };

const P: Key = 'pool/lan';
const L: Key = 'lease/lan/web/eth0';
const C: Key = 'container/web';
const moved: PoolSpec = { ...pool, bridge: 'pvbr1' };
const grown: PoolSpec = { ...pool, subnet: '10.0.4.0/23' };
const other: LeaseSpec = { ...lease, address: '10.0.5.3' };
const renamed: ContainerSpec = { ...container, hostname: 'www' };
const stopped = see(C, container, { drift: ['not running'], facts: halted });
const conflict = { code: 'AddressTaken', message: 'taken' };

const LISTENER: Key = 'listener/:80';
const link = { bridge: 'pvbr0', subnet: '10.0.5.0/24' };
const route: RouteSpec = {
  rule: 'site',
  host: null,
  path: '',
  keepPrefix: false,
  provider: 'web',
  service: 'site',
  backend: { type: 'address', address: '10.0.5.2', port: 80, link },
};
const tcp: ListenerSpec = { type: 'tcp', addresses: ['0.0.0.0', '::'], port: 80, routes: [route] };
const elsewhere: ListenerSpec = { ...tcp, routes: [{ ...route, provider: 'db' }] };
const toNothing: ListenerSpec = { ...tcp, routes: [{ ...route, backend: null }] };
const half: ListenerSpec = { ...tcp, type: 'http', routes: [route, { ...route, path: '/x', backend: null }] };
const unresolved = { code: 'ServiceNotFound', message: 'nothing', tolerated: true } as const;
const onPool = { dependsOn: [P] };

/** Title, key, scene, and the plan in short: `action`, `wait keys`, `blocked`, `settled`. */
const table: readonly (readonly [string, Key, Scene, string])[] = [
  [
    '[ING-10] a listener is made whether its provider runs or not',
    LISTENER,
    {
      desired: { [LISTENER]: want(LISTENER, tcp, onPool), [P]: want(P, pool) },
      observed: { [P]: see(P, pool) },
    },
    'listener.ensure',
  ],
  [
    'a listener waits for the pools that it leads into',
    LISTENER,
    { desired: { [LISTENER]: want(LISTENER, tcp, onPool), [P]: want(P, pool) } },
    `wait ${P}`,
  ],
  [
    'a listener as desired is settled',
    LISTENER,
    { desired: { [LISTENER]: want(LISTENER, tcp) }, observed: { [LISTENER]: see(LISTENER, tcp) } },
    'settled',
  ],
  [
    '[ENG-2] a listener that drifted is made again',
    LISTENER,
    {
      desired: { [LISTENER]: want(LISTENER, tcp) },
      observed: { [LISTENER]: see(LISTENER, tcp, { drift: ['nothing listens'] }) },
    },
    'listener.ensure',
  ],
  [
    '[ING-10] a listener with other routes is changed in place',
    LISTENER,
    { desired: { [LISTENER]: want(LISTENER, elsewhere) }, observed: { [LISTENER]: see(LISTENER, tcp) } },
    'listener.ensure',
  ],
  [
    'a listener that nobody wants goes at once',
    LISTENER,
    { observed: { [LISTENER]: see(LISTENER, tcp) } },
    'listener.remove',
  ],
  [
    '[ENG-3] a listener at an address that another one holds waits for that one to let go',
    LISTENER,
    {
      desired: { [LISTENER]: want(LISTENER, tcp) },
      observed: { 'listener/0.0.0.0:80': see('listener/0.0.0.0:80', { ...tcp, addresses: ['0.0.0.0'] }) },
    },
    'wait listener/0.0.0.0:80',
  ],
  [
    '[ING-4] tcp that leads to nothing is not made',
    LISTENER,
    { desired: { [LISTENER]: want(LISTENER, toNothing, { conflict: unresolved }) } },
    'blocked ServiceNotFound',
  ],
  [
    '[ING-4] tcp that leads to nothing any more is removed',
    LISTENER,
    {
      desired: { [LISTENER]: want(LISTENER, toNothing, { conflict: unresolved }) },
      observed: { [LISTENER]: see(LISTENER, tcp) },
    },
    'listener.remove',
  ],
  [
    '[ING-4] http of which one rule leads to nothing is made for the others',
    LISTENER,
    { desired: { [LISTENER]: want(LISTENER, half, { conflict: unresolved }) } },
    'listener.ensure',
  ],
  [
    '[ING-4] http of which one rule leads to nothing says so when the others serve',
    LISTENER,
    {
      desired: { [LISTENER]: want(LISTENER, half, { conflict: unresolved }) },
      observed: { [LISTENER]: see(LISTENER, half) },
    },
    'blocked ServiceNotFound',
  ],
  ['a pool that is not there is ensured', P, { desired: { [P]: want(P, pool) } }, 'pool.ensure'],
  [
    'a pool as desired is settled',
    P,
    { desired: { [P]: want(P, pool) }, observed: { [P]: see(P, pool) } },
    'settled',
  ],
  [
    'a pool that drifted is ensured again',
    P,
    {
      desired: { [P]: want(P, pool) },
      observed: { [P]: see(P, pool, { drift: ['bridge pvbr0 is missing'] }) },
    },
    'pool.ensure',
  ],
  [
    'a pool with another subnet is changed in place under its containers',
    P,
    { desired: { [P]: want(P, grown) }, observed: { [P]: see(P, pool), [C]: see(C, container) } },
    'pool.ensure',
  ],
  [
    'a pool with another bridge waits for the containers on the old one, not for their leases',
    P,
    {
      desired: { [P]: want(P, moved) },
      observed: { [P]: see(P, pool), [L]: see(L, lease), [C]: see(C, container) },
    },
    `wait ${C}`,
  ],
  [
    'a pool with another bridge is removed when nothing runs on the old one',
    P,
    { desired: { [P]: want(P, moved) }, observed: { [P]: see(P, pool), [L]: see(L, lease), [C]: stopped } },
    'pool.remove',
  ],
  [
    'a pool waits for the pool that holds its bridge',
    P,
    { desired: { [P]: want(P, pool) }, observed: { 'pool/old': see('pool/old', { ...pool, name: 'old' }) } },
    'wait pool/old',
  ],
  [
    'an unwanted pool waits for what stands on it',
    P,
    { observed: { [P]: see(P, pool), [L]: see(L, lease) } },
    `wait ${L}`,
  ],
  [
    'a lease with a conflict leaves its address to a container that runs with it',
    L,
    {
      desired: { [L]: want(L, other, { conflict }) },
      observed: { [L]: see(L, lease), [C]: see(C, container) },
    },
    'blocked AddressTaken',
  ],
  [
    'a lease with a conflict lets go of an address that nothing runs with',
    L,
    { desired: { [L]: want(L, other, { conflict }) }, observed: { [L]: see(L, lease), [C]: stopped } },
    'lease.release',
  ],
  ['an unwanted pool with nothing on it goes', P, { observed: { [P]: see(P, pool) } }, 'pool.remove'],
  ['an unwanted pool that is not there is settled', P, {}, 'settled'],
  [
    'a lease waits for its pool',
    L,
    { desired: { [P]: want(P, pool), [L]: want(L, lease, { dependsOn: [P] }) } },
    `wait ${P}`,
  ],
  [
    'a lease is reserved on a pool that holds',
    L,
    {
      desired: { [P]: want(P, pool), [L]: want(L, lease, { dependsOn: [P] }) },
      observed: { [P]: see(P, pool) },
    },
    'lease.reserve',
  ],
  [
    'a lease waits for who holds its address',
    L,
    {
      desired: { [L]: want(L, lease) },
      observed: { 'lease/lan/db/eth0': see('lease/lan/db/eth0', { ...lease, container: 'db' }) },
    },
    'wait lease/lan/db/eth0',
  ],
  [
    'a lease of which only the names changed is reserved in place under its container',
    L,
    {
      desired: { [L]: want(L, { ...lease, names: ['www'] }) },
      observed: { [L]: see(L, lease), [C]: see(C, container) },
    },
    'lease.reserve',
  ],
  [
    'a lease that changed is not taken from a running container',
    L,
    { desired: { [L]: want(L, other) }, observed: { [L]: see(L, lease), [C]: see(C, container) } },
    `wait ${C}`,
  ],
  [
    'a lease that changed is released when its container has stopped',
    L,
    { desired: { [L]: want(L, other) }, observed: { [L]: see(L, lease), [C]: stopped } },
    'lease.release',
  ],
  [
    'a lease with a conflict is blocked',
    L,
    { desired: { [L]: want(L, lease, { conflict }) } },
    'blocked AddressTaken',
  ],
  ['an unwanted lease is released', L, { observed: { [L]: see(L, lease) } }, 'lease.release'],
  [
    'a container waits for what it stands on',
    C,
    {
      desired: { [P]: want(P, pool), [C]: want(C, container, { dependsOn: [P, L] }) },
      observed: { [P]: see(P, pool) },
    },
    `wait ${L}`,
  ],
  [
    'a container that is not there is started',
    C,
    { desired: { [C]: want(C, container) } },
    'container.start',
  ],
  [
    'a container that was killed is started',
    C,
    { desired: { [C]: want(C, container) }, observed: { [C]: stopped } },
    'container.start',
  ],
  [
    'a container with another spec is stopped first',
    C,
    { desired: { [C]: want(C, renamed) }, observed: { [C]: see(C, container) } },
    'container.stop',
  ],
  [
    'a running container is not stopped for a spec that has a conflict',
    C,
    { desired: { [C]: want(C, renamed, { conflict }) }, observed: { [C]: see(C, container) } },
    'blocked AddressTaken',
  ],
  [
    'a running container is not stopped for a dependency that has a conflict',
    C,
    {
      desired: { [L]: want(L, other, { conflict }), [C]: want(C, renamed, { dependsOn: [L] }) },
      observed: { [C]: see(C, container) },
    },
    'blocked AddressTaken',
  ],
  ['an unwanted container is stopped', C, { observed: { [C]: see(C, container) } }, 'container.stop'],
  [
    'an unwanted container that has stopped is removed',
    C,
    { observed: { [C]: stopped } },
    'container.remove',
  ],
];

const G: Key = 'group/base';
const A: Key = 'container/app';
const group: GroupSpec = { name: 'base', rank: 0, timeoutMs: 30_000 };
const app: ContainerSpec = { ...container, name: 'app', network: { mode: 'none' } };
const patient: ContainerSpec = { ...container, goal: 'READY' };
const inBase = { lifecycle: { group: 'base', rank: 0, recovery: null } };
const inNone = { lifecycle: { group: null, rank: 1, recovery: null } };
const recovering = (policy: Recovery['policy'], code: number | null) => {
  const recovery = {
    policy,
    maxRetries: null,
    retryDelayMs: 0,
    backoffFactor: 1,
    resetWindowMs: 0,
    stableTimeoutMs: 0,
  };
  const exit = { code, signal: null, at: 1 };
  return {
    desired: { [C]: want(C, container, { lifecycle: { group: null, rank: 0, recovery } }) },
    observed: { [C]: see(C, container, { drift: ['not running'], facts: { ...halted, exit } }) },
  };
};

/** As the table above; each with the rule that it is about. */
const lifecycles: readonly (readonly [string, string, Key, Scene, string])[] = [
  [
    'CTR-6',
    'a group waits for those of its containers that have not reached their goal',
    G,
    { desired: { [G]: want(G, group), [C]: want(C, container, inBase), [A]: want(A, app, inNone) } },
    `wait ${C}`,
  ],
  [
    'CTR-6',
    'a group whose containers run is reached',
    G,
    {
      desired: { [G]: want(G, group), [C]: want(C, container, inBase) },
      observed: { [C]: see(C, container) },
    },
    'settled',
  ],
  ['CTR-6', 'a group without containers is reached', G, { desired: { [G]: want(G, group) } }, 'settled'],
  [
    'CTR-6',
    'a container waits for the group before its own',
    A,
    { desired: { [G]: want(G, group), [C]: want(C, container, inBase), [A]: want(A, app, inNone) } },
    `wait ${G}`,
  ],
  [
    'CTR-6',
    'a container starts when the group before its own is reached',
    A,
    {
      desired: { [G]: want(G, group), [C]: want(C, container, inBase), [A]: want(A, app, inNone) },
      observed: { [C]: see(C, container) },
    },
    'container.start',
  ],
  [
    'ROLL-5',
    'a container does not wait for one in the group before that can not be made',
    A,
    {
      desired: {
        [G]: want(G, group),
        [C]: want(C, container, { ...inBase, conflict }),
        [A]: want(A, app, inNone),
      },
    },
    'container.start',
  ],
  [
    'CTR-6',
    'a container that runs and has to be ready is waited for',
    C,
    { desired: { [C]: want(C, patient) }, observed: { [C]: see(C, patient) } },
    'wait',
  ],
  [
    'CTR-6',
    'a container that has said that it is ready is settled',
    C,
    {
      desired: { [C]: want(C, patient) },
      observed: { [C]: see(C, patient, { facts: { ...running, ready: true } }) },
    },
    'settled',
  ],
  [
    'CTR-6',
    'a container stops after those of later groups that have to stop too',
    C,
    {
      desired: { [C]: want(C, renamed, inBase), [A]: want(A, { ...app, hostname: 'b' }, inNone) },
      observed: { [C]: see(C, container), [A]: see(A, app) },
    },
    `wait ${A}`,
  ],
  [
    'CTR-6',
    'a container does not wait for one of a later group that goes on running',
    C,
    {
      desired: { [C]: want(C, renamed, inBase), [A]: want(A, app, inNone) },
      observed: { [C]: see(C, container), [A]: see(A, app) },
    },
    'container.stop',
  ],
  [
    'ENG-8',
    'a running container is not stopped before the pool that it moves to is there',
    C,
    {
      desired: { [P]: want(P, pool), [C]: want(C, renamed, { dependsOn: [P] }) },
      observed: { [C]: see(C, app) },
    },
    `wait ${P}`,
  ],
  [
    'CTR-8',
    'a container that is never to be started again stays down',
    C,
    recovering('no', 1),
    'blocked ContainerExited',
  ],
  ['CTR-8', 'a container that did its work is as desired', C, recovering('on-failure', 0), 'settled'],
  ['CTR-8', 'a container that failed is started again', C, recovering('on-failure', 1), 'container.start'],
  [
    'CTR-8',
    'how a container ended may not be known: that is a failure',
    C,
    recovering('on-failure', null),
    'container.start',
  ],
  [
    'CTR-8',
    'a container that is always to run is started again',
    C,
    recovering('always', 0),
    'container.start',
  ],
];

for (const [rule, title, key, scene, expected] of lifecycles) {
  test(`[${rule}] ${title}`, (t) => t.is(short(key, scene), expected));
}

for (const [title, key, scene, expected] of table) {
  test(`[ENG-1] ${title}`, (t) => {
    t.is(short(key, scene), expected);
    t.is(short(key, scene), expected, 'the same scene gives the same plan');
  });
}

test('[ENG-6] what waits for thousands names a few, and looks at no more', (t) => {
  let looked = 0;
  function* thousands(): Iterable<Key> {
    for (; looked < 5_000; looked += 1) yield `lease/lan/c${looked}/eth0`;
  }
  const crowded: View = Object.create(view({ observed: { [P]: see(P, pool) } }), {
    observed: { value: () => see(P, pool) },
    desired: { value: () => undefined },
    dependents: { value: thousands },
  });
  const next = plan(P, crowded);
  t.is(next.type === 'wait' ? next.keys.length : 0, 4);
  t.true(looked < 5, `${looked} looked at`);
});
