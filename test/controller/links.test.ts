import test from 'ava';
import type { StepResult } from '../../adapters/adapter.ts';
import { exitContainer, signalReady } from '../../adapters/memory/host.ts';
import {
  pathIn,
  recreateSocket,
  releaseSocket,
  takeTarget,
  unmountLink,
} from '../../adapters/memory/links.ts';
import { planOf } from '../../controller/dry-run.ts';
import type { Json } from '../../state/json.ts';
import type { LinkSpec } from '../../state/resource.ts';
import type { FlatState } from '../../state/revision.ts';
import { Rig } from './rig.ts';
import { linkOf, type Serving, servingRevision } from './serving-revision.ts';

const server: Serving = { provides: { raw: 'unix' } };
const pair = (client: Serving, provider: Serving = server) => servingRevision({ server: provider, client });
const required = pair({ requires: ['raw'] });
const optional = pair({ optional: ['raw'] });
const raw = linkOf('client', 'raw');
const target = '/run/pv/services/raw.sock';
const socket = '/run/raw.sock';

/** A device on which `state` is committed. */
async function committed(state: FlatState): Promise<Rig> {
  const rig = await new Rig().start();
  await rig.commit(state);
  rig.takeSteps();
  return rig;
}

/** A device on which the provider of `raw` has yet to make its socket. */
async function withheld(state: FlatState): Promise<Rig> {
  const rig = await new Rig().start();
  rig.host.withheldSockets.add(pathIn('server', socket));
  await rig.apply(state);
  return rig;
}

const exit = { code: 1, signal: null, at: 0 };
const pidOf = (rig: Rig, name: string) => rig.host.containers.get(name)?.pid;
const statusOf = (rig: Rig, key = raw) => rig.engine.board.get(key);

/** One that restarts at once whatever happens, also while a revision is tried. */
const restarting = { auto_recovery: { policy: 'always' } } as const satisfies Serving['more'];
const mute = { status_goal: 'READY' } as const satisfies Serving['more'];

test('[LINK-8] what requires what requires something comes up in order, each link as soon as both of its containers run', async (t) => {
  const rig = await new Rig().start();
  await rig.apply(
    servingRevision({
      app: { requires: ['wayland-0'] },
      compositor: { requires: ['card0'], provides: { 'wayland-0': 'wayland' } },
      gpu: { provides: { card0: 'drm' } },
    }),
  );
  t.deepEqual(rig.takeSteps(), [
    'container.start container/gpu',
    'container.start container/compositor',
    'container.start container/app',
    'link.ensure link/compositor/run/card0.sock',
    'link.ensure link/app/run/pv/services/wayland-0.sock',
  ]);
  await rig.pass(10_000);
  t.is(rig.engine.rollout.committed, 1);
  t.deepEqual([...rig.engine.board.troubled()], []);
});

test('[LINK-8] a consumer starts when its provider has said that it is ready, and not before', async (t) => {
  const rig = new Rig();
  rig.host.silent.add('server');
  await rig.start();
  await rig.apply(pair({ requires: ['raw'] }, { ...server, more: mute }));
  t.deepEqual(rig.takeSteps(), ['container.start container/server']);
  t.like(statusOf(rig, 'container/client'), {
    phase: 'Waiting',
    message: 'what it stands on is not there yet: waits for container/server',
  });
  rig.adapter.disturb((host) => signalReady(host, 'server'));
  await rig.settle();
  t.deepEqual(rig.takeSteps(), ['container.start container/client', `link.ensure ${raw}`]);
  t.is(rig.phase(raw), 'Ready');
});

test('[LINK-1] a consumer does not wait for what it can do without, and gets it as soon as that runs', async (t) => {
  const rig = new Rig();
  rig.host.silent.add('server');
  await rig.start();
  await rig.apply(pair({ optional: ['raw'] }, { ...server, more: mute }));
  t.deepEqual(rig.takeSteps(), [
    'container.start container/server',
    'container.start container/client',
    `link.ensure ${raw}`,
  ]);
  t.like(statusOf(rig), { phase: 'Waiting', tolerated: true, waitsFor: ['container/server'] });
});

