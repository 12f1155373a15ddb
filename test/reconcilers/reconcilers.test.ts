import test from 'ava';
import { claims, dependsOn, plan } from '../../reconcilers/index.ts';
import type { View } from '../../reconcilers/reconciler.ts';
import { digestOf } from '../../state/json.ts';
import type {
  ContainerSpec,
  DesiredResource,
  Key,
  Kind,
  LeaseSpec,
  ObservedResource,
  PoolSpec,
  SpecByKind,
} from '../../state/resource.ts';
import { kindOf } from '../../state/resource.ts';

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
};

interface Scene {
  readonly desired?: Readonly<Partial<Record<string, DesiredResource>>>;
  readonly observed?: Readonly<Partial<Record<string, ObservedResource>>>;
}

function want<K extends Kind>(
  key: Key,
  spec: SpecByKind[K],
  rest: Partial<DesiredResource> = {},
): DesiredResource {
  return { key, kind: kindOf(key), spec, digest: digestOf(spec), dependsOn: [], pointers: [], ...rest };
}

function see(key: Key, spec: SpecByKind[Kind], rest: Partial<ObservedResource> = {}): ObservedResource {
  const facts = { pool: { adopted: false }, lease: {}, container: { running: true, pid: 7 } }[kindOf(key)];
  return {
    key,
    kind: kindOf(key),
    spec,
    digest: digestOf(spec),
    drift: [],
    facts,
    ...rest,
  } as ObservedResource;
}

function view({ desired = {}, observed = {} }: Scene): View {
  const seen = Object.values(observed).filter((resource) => resource !== undefined);
  return {
    desired: (key) => desired[key],
    observed: (key) => observed[key],
    dependents: (key) => seen.filter((other) => dependsOn(other).includes(key)).map((other) => other.key),
    holders: (claim) => seen.filter((other) => claims(other).includes(claim)).map((other) => other.key),
  };
}

const P: Key = 'pool/lan';
const L: Key = 'lease/lan/web/eth0';
const C: Key = 'container/web';
const moved: PoolSpec = { ...pool, bridge: 'pvbr1' };
const grown: PoolSpec = { ...pool, subnet: '10.0.4.0/23' };
const other: LeaseSpec = { ...lease, address: '10.0.5.3' };
const renamed: ContainerSpec = { ...container, hostname: 'www' };
const stopped = see(C, container, { drift: ['not running'], facts: { running: false, pid: null } });
const conflict = { code: 'AddressTaken', message: 'taken' };

/** Title, key, scene, and the plan in short: `action`, `wait keys`, `blocked`, `settled`. */
const table: readonly (readonly [string, Key, Scene, string])[] = [
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

function short(key: Key, scene: Scene): string {
  const next = plan(key, view(scene));
  if (next.type === 'step') return next.step.action;
  if (next.type === 'wait') return `wait ${next.keys.join(' ')}`;
  return next.type === 'blocked' ? `blocked ${next.conflict.code}` : 'settled';
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
  const crowded = { ...view({ observed: { [P]: see(P, pool) } }), dependents: thousands };
  const next = plan(P, crowded);
  t.is(next.type === 'wait' ? next.keys.length : 0, 4);
  t.true(looked < 5, `${looked} looked at`);
});
