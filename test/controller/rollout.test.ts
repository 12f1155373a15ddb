import test from 'ava';
import { exitContainer, observeContainer, signalReady } from '../../adapters/memory/host.ts';
import { MemoryAdapter } from '../../adapters/memory/memory-adapter.ts';
import { planOf } from '../../controller/dry-run.ts';
import type { EngineStart } from '../../controller/engine.ts';
import type { Json } from '../../state/json.ts';
import type { ContainerSpec } from '../../state/resource.ts';
import type { FlatState } from '../../state/revision.ts';
import { Rig, revisionOf } from './rig.ts';

const lan = { bridge: 'pvbr0', subnet: '10.0.5.0/24', gateway: '10.0.5.1', nat: true };
const on = (pool: string, ip?: string) => (ip === undefined ? { pool } : { pool, static_ip: ip });
const good = revisionOf({ lan }, { web: on('lan'), db: on('lan') });
const other = revisionOf({ lan }, { web: { pool: 'lan', hostname: 'www' }, db: on('lan') });

/** Adds members to the run.json of containers, and groups to the device. */
function lifecycles(
  state: FlatState,
  groups: readonly Json[],
  members: Readonly<Record<string, Readonly<Record<string, Json>>>>,
): FlatState {
  const device = { ...(state['device.json'] as object), groups } as Json;
  const runs = Object.entries(members).map(([name, more]) => {
    const path = `${name}/run.json`;
    return [path, { ...(state[path] as object), ...more } as Json];
  });
  return { ...state, 'device.json': device, ...Object.fromEntries(runs) };
}

/** A device on which `state` is committed. */
async function committed(state: FlatState = good): Promise<Rig> {
  const rig = await new Rig().start();
  await rig.commit(state);
  rig.takeSteps();
  return rig;
}

const exit = (code: number, at = 0) => ({ code, signal: null, at });
const snapshot = ({ host }: Rig) =>
  JSON.stringify([host.bridges, host.pools, host.leases].map((map) => [...map]));
const pidOf = (rig: Rig, name: string) => rig.host.containers.get(name)?.pid;

test('[ROLL-1] [ROLL-2] a revision is tried, tested for the commit window, and done', async (t) => {
  const rig = await new Rig().start();
  const before = rig.clock.now();
  await rig.apply(good);
  t.like(rig.engine.rollout, { committed: null, trial: { phase: 'TESTING', commitAt: before + 10_000 } });
  await rig.pass(9_999);
  t.is(rig.engine.rollout.committed, null);
  await rig.pass(1);
  t.like(rig.engine.rollout, { committed: 1, trial: null, ended: { phase: 'DONE', at: before + 10_000 } });
  t.deepEqual(
    rig.facts.map((fact) => fact.type),
    ['revision', 'verdict'],
  );
});

test('[ROLL-2] the commit window of a revision counts for it alone', async (t) => {
  const rig = await new Rig().start();
  await rig.change({ type: 'replace', state: good }, { commitAfterMs: 0 });
  t.is(rig.engine.rollout.committed, 1);
  await rig.apply(other);
  t.is(rig.engine.rollout.trial?.phase, 'TESTING');
});

test('[ROLL-1] [ROLL-3] [ROLL-7] a container that exits fails the trial, and exactly what was is back', async (t) => {
  const rig = await committed();
  const before = snapshot(rig);
  const db = pidOf(rig, 'db');
  const leases = rig.store.leases();
  await rig.apply(other);
  await rig.pass(2_000);
  rig.takeSteps();
  rig.adapter.disturb((host) => exitContainer(host, 'web', exit(3, rig.clock.now())));
  await rig.settle();
  t.deepEqual(rig.takeSteps(), ['lease.reserve lease/lan/web/eth0', 'container.start container/web']);
  t.like(rig.engine.rollout, {
    committed: 1,
    trial: null,
    ended: { revision: 2, phase: 'ERROR', failure: { code: 'ContainerExited', key: 'container/web' } },
  });
  t.is(rig.engine.rollout.ended?.failure?.message, "container 'web' exited with code 3");
  t.is(rig.engine.revision, 1);
  t.is(snapshot(rig), before);
  t.deepEqual(rig.store.leases(), leases);
  t.is(pidOf(rig, 'db'), db);
  t.deepEqual(rig.engine.board.troubled().size, 0);
  t.like(rig.engine.board.get('container/web')?.cause.trigger, { type: 'rollback', from: 2, to: 1 });
});