test('[LINK-1] [ROLL-2] a revision is committed without the sockets of what is optional, which are linked when they come', async (t) => {
  const rig = await withheld(optional);
  t.like(statusOf(rig), { phase: 'Waiting', tolerated: true });
  t.is(rig.engine.rollout.trial?.phase, 'TESTING');
  await rig.pass(10_000);
  t.is(rig.engine.rollout.committed, 1);
  t.true(rig.engine.atRest(5));
  rig.takeSteps();
  rig.adapter.disturb((host) => releaseSocket(host, 'server', socket));
  await rig.settle();
  t.deepEqual(rig.takeSteps(), [`link.ensure ${raw}`]);
  t.is(rig.phase(raw), 'Ready');
  t.is(statusOf(rig)?.tolerated, undefined);
});

test('[LINK-1] [ENG-8] what an optional link is refused fails no trial', async (t) => {
  const rig = await committed(pair({}));
  rig.host.foreignTargets.set(pathIn('client', target), 'a file');
  await rig.apply(optional);
  t.like(statusOf(rig), { phase: 'Blocked', reason: 'LinkTargetTaken', tolerated: true });
  await rig.pass(10_000);
  t.is(rig.engine.rollout.committed, 2);
});

test('[LINK-1] an optional link that fails again and again fails no trial', async (t) => {
  const broken: StepResult = {
    outcome: 'failed',
    error: { code: 'Broken', message: 'it broke' },
    observations: [],
  };
  const rig = await new Rig({ fault: ({ action }) => (action === 'link.ensure' ? broken : null) }).start();
  await rig.apply(optional);
  await rig.pass(30_000);
  t.is(rig.engine.rollout.committed, 1);
  t.like(statusOf(rig), { phase: 'Failed', reason: 'Broken', tolerated: true });
});

test('[LINK-10] a link whose provider has no socket yet takes no step until it has, however often one is looked at', async (t) => {
  const rig = await withheld(required);
  t.like(statusOf(rig), {
    phase: 'Waiting',
    message: `there is no ${socket} in container 'server'`,
    waitsFor: [],
  });
  rig.takeSteps();
  rig.runner.push({ type: 'relist', reason: 'test' });
  await rig.pass(20_000);
  t.deepEqual(rig.takeSteps(), []);
  rig.adapter.disturb((host) => releaseSocket(host, 'server', socket));
  await rig.settle();
  t.deepEqual(rig.takeSteps(), [`link.ensure ${raw}`]);
  t.is(rig.phase(raw), 'Ready');
  t.deepEqual(
    rig.events.filter(({ severity }) => severity === 'warning'),
    [],
  );
});

test('[ROLL-3] [LINK-10] a socket that never comes fails the trial, and the reason names the link and the socket', async (t) => {
  const rig = await committed(servingRevision({ server }));
  rig.host.withheldSockets.add(pathIn('server', socket));
  await rig.apply(required);
  await rig.pass(29_999);
  t.is(rig.engine.rollout.trial?.failure, null);
  await rig.pass(1);
  const { ended, committed: last } = rig.engine.rollout;
  t.like(ended, { phase: 'ERROR', failure: { code: 'GroupTimeout', key: raw } });
  t.regex(
    ended?.failure?.message ?? '',
    /^not everything was ready within 30 s: link of container 'client' at \/run\/.*raw\.sock is Waiting: there is no \/run\/raw\.sock in container 'server' /,
  );
  t.is(last, 1);
  t.is(rig.host.serviceLinks.size, 0);
  t.falsy(pidOf(rig, 'client'));
});

