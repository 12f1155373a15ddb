import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { makeBusyboxRoot } from '../lab/busybox-root.ts';
import { copyProgram } from '../lab/copy-program.ts';
import { Device } from './device.ts';
import { hostState } from './host-state.ts';
import { container, stateOf } from './states.ts';

/** Groups on real LXC: each begins when the one before it has reached its goal, and ends a trial when it does not. */
const inLab = process.env.HOLDFAST_LAB === '1' ? test.serial : test.serial.skip;

const base = { name: 'base', status_goal: 'READY', timeout: 5 };
const app = { name: 'app', status_goal: 'STARTED', timeout: 30 };

/** Says that it is ready as Pantavisor's containers do, a second after it has begun, and goes on. */
const signalling = [
  'sleep 1',
  `curl -s --unix-socket /run/holdfast/ready.sock -d '{"type":"ready","payload":""}' http://localhost/signal`,
  'exec sleep 2147483647',
].join('\n');

const silent = 'exec sleep 2147483647';

/** A device with a running controller, whose base signals or not. */
async function running(t: ExecutionContext) {
  const made = await Device.make('lxc');
  t.teardown(() => made.destroy());
  const root = async (name: string, init: string) => ({
    directory: await makeBusyboxRoot(join(made.directory, name), init),
  });
  const [speaking, mute] = [await root('speaking', signalling), await root('mute', silent)];
  await copyProgram('/usr/bin/curl', speaking.directory);
  await made.start();
  const state = (root: typeof speaking, hostname: string) =>
    stateOf(
      {},
      { groups: [base, app] },
      // Listed first, started last: groups go before the order of the revision.
      container('web', mute, { group: 'app', network: { mode: 'none', hostname } }),
      container('database', root, { group: 'base' }),
    );
  return { made, speaking, mute, state };
}

/** When a process began, in clock ticks since the host booted (proc(5), field 22 of `stat`). */
async function startTime(made: Device, pid: number | undefined): Promise<number> {
  const { stdout } = await made.run('cat', `/proc/${pid}/stat`);
  return Number(stdout.slice(stdout.lastIndexOf(')') + 2).split(' ')[19]);
}

/** Clock ticks in a second, as Linux tells programs on every architecture that it runs on (USER_HZ). */
const ticksInSecond = 100;

inLab(
  '[CTR-6] a group begins when every container of the one before has said that it is ready',
  async (t) => {
    const { made, speaking, state } = await running(t);
    const outcome = await made.outcomeOf(state(speaking, 'one'));
    t.is(outcome.phase, 'DONE', JSON.stringify(outcome));
    const pids = await made.pids();
    const database = await startTime(made, pids.database);
    const web = await startTime(made, pids.web);
    t.true(web - database >= ticksInSecond, `${database}, then ${web}`);
    const order = (await made.events())
      .filter(({ key, reason }) => reason === 'Ready' && key?.startsWith('container/'))
      .map(({ key }) => key);
    t.deepEqual(order, ['container/database', 'container/web']);
    // What a container has said stands as long as it runs: a new controller asks nothing anew.
    await made.end('SIGKILL');
    await made.start();
    t.deepEqual(await made.pids(), pids);
    const { resources } = JSON.parse((await made.apply(state(speaking, 'one'))).stdout);
    t.is(resources.ready, 4);
  },
);

inLab(
  '[CTR-6] [ROLL-3] a member that never says that it is ready fails the trial at the timeout of its group',
  async (t) => {
    const { made, speaking, mute, state } = await running(t);
    t.is((await made.apply(state(speaking, 'one'))).code, 0);
    const before = { host: await hostState(made), web: (await made.pids()).web };
    // Only the database of before ever signals.
    const back = await made.event(({ key, reason }) => key === 'container/database' && reason === 'Ready');
    const outcome = await made.outcomeOf(state(mute, 'one'));
    t.deepEqual(
      [outcome.phase, outcome.failure?.code, outcome.failure?.key, outcome.desired],
      ['ERROR', 'GroupTimeout', 'container/database', 1],
    );
    t.regex(outcome.failure?.message ?? '', /group 'base' had not come to their goal within 5 s/);
    const events = await made.events();
    const accepted = events.find(
      ({ reason, message }) => reason === 'RevisionAccepted' && message.startsWith('revision 2 '),
    );
    const waited = (outcome.failure?.at ?? 0) - (accepted?.at ?? 0);
    t.true(waited >= 5000, `it failed ${waited} ms after it was accepted`);
    await back();
    t.deepEqual({ host: await hostState(made), web: (await made.pids()).web }, before);
  },
);

inLab('[CTR-6] groups stop in the reverse of their order', async (t) => {
  const { made, speaking, state } = await running(t);
  t.is((await made.apply(state(speaking, 'one'))).code, 0);
  t.is((await made.cli(['down'])).code, 0);
  const stops = (await made.events())
    .filter(({ reason, message }) => reason === 'StepDone' && message === 'container.stop')
    .map(({ key }) => key);
  t.deepEqual(stops, ['container/web', 'container/database']);
});

inLab(
  '[ROLL-8] a change in a group whose policy is system stops every container, and starts them in order',
  async (t) => {
    const { made, speaking, mute } = await running(t);
    const platform = (hostname: string) =>
      stateOf(
        {},
        { groups: [{ ...base, restart_policy: 'system' }, app] },
        container('web', mute, { group: 'app' }),
        container('database', speaking, { group: 'base', network: { mode: 'none', hostname } }),
      );
    t.is((await made.apply(platform('one'))).code, 0);
    const before = await made.pids();
    const last = (await made.events()).at(-1)?.sequence ?? 0;
    t.is((await made.apply(platform('two'))).code, 0);
    const after = await made.pids();
    t.not(after.web, before.web);
    const steps = (await made.events())
      .filter(({ sequence, reason }) => sequence > last && reason === 'StepDone')
      .map(({ key, message }) => `${message} ${key}`);
    t.deepEqual(steps, [
      'container.stop container/web',
      'container.stop container/database',
      'container.start container/database',
      'container.start container/web',
    ]);
  },
);