test('[ROLL-3] any container that exits fails the trial, also one that it did not change', async (t) => {
  const rig = await committed();
  await rig.apply(other);
  rig.adapter.disturb((host) => exitContainer(host, 'db', exit(1)));
  await rig.settle();
  t.like(rig.engine.rollout.ended, { phase: 'ERROR', failure: { key: 'container/db' } });
});

test('[ENG-2] a container that exits without a trial is started again at once', async (t) => {
  const rig = await committed();
  rig.adapter.disturb((host) => exitContainer(host, 'web', exit(3)));
  await rig.settle();
  t.deepEqual(rig.takeSteps(), ['container.start container/web']);
  t.is(rig.engine.rollout.committed, 1);
});

test('[ROLL-3] [ENG-8] a conflict that compiling knows fails the trial before anything is disturbed', async (t) => {
  const rig = await committed();
  const answer = await rig.apply(revisionOf({ lan }, { web: on('nowhere'), db: on('lan') }));
  t.true(answer.accepted);
  t.is(answer.revision, 2);
  t.deepEqual(rig.takeSteps(), []);
  t.like(rig.engine.rollout, { committed: 1, trial: null, ended: { revision: 2, phase: 'ERROR' } });
  t.is(rig.engine.rollout.ended?.failure?.code, 'UnknownPool');
  t.like(rig.facts.at(-1), { standing: 'refused' });
});

test('[ROLL-3] [ENG-8] a conflict that the device knows fails the trial before a container is disturbed', async (t) => {
  const rig = await committed();
  const before = [pidOf(rig, 'web'), pidOf(rig, 'db')];
  const wan = { type: 'macvlan', parent: 'missing0', subnet: '10.9.0.0/24', gateway: '10.9.0.1' };
  await rig.apply(revisionOf({ lan, wan }, { web: on('wan'), db: on('lan') }));
  t.like(rig.engine.rollout.ended, { phase: 'ERROR', failure: { code: 'ParentMissing', key: 'pool/wan' } });
  t.deepEqual([pidOf(rig, 'web'), pidOf(rig, 'db')], before);
  t.is(rig.engine.board.troubled().size, 0);
});

test('[ROLL-3] a step that fails again and again fails the trial', async (t) => {
  const rig = await committed();
  await rig.runner.stop();
  const broken = new Rig({
    host: rig.host,
    clock: rig.clock,
    held: rig.store.leases(),
    state: good,
    fault: (step) =>
      step.action === 'container.start' && step.spec.hostname === 'www'
        ? {
            outcome: 'failed',
            error: { code: 'NoInit', message: 'no init', log: ['sh: not found'] },
            observations: [],
          }
        : null,
  });
  await broken.start();
  await broken.apply(other);
  await broken.pass(20_000);
  const { ended, committed: last } = broken.engine.rollout;
  t.like(ended, { phase: 'ERROR', failure: { code: 'StepFailed', key: 'container/web' } });
  t.regex(ended?.failure?.message ?? '', /no init\nsh: not found/);
  t.is(last, 1);
  t.is(broken.engine.board.troubled().size, 0);
});

test('[ROLL-5] the first revision ever has nothing to go back to: what can run runs, the rest is reported', async (t) => {
  const rig = await new Rig().start();
  await rig.apply(revisionOf({ lan }, { one: on('lan', '10.0.5.9'), two: on('lan', '10.0.5.9') }));
  t.is(rig.phase('container/one'), 'Ready');
  t.is(rig.phase('container/two'), 'Blocked');
  t.like(rig.engine.rollout, {
    committed: null,
    trial: { revision: 1, phase: 'ERROR' },
    ended: { phase: 'ERROR' },
  });
  t.is(rig.engine.rollout.trial?.failure?.code, 'AddressTaken');
  await rig.commit(good);
  t.is(rig.engine.rollout.committed, 2);
});

test('[ROLL-5] a first revision that failed and then holds is done after all', async (t) => {
  const rig = await new Rig().start();
  const wan = { type: 'macvlan', parent: 'late0', subnet: '10.9.0.0/24', gateway: '10.9.0.1' };
  await rig.apply(revisionOf({ wan }, { web: on('wan') }));
  t.is(rig.engine.rollout.ended?.phase, 'ERROR');
  rig.host.links.add('late0');
  await rig.pass(700_000);
  t.like(rig.engine.rollout, { committed: 1, ended: { phase: 'DONE' } });
  t.deepEqual(
    rig.facts.map((fact) => (fact.type === 'verdict' ? fact.verdict.phase : fact.type)),
    ['revision', 'ERROR', 'DONE'],
  );
});