test('[ROLL-3] the reason names the socket also where its consumer is not ready for want of it', async (t) => {
  const rig = await committed(servingRevision({ server }));
  rig.host.withheldSockets.add(pathIn('server', socket));
  rig.host.silent.add('client');
  await rig.apply(pair({ requires: ['raw'], more: mute }));
  await rig.pass(30_000);
  const { ended } = rig.engine.rollout;
  t.like(ended, { phase: 'ERROR', failure: { code: 'GroupTimeout', key: 'container/client' } });
  t.regex(
    ended?.failure?.message ?? '',
    /link of .*raw\.sock is Waiting: there is no \/run\/raw\.sock in container 'server'; container 'client' is Waiting because/,
  );
});

test('[ROLL-3] [LINK-12] a target that is taken fails the trial at once, and what is there stays', async (t) => {
  const rig = await committed(pair({}));
  rig.adapter.disturb((host) => takeTarget(host, 'client', target, 'a file'));
  await rig.apply(required);
  t.like(rig.engine.rollout.ended, { phase: 'ERROR', failure: { code: 'LinkTargetTaken', key: raw } });
  t.is(rig.host.foreignTargets.get(pathIn('client', target)), 'a file');
});

test('[ROLL-7] a rollback removes exactly the links that the trial added, and no container is touched by that', async (t) => {
  const kept = { name: 'raw', target: '/run/kept.sock' };
  const before = pair({ requires: [kept] }, { provides: { raw: 'unix', late: 'unix' } });
  const rig = await committed(before);
  const links = JSON.stringify([...rig.host.serviceLinks]);
  const pids = [pidOf(rig, 'server'), pidOf(rig, 'client')];
  rig.host.withheldSockets.add(pathIn('server', '/run/late.sock'));
  await rig.apply(pair({ requires: [kept, 'raw', 'late'] }, { provides: { raw: 'unix', late: 'unix' } }));
  t.deepEqual(rig.takeSteps(), [
    `link.ensure ${linkOf('client', 'raw')}`,
    `link.ensure ${linkOf('client', 'late')}`,
  ]);
  await rig.pass(30_000);
  t.is(rig.engine.rollout.ended?.phase, 'ERROR');
  t.deepEqual(rig.takeSteps(), [
    `link.remove ${linkOf('client', 'raw')}`,
    `link.remove ${linkOf('client', 'late')}`,
  ]);
  t.is(JSON.stringify([...rig.host.serviceLinks]), links);
  t.deepEqual([pidOf(rig, 'server'), pidOf(rig, 'client')], pids);
});

test('[LINK-10] a provider that ends and comes back has its links made again by one step each, and its consumer runs on', async (t) => {
  const rig = await committed(required);
  const client = pidOf(rig, 'client');
  rig.adapter.disturb((host) => exitContainer(host, 'server', exit));
  await rig.settle();
  t.deepEqual(rig.takeSteps(), ['container.start container/server', `link.ensure ${raw}`]);
  t.is(pidOf(rig, 'client'), client);
  t.is(rig.phase(raw), 'Ready');
  t.is(pidOf(rig, 'server'), rig.host.serviceLinks.get(raw)?.providerPid);
});

test('[LINK-10] a consumer that ends and comes back gets its link again, by one step', async (t) => {
  const rig = await committed(required);
  rig.adapter.disturb((host) => exitContainer(host, 'client', exit));
  await rig.settle();
  t.deepEqual(rig.takeSteps(), ['container.start container/client', `link.ensure ${raw}`]);
  t.is(pidOf(rig, 'client'), rig.host.serviceLinks.get(raw)?.consumerPid);
});

