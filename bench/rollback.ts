import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { ResourceItem, RevisionEntry } from '../controller/api/contract.ts';
import type { JsonObject } from '../state/json.ts';
import type { FlatState } from '../state/revision.ts';
import type { EventRecord } from '../state/status.ts';
import { inits, makeBusyboxRoot, packObject } from '../test/lab/busybox-root.ts';
import { askJson, holdfast, type RunningController } from '../tools/controller.ts';
import { followEvents } from '../tools/demo/events.ts';
import { inDirectory, withController } from './bench-directory.ts';
import { inTurns, type Reading, reading } from './measure.ts';
import { twoPools } from './revisions.ts';
import { succeed } from './run.ts';

const rounds = 11;
const containers = 20;
/** The container that trials change. */
const changed = 'b7';
const key = `container/${changed}`;
/** Before each kill: the kernel goes on taking network namespaces down after those who had them are gone. */
const pauseMs = 1_000;

/** Process ids of all containers. */
async function pids(controller: RunningController): Promise<ReadonlyMap<string, number | null>> {
  const { items } = await askJson<{ items: readonly ResourceItem[] }>(controller, 'get', 'containers');
  return new Map(
    items.map(({ name, observed }) => [name, (observed as { facts: { pid: number | null } }).facts.pid]),
  );
}

/** Runs `disturb`, and resolves with when the changed container is ready again after it, milliseconds since the epoch. */
async function readyAfter(controller: RunningController, disturb: () => Promise<void>): Promise<number> {
  const { items } = await askJson<{ items: readonly EventRecord[] }>(controller, 'events');
  const newest = items.at(-1)?.sequence ?? 0;
  const events = followEvents(controller);
  try {
    await disturb();
    const ready = await events.next(
      (event) => event.sequence > newest && event.key === key && event.reason === 'Ready',
    );
    return ready.at;
  } finally {
    events.stop();
  }
}

/** Kills the changed container: milliseconds until it is ready again. */
async function killed(controller: RunningController): Promise<number> {
  const pid = (await pids(controller)).get(changed) ?? null;
  if (pid === null) throw new Error(`found no process of ${changed}, expected it to run`);
  await delay(pauseMs);
  let from = Number.NaN;
  const ready = await readyAfter(controller, async () => {
    from = Date.now();
    process.kill(pid, 'SIGKILL');
  });
  return ready - from;
}

/** Kills the changed container while a revision is on trial that changes it: milliseconds until the committed one is ready again. */
async function rollback(controller: RunningController, trial: string): Promise<number> {
  // Long enough for it to fail; nothing waits for its end.
  const patch = holdfast(controller, 'patch', trial, '--commit-after', '600', '--no-wait');
  await readyAfter(controller, () => succeed(patch));
  const took = await killed(controller);
  const { items } = await askJson<{ items: readonly RevisionEntry[] }>(controller, 'history');
  const last = items.at(-1);
  if (last?.phase !== 'ERROR' || last.desired)
    throw new Error(`expected a trial that failed and was rolled back, found ${JSON.stringify(last)}`);
  return took;
}

/** Containers whose process is another one after a rollback. */
async function restarted(controller: RunningController, trial: string): Promise<number> {
  const before = await pids(controller);
  await rollback(controller, trial);
  const after = await pids(controller);
  return [...before].filter(([name, pid]) => after.get(name) !== pid).length;
}

/** The changed container is started again whenever it ends; the patch that is tried takes that away. */
function committed(root: string): FlatState {
  const state = twoPools(containers, root);
  const run = state[`${changed}/run.json`] as JsonObject;
  return { ...state, [`${changed}/run.json`]: { ...run, auto_recovery: { policy: 'always' } } };
}

/** A file with the patch that is tried: another image, and no second start. */
async function makeTrial(directory: string, objects: string): Promise<string> {
  const other = await makeBusyboxRoot(join(directory, 'other'), `# another image\n${inits.graceful}`);
  const file = join(directory, 'trial.json');
  const operations = [
    { op: 'replace', path: `/${changed}~1root.squashfs`, value: await packObject(other, objects) },
    { op: 'remove', path: `/${changed}~1run.json/auto_recovery` },
  ];
  writeFileSync(file, JSON.stringify(operations));
  return file;
}

/** A file with the revision that is committed. */
async function makeRevision(directory: string, objects: string): Promise<string> {
  const root = await makeBusyboxRoot(join(directory, 'usual'), inits.graceful);
  const file = join(directory, 'revision.json');
  writeFileSync(file, JSON.stringify(committed(await packObject(root, objects))));
  return file;
}

/** ROLL-7: what it takes to go back from a trial that changed one container of twenty. Belongs into a lab. */
export function rolledBack(): Promise<readonly Reading[]> {
  return inDirectory(async (directory) => {
    const root = join(directory, 'root');
    const objects = join(root, 'objects');
    const revision = await makeRevision(directory, objects);
    const trial = await makeTrial(directory, objects);
    return withController({ adapter: 'lxc', root }, async (controller) => {
      await succeed(holdfast(controller, 'apply', revision));
      const others = await restarted(controller, trial);
      const [back = 0, alone = 0] = await inTurns(rounds, [
        () => rollback(controller, trial),
        () => killed(controller),
      ]);
      await succeed(holdfast(controller, 'down'));
      const one = { of: 'value', atMost: 1 } as const;
      const peer = { name: 'killed outside of a trial, until it is ready again', value: alone };
      const limit = { of: 'ratio', atMost: 1.2 } as const;
      const name = 'one container of 20 on LXC killed in its trial, until the committed one is ready again';
      return [
        reading(
          { name: 'containers of 20 that its rollback restarts', unit: 'containers', limit: one },
          others,
        ),
        reading({ name, unit: 'ms', peer, limit }, back),
      ];
    });
  });
}
