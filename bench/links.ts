import { writeFileSync } from 'node:fs';
import type { Server } from 'node:net';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { ResourceItem } from '../controller/api/contract.ts';
import type { EventRecord } from '../state/status.ts';
import { makeBusyboxRoot } from '../test/lab/busybox-root.ts';
import { holdfast, type RunningController } from '../tools/controller.ts';
import { ask, rests } from './ask.ts';
import { inDirectory, withController } from './bench-directory.ts';
import { crowdEchoes, crowded, echoAt, init, present, probed, usableAfter, within } from './links-ground.ts';
import { throughLink } from './links-load.ts';
import { median, quantile, type Reading, reading } from './measure.ts';
import { residentMiB } from './resident-memory.ts';
import { succeed } from './run.ts';

const changes = 100;
const restarts = 15;

/** What the controller answers to a question. */
async function answer<Answer>({ socket }: RunningController, path: string): Promise<Answer> {
  const { status, body } = await ask({ socketPath: socket }, 'GET', path);
  if (status !== 200) throw new Error(`${path}: ${status} ${body}`);
  return JSON.parse(body) as Answer;
}

/** Init's process id of a container that runs. */
async function pidOf(controller: RunningController, name: string): Promise<number> {
  const { items } = await answer<{ items: readonly ResourceItem[] }>(controller, '/v1/resources');
  const found = items.find((item) => item.kind === 'container' && item.name === name);
  const pid = (found?.observed as { facts?: { pid?: number } } | null | undefined)?.facts?.pid;
  if (pid === undefined) throw new Error(`container '${name}' does not run`);
  return pid;
}

/** Moves the probe's link to a place of its own: milliseconds from asking for it to a round trip there. */
async function change(controller: RunningController, probe: number, number: number): Promise<number> {
  const target = `/run/probed-${number}.sock`;
  const patch = [{ op: 'replace', path: '/probe~1args.json/PV_SERVICES_REQUIRED/0/target', value: target }];
  const from = performance.now();
  const asked = ask({ socketPath: controller.socket }, 'PATCH', '/v1/revision', JSON.stringify(patch));
  const took = await usableAfter(from, within(probe, target));
  const { status, body } = await asked;
  if (status !== 200)
    throw new Error(`expected the change of one link to be taken, found ${status}: ${body}`);
  await rests(controller);
  return took;
}

async function changed(controller: RunningController): Promise<readonly Reading[]> {
  const probe = await pidOf(controller, 'probe');
  const took: number[] = [];
  for (let number = 0; number < changes; number += 1) took.push(await change(controller, probe, number));
  const name = `a link is moved, asked for to usable, ${present} others present`;
  return [
    reading({ name: `${name}, median`, unit: 'ms', limit: { of: 'value', atMost: 10 } }, median(took)),
    reading({ name: `${name}, p99`, unit: 'ms', limit: { of: 'value', atMost: 50 } }, quantile(took, 0.99)),
  ];
}

/** The provider makes its socket anew: milliseconds from when it listens to a round trip at the consumer. */
async function madeAnew(controller: RunningController, target: string, first: Server): Promise<Reading> {
  const [server, probe] = [await pidOf(controller, 'server'), await pidOf(controller, 'probe')];
  const took: number[] = [];
  let echo = first;
  for (let round = 0; round < changes; round += 1) {
    echo.close();
    // What is measured is not how the end of the one before it was seen.
    await delay(20);
    echo = await echoAt(within(server, probed.socket));
    took.push(await usableAfter(performance.now(), within(probe, target)));
  }
  echo.close();
  return reading(
    { name: 'a provider listens anew, to usable', unit: 'ms', limit: { of: 'value', atMost: 5 } },
    median(took),
  );
}

/** When something was last said of a resource, by the event log. */
function lastReady(events: readonly EventRecord[], prefix: string): number {
  const found = events.findLast(({ key, reason }) => reason === 'Ready' && key?.startsWith(prefix) === true);
  return found?.at ?? Number.NaN;
}

/** The consumer ends and is started anew: milliseconds from when it is seen to run to its link being made. */
async function restarted(controller: RunningController, target: string): Promise<Reading> {
  const took: number[] = [];
  for (let round = 0; round < restarts; round += 1) {
    const before = await pidOf(controller, 'probe');
    const from = performance.now();
    process.kill(before, 'SIGKILL');
    for (;;) {
      const now = await pidOf(controller, 'probe').catch(() => before);
      if (now === before) continue;
      await usableAfter(from, within(now, target));
      break;
    }
    await rests(controller);
    const { items } = await answer<{ items: readonly EventRecord[] }>(controller, '/v1/events');
    took.push(lastReady(items, 'link/probe/') - lastReady(items, 'container/probe'));
  }
  return reading(
    { name: 'a consumer runs anew, to usable', unit: 'ms', limit: { of: 'value', atMost: 50 } },
    median(took),
  );
}

/** Where the probe's link is by now. */
async function targetNow(controller: RunningController): Promise<string> {
  const { items } = await answer<{ items: readonly ResourceItem[] }>(controller, '/v1/resources');
  const link = items.find(({ kind, name }) => kind === 'link' && name.startsWith('probe/'));
  if (link === undefined) throw new Error('the probe has no link');
  return link.name.slice('probe'.length);
}

async function amongMany(controller: RunningController, directory: string): Promise<readonly Reading[]> {
  const image = await makeBusyboxRoot(join(directory, 'image'), init);
  const apply = async (linked: boolean) => {
    const revision = join(directory, `${linked}.json`);
    writeFileSync(revision, JSON.stringify(crowded(image, linked)));
    await succeed(holdfast(controller, 'apply', revision, '--wait', '60'));
  };
  await apply(false);
  const server = await pidOf(controller, 'server');
  const crowd = await crowdEchoes(server);
  const probe = await echoAt(within(server, probed.socket));
  try {
    const before = residentMiB(controller.pid);
    await apply(true);
    const growth = residentMiB(controller.pid) - before;
    const memory = reading(
      {
        name: `growth of the controller by ${present} links`,
        unit: 'MiB',
        limit: { of: 'value', atMost: 10 },
      },
      growth,
    );
    const moved = await changed(controller);
    const target = await targetNow(controller);
    const anew = await madeAnew(controller, target, probe);
    const again = await echoAt(within(server, probed.socket));
    const restart = await restarted(controller, target).finally(() => again.close());
    const load = await throughLink(
      within(server, probed.socket),
      within(await pidOf(controller, 'probe'), target),
    );
    return [memory, ...moved, anew, restart, ...load];
  } finally {
    for (const echo of crowd) echo.close();
    await succeed(holdfast(controller, 'down'));
  }
}

/** What links cost on real LXC: what goes through one, and how soon one is there, among many (LINK-4, LINK-10, ENG-6). Belongs into a lab. */
export function links(): Promise<readonly Reading[]> {
  return inDirectory((directory) =>
    withController({ adapter: 'lxc', root: join(directory, 'root') }, (controller) =>
      amongMany(controller, directory),
    ),
  );
}