test('[LINK-10] [CTR-7] a provider that a revision changes is replaced under a consumer that runs on, and the plan foresees it', async (t) => {
  const rig = await committed(required);
  const client = pidOf(rig, 'client');
  const changed = pair({ requires: ['raw'] }, { ...server, hostname: 'another' });
  const facts = { texts: {}, missing: [] };
  const plan = planOf(rig.standing(), { type: 'replace', state: changed }, facts);
  await rig.apply(changed);
  const steps = rig.takeSteps();
  t.deepEqual(steps, [
    'container.stop container/server',
    'container.start container/server',
    `link.ensure ${raw}`,
  ]);
  t.deepEqual(
    plan.steps.map((step) => `${step.action} ${step.key}`),
    [...steps],
  );
  t.deepEqual(plan.problems, []);
  t.is(pidOf(rig, 'client'), client);
  t.like(statusOf(rig)?.cause.trigger, { type: 'revision', revision: 2 });
});

test('[ENG-5] a plan foresees links after the containers that they join, and their end', async (t) => {
  const rig = await new Rig().start();
  const facts = { texts: {}, missing: [] };
  for (const state of [
    required,
    pair({ requires: ['raw', { name: 'raw', target: '/run/b' }] }),
    pair({}),
    {},
  ]) {
    const plan = planOf(rig.standing(), { type: 'replace', state }, facts);
    await rig.commit(state);
    t.deepEqual(
      plan.steps.map((step) => `${step.action} ${step.key}`),
      [...rig.takeSteps()],
    );
    t.deepEqual(plan.problems, []);
  }
});

test('[LINK-10] a link that leaves the revision goes at once, and nothing stops or waits', async (t) => {
  const rig = await committed(required);
  await rig.apply(pair({}));
  t.deepEqual(rig.takeSteps(), [`link.remove ${raw}`]);
  t.is(rig.phase(raw), undefined);
});

test('taking everything down waits for no link', async (t) => {
  const rig = await committed(required);
  await rig.commit({});
  t.deepEqual([rig.host.containers.size, rig.host.serviceLinks.size], [0, 0]);
  t.deepEqual([...rig.engine.board.keys()], []);
});

test('[LINK-10] sockets that are made anew are followed at once, one step each', async (t) => {
  const rig = await committed(required);
  for (let round = 0; round < 20; round += 1) {
    rig.adapter.disturb((host) => recreateSocket(host, 'server', socket));
    await rig.settle();
    t.is(rig.phase(raw), 'Ready', `round ${round}`);
    await rig.pass(200);
  }
  t.deepEqual([...new Set(rig.takeSteps())], [`link.ensure ${raw}`]);
});

test('[ENG-3] a socket that is made anew a thousand times a second is followed less and less, and nothing else is held up', async (t) => {
  const rig = await committed(
    servingRevision({
      server,
      client: { requires: ['raw'] },
      other: { requires: ['raw'] },
      calm: { provides: { calm: 'unix' } },
      guest: { requires: ['calm'] },
    }),
  );
  for (let round = 0; round < 1_000; round += 1) {
    rig.adapter.disturb((host) => recreateSocket(host, 'server', socket));
    await rig.pass(1);
  }
  t.true(rig.takeSteps().length < 20);
  rig.adapter.disturb((host) => recreateSocket(host, 'calm', '/run/calm.sock'));
  await rig.settle();
  t.is(rig.phase(linkOf('guest', 'calm')), 'Ready');
  await rig.pass(2_000);
  t.is(rig.phase(raw), 'Ready', 'when it has come to rest');
});

test('[ENG-2] what a consumer takes away is put back', async (t) => {
  const rig = await committed(required);
  rig.adapter.disturb((host) => unmountLink(host, 'client', target));
  await rig.settle();
  t.deepEqual(rig.takeSteps(), [`link.ensure ${raw}`]);
  t.true(rig.events.some(({ key, reason }) => key === raw && reason === 'DriftDetected'));
});

