import test from 'ava';
import type { StepResult } from '../../adapters/adapter.ts';
import { Rig, revisionOf } from './rig.ts';

const lan = { bridge: 'pvbr0', subnet: '10.0.5.0/24', gateway: '10.0.5.1', nat: true };
const dmz = { bridge: 'pvbr1', subnet: '10.0.6.0/24', gateway: '10.0.6.1' };
const on = (pool: string, ip?: string) => (ip === undefined ? { pool } : { pool, static_ip: ip });
const failed: StepResult = {
  outcome: 'failed',
  error: { code: 'Broken', message: 'it broke', log: ['last line'] },
  observations: [],
};

test('[ENG-1] a revision comes up from nothing, dependencies first', async (t) => {
  const rig = await new Rig().start();
  const answer = await rig.apply(revisionOf({ lan }, { web: on('lan'), db: on('lan') }));
  t.true(answer.accepted);
  t.deepEqual(rig.takeSteps(), [
    'pool.ensure pool/lan',
    'lease.reserve lease/lan/web/eth0',
    'lease.reserve lease/lan/db/eth0',
    'container.start container/web',
    'container.start container/db',
  ]);
  t.deepEqual(rig.engine.board.counts(), { ready: 5, waiting: 0, blocked: 0, failed: 0 });
  t.true(rig.engine.atRest(5));
});

test('[ENG-1] [CTR-9] a controller that starts anew on the same host takes no step', async (t) => {
  const state = revisionOf({ lan }, { web: on('lan') });
  const first = await new Rig().start();
  await first.apply(state);
  const second = await new Rig({ host: first.host, held: first.store.leases(), state }).start();
  t.deepEqual(second.takeSteps(), []);
  t.is(second.engine.board.counts().ready, 3);
});

test('[REV-7] the current content applied again is a no-op that says so', async (t) => {
  const rig = await new Rig().start();
  const state = revisionOf({ lan }, { web: on('lan') });
  await rig.apply(state);
  rig.takeSteps();
  const again = await rig.apply(structuredClone(state));
  t.true(again.unchanged);
  t.is(again.revision, 1);
  t.deepEqual(rig.takeSteps(), []);
  t.is(rig.facts.length, 1);
});

test('[CTR-7] only the container that a revision changed is restarted', async (t) => {
  const rig = await new Rig().start();
  await rig.apply(revisionOf({ lan }, { web: on('lan'), db: on('lan') }));
  const pidOfDb = rig.host.containers.get('db')?.pid;
  rig.takeSteps();
  await rig.apply(revisionOf({ lan }, { web: { pool: 'lan', hostname: 'www' }, db: on('lan') }));
  t.deepEqual(rig.takeSteps(), [
    'lease.reserve lease/lan/web/eth0',
    'container.stop container/web',
    'container.start container/web',
  ]);
  t.is(rig.host.containers.get('db')?.pid, pidOfDb);
});

test('[POOL-6] a pool whose subnet changed moves its containers; one that is removed goes last', async (t) => {
  const rig = await new Rig().start();
  await rig.apply(revisionOf({ lan, dmz }, { web: on('lan'), db: on('dmz') }));
  rig.takeSteps();
  await rig.apply(
    revisionOf({ lan: { ...lan, subnet: '10.0.7.0/24', gateway: '10.0.7.1' } }, { web: on('lan') }),
  );
  const steps = rig.takeSteps();
  t.deepEqual([...rig.host.bridges.keys()], ['pvbr0']);
  t.deepEqual([...(rig.host.bridges.get('pvbr0')?.addresses ?? [])], ['10.0.7.1/24']);
  t.true(steps.indexOf('container.remove container/db') < steps.indexOf('pool.remove pool/dmz'));
  t.true(steps.indexOf('container.stop container/web') < steps.indexOf('lease.release lease/lan/web/eth0'));
  t.is(rig.engine.board.counts().ready, 3);
});

test('[POOL-6] a pool that moves to another bridge waits until no container is attached to the old one', async (t) => {
  const rig = await new Rig().start();
  await rig.apply(revisionOf({ lan }, { web: on('lan') }));
  rig.takeSteps();
  await rig.apply(revisionOf({ lan: { ...lan, bridge: 'pvbr9' } }, { web: on('lan') }));
  t.deepEqual(rig.takeSteps(), [
    'container.stop container/web',
    'pool.remove pool/lan',
    'pool.ensure pool/lan',
    'container.start container/web',
  ]);
  t.deepEqual([...rig.host.bridges.keys()], ['pvbr9']);
});