test('[ROLL-4] a trial that the last controller did not end counts as failed', async (t) => {
  const first = await committed();
  await first.apply(other);
  await first.runner.stop();
  const second = new Rig({
    host: first.host,
    clock: first.clock,
    held: first.store.leases(),
    state: good,
    start: { latest: 2, interrupted: 2 },
  });
  await second.start();
  t.like(second.facts[0], {
    type: 'verdict',
    verdict: { revision: 2, phase: 'ERROR', failure: { code: 'Interrupted' } },
  });
  t.is(second.engine.revision, 1);
  t.is(second.engine.board.troubled().size, 0);
  t.is(second.host.containers.get('web')?.spec.hostname, 'web');
  t.is((await second.apply(other)).revision, 3);
});

test('[ROLL-4] [ROLL-5] a first trial that the last controller did not end goes on', async (t) => {
  const first = await new Rig().start();
  await first.apply(good);
  await first.runner.stop();
  const start = { committed: false };
  const second = new Rig({
    host: first.host,
    clock: first.clock,
    held: first.store.leases(),
    state: good,
    start,
  });
  await second.start();
  t.like(second.facts, [{ type: 'attempt', revision: 1 }]);
  await second.pass(10_000);
  t.is(second.engine.rollout.committed, 1);
});

test('[ROLL-1] a revision that replaces one on trial is tried against what is committed', async (t) => {
  const rig = await committed();
  const leases = rig.store.leases();
  await rig.apply(revisionOf({ lan }, { web: on('lan'), db: on('lan'), tmp: on('lan') }));
  await rig.apply(revisionOf({ lan }, { web: on('lan'), db: on('lan'), new: on('lan') }));
  t.like(rig.facts.at(-1), {
    type: 'revision',
    revision: 3,
    ends: { revision: 2, phase: 'ERROR', failure: { code: 'Superseded' } },
  });
  t.deepEqual(
    rig.store.leases().map(({ container, address }) => `${container} ${address}`),
    [...leases.map(({ container, address }) => `${container} ${address}`), 'new 10.0.5.4'],
  );
  await rig.pass(10_000);
  t.is(rig.engine.rollout.committed, 3);
  t.false(rig.host.containers.has('tmp'));
});

test('[ROLL-6] asking for what is committed ends the trial', async (t) => {
  const rig = await committed();
  await rig.apply(other);
  const answer = await rig.apply(good);
  t.like(answer, { accepted: true, unchanged: false, revision: 1 });
  t.like(rig.engine.rollout, {
    committed: 1,
    trial: null,
    ended: { revision: 2, phase: 'ERROR', failure: { code: 'Cancelled' } },
  });
  t.is(rig.host.containers.get('web')?.spec.hostname, 'web');
});

test('[ROLL-1] the content of a revision on trial applied again is a no-op that says so', async (t) => {
  const rig = await committed();
  await rig.apply(other);
  t.like(await rig.apply(structuredClone(other)), { unchanged: true, revision: 2 });
});

test('[ROLL-1] taking everything down is committed with being accepted', async (t) => {
  const rig = await committed();
  await rig.apply(other);
  await rig.change({ type: 'replace', state: {} }, { unconditional: true });
  t.like(rig.engine.rollout, { committed: 3, trial: null });
  t.is(rig.host.containers.size, 0);
  t.like(rig.facts.at(-1), { standing: 'committed', ends: { revision: 2 } });
});

test('[LEASE-4] an address of the committed revision is not given to a newcomer of the trial', async (t) => {
  const rig = await committed();
  await rig.apply(revisionOf({ lan }, { web: on('lan'), new: on('lan') }));
  const address = (name: string) => rig.store.leases().find(({ container }) => container === name)?.address;
  t.is(address('new'), '10.0.5.4');
  rig.adapter.disturb((host) => exitContainer(host, 'new', exit(1)));
  await rig.settle();
  t.is(address('db'), '10.0.5.3');
  t.is(rig.phase('container/db'), 'Ready');
});

test('[ROLL-4] a verdict that can not be saved: DONE is none, ERROR rolls back all the same', async (t) => {
  let full = false;
  const rig = await new Rig({
    persist: () => {
      if (full) throw new Error('no space left');
    },
  }).start();
  await rig.commit(good);
  await rig.apply(other);
  full = true;
  await rig.pass(10_000);
  t.is(rig.engine.revision, 1);
  t.like(rig.engine.rollout.ended, { revision: 2, phase: 'ERROR', failure: { code: 'NotDurable' } });
  t.is(rig.host.containers.get('web')?.spec.hostname, 'web');
  full = false;
  await rig.apply(other);
  t.like(rig.facts.at(-1), { revision: 3, ends: { revision: 2, phase: 'ERROR' } });
});