test('[LINK-12] a target that is taken is asked for again when it is free, and when its container is another process', async (t) => {
  const rig = await committed(required);
  rig.adapter.disturb((host) => takeTarget(host, 'client', target, 'a file'));
  await rig.settle();
  t.is(rig.phase(raw), 'Blocked');
  rig.adapter.disturb(({ foreignTargets }) => foreignTargets.clear());
  await rig.settle();
  t.is(rig.phase(raw), 'Ready');
  await rig.pass(1_000);
  rig.adapter.disturb((host) => takeTarget(host, 'client', target, 'a file'));
  await rig.settle();
  t.is(rig.phase(raw), 'Blocked');
  // What was there went with the process, and nobody tells.
  rig.host.foreignTargets.clear();
  rig.host.refusedLinks.clear();
  rig.adapter.disturb((host) => exitContainer(host, 'client', exit));
  await rig.settle();
  t.is(rig.phase(raw), 'Ready');
});

test('[ENG-9] a link is not Ready while one of its containers is not', async (t) => {
  const rig = await committed(pair({ requires: ['raw'] }, { ...server, more: restarting }));
  const seen: (string | undefined)[] = [];
  rig.runner.bursts.subscribe(() => {
    const isUp = ['container/server', 'container/client'].every((key) => rig.phase(key as never) === 'Ready');
    if (rig.phase(raw) === 'Ready' && !isUp) seen.push(rig.phase('container/server'));
  });
  for (let round = 0; round < 4; round += 1) {
    rig.adapter.disturb((host) => exitContainer(host, 'server', exit));
    await rig.settle();
    t.is(rig.phase(raw), rig.phase('container/server') === 'Ready' ? 'Ready' : 'Waiting');
    t.is(rig.phase('container/client'), 'Ready', 'its consumer goes on');
  }
  await rig.pass(60_000);
  t.is(rig.phase(raw), 'Ready');
  t.deepEqual(seen, []);
});

test('[ENG-3] a step for processes that are gone when it ends decides nothing', async (t) => {
  const late = Promise.withResolvers<StepResult | null>();
  let open = true;
  const rig = await new Rig({
    fault: ({ action }) => {
      if (!open || action !== 'link.ensure') return null;
      open = false;
      return late.promise;
    },
  }).start();
  await rig.apply(pair({ requires: ['raw'] }, { ...server, more: restarting }));
  rig.adapter.disturb((host) => exitContainer(host, 'server', exit));
  await rig.settle();
  late.resolve({
    outcome: 'failed',
    error: { code: 'ContainerNotRunning', message: 'it does not run' },
    observations: [],
  });
  await rig.settle();
  t.is(rig.phase(raw), 'Ready');
  t.false(rig.events.some(({ reason }) => reason === 'ContainerNotRunning'));
});

test('[LINK-10] [CTR-9] a controller that starts anew finds its links, and takes no step', async (t) => {
  const rig = await committed(required);
  await rig.runner.stop();
  const next = await new Rig({ host: rig.host, clock: rig.clock, state: required }).start();
  t.deepEqual(next.takeSteps(), []);
  t.is(next.phase(raw), 'Ready');
});

test('[LINK-10] [CTR-9] a controller that starts anew makes the links again of what was restarted without it', async (t) => {
  const rig = await committed(required);
  await rig.runner.stop();
  exitContainer(rig.host, 'server', exit);
  const next = await new Rig({ host: rig.host, clock: rig.clock, state: required }).start();
  t.deepEqual(next.takeSteps(), ['container.start container/server', `link.ensure ${raw}`]);
});

test('[ENG-3] [ROLL-5] a provider that is down for good holds up its consumers, and no group that has nothing to do with it', async (t) => {
  const groups: readonly Json[] = [{ name: 'early' }, { name: 'late' }];
  const rig = await new Rig().start();
  await rig.apply(
    servingRevision(
      {
        server: { ...server, more: { group: 'early', auto_recovery: { policy: 'no' } } },
        client: { requires: ['raw'], provides: { more: 'unix' }, hostname: 'x', more: { group: 'early' } },
        further: { requires: ['more'], more: { group: 'early' } },
        other: { more: { group: 'late' } },
      },
      groups,
    ),
  );
  t.is(rig.phase('container/other'), 'Ready');
  rig.adapter.disturb((host) => {
    for (const name of ['server', 'client', 'further', 'other']) exitContainer(host, name, exit);
  });
  await rig.pass(1_000);
  t.is(rig.phase('container/server'), 'Blocked');
  t.like(statusOf(rig, 'container/client'), { phase: 'Waiting', waitsFor: ['container/server'] });
  t.like(statusOf(rig, 'container/further'), { phase: 'Waiting', waitsFor: ['container/client'] });
  t.is(rig.phase('container/other'), 'Ready');
});

