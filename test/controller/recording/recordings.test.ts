import { globSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import test from 'ava';
import { divergenceText, stepLine } from '../../../controller/cli/render/replay-text.ts';
import { readRecording } from '../../../controller/recording/read-recording.ts';
import { type ReplayReport, replay } from '../../../controller/recording/replay.ts';
import { projectDirectory } from '../../house/project.ts';

/** Recordings of real runs: made by `npm run record`, or adopted from the field with tools/record/adopt.ts. */
const recordings = globSync(join(projectDirectory, 'test/recordings/*.jsonl')).sort();

const plain = (_: unknown, text: string) => text;

async function replayed(path: string): Promise<{ readonly report: ReplayReport; readonly log: string }> {
  let log = '';
  const report = await replay(readRecording(path), {
    onStep: (step) => {
      log += stepLine(step, plain);
    },
  });
  return { report, log };
}

for (const path of recordings) {
  test(`[REPLAY-2] a recording of a real run replays without a difference: ${basename(path)}`, async (t) => {
    const { report, log } = await replayed(path);
    t.is(report.divergence === null ? '' : divergenceText(report.divergence, report, plain), '');
    t.true(report.inputs > 0);
    t.is(log.split('\n').length - 1, report.steps);
    t.is((await replayed(path)).log, log, 'byte for byte');
  });
}

/** What the recordings that `npm run record` makes are there to hold on to. */
const held: Readonly<Record<string, { readonly runs: number; readonly steps: readonly string[] }>> = {
  'first-boot': { runs: 1, steps: ['pool.ensure pool/internal', 'container.start container/client'] },
  update: { runs: 1, steps: ['pool.ensure pool/dmz', 'container.stop container/client'] },
  drift: { runs: 1, steps: ['pool.ensure pool/internal', 'container.start container/client'] },
  'failing-start': { runs: 1, steps: ['container.start container/broken'] },
  'killed-controller': { runs: 2, steps: ['pool.ensure pool/internal', 'container.start container/server'] },
  down: { runs: 1, steps: ['container.remove container/server', 'pool.remove pool/internal'] },
};

test('[REPLAY-2] first boot, update, drift, failure, a killed controller and the end are recorded on real LXC', async (t) => {
  for (const [name, { runs, steps }] of Object.entries(held)) {
    const path = join(projectDirectory, `test/recordings/${name}.jsonl`);
    t.regex(readFileSync(path, 'utf8'), /^\{"format":"holdfast-recording","version":1,.*"adapter":"lxc"/);
    const { report, log } = await replayed(path);
    t.is(report.runs, runs, name);
    for (const step of steps) t.true(log.includes(step), `${name}: ${step}`);
    t.is(report.phase, 'DONE', name);
  }
});