test('[ROLL-5] a first revision that held and can not be saved is tried for as long again', async (t) => {
  let full = false;
  const rig = await new Rig({
    persist: () => {
      if (full) throw new Error('no space left');
    },
  }).start();
  await rig.apply(good);
  full = true;
  await rig.pass(15_000);
  t.is(rig.engine.rollout.committed, null);
  full = false;
  await rig.pass(10_000);
  t.is(rig.engine.rollout.committed, 1);
});

test('[ROLL-5] what could not be saved of a first revision that is done after all is not told of it later', async (t) => {
  let full = false;
  const rig = await new Rig({
    persist: () => {
      if (full) throw new Error('no space left');
    },
  }).start();
  await rig.apply(good);
  full = true;
  rig.adapter.disturb((host) => exitContainer(host, 'web', exit(1)));
  await rig.settle();
  full = false;
  await rig.pass(20_000);
  t.is(rig.engine.rollout.committed, 1);
  await rig.apply(other);
  t.like(rig.facts.at(-1), { type: 'revision', revision: 2, ends: null });
});

const groups = (goal: string, timeout?: number) => [
  { name: 'base', status_goal: goal, ...(timeout === undefined ? {} : { timeout }) },
  { name: 'app', status_goal: 'STARTED' },
];
const grouped = (goal: string, timeout?: number) =>
  lifecycles(good, groups(goal, timeout), { web: { group: 'app' }, db: { group: 'base' } });

test('[CTR-6] a group is started when the one before has reached its goal, and stopped before it', async (t) => {
  const rig = await new Rig().start();
  rig.host.silent.add('db');
  await rig.commit(grouped('READY'));
  t.is(rig.phase('container/db'), 'Waiting');
  t.is(rig.phase('container/web'), 'Waiting');
  t.is(rig.phase('group/base'), 'Waiting');
  rig.adapter.disturb((host) => signalReady(host, 'db'));
  await rig.settle();
  t.deepEqual(rig.takeSteps().slice(-2), ['container.start container/db', 'container.start container/web']);
  t.is(rig.phase('group/base'), 'Ready');
  await rig.change({ type: 'replace', state: {} }, { unconditional: true });
  const stops = rig.takeSteps().filter((step) => step.startsWith('container.stop'));
  t.deepEqual(stops, ['container.stop container/web', 'container.stop container/db']);
});

test('[CTR-6] [ROLL-3] a container that never signals fails the trial at the very second of its group’s timeout', async (t) => {
  const rig = await committed();
  rig.host.silent.add('db');
  await rig.apply(grouped('READY', 45));
  await rig.pass(44_999);
  t.is(rig.engine.revision, 2);
  await rig.pass(1);
  t.is(rig.engine.revision, 1);
  t.like(rig.engine.rollout.ended, {
    phase: 'ERROR',
    failure: { code: 'GroupTimeout', key: 'container/db' },
  });
  t.regex(
    rig.engine.rollout.ended?.failure?.message ?? '',
    /group 'base'.*within 45 s.*not signalled that it is ready/,
  );
  t.is(rig.engine.board.troubled().size, 0);
});

const recovering = (auto: Json) => lifecycles(good, [], { web: { auto_recovery: auto } });

test('[CTR-8] a container with auto_recovery may exit on trial as often as its manifest allows', async (t) => {
  const rig = await committed();
  await rig.apply(recovering({ policy: 'always', max_retries: 2, retry_delay: 3, backoff_factor: 2 }));
  const end = async () => {
    rig.adapter.disturb((host) => exitContainer(host, 'web', exit(1)));
    await rig.settle();
  };
  rig.takeSteps();
  await end();
  t.is(rig.phase('container/web'), 'Failed');
  await rig.pass(2_999);
  t.deepEqual(rig.takeSteps(), []);
  await rig.pass(1);
  t.deepEqual(rig.takeSteps(), ['container.start container/web']);
  await end();
  await rig.pass(6_000);
  t.deepEqual(rig.takeSteps(), ['container.start container/web']);
  t.is(rig.engine.revision, 2);
  await end();
  t.is(rig.engine.revision, 1);
  t.like(rig.engine.rollout.ended, {
    phase: 'ERROR',
    failure: { code: 'ContainerExited', key: 'container/web' },
  });
});