test('[ENG-6] what becomes of one container costs what it has of links, however many there are', async (t) => {
  const many = Object.fromEntries(
    Array.from({ length: 300 }, (_, index) => [`c${index}`, { requires: ['raw'] }] as const),
  );
  const rig = await committed(servingRevision({ server, ...many }));
  const before = rig.engine.planned;
  rig.adapter.disturb((host) => exitContainer(host, 'c7', exit));
  await rig.settle();
  t.deepEqual(rig.takeSteps(), ['container.start container/c7', `link.ensure ${linkOf('c7', 'raw')}`]);
  t.true(rig.engine.planned - before < 20, `${rig.engine.planned - before} planned`);
});

test('[LINK-3] a link to another service at the same target is gone before the new one can be had', async (t) => {
  const at = (name: string) => ({ name, target: '/run/it' });
  const rig = await committed(pair({ requires: [at('raw')] }));
  const next = servingRevision({
    server,
    slow: { provides: { slow: 'unix' }, more: mute },
    client: { requires: [at('slow')] },
  });
  rig.host.silent.add('slow');
  await rig.apply(next);
  const key = 'link/client/run/it';
  t.deepEqual(rig.takeSteps(), [
    'container.start container/slow',
    `link.remove ${key}`,
    `link.ensure ${key}`,
  ]);
  t.is((rig.engine.world.observed(key)?.spec as LinkSpec | undefined)?.service, 'slow');
});

test('[ENG-6] links that are desired no more are not looked at again when their containers change', async (t) => {
  const rig = await new Rig().start();
  for (let place = 0; place < 20; place += 1)
    await rig.commit(pair({ requires: [{ name: 'raw', target: `/run/raw-${place}` }] }));
  const planned = rig.engine.planned;
  rig.adapter.disturb((host) => exitContainer(host, 'server', exit));
  await rig.settle();
  t.is(rig.phase('link/client/run/raw-19'), 'Ready');
  t.true(rig.engine.planned - planned < 15, `${rig.engine.planned - planned} plans`);
});

test('[ENG-9] a link is not Ready over a container whose pool can not be had, and is again when it can', async (t) => {
  let broken = false;
  const failure: StepResult = {
    outcome: 'failed',
    error: { code: 'HostError', message: 'no bridge today' },
    observations: [],
  };
  const rig = await new Rig({
    fault: ({ action }) => (broken && action === 'pool.ensure' ? failure : null),
  }).start();
  const pools = { internal: { type: 'bridge', bridge: 'br0', subnet: '10.0.3.0/24', gateway: '10.0.3.1' } };
  const networked = { ...server, more: { network: { pool: 'internal' } } };
  await rig.commit({
    ...pair({ requires: ['raw'] }, networked),
    'device.json': { network: { pools } },
  });
  t.is(rig.phase(raw), 'Ready');
  broken = true;
  rig.adapter.disturb((host) => host.bridges.delete('br0'));
  await rig.settle();
  t.is(rig.phase('pool/internal'), 'Failed');
  t.not(rig.phase('container/server'), 'Ready');
  t.is(rig.phase(raw), 'Waiting');
  broken = false;
  await rig.pass(60_000);
  t.is(rig.phase('container/server'), 'Ready');
  t.is(rig.phase(raw), 'Ready');
});
