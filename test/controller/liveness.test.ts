import test from 'ava';
import type { Step, StepResult } from '../../adapters/adapter.ts';
import { planOf } from '../../controller/dry-run.ts';
import { Rig, revisionOf } from './rig.ts';

const lan = { bridge: 'pvbr0', subnet: '10.0.5.0/24', gateway: '10.0.5.1' };
const dmz = { bridge: 'pvbr1', subnet: '10.0.6.0/24', gateway: '10.0.6.1' };
const at = (ip: string) => ({ pool: 'lan', static_ip: ip });
const failed: StepResult = {
  outcome: 'failed',
  error: { code: 'Broken', message: 'it broke' },
  observations: [],
};
const refused: StepResult = {
  outcome: 'conflict',
  conflict: { code: 'SubnetOverlapsHost', message: 'the host is in that network' },
  observations: [],
};

/** A fault that holds one step up until it is told how that ends; null lets it happen. */
function heldUp(action: Step['action']) {
  const { promise, resolve } = Promise.withResolvers<StepResult | null>();
  let open = true;
  const fault = (step: Step) => {
    if (!open || step.action !== action) return null;
    open = false;
    return promise;
  };
  return { fault, end: resolve };
}

test('[ENG-8] what the device refused is asked for again when a revision changes how it is declared', async (t) => {
  let refuses = true;
  const fault = (step: Step) => (refuses && step.action === 'lease.reserve' ? refused : null);
  const rig = await new Rig({ fault }).start();
  await rig.apply(revisionOf({ lan }, { web: { pool: 'lan', static_ip: '10.0.5.9' } }));
  t.is(rig.phase('lease/lan/web/eth0'), 'Blocked');
  refuses = false;
  await rig.apply(revisionOf({ lan }, { web: { pool: 'lan', ip: '10.0.5.9' } }));
  t.is(rig.phase('lease/lan/web/eth0'), 'Ready');
  t.is(rig.phase('container/web'), 'Ready');
});

test('[ENG-8] a pool that the device refused because of another pool is asked for again when that one has changed', async (t) => {
  const rig: Rig = new Rig({
    fault: (step) => {
      const taken = rig.host.pools.get('lan')?.spec.subnet === '10.0.5.0/24';
      return step.key === 'pool/first' && taken ? refused : null;
    },
  });
  await rig.start();
  await rig.apply(revisionOf({ lan }));
  const moved = { ...lan, subnet: '10.0.7.0/24', gateway: '10.0.7.1' };
  await rig.apply(revisionOf({ first: { ...dmz, subnet: '10.0.5.0/24', gateway: '10.0.5.1' }, lan: moved }));
  t.is(rig.phase('pool/first'), 'Ready');
  t.deepEqual(rig.takeSteps().slice(1), [
    'pool.ensure pool/first',
    'pool.ensure pool/lan',
    'pool.ensure pool/first',
  ]);
});

test('[ENG-8] what the device refused is not asked for again by whatever else happens', async (t) => {
  const rig = await new Rig({ fault: (step) => (step.key === 'container/bad' ? refused : null) }).start();
  await rig.apply(revisionOf({ lan }, { bad: null, web: { pool: 'lan' }, db: { pool: 'lan' } }));
  await rig.apply(revisionOf({ lan }, { bad: null, db: { pool: 'lan' } }));
  t.is(rig.takeSteps().filter((step) => step === 'container.start container/bad').length, 1);
});

test('[ENG-3] what comes right by itself is Ready at once, and its retry is called off', async (t) => {
  let broken = false;
  const rig = await new Rig({ fault: () => (broken ? failed : null), engine: { commitAfterMs: 0 } }).start();
  await rig.apply(revisionOf({ lan }));
  broken = true;
  rig.adapter.disturb((host) => Object.assign(host.bridges.get('pvbr0') ?? {}, { up: false }));
  await rig.settle();
  t.is(rig.phase('pool/lan'), 'Failed');
  rig.adapter.disturb((host) => Object.assign(host.bridges.get('pvbr0') ?? {}, { up: true }));
  await rig.settle();
  t.is(rig.phase('pool/lan'), 'Ready');
  t.is(rig.clock.nextInMs(), 600_000);
});

test('[ENG-7] a retry is called off when what it was for is not wanted any more', async (t) => {
  const rig = await new Rig({ fault: () => failed, engine: { commitAfterMs: 0 } }).start();
  await rig.apply(revisionOf({ lan }));
  t.true((rig.clock.nextInMs() ?? 0) <= 100);
  await rig.apply(revisionOf({}));
  t.is(rig.clock.nextInMs(), 600_000);
});

test('[ENG-9] nothing is Ready on a pool that cannot be repaired, and all of it is again when the pool is', async (t) => {
  let broken = false;
  const rig = await new Rig({ fault: () => (broken ? failed : null) }).start();
  await rig.apply(revisionOf({ lan, dmz }, { web: { pool: 'lan' }, db: { pool: 'dmz' } }));
  broken = true;
  rig.adapter.disturb((host) => host.bridges.delete('pvbr0'));
  await rig.settle();
  const web = rig.engine.board.get('container/web');
  t.is(web?.phase, 'Waiting');
  t.deepEqual(web?.waitsFor, ['pool/lan']);
  t.is(rig.phase('lease/lan/web/eth0'), 'Waiting');
  t.is(rig.phase('container/db'), 'Ready');
  broken = false;
  rig.takeSteps();
  await rig.pass(1_000);
  t.deepEqual(rig.takeSteps(), ['pool.ensure pool/lan'], 'the container keeps its process (CTR-7)');
  t.is(rig.engine.board.counts().ready, 6);
});

