import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { PlanOutcome } from '../controller/api/contract.ts';
import type { EventRecord } from '../state/status.ts';
import { inits, makeBusyboxRoot, packObject } from '../test/lab/busybox-root.ts';
import { askJson, holdfast, type RunningController } from '../tools/controller.ts';
import { inDirectory, withController } from './bench-directory.ts';
import { inTurns, median, type Reading, reading, timed } from './measure.ts';
import { twoPools } from './revisions.ts';
import { succeed } from './run.ts';

const rounds = 9;
const byHand = join(import.meta.dirname, 'by-hand.sh');

/** Milliseconds from accepting the newest revision to its last resource being ready, as the event log has it. */
async function insideController(controller: RunningController): Promise<number> {
  const { items: events } = await askJson<{ items: readonly EventRecord[] }>(controller, 'events');
  const accepted = events.findLastIndex((event) => event.reason === 'RevisionAccepted');
  const ready = events.slice(accepted).filter((event) => event.reason === 'Ready');
  return (ready.at(-1)?.at ?? Number.NaN) - (events[accepted]?.at ?? Number.NaN);
}

/** The same work, by Holdfast and by hand, in turns; what is between is taken down unmeasured. */
async function compare(controller: RunningController, directory: string, image: string, revision: string) {
  const inside: number[] = [];
  const ours = async () => {
    const took = await timed(() => succeed(holdfast(controller, 'apply', revision, '--wait', '60')));
    inside.push(await insideController(controller));
    await succeed(holdfast(controller, 'down'));
    return took;
  };
  const hand = join(directory, 'hand');
  const theirs = async () => {
    const took = await timed(() => succeed({ program: byHand, arguments: ['up', hand, image] }));
    await succeed({ program: byHand, arguments: ['down', hand] });
    return took;
  };
  await ours();
  await theirs();
  inside.length = 0;
  const [apply = 0, script = 0] = await inTurns(rounds, [ours, theirs]);
  return { apply, script, inside: median(inside) };
}

/** Applying what is current: how long it takes, and how many steps it would take. */
async function again(controller: RunningController, revision: string): Promise<readonly Reading[]> {
  await succeed(holdfast(controller, 'apply', revision, '--wait', '60'));
  const { steps } = await askJson<PlanOutcome>(controller, 'plan', revision);
  const [took = 0] = await inTurns(9, [
    () => timed(() => succeed(holdfast(controller, 'apply', revision, '--wait', '60'))),
  ]);
  await succeed(holdfast(controller, 'down'));
  return [
    reading(
      { name: 'steps for the same revision again', unit: 'steps', limit: { of: 'value', atMost: 0 } },
      steps.length,
    ),
    reading(
      { name: 'the same revision again, end to end', unit: 'ms', limit: { of: 'value', atMost: 100 } },
      took,
    ),
  ];
}

/** 20 containers on 2 pools, on real LXC, against a script that does the same by hand. Belongs into a lab. */
export function realContainers(): Promise<readonly Reading[]> {
  return inDirectory(async (directory) => {
    const root = join(directory, 'root');
    const made = await makeBusyboxRoot(join(directory, 'busybox'), inits.graceful);
    return withController({ adapter: 'lxc', root }, async (controller) => {
      const sha256 = await packObject(made, join(root, 'objects'));
      const revision = join(directory, 'revision.json');
      writeFileSync(revision, JSON.stringify(twoPools(20, sha256)));
      const { apply, script, inside } = await compare(
        controller,
        directory,
        join(root, 'objects', sha256),
        revision,
      );
      const peer = { name: 'by-hand.sh', value: script };
      const limit = { of: 'ratio', atMost: 1.5 } as const;
      return [
        reading({ name: '20 containers on LXC, apply to ready, end to end', unit: 'ms', peer, limit }, apply),
        reading({ name: '20 containers on LXC, accepted to ready', unit: 'ms', peer }, inside),
        ...(await again(controller, revision)),
      ];
    });
  });
}
