import { setTimeout as delay } from 'node:timers/promises';
import { isDeepStrictEqual } from 'node:util';
import test, { type ExecutionContext } from 'ava';
import { hostChanges, hostState } from './host-state.ts';
import { until } from './ingress-device.ts';
import {
  echoes,
  heard,
  idle,
  LinkDevice,
  needsRaw,
  raw,
  rawSocket,
  rawTarget,
  saying,
} from './link-device.ts';
import { holdingsOf, killContainer, killServed } from './link-disturbances.ts';
import { openUnix } from './open-streams.ts';
import { type Part, stateOf } from './states.ts';

/** Links go on, or are back, whoever ends: a service, either container, the controller. Times are printed; bench/links.ts has their limits. */
const inLab = process.env.HOLDFAST_LAB === '1' ? test.serial : test.serial.skip;

const card = '/dev/dri/card0';
const provides: readonly Part[] = [
  raw,
  { name: 'api', type: 'rest', socket: rawSocket },
  { name: 'card', type: 'drm', socket: card },
];
const requires: readonly Part[] = [
  needsRaw,
  { name: 'api', target: '/run/pv/services/api.sock' },
  { name: 'card', target: card },
];

/** Whoever is killed comes back at once, however often. */
const run: Part = { auto_recovery: { policy: 'always', retry_delay: 0.01, backoff_factor: 1 } };

/** A device with a running controller, whose client is linked to its server in three ways; `state` without requirements has no link. */
async function running(t: ExecutionContext) {
  const device = await LinkDevice.make(t, '/usr/bin/socat');
  const { made } = device;
  const configuration = await device.object(
    'lxc.cgroup.devices.allow = c 10:229 rwm\nlxc.cgroup2.devices.allow = c 10:229 rwm\n',
  );
  const makesNode = `mkdir -p /dev/dri\nmknod ${card} c 10 229\n${echoes}`;
  const server = await device.container('server', makesNode, { provides, configuration, run });
  const client = await device.container('client', idle, { run });
  const state = (needs: readonly Part[]) =>
    stateOf({}, {}, server, saying(client, 'client', { requires: needs, run }));
  await made.start();
  const path = async () => LinkDevice.inside((await made.pids()).client, rawTarget);
  const usable = async () => (await heard(await path())) === 'hello';
  const opens = async () => (await made.inside('client', 'sh', '-c', `exec 3<>${card}`)).code === 0;
  const allUsable = async () => (await usable()) && (await opens());
  return { made, device, state, path, usable, allUsable };
}

function median(values: readonly number[]): number {
  return [...values].sort((one, other) => one - other)[Math.floor(values.length / 2)] ?? 0;
}

inLab(
  '[LINK-10] [ENG-2] a link is usable again after 200 ends of its service, its provider and its consumer, and nothing is left of any of them',
  async (t) => {
    t.timeout(180_000);
    const { made, state, allUsable, usable } = await running(t);
    t.is((await made.apply(state(requires))).code, 0);
    const ends = {
      service: () => killServed(made, 'server', 'socat'),
      consumer: () => killContainer(made, 'client'),
      provider: () => killContainer(made, 'server'),
    };
    // Once each beforehand: what is made for the first of them stays.
    for (const end of Object.values(ends)) {
      await end();
      await until('the links are back', allUsable);
    }
    await made.atRest();
    const [before, held] = [await hostState(made), await holdingsOf(made)];
    for (const [what, rounds] of [
      ['service', 150],
      ['consumer', 25],
      ['provider', 25],
    ] as const) {
      const took: number[] = [];
      for (let round = 0; round < rounds; round += 1) {
        await ends[what]();
        took.push(await until(`usable after the ${what} ended`, usable));
      }
      t.log(`${what}: median ${median(took)} ms, worst ${Math.max(...took)} ms`);
    }
    await until('all links are back', allUsable);
    await made.atRest();
    await until('as much is held as before', async () =>
      isDeepStrictEqual(await holdingsOf(made), held),
    ).catch(async () => t.deepEqual(await holdingsOf(made), held));
    t.deepEqual(hostChanges(before, await hostState(made)), []);
  },
);

inLab(
  '[LINK-10] [CTR-9] a controller that is killed breaks no link; what happened meanwhile is made good by the next one',
  async (t) => {
    const { made, state, allUsable, usable, path } = await running(t);
    t.is((await made.apply(state(requires))).code, 0);
    await until('the links are there', allUsable);
    const before = await hostState(made);
    const connection = await openUnix(t, await path());

    const pids = await made.pids();
    const target = LinkDevice.inside(pids.client, rawTarget);
    await made.end('SIGKILL');
    t.is(await connection.say('without a controller'), 'without a controller');
    t.is(await heard(target), 'hello', 'new connections, too');
    await made.start();
    await made.atRest();
    t.false(
      made.log.some((line) => line.includes('"reason":"StepDone"')),
      'all is as it should be',
    );
    t.is(await connection.say('with the next one'), 'with the next one');

    for (const [what, happens] of [
      ['the service was made anew', () => killServed(made, 'server', 'socat')],
      ['the consumer has ended', async () => void (await made.run('kill', '-9', String(pids.client)))],
      ['the consumer took it away', async () => void (await made.inside('client', 'umount', rawTarget))],
    ] as const) {
      await made.end('SIGKILL');
      await happens();
      await made.start();
      t.log(`${what}: usable ${await until(what, allUsable)} ms after the controller serves`);
    }
    await made.atRest();
    t.true(await usable());
    t.deepEqual(hostChanges(before, await hostState(made)), []);
  },
);

inLab(
  '[ROLL-4] [LINK-10] a controller killed while it makes or removes links leaves nothing that the next one does not know of',
  async (t) => {
    const { made, state, allUsable } = await running(t);
    t.is((await made.apply(state([]))).code, 0);
    const [before, held] = [await hostState(made), (await holdingsOf(made)).mounts];
    for (const milliseconds of [1, 3, 6, 10, 15, 22, 30, 45]) {
      for (const needs of [requires, []]) {
        const proposed = made.propose(state(needs)).catch(() => null);
        await delay(milliseconds);
        await made.end('SIGKILL');
        await proposed;
        await made.start();
        await made.atRest();
      }
    }
    t.is((await made.outcomeOf(state(requires))).phase, 'DONE');
    t.log(`usable after ${await until('the links are there', allUsable)} ms`);
    t.is((await made.outcomeOf(state([]))).phase, 'DONE');
    t.deepEqual(hostChanges(before, await hostState(made)), []);
    t.deepEqual((await holdingsOf(made)).mounts, held);
  },
);