test('[ROLL-2] [CTR-8] a trial lasts as long as every container asks to be seen stable, from its last exit', async (t) => {
  const rig = await committed();
  await rig.apply(recovering({ policy: 'always', retry_delay: 0, stable_timeout: 60 }));
  await rig.pass(30_000);
  rig.adapter.disturb((host) => exitContainer(host, 'web', exit(1)));
  await rig.settle();
  await rig.pass(59_999);
  t.is(rig.engine.rollout.committed, 1);
  await rig.pass(1);
  t.is(rig.engine.rollout.committed, 2);
});

test('[CTR-8] a container that exits for ever can not hold a trial open for ever', async (t) => {
  const rig = await committed();
  await rig.apply(recovering({ policy: 'always', retry_delay: 1, backoff_factor: 1 }));
  for (let turn = 0; turn < 100 && rig.engine.revision === 2; turn += 1) {
    rig.adapter.disturb((host) => exitContainer(host, 'web', exit(1)));
    await rig.pass(5_000);
  }
  t.like(rig.engine.rollout.ended, { phase: 'ERROR', failure: { code: 'ContainerExited' } });
  t.regex(rig.engine.rollout.ended?.failure?.message ?? '', /it has ended 5 times on trial/);
});

test('[ROLL-8] a change of a container of a system group restarts every container, in order', async (t) => {
  const system = [{ name: 'base', restart_policy: 'system' }, { name: 'app' }];
  const members = { web: { group: 'app' }, db: { group: 'base' } };
  const rig = await committed(lifecycles(good, system, members));
  const changed = revisionOf({ lan }, { web: on('lan'), db: { pool: 'lan', hostname: 'store' } });
  await rig.apply(lifecycles(changed, system, members));
  t.deepEqual(
    rig.takeSteps().filter((step) => step.startsWith('container')),
    [
      'container.stop container/web',
      'container.stop container/db',
      'container.start container/db',
      'container.start container/web',
    ],
  );
});

for (const [recovery, reason] of [
  [{ policy: 'no' }, 'ContainerExited'],
  [{ policy: 'always', max_retries: 1 }, 'RetriesExhausted'],
] as const)
  test(`[CTR-6] [ENG-3] a container that is down for good (${reason}) keeps none of later groups down`, async (t) => {
    const members = { web: { group: 'app' }, db: { group: 'base', auto_recovery: recovery } };
    const rig = await committed(lifecycles(good, groups('STARTED'), members));
    const end = async (name: string) => {
      rig.adapter.disturb((host) => exitContainer(host, name, exit(1)));
      await rig.settle();
    };
    while (rig.engine.board.get('container/db')?.reason !== reason) await end('db');
    t.is(rig.phase('group/base'), 'Waiting');
    rig.takeSteps();
    await end('web');
    t.deepEqual(rig.takeSteps(), ['container.start container/web']);
    t.is(rig.phase('container/web'), 'Ready');
  });

test('[CTR-6] [CTR-7] moving a container to another group, and other recovery, restart nothing', async (t) => {
  const rig = await committed(grouped('STARTED'));
  const recovery = { web: { group: 'base', auto_recovery: { policy: 'no' } }, db: { group: 'base' } };
  await rig.commit(lifecycles(good, groups('STARTED'), recovery));
  t.deepEqual(rig.takeSteps(), []);
  t.is(rig.engine.rollout.committed, 2);
});

test('[CTR-8] [ROLL-2] a container that has done what it was for fails no trial and is not started again', async (t) => {
  const rig = await committed();
  await rig.apply(recovering({ policy: 'on-failure' }));
  rig.takeSteps();
  rig.adapter.disturb((host) => exitContainer(host, 'web', exit(0)));
  await rig.settle();
  t.is(rig.engine.rollout.trial?.phase, 'TESTING');
  await rig.pass(10_000);
  t.is(rig.engine.rollout.committed, 2);
  t.deepEqual(rig.takeSteps(), []);
  t.like(rig.engine.board.get('container/web'), {
    phase: 'Ready',
    message: 'complete: it exited with code 0',
  });
});

test('[CTR-8] a container whose restarts are used up and that somebody starts by hand has all of them again', async (t) => {
  const rig = await committed(recovering({ policy: 'always', max_retries: 1, retry_delay: 0 }));
  const end = async () => {
    rig.adapter.disturb((host) => exitContainer(host, 'web', exit(1)));
    await rig.settle();
  };
  await end();
  await end();
  t.like(rig.engine.board.get('container/web'), { phase: 'Failed', reason: 'RetriesExhausted' });
  const byHand = new MemoryAdapter({ host: rig.host });
  const desired = rig.store.desired('container/web');
  const start = { action: 'container.start', key: 'container/web', digest: desired?.digest ?? '' } as const;
  await byHand.apply({ ...start, spec: desired?.spec as ContainerSpec });
  rig.runner.push({ type: 'relist', reason: 'by hand' });
  await rig.settle();
  t.is(rig.phase('container/web'), 'Ready');
  rig.takeSteps();
  await end();
  t.deepEqual(rig.takeSteps(), ['container.start container/web']);
});

