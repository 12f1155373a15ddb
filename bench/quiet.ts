import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { EventRecord } from '../state/status.ts';
import { inits, makeBusyboxRoot } from '../test/lab/busybox-root.ts';
import { askJson, type ControllerOptions, holdfast, type RunningController } from '../tools/controller.ts';
import { inDirectory, withController } from './bench-directory.ts';
import { type Reading, reading } from './measure.ts';
import { residentMiB } from './resident-memory.ts';
import { twoPools } from './revisions.ts';
import { succeed } from './run.ts';

/** Two pools and 49 containers with their leases: 100 resources. */
const containers = 49;
const quietSeconds = 60;

/** User and system time that a process has used, in seconds (proc(5): fields 14 and 15 of stat, in ticks of 10 ms). */
function processorSeconds(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  // The name in parentheses may hold spaces; what comes after it starts with field 3.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[11]) + Number(fields[12])) / 100;
}

/** Milliseconds from `began` (epoch) to the end of the first step that the controller took. */
async function firstStepAfter(controller: RunningController, began: number): Promise<number> {
  const { items } = await askJson<{ items: readonly EventRecord[] }>(controller, 'events');
  const first = items.find((event) => event.reason === 'StepDone');
  if (first === undefined) throw new Error('the controller has taken no step since its start');
  return first.at - began;
}

async function firstStep(directory: string, revision: string): Promise<Reading> {
  const options: ControllerOptions = { adapter: 'memory', root: join(directory, 'memory') };
  await withController(options, (controller) =>
    succeed(holdfast(controller, 'apply', revision, '--wait', '30')),
  );
  const began = Date.now();
  const took = await withController(options, async (controller) => {
    await succeed(holdfast(controller, 'apply', revision, '--wait', '30'));
    return firstStepAfter(controller, began);
  });
  const limit = { of: 'value', atMost: 400 } as const;
  return reading({ name: 'process start to first step, 100 resources in memory', unit: 'ms', limit }, took);
}

async function quiet(options: ControllerOptions, revision: string): Promise<readonly Reading[]> {
  return withController(options, async (controller) => {
    await succeed(holdfast(controller, 'apply', revision, '--wait', '60'));
    const before = processorSeconds(controller.pid);
    await delay(quietSeconds * 1000);
    const used = processorSeconds(controller.pid) - before;
    const resident = residentMiB(controller.pid);
    await succeed(holdfast(controller, 'down'));
    const where = `100 settled resources on ${options.adapter}`;
    const limit = { of: 'value', atMost: 0.1 } as const;
    return [
      reading({ name: `processor time of ${quietSeconds} quiet seconds, ${where}`, unit: 's', limit }, used),
      reading({ name: `resident memory, ${where}`, unit: 'MiB' }, resident),
    ];
  });
}

/** What a controller costs that has nothing to do, and how soon it acts when it has. On LXC it belongs into a lab. */
export function quietDevice(adapter: 'lxc' | 'memory'): Promise<readonly Reading[]> {
  return inDirectory(async (directory) => {
    const root = await makeBusyboxRoot(join(directory, 'busybox'), inits.graceful);
    const revision = join(directory, 'revision.json');
    writeFileSync(revision, JSON.stringify(twoPools(containers, `dir:${root}`)));
    return [
      await firstStep(directory, revision),
      ...(await quiet({ adapter, root: join(directory, 'root') }, revision)),
    ];
  });
}
