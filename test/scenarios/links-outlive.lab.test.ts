import { setTimeout as delay } from 'node:timers/promises';
import { isDeepStrictEqual } from 'node:util';
import test, { type ExecutionContext } from 'ava';
import { hostState } from './host-state.ts';
import { until } from './ingress-device.ts';
import {
  changesSince,
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

/** How often each is there. */
const pairs = 4;

/** A device with a running controller, each of whose clients is linked to its server in three ways; `state` without requirements has no link. */
async function running(t: ExecutionContext, count = 1) {
  const device = await LinkDevice.make(t, '/usr/bin/socat');
  const { made } = device;
  const configuration = await device.object(
    'lxc.cgroup.devices.allow = c 10:229 rwm\nlxc.cgroup2.devices.allow = c 10:229 rwm\n',
  );
  const makesNode = `mkdir -p /dev/dri\nmknod ${card} c 10 229\n${echoes}`;
  const named = (services: readonly Part[], number: number) =>
    services.map((service) => ({ ...service, name: `${service.name}-${number}` }));
  const parts = await Promise.all(
    Array.from({ length: count }, async (_, number) => {
      const services = { provides: named(provides, number), configuration, run };
      const server = await device.container(`server-${number}`, makesNode, services);
      const client = await device.container(`client-${number}`, idle, { run });
      return { server, client, number };
    }),
  );
  const state = (needs: readonly Part[]) =>
    stateOf(
      {},
      {},
      ...parts.map(({ server }) => server),
      ...parts.map(({ client, number }) =>
        saying(client, `client-${number}`, { requires: named(needs, number), run }),
      ),
    );
  await made.start();
  const path = async (number = 0) => LinkDevice.inside((await made.pids())[`client-${number}`], rawTarget);
  const usable = async () => {
    const heardAll = await Promise.all(parts.map(async ({ number }) => heard(await path(number))));
    return heardAll.every((answer) => answer === 'hello');
  };
  const opens = (number: number) => made.inside(`client-${number}`, 'sh', '-c', `exec 3<>${card}`);
  const allUsable = async () => {
    const opened = await Promise.all(parts.map(({ number }) => opens(number)));
    return opened.every(({ code }) => code === 0) && (await usable());
  };
  return { made, device, state, path, usable, allUsable };
}

/** A link that held so long has recovered from what was before, milliseconds. */
const heldMs = 250;

function median(values: readonly number[]): number {
  return [...values].sort((one, other) => one - other)[Math.floor(values.length / 2)] ?? 0;
}

inLab(
  '[LINK-10] [ENG-2] a link is usable again after 200 ends of its service, its provider and its consumer, and nothing is left of any of them',
  async (t) => {
    t.timeout(180_000);
    const { made, state, allUsable, usable } = await running(t, pairs);
    t.is((await made.apply(state(requires))).code, 0);
    const ends = {
      service: (number: number) => killServed(made, `server-${number}`, 'socat'),
      consumer: (number: number) => killContainer(made, `client-${number}`),
      provider: (number: number) => killContainer(made, `server-${number}`),
    };
    /** One end of each pair; resolves when their links are usable, to how long that took from when what ended was seen to be back. */
    const round = async (what: keyof typeof ends) => {
      await Promise.all(Array.from({ length: pairs }, (_, number) => ends[what](number)));
      const took = await until(`usable after the ${what} ended`, usable);
      // Whoever fails faster than anybody could use it is followed more slowly (ENG-3).
      await delay(heldMs);
      return took;
    };
    // Once each beforehand: what is made for the first of them stays.
    for (const what of ['service', 'consumer', 'provider'] as const) await round(what);
    await until('all links are back', allUsable);
    await made.atRest();
    const [before, held] = [await hostState(made), await holdingsOf(made)];
    for (const [what, rounds] of [
      ['service', 40],
      ['consumer', 5],
      ['provider', 5],
    ] as const) {
      const took: number[] = [];
      for (let count = 0; count < rounds; count += 1) took.push(await round(what));
      t.log(`${what}: median ${median(took)} ms, worst ${Math.max(...took)} ms`);
    }
    await until('all links are back', allUsable);
    await made.atRest();
    await until('as much is held as before', async () =>
      isDeepStrictEqual(await holdingsOf(made), held),
    ).catch(async () => t.deepEqual(await holdingsOf(made), held));
    t.deepEqual(await changesSince(made, before), []);
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
    const target = LinkDevice.inside(pids['client-0'], rawTarget);
    await made.end('SIGKILL');
    t.is(await connection.say('without a controller'), 'without a controller');
    t.is(await heard(target), 'hello', 'new connections, too');
    await made.start();
    await made.atRest();
    const steps = made.log.filter((line) => line.includes('"reason":"StepDone"'));
    t.deepEqual(steps, [], 'all is as it should be');
    t.is(await connection.say('with the next one'), 'with the next one');

    for (const [what, happens] of [
      ['the service was made anew', () => killServed(made, 'server-0', 'socat')],
      ['the consumer has ended', async () => void (await made.run('kill', '-9', String(pids['client-0'])))],
      ['the consumer took it away', async () => void (await made.inside('client-0', 'umount', rawTarget))],
    ] as const) {
      await made.end('SIGKILL');
      await happens();
      await made.start();
      t.log(`${what}: usable ${await until(what, allUsable)} ms after the controller serves`);
    }
    await made.atRest();
    t.true(await usable());
    t.deepEqual(await changesSince(made, before), []);
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
    t.deepEqual(await changesSince(made, before), []);
    t.deepEqual((await holdingsOf(made)).mounts, held);
  },
);