test('[ROLL-2] a trial with everything at hand in it ends when its window has passed, whatever its timers told before', async (t) => {
  const rig = await committed();
  await rig.apply(other);
  rig.runner.push({ type: 'timer', timer: 'stage:1.1' });
  rig.runner.push({ type: 'timer', timer: 'stage:2.0' });
  t.is(rig.engine.rollout.committed, 1);
});

test('[ENG-4] [ROLL-4] a controller that lost its database takes nothing down: a revision adopts what runs', async (t) => {
  const first = await committed();
  await first.runner.stop();
  const pids = [pidOf(first, 'web'), pidOf(first, 'db')];
  const second = await new Rig({ host: first.host, clock: first.clock }).start();
  await second.pass(700_000);
  t.deepEqual(second.takeSteps(), []);
  t.like(second.events.at(0), { severity: 'warning', reason: 'LeftAlone' });
  await second.apply(good);
  t.deepEqual(second.takeSteps(), []);
  t.deepEqual([pidOf(second, 'web'), pidOf(second, 'db')], pids);
});

test('[ENG-4] down removes what a controller without its database found', async (t) => {
  const first = await committed();
  await first.runner.stop();
  const second = await new Rig({ host: first.host, clock: first.clock }).start();
  const answer = await second.change({ type: 'replace', state: {} }, { unconditional: true });
  t.like(answer, { accepted: true, revision: 1 });
  t.is(second.host.containers.size + second.host.pools.size + second.host.leases.size, 0);
});

const system = [{ name: 'base', restart_policy: 'system' }, { name: 'app' }];
const inSystem = { web: { group: 'app' }, db: { group: 'base' } };
const before = lifecycles(good, system, inSystem);
const after = lifecycles(
  revisionOf({ lan }, { web: on('lan'), db: { pool: 'lan', hostname: 'store' } }),
  system,
  inSystem,
);
const containerSteps = (rig: Rig) => rig.takeSteps().filter((step) => step.startsWith('container'));

/** A device that boots for system transitions, on which `before` is committed, and how often it was told to boot. */
async function bootable(): Promise<{ readonly rig: Rig; readonly boots: () => number }> {
  let boots = 0;
  const reboot = async () => {
    boots += 1;
  };
  const rig = await new Rig({ reboot }).start();
  await rig.commit(before);
  rig.takeSteps();
  return { rig, boots: () => boots };
}

/** The controller after the one of `rig`, on a host that has booted: nothing runs. */
async function booted(rig: Rig, start: Partial<EngineStart>): Promise<Rig> {
  await rig.runner.stop();
  for (const [pid, { container }] of [...rig.host.processes]) {
    rig.host.processes.delete(pid);
    const made = rig.host.containers.get(container);
    if (made !== undefined) made.pid = null;
  }
  const next = new Rig({
    host: rig.host,
    clock: rig.clock,
    held: rig.store.leases(),
    state: before,
    reboot: async () => undefined,
    start: { latest: 2, ...start },
  });
  return next.start();
}

test('[ROLL-8] where a device boots for a system transition, all containers stop, that is saved, it boots, and the trial goes on', async (t) => {
  const { rig, boots } = await bootable();
  await rig.apply(after);
  t.deepEqual(containerSteps(rig), ['container.stop container/web', 'container.stop container/db']);
  t.like(rig.facts.at(-1), { type: 'reboot', revision: 2 });
  t.is(boots(), 1);
  await rig.pass(60_000);
  t.is(rig.engine.rollout.trial?.phase, 'INPROGRESS');
  t.deepEqual(containerSteps(rig), []);
  const next = await booted(rig, { resumed: { revision: 2, state: after } });
  t.like(next.facts[0], { type: 'attempt', revision: 2 });
  t.deepEqual(containerSteps(next), ['container.start container/db', 'container.start container/web']);
  await next.pass(10_000);
  t.is(next.engine.rollout.committed, 2);
});

