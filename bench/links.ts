import { writeFileSync } from 'node:fs';
import type { Server } from 'node:net';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { ResourceItem } from '../controller/api/contract.ts';
import type { EventRecord } from '../state/status.ts';
import { makeBusyboxRoot } from '../test/lab/busybox-root.ts';
import { holdfast, type RunningController } from '../tools/controller.ts';
import { answerOf, ask, pidOf, rests } from './ask.ts';
import { inDirectory, withController } from './bench-directory.ts';
import {
  crowdEchoes,
  crowded,
  echoAt,
  init,
  present,
  probed,
  spoken,
  spokenAt,
  usableAfter,
  within,
} from './links-ground.ts';
import { throughLink } from './links-load.ts';
import { busThrough, restThrough, serveBus, serveHttp } from './links-proxied.ts';
import { median, quantile, type Reading, reading } from './measure.ts';
import { residentMiB } from './resident-memory.ts';
import { succeed } from './run.ts';

const changes = 100;
const listenings = 50;
const restarts = 15;

/** A link that held so long is followed at once again (ENG-3), milliseconds. */
const heldMs = 250;

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
  for (let round = 0; round < listenings; round += 1) {
    echo.close();
    await delay(heldMs);
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
    const { items } = await answerOf<{ items: readonly EventRecord[] }>(controller, '/v1/events');
    took.push(lastReady(items, 'link/probe/') - lastReady(items, 'container/probe'));
  }
  return reading(
    { name: 'a consumer runs anew, to usable', unit: 'ms', limit: { of: 'value', atMost: 50 } },
    median(took),
  );
}

/** Where the probe's link is by now. */
async function targetNow(controller: RunningController): Promise<string> {
  const { items } = await answerOf<{ items: readonly ResourceItem[] }>(controller, '/v1/resources');
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

/** A rest link by this proxy, and a dbus link where its limits are asked for, too. */
async function proxied(root: string, directory: string, proxy: 'haproxy' | 'builtin') {
  const options = { adapter: 'lxc', root, more: ['--proxy', proxy] } as const;
  const place = join(directory, proxy);
  const image = await makeBusyboxRoot(join(place, 'image'), init);
  return withController(options, async (controller) => {
    const apply = async (linked: boolean) => {
      const revision = join(place, `${linked}.json`);
      writeFileSync(revision, JSON.stringify(spoken(image, linked)));
      await succeed(holdfast(controller, 'apply', revision, '--wait', '60'));
    };
    await apply(false);
    const server = await pidOf(controller, 'server');
    const [http, bus] = [within(server, spokenAt.http.socket), within(server, spokenAt.bus.socket)];
    const served = [await serveHttp(http, place), await serveBus(bus, place)];
    try {
      await apply(true);
      const probe = await pidOf(controller, 'probe');
      const linked = { http: within(probe, spokenAt.http.target), bus: within(probe, spokenAt.bus.target) };
      const rest = await restThrough({ own: http, linked: linked.http }, proxy, proxy === 'haproxy');
      return proxy === 'builtin' ? rest : [...rest, ...(await busThrough({ own: bus, linked: linked.bus }))];
    } finally {
      for (const each of served) await each.end();
      await succeed(holdfast(controller, 'down'));
    }
  });
}

/**
 * What links cost on real LXC: what goes through one, and how soon one is there, among many (LINK-4, LINK-5, LINK-6, LINK-10, ENG-6). Belongs into
 * a lab.
 */
export function links(): Promise<readonly Reading[]> {
  return inDirectory(async (directory) => {
    const root = join(directory, 'root');
    const many = await withController({ adapter: 'lxc', root }, (controller) =>
      amongMany(controller, directory),
    );
    const readings = [...many];
    for (const proxy of ['haproxy', 'builtin'] as const)
      readings.push(...(await proxied(join(directory, `root-${proxy}`), directory, proxy)));
    return readings;
  });
}