test('[POOL-6] a bridge can pass from one pool to another in one revision', async (t) => {
  const rig = await new Rig().start();
  await rig.apply(revisionOf({ old: lan }));
  await rig.apply(revisionOf({ fresh: lan }));
  t.is(rig.phase('pool/fresh'), 'Ready');
  t.is(rig.host.bridges.get('pvbr0')?.mark, 'fresh');
});

test('[LEASE-5] [ENG-8] an address that is taken blocks the newcomer alone, and the holder runs on', async (t) => {
  const rig = await new Rig().start();
  const answer = await rig.apply(
    revisionOf({ lan }, { first: on('lan', '10.0.5.50'), second: on('lan', '10.0.5.50') }),
  );
  t.true(answer.accepted);
  t.is(rig.phase('container/first'), 'Ready');
  t.is(rig.phase('container/second'), 'Blocked');
  t.regex(rig.engine.board.get('container/second')?.message ?? '', /already in use/);
  t.false(rig.host.containers.has('second'));
});

test('[LEASE-5] two containers can exchange their static addresses in one revision', async (t) => {
  const rig = await new Rig().start();
  await rig.apply(revisionOf({ lan }, { a: on('lan', '10.0.5.10'), b: on('lan', '10.0.5.20') }));
  await rig.apply(revisionOf({ lan }, { a: on('lan', '10.0.5.20'), b: on('lan', '10.0.5.10') }));
  t.is(rig.host.leases.get('lease/lan/a/eth0')?.spec.address, '10.0.5.20');
  t.is(rig.host.leases.get('lease/lan/b/eth0')?.spec.address, '10.0.5.10');
  t.is(rig.engine.board.counts().ready, 5);
});

test('[ENG-8] a running container whose new spec has a conflict is left running with its old one', async (t) => {
  const rig = await new Rig().start();
  await rig.apply(revisionOf({ lan }, { a: on('lan', '10.0.5.10'), b: on('lan', '10.0.5.20') }));
  const pid = rig.host.containers.get('b')?.pid;
  rig.takeSteps();
  await rig.apply(revisionOf({ lan }, { a: on('lan', '10.0.5.10'), b: on('lan', '10.0.5.10') }));
  t.deepEqual(rig.takeSteps(), []);
  t.is(rig.host.containers.get('b')?.pid, pid);
  t.is(rig.phase('container/b'), 'Blocked');
});

test('[ENG-2] a bridge that was deleted, a rule that was flushed and a container that was killed come back', async (t) => {
  const rig = await new Rig().start();
  await rig.apply(revisionOf({ lan }, { web: on('lan') }));
  rig.takeSteps();
  rig.adapter.disturb((host) => host.bridges.delete('pvbr0'));
  await rig.settle();
  t.deepEqual(rig.takeSteps(), ['pool.ensure pool/lan']);
  rig.adapter.disturb((host) => host.processes.clear());
  await rig.settle();
  t.deepEqual(rig.takeSteps(), ['container.start container/web']);
  t.true(rig.host.bridges.has('pvbr0'));
  const drift = rig.events.filter((event) => event.reason === 'DriftDetected').map((event) => event.message);
  t.deepEqual(drift, [
    'pool/lan: bridge pvbr0 is missing; bridge pvbr0 is down'.split(';')[0],
    'container/web: not running',
  ]);
});

test('[ENG-2] what falls again and again is repaired ever later, and at once again after it has held', async (t) => {
  const rig = await new Rig().start();
  await rig.apply(revisionOf({}, { web: null }));
  rig.takeSteps();
  const kill = async () => {
    rig.adapter.disturb((host) => host.processes.clear());
    await rig.settle();
    return rig.takeSteps();
  };
  t.deepEqual(await kill(), ['container.start container/web']);
  t.deepEqual(await kill(), []);
  t.is(rig.phase('container/web'), 'Failed');
  await rig.pass(100);
  t.deepEqual(rig.takeSteps(), ['container.start container/web']);
  await rig.pass(10_000);
  t.deepEqual(await kill(), ['container.start container/web']);
});