test('[ROLL-8] [ROLL-4] a device that boots again during such a trial goes back, and needs no third boot for it', async (t) => {
  const { rig } = await bootable();
  await rig.apply(after);
  const next = await booted(rig, { interrupted: 2 });
  t.like(next.engine.rollout, { committed: 1, ended: { revision: 2, failure: { code: 'Interrupted' } } });
  t.deepEqual(containerSteps(next), ['container.start container/db', 'container.start container/web']);
  t.is(next.store.desired('container/db')?.digest, next.host.containers.get('db')?.digest);
});

test('[ROLL-8] a trial for which the device booted and that fails is gone back from by a boot', async (t) => {
  const { rig } = await bootable();
  await rig.apply(after);
  const next = await booted(rig, { resumed: { revision: 2, state: after } });
  containerSteps(next);
  next.adapter.disturb((host) => exitContainer(host, 'db', exit(1)));
  await next.settle();
  t.is(next.engine.revision, 1);
  t.deepEqual(containerSteps(next), ['container.stop container/web']);
  t.true(next.events.some(({ reason }) => reason === 'Rebooting'));
  const last = await booted(next, {});
  t.deepEqual(containerSteps(last), ['container.start container/db', 'container.start container/web']);
});

test('[ROLL-8] a device that can not be booted goes back without', async (t) => {
  const reboot = () => Promise.reject(new Error('no such program'));
  const rig = await new Rig({ reboot }).start();
  await rig.commit(before);
  await rig.apply(after);
  await rig.settle();
  t.like(rig.engine.rollout.ended, { phase: 'ERROR', failure: { code: 'RebootFailed' } });
  t.regex(rig.engine.rollout.ended?.failure?.message ?? '', /no such program/);
  t.is(rig.engine.board.troubled().size, 0);
});

test('[ROLL-8] a device that was told to boot and does not counts as one that can not be booted', async (t) => {
  const { rig } = await bootable();
  await rig.apply(after);
  await rig.pass(300_000);
  t.like(rig.engine.rollout.ended, { phase: 'ERROR', failure: { code: 'RebootFailed' } });
  t.is(rig.engine.board.troubled().size, 0);
});

test('[ROLL-8] a revision that takes the place of a transition under way, and for which the device is not booted, starts what that one stopped', async (t) => {
  const boot = Promise.withResolvers<void>();
  const boots = [boot.promise];
  const rig = await new Rig({ reboot: () => boots.pop() ?? Promise.resolve() }).start();
  await rig.commit(before);
  await rig.apply(after);
  const third = revisionOf({ lan }, { web: { pool: 'lan', hostname: 'www' }, db: on('lan') });
  await rig.apply(lifecycles(third, system, inSystem));
  boot.reject(new Error('no such program'));
  await rig.settle();
  t.like(rig.engine.rollout.ended, { revision: 3, phase: 'ERROR', failure: { code: 'RebootFailed' } });
  t.is(rig.engine.board.troubled().size, 0);
});

test('[ROLL-8] a container that can not be stopped holds up no boot for which all others have stopped', async (t) => {
  const { rig: first } = await bootable();
  await first.apply(after);
  await first.runner.stop();
  for (const made of first.host.containers.values()) made.pid = null;
  first.host.processes.clear();
  let boots = 0;
  const rig = await new Rig({
    host: first.host,
    clock: first.clock,
    held: first.store.leases(),
    state: before,
    start: { latest: 2, resumed: { revision: 2, state: after } },
    reboot: async () => {
      boots += 1;
    },
    fault: (step) =>
      step.action === 'container.stop'
        ? { outcome: 'failed', error: { code: 'StopFailed', message: 'it stays' }, observations: [] }
        : null,
  }).start();
  rig.adapter.disturb((host) => exitContainer(host, 'db', exit(1)));
  await rig.pass(1_000);
  t.is(rig.engine.rollout.ended?.phase, 'ERROR');
  t.is(boots, 0);
  await rig.pass(20_000);
  t.is(boots, 1);
});

test('[ROLL-8] a boot that did not come fails no trial after the one that it was for', async (t) => {
  const { rig } = await bootable();
  await rig.apply(after);
  await rig.change({ type: 'replace', state: {} }, { unconditional: true });
  await rig.pass(295_000);
  await rig.commit(good);
  t.like(rig.engine.rollout, { committed: 4, ended: { phase: 'DONE' } });
  t.false(rig.events.some(({ reason }) => reason === 'RebootFailed'));
});

test('[ROLL-8] a change of a container in no system group boots nothing', async (t) => {
  const { rig, boots } = await bootable();
  const changed = revisionOf({ lan }, { web: { pool: 'lan', hostname: 'www' }, db: on('lan') });
  await rig.commit(lifecycles(changed, system, inSystem));
  t.is(boots(), 0);
  t.is(rig.engine.rollout.committed, 2);
});

