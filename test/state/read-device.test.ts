import test from 'ava';
import type { Json } from '../../state/json.ts';
import { noListeners } from '../../state/listeners.ts';
import { readDevice } from '../../state/read-device.ts';
import type { PoolSpec } from '../../state/resource.ts';

function poolsOf(pools: Json, network: Readonly<Record<string, Json>> = {}): readonly PoolSpec[] {
  const { device, findings } = readDevice({ network: { ...network, pools } });
  if (findings.length > 0) throw new Error(JSON.stringify(findings));
  return [...device.pools.values()];
}

test('[POOL-10] a state without device.json has no pools, groups and rules', (t) => {
  const device = { pools: new Map(), groups: [], ingress: [] };
  t.deepEqual(readDevice(undefined), { device, listeners: noListeners, findings: [] });
  t.deepEqual(readDevice({}).device.pools, new Map());
});

test('[POOL-1] [POOL-8] a pool is read with every field that it has, and kept apart unless isolation is off', (t) => {
  const internal = {
    type: 'bridge',
    bridge: 'pvbr0',
    subnet: '10.0.5.0/24',
    gateway: '10.0.5.254',
    nat: true,
  };
  const spec: PoolSpec = { ...internal, type: 'bridge', name: 'internal', isolated: true };
  t.deepEqual(poolsOf({ internal }), [spec]);
  t.deepEqual(poolsOf({ internal }, { isolation: 'pool' }), [spec]);
  t.deepEqual(poolsOf({ internal }, { isolation: 'none' }), [{ ...spec, isolated: false }]);
});

test('[POOL-2] a pool of which only the subnet is given is a bridge, its gateway the first host, its bridge named after it', (t) => {
  t.deepEqual(poolsOf({ internal: { subnet: '10.0.3.0/24' } }), [
    {
      type: 'bridge',
      name: 'internal',
      bridge: 'hf-internal',
      subnet: '10.0.3.0/24',
      gateway: '10.0.3.1',
      nat: false,
      isolated: true,
    },
  ]);
});

test('[POOL-1] a macvlan pool has a parent, and nothing of a bridge', (t) => {
  t.deepEqual(poolsOf({ lan: { type: 'macvlan', parent: 'eth1', subnet: '192.168.7.0/24' } }), [
    { type: 'macvlan', name: 'lan', parent: 'eth1', subnet: '192.168.7.0/24', gateway: '192.168.7.1' },
  ]);
});

function bridgesOf(pools: Json): readonly string[] {
  return poolsOf(pools).map((pool) => (pool.type === 'bridge' ? pool.bridge : pool.parent));
}

test('[POOL-2] derived names of bridges have at most 15 bytes, are unique and do not depend on the order of pools', (t) => {
  const long = ['a-pool-of-a-long-name-1', 'a-pool-of-a-long-name-2'] as const;
  const [one, other] = bridgesOf({
    [long[0]]: { subnet: '10.1.0.0/24' },
    [long[1]]: { subnet: '10.2.0.0/24' },
  });
  const reversed = bridgesOf({ [long[1]]: { subnet: '10.2.0.0/24' }, [long[0]]: { subnet: '10.1.0.0/24' } });
  t.regex(one ?? '', /^hf-a-pool-[0-9a-f]{5}$/);
  t.regex(other ?? '', /^hf-a-pool-[0-9a-f]{5}$/);
  t.not(one, other);
  t.deepEqual(reversed, [other, one]);
  t.is(bridgesOf({ 'twelve-chars': { subnet: '10.1.0.0/24' } })[0], 'hf-twelve-chars');
});

test('[POOL-2] a derived name gives way to one that another pool names', (t) => {
  const [derived, named] = bridgesOf({
    a: { subnet: '10.1.0.0/24' },
    b: { subnet: '10.2.0.0/24', bridge: 'hf-a' },
  });
  t.is(named, 'hf-a');
  t.regex(derived ?? '', /^hf-a-[0-9a-f]{5}$/);
});

test('pools that objects of JavaScript have names for are pools like any other', (t) => {
  t.deepEqual(bridgesOf({ constructor: { subnet: '10.1.0.0/24' }, toString: { subnet: '10.2.0.0/24' } }), [
    'hf-constructor',
    'hf-toString',
  ]);
});

test('[POOL-3] pools beside a bad one are read', (t) => {
  const { device, findings } = readDevice({
    network: { pools: { bad: { subnet: '10.0.3.0/33' }, good: { subnet: '10.0.4.0/24' } } },
  });
  t.deepEqual([...device.pools.keys()], ['good']);
  t.is(findings.length, 1);
});

test('[POOL-3] host bits are reported with the network that they imply, overlaps with both pools', (t) => {
  const { findings } = readDevice({
    network: {
      pools: { a: { subnet: '10.0.0.0/16' }, b: { subnet: '10.0.4.0/24' }, c: { subnet: '10.1.2.3/24' } },
    },
  });
  t.deepEqual(
    findings.map((one) => one.code),
    ['SubnetsOverlap', 'SubnetHostBits'],
  );
  t.regex(findings[0]?.message ?? '', /pool 'b'.*pool 'a'/);
  t.is(findings[1]?.hint, "did you mean '10.1.2.0/24'?");
});

test('[CTR-6] [CTR-8] groups are read in their order, with 30 s where no timeout is given', (t) => {
  const recovery = { policy: 'on-failure', max_retries: 5 };
  const { device, findings } = readDevice({
    groups: [
      { name: 'root', restart_policy: 'system', status_goal: 'READY', timeout: 5, auto_recovery: recovery },
      { name: 'app' },
    ],
  });
  t.deepEqual(findings, []);
  t.deepEqual(device.groups, [
    {
      name: 'root',
      restartPolicy: 'system',
      statusGoal: 'READY',
      timeoutSeconds: 5,
      recovery: { policy: 'on-failure', maxRetries: 5 },
    },
    {
      name: 'app',
      restartPolicy: 'container',
      statusGoal: 'STARTED',
      timeoutSeconds: 30,
      recovery: null,
    },
  ]);
});

test('device.json of the documents that Holdfast is made after is in order', (t) => {
  const ingress = {
    name: 'public-api',
    type: 'http',
    external: '0.0.0.0:80/api',
    provider: 'api-container',
    service: 'api-unix-service',
  };
  const dmz = {
    type: 'bridge',
    bridge: 'pvbr1',
    subnet: '192.168.100.0/24',
    gateway: '192.168.100.1',
    nat: false,
  };
  const group = { name: 'root', restart_policy: 'container', status_goal: 'STARTED' };
  const { findings } = readDevice({ groups: [group], network: { pools: { dmz } }, ingress: [ingress] });
  t.deepEqual(findings, []);
});