test('[ENG-3] retries double from 100 ms to 60 s and hold up nobody else', async (t) => {
  const rig = await new Rig({
    engine: { backoff: { initialMs: 100, maximumMs: 60_000, jitter: 0 } },
    fault: (step) => (step.key === 'container/bad' ? failed : null),
  }).start();
  await rig.apply(revisionOf({}, { bad: null, good: null }));
  t.is(rig.phase('container/good'), 'Ready');
  const delays: (number | null)[] = [];
  for (let retry = 0; retry < 12; retry += 1) {
    const delay = rig.clock.nextInMs();
    delays.push(delay);
    await rig.pass(delay ?? 0);
  }
  t.deepEqual(delays, [100, 200, 400, 800, 1600, 3200, 6400, 12800, 25600, 51200, 60000, 60000]);
  const status = rig.engine.board.get('container/bad');
  t.is(status?.phase, 'Failed');
  t.is(status?.attempts, 13);
  t.is(status?.message, 'it broke\nlast line');
});

test('[ENG-3] a changed spec starts at once, with no failures counted', async (t) => {
  let broken = true;
  const rig = await new Rig({ fault: () => (broken ? failed : null) }).start();
  await rig.apply(revisionOf({ lan }));
  await rig.pass(1000);
  broken = false;
  await rig.apply(revisionOf({ lan: { ...lan, nat: false } }));
  t.is(rig.phase('pool/lan'), 'Ready');
  t.is(rig.engine.board.get('pool/lan')?.attempts, 0);
});

test('[ENG-3] a step that says it is done and changes nothing is a failure, not a busy loop', async (t) => {
  const rig = await new Rig({ fault: () => ({ outcome: 'done', observations: [] }) }).start();
  await rig.apply(revisionOf({ lan }));
  t.is(rig.takeSteps().length, 1);
  t.is(rig.engine.board.get('pool/lan')?.reason, 'StepWithoutEffect');
});

test('[ENG-4] nothing is made or removed before one full observation has succeeded', async (t) => {
  const first = await new Rig().start();
  await first.apply(revisionOf({ lan }, { web: on('lan') }));
  const rig = new Rig({ host: first.host });
  let broken = true;
  const observe = rig.adapter.observe.bind(rig.adapter);
  rig.adapter.observe = (signal) => (broken ? Promise.reject(new Error('no list')) : observe(signal));
  await rig.start();
  await rig.apply(revisionOf({ dmz }));
  await rig.pass(50);
  t.deepEqual(rig.takeSteps(), []);
  t.false(rig.engine.atRest(5));
  broken = false;
  await rig.pass(1000);
  t.deepEqual([...rig.host.bridges.keys()], ['pvbr1']);
  t.is(rig.host.containers.size, 0);
});

test('[ENG-4] what was there before us stays: an adopted bridge survives its pool', async (t) => {
  const rig = new Rig();
  rig.host.bridges.set('pvbr0', { mark: null, addresses: new Set(['192.168.9.1/24']), up: true });
  await rig.start();
  await rig.apply(revisionOf({ lan }));
  t.deepEqual(rig.engine.world.observed('pool/lan')?.facts, { adopted: true });
  await rig.apply(revisionOf({}));
  t.deepEqual([...(rig.host.bridges.get('pvbr0')?.addresses ?? [])], ['192.168.9.1/24']);
});

test('[ENG-6] changing one address among thousands plans a handful of resources', async (t) => {
  const wide = { bridge: 'pvbr0', subnet: '10.1.0.0/16' };
  const names = Array.from({ length: 2000 }, (_, index) => `c${index}`);
  const rig = await new Rig().start();
  await rig.apply(revisionOf({ wide }, Object.fromEntries(names.map((name) => [name, on('wide')]))));
  t.is(rig.engine.board.counts().ready, 4001);
  const before = rig.engine.planned;
  const path = '/c1000~1run.json/network/static_ip';
  await rig.change({ type: 'patch', operations: [{ op: 'add', path, value: '10.1.200.7' }] });
  t.is(rig.host.leases.get('lease/wide/c1000/eth0')?.spec.address, '10.1.200.7');
  // A lease and a container, each planned once for each of its steps and once to see that it holds.
  const planned = rig.engine.planned - before;
  t.true(planned <= 10, `${planned} plans`);
  const touched = [...new Set(rig.steps.slice(4001).map((step) => step.key))].sort();
  t.deepEqual(touched, ['container/c1000', 'lease/wide/c1000/eth0']);
});

test('[ENG-7] a quiet device has one timer, the resync period', async (t) => {
  const rig = await new Rig().start();
  await rig.apply(revisionOf({ lan }, { web: on('lan'), gone: on('nowhere') }));
  t.is(rig.phase('container/gone'), 'Blocked');
  t.is(rig.clock.nextInMs(), 600_000);
  await rig.pass(600_000);
  t.is(rig.clock.nextInMs(), 600_000);
});