test('[ENG-8] [ROLL-3] a container that is down for good fails every trial that does not change it, before it begins', async (t) => {
  const rig = await committed(recovering({ policy: 'no' }));
  rig.adapter.disturb((host) => exitContainer(host, 'web', exit(1)));
  await rig.settle();
  const tmp = { ...(good['db/run.json'] as object), name: 'tmp' } as Json;
  const more = { ...recovering({ policy: 'no' }), 'tmp/run.json': tmp };
  await rig.apply(more);
  const plan = planOf(rig.standing(), { type: 'replace', state: more }, { texts: {}, missing: [] });
  t.deepEqual(plan.steps, []);
  t.regex(plan.problems[0]?.why ?? '', /does not change it: .*; the revision would not be begun/);
  t.deepEqual(rig.takeSteps(), []);
  t.like(rig.engine.rollout.ended, {
    phase: 'ERROR',
    failure: { code: 'ContainerExited', key: 'container/web' },
  });
  t.regex(rig.engine.rollout.ended?.failure?.message ?? '', /this revision does not change it/);
  await rig.commit(good);
  t.is(rig.engine.board.troubled().size, 0);
});

test('[CTR-8] [ENG-3] a container without a delay in its manifest that exits again and again is restarted ever more slowly', async (t) => {
  const rig = await committed(recovering({ policy: 'always' }));
  const waits: (number | null)[] = [];
  for (let turn = 0; turn < 4; turn += 1) {
    rig.adapter.disturb((host) => exitContainer(host, 'web', exit(1)));
    await rig.settle();
    const wait = rig.phase('container/web') === 'Failed' ? rig.clock.nextInMs() : 0;
    waits.push(wait);
    await rig.pass(wait ?? 0);
  }
  t.is(waits[0], 0);
  for (const [turn, least] of [100, 200, 400].entries())
    t.true((waits[turn + 1] ?? 0) >= least * 0.5, String(waits));
});

test('[ROLL-3] a container that ends before anybody sees it run fails its trial with how it ended', async (t) => {
  const rig = await committed();
  await rig.runner.stop();
  const quick = new Rig({
    host: rig.host,
    clock: rig.clock,
    held: rig.store.leases(),
    state: good,
    fault: async (step) => {
      if (step.action !== 'container.start' || step.spec.hostname !== 'www') return null;
      await new MemoryAdapter({ host: rig.host }).apply(step);
      exitContainer(rig.host, 'web', { ...exit(7), log: ['no configuration'] });
      const observed = observeContainer(rig.host, 'web');
      return { outcome: 'done', observations: [{ key: step.key, observed }] };
    },
  });
  await quick.start();
  await quick.apply(other);
  await quick.settle();
  const { ended } = quick.engine.rollout;
  t.like(ended, { phase: 'ERROR', failure: { code: 'ContainerExited', key: 'container/web' } });
  t.is(ended?.failure?.message, "container 'web' exited with code 7\nno configuration");
  t.is(quick.engine.board.troubled().size, 0);
});

test('[ROLL-7] a way back is not over before a container that has to signal that it is ready has', async (t) => {
  const rig = await committed(grouped('READY'));
  rig.host.silent.add('db');
  await rig.apply(
    lifecycles(
      revisionOf({ lan }, { web: on('lan'), db: { pool: 'lan', hostname: 'store' } }),
      groups('READY'),
      { web: { group: 'app' }, db: { group: 'base' } },
    ),
  );
  await rig.pass(30_000);
  t.is(rig.engine.revision, 1);
  t.false(rig.engine.atRest(5));
  rig.adapter.disturb((host) => signalReady(host, 'db'));
  await rig.settle();
  t.true(rig.engine.atRest(5));
});

test('[ROLL-8] [ROLL-4] a trial that was taken up after a boot, and whose attempt can not be saved, is gone back from', async (t) => {
  const { rig } = await bootable();
  await rig.apply(after);
  await rig.runner.stop();
  const next = new Rig({
    host: rig.host,
    clock: rig.clock,
    held: rig.store.leases(),
    state: before,
    persist: (fact) => {
      if (fact.type === 'attempt') throw new Error('no space left');
    },
    start: { latest: 2, resumed: { revision: 2, state: after } },
  });
  await next.start();
  t.like(next.engine.rollout, { committed: 1, trial: null, ended: { failure: { code: 'NotDurable' } } });
  t.is(next.engine.board.troubled().size, 0);
});