test('[LEASE-5] an address that a blocked container ran with is free for others when it has stopped', async (t) => {
  const rig = await new Rig().start();
  await rig.apply(revisionOf({ lan }, { a: at('10.0.5.10'), b: at('10.0.5.20') }));
  await rig.apply(revisionOf({ lan }, { a: at('10.0.5.10'), b: at('10.0.5.10'), c: at('10.0.5.20') }));
  t.is(rig.phase('container/b'), 'Blocked');
  t.is(rig.phase('container/c'), 'Waiting', 'b runs on with 10.0.5.20');
  rig.adapter.disturb((host) => host.processes.delete(host.containers.get('b')?.pid ?? 0));
  await rig.settle();
  t.is(rig.phase('container/b'), 'Blocked');
  t.is(rig.phase('container/c'), 'Ready');
});

test('[LEASE-5] an address is not given away while a container is being started with it', async (t) => {
  const start = heldUp('container.start');
  const rig = await new Rig({ fault: start.fault }).start();
  await rig.apply(revisionOf({ lan }, { a: at('10.0.5.10') }));
  rig.takeSteps();
  await rig.apply(revisionOf({ lan }, { b: at('10.0.5.10') }));
  t.deepEqual(rig.takeSteps(), []);
  start.end(null);
  await rig.settle();
  const steps = rig.takeSteps();
  t.true(steps.indexOf('container.stop container/a') < steps.indexOf('lease.release lease/lan/a/eth0'));
  t.is(rig.phase('container/b'), 'Ready');
  t.false(rig.host.containers.has('a'));
});

test('[POOL-6] a pool that is renamed while it is being made does not share its bridge with itself', async (t) => {
  const ensure = heldUp('pool.ensure');
  const rig = await new Rig({ fault: ensure.fault }).start();
  await rig.apply(revisionOf({ old: lan }));
  await rig.apply(revisionOf({ fresh: lan }));
  t.is(rig.phase('pool/fresh'), 'Waiting');
  ensure.end(null);
  await rig.settle();
  t.deepEqual(rig.takeSteps(), ['pool.ensure pool/old', 'pool.remove pool/old', 'pool.ensure pool/fresh']);
  t.is(rig.host.bridges.get('pvbr0')?.mark, 'fresh');
});

test('[ENG-3] who waits for what a step would have made goes on when that step fails', async (t) => {
  const ensure = heldUp('pool.ensure');
  const rig = await new Rig({ fault: ensure.fault }).start();
  await rig.apply(revisionOf({ old: lan }));
  await rig.apply(revisionOf({ fresh: lan }));
  ensure.end(failed);
  await rig.settle();
  t.is(rig.phase('pool/fresh'), 'Ready');
  t.is(rig.phase('pool/old'), undefined);
});

test('what has failed often enough counts as at rest also while it is tried again', async (t) => {
  const last = Promise.withResolvers<StepResult | null>();
  let attempts = 0;
  const rig = await new Rig({ fault: () => (++attempts > 5 ? last.promise : failed) }).start();
  await rig.apply(revisionOf({ lan }));
  t.false(rig.engine.atRest(5));
  await rig.pass(60_000);
  t.is(rig.phase('pool/lan'), 'Progressing');
  t.true(rig.engine.atRest(5));
  t.false(rig.engine.atRest(6));
});

test('[ENG-5] a plan asks for nothing that the device has refused already', async (t) => {
  const rig = await new Rig().start();
  const state = revisionOf({ wire: { type: 'macvlan', parent: 'eth7', subnet: '10.0.8.0/24' }, lan });
  await rig.apply(state);
  const facts = { texts: {}, missing: [] };
  const plan = planOf(rig.standing(), { type: 'replace', state }, facts);
  t.deepEqual(plan.steps, []);
  t.regex(plan.problems[0]?.why ?? '', /'wire' would be Blocked: .*eth7/);
});

test('news of what is neither wanted nor there leaves nothing behind', async (t) => {
  const rig = await new Rig().start();
  await rig.apply(revisionOf({ lan }));
  rig.runner.push({ type: 'observed', key: 'container/never', observed: null });
  await rig.apply({});
  rig.runner.push({ type: 'observed', key: 'pool/lan', observed: null });
  t.deepEqual([...rig.engine.tracker.keys()], []);
  t.deepEqual([...rig.engine.board.keys()], []);
});

test('[ENG-2] an adapter that breaks its promise and rejects is asked what is there', async (t) => {
  const rig = await new Rig().start();
  const apply = rig.adapter.apply.bind(rig.adapter);
  rig.adapter.apply = async (step) => {
    await apply(step);
    throw new TypeError('a bug');
  };
  await rig.apply(revisionOf({ lan }));
  t.is(rig.phase('pool/lan'), 'Ready');
  t.deepEqual(rig.takeSteps(), ['pool.ensure pool/lan']);
  t.true(rig.events.some(({ reason }) => reason === 'AdapterFault'));
});

test('[ENG-4] a list that is older than a removal does not bring back what was removed', async (t) => {
  const rig = await new Rig().start();
  await rig.apply(revisionOf({ lan }));
  const old = await rig.adapter.observe(new AbortController().signal);
  const list = Promise.withResolvers<typeof old>();
  rig.adapter.observe = () => list.promise;
  rig.runner.push({ type: 'relist', reason: 'overflow' });
  await rig.apply({});
  rig.takeSteps();
  list.resolve(old);
  await rig.settle();
  t.deepEqual(rig.takeSteps(), []);
  t.is(rig.phase('pool/lan'), undefined);
});