test('[ENG-7] the resync finds what no watch told of', async (t) => {
  const rig = await new Rig().start();
  await rig.apply(revisionOf({ lan }));
  rig.host.bridges.delete('pvbr0');
  await rig.pass(599_999);
  t.false(rig.host.bridges.has('pvbr0'));
  await rig.pass(1);
  t.true(rig.host.bridges.has('pvbr0'));
});

test('[ENG-8] what the device refuses is blocked without a retry, until the device changes', async (t) => {
  const rig = await new Rig().start();
  await rig.apply(revisionOf({ wire: { type: 'macvlan', parent: 'eth7', subnet: '10.0.8.0/24' } }));
  const status = rig.engine.board.get('pool/wire');
  t.is(status?.phase, 'Blocked');
  t.is(status?.reason, 'ParentMissing');
  t.is(rig.clock.nextInMs(), 600_000);
  rig.host.links.add('eth7');
  await rig.pass(600_000);
  t.is(rig.phase('pool/wire'), 'Ready');
});

test('[ENG-9] a status names phase, reason, attempts, revision and the input that led to it', async (t) => {
  const rig = await new Rig({ fault: (step) => (step.action === 'pool.ensure' ? failed : null) }).start();
  await rig.apply(revisionOf({ lan }, { web: on('lan') }));
  const pool = rig.engine.board.get('pool/lan');
  t.is(pool?.phase, 'Failed');
  t.is(pool?.reason, 'Broken');
  t.is(pool?.revision, 1);
  t.deepEqual(pool?.cause, { trigger: { type: 'revision', revision: 1 }, via: [] });
  const web = rig.engine.board.get('container/web');
  t.is(web?.phase, 'Waiting');
  t.deepEqual(web?.waitsFor, ['pool/lan', 'lease/lan/web/eth0']);
});

test('[ENG-9] the cause of a restart leads back through the lease to the pool that moved', async (t) => {
  const rig = await new Rig().start();
  await rig.apply(revisionOf({ lan }, { web: on('lan') }));
  await rig.apply(
    revisionOf({ lan: { ...lan, subnet: '10.0.7.0/24', gateway: '10.0.7.1' } }, { web: on('lan') }),
  );
  const ready = rig.events
    .filter((event) => event.key === 'container/web' && event.reason === 'Ready')
    .at(-1);
  t.deepEqual(ready?.cause.trigger, { type: 'revision', revision: 2 });
  t.true(ready?.cause.via.includes('pool/lan'));
});

test('[REV-6] a refused revision touches nothing and is remembered as an event', async (t) => {
  const rig = await new Rig().start();
  await rig.apply(revisionOf({ lan }));
  rig.takeSteps();
  const answer = await rig.apply(revisionOf({ lan: { subnet: 'nonsense' } }));
  t.false(answer.accepted);
  t.is(answer.revision, 1);
  t.deepEqual(rig.takeSteps(), []);
  t.is(rig.phase('pool/lan'), 'Ready');
  t.is(rig.events.at(-1)?.reason, 'RevisionRefused');
});

test('a revision that cannot be made durable is refused, and the one before stays', async (t) => {
  let full = false;
  const rig = await new Rig({
    persist: () => {
      if (full) throw new Error('ENOSPC: no space left on device');
    },
  }).start();
  await rig.apply(revisionOf({ lan }));
  rig.takeSteps();
  full = true;
  const answer = await rig.apply(revisionOf({ dmz }));
  t.false(answer.accepted);
  t.is(answer.findings.at(-1)?.code, 'NotDurable');
  t.deepEqual(rig.takeSteps(), []);
  t.is(rig.engine.revision, 1);
});

test('everything goes, in order, when the revision wants nothing', async (t) => {
  const rig = await new Rig().start();
  await rig.apply(revisionOf({ lan }, { web: on('lan') }));
  rig.takeSteps();
  await rig.apply({});
  t.deepEqual(rig.takeSteps(), [
    'container.stop container/web',
    'container.remove container/web',
    'lease.release lease/lan/web/eth0',
    'pool.remove pool/lan',
  ]);
  t.deepEqual([rig.host.bridges.size, rig.host.containers.size, rig.host.leases.size], [0, 0, 0]);
  t.deepEqual([...rig.engine.board.keys()], []);
});
