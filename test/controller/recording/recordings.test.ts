import { readFileSync } from 'node:fs';
import { basename } from 'node:path';
import test from 'ava';
import { divergenceText } from '../../../controller/cli/render/replay-text.ts';
import { recordings, replayed, testRecording } from './real-recordings.ts';

const plain = (_: unknown, text: string) => text;

for (const path of recordings) {
  test(`[REPLAY-2] a recording of a real run replays without a difference, each time alike: ${basename(path)}`, async (t) => {
    const { report, log } = await replayed(path);
    t.is(report.divergence === null ? '' : divergenceText(report.divergence, report, plain), '');
    t.true(report.inputs > 0);
    t.is(log.split('\n').length - 1, report.steps);
    t.is((await replayed(path)).log, log, 'byte for byte');
  });
}

interface Held {
  readonly runs: number;
  /** Some of the steps, in the order in which they are taken. */
  readonly steps: readonly string[];
  /** How each trial ended. */
  readonly verdicts: readonly string[];
  /** The commit window ran to its end. */
  readonly tested: boolean;
}

const link = 'link/pv-example-unix-client/run/pv/services/raw.sock';

/** What the recordings that `npm run record` makes are there to hold on to. */
const held: Readonly<Record<string, Held>> = {
  'first-boot': {
    runs: 1,
    steps: [
      'pool.ensure pool/internal',
      'container.start container/server',
      'container.start container/client',
    ],
    verdicts: ['1 DONE'],
    tested: true,
  },
  update: {
    runs: 1,
    steps: ['pool.ensure pool/dmz', 'container.stop container/client', 'container.start container/client'],
    verdicts: ['2 DONE'],
    tested: true,
  },
  'failing-update': {
    runs: 1,
    steps: [
      'container.stop container/server',
      'container.start container/server [revision 3',
      'container.start container/server [rollback from revision 3 to 2',
    ],
    verdicts: ['3 ERROR ContainerExited container/server'],
    tested: false,
  },
  drift: {
    runs: 1,
    steps: ['pool.ensure pool/internal', 'container.start container/client'],
    verdicts: [],
    tested: false,
  },
  'exhausted-retries': {
    runs: 1,
    steps: [
      'container.start container/client [revision 4',
      'container.start container/client [drift of container/client (it exited with code 3)',
      'container.start container/client [drift of container/client (it exited with code 3)',
      'container.start container/client [rollback from revision 4 to 2',
    ],
    verdicts: ['4 ERROR ContainerExited container/client'],
    tested: false,
  },
  'failing-start': {
    runs: 1,
    steps: [
      ...Array<string>(5).fill('container.start container/broken [revision 5'),
      'container.remove container/broken [rollback from revision 5 to 2',
    ],
    verdicts: ['5 ERROR StepFailed container/broken'],
    tested: false,
  },
  'killed-controller': {
    runs: 2,
    steps: [
      'pool.ensure pool/internal [revision 6',
      'pool.ensure pool/internal [start of the controller',
      'pool.ensure pool/internal [revision 7',
      'container.start container/server [revision 7',
    ],
    verdicts: ['6 ERROR Interrupted', '7 DONE'],
    tested: true,
  },
  down: {
    runs: 1,
    steps: [
      'container.stop container/client',
      'container.stop container/server',
      'pool.remove pool/internal',
      'container.remove container/server',
    ],
    verdicts: [],
    tested: false,
  },
  links: {
    runs: 1,
    steps: [
      'container.start container/pv-example-unix-server',
      'container.start container/pv-example-unix-client',
      `link.ensure ${link} [revision`,
      `link.ensure ${link} [drift of ${link}`,
      `link.ensure ${link} [drift of container/pv-example-unix-client`,
      'container.start container/pv-example-unix-server',
      `link.ensure ${link}`,
      `link.remove ${link} [`,
    ],
    verdicts: ['9 DONE'],
    tested: true,
  },
};

for (const [name, { runs, steps, verdicts, tested }] of Object.entries(held)) {
  test(`[REPLAY-2] [ROLL-1] what happens in a recording that is made on real LXC: ${name}`, async (t) => {
    const path = testRecording(name);
    t.regex(readFileSync(path, 'utf8'), /^\{"format":"holdfast-recording","version":2,.*"adapter":"lxc"/);
    const replay = await replayed(path);
    t.is(replay.report.runs, runs);
    t.deepEqual(replay.verdicts, verdicts);
    t.is(replay.committedByTimer, tested);
    let from = 0;
    for (const step of steps) {
      const found = replay.log.indexOf(step, from);
      t.true(found >= 0, `${step}, in order, in:\n${replay.log}`);
      from = found + step.length;
    }
  });
}
