import { basename } from 'node:path';
import test from 'ava';
import { divergenceText } from '../../../controller/cli/render/replay-text.ts';
import { containerReconciler } from '../../../reconcilers/container.ts';
import type { Reconciler } from '../../../reconcilers/reconciler.ts';
import { recordings, replayed } from './real-recordings.ts';

/** A file of its own, and one test after the other: each changes the planner of containers in this process while it runs. */

type ContainerPlanner = Reconciler<'container'>['plan'];

/** Runs `work` with another planner of containers. */
async function withPlanner<T>(
  make: (planner: ContainerPlanner) => ContainerPlanner,
  work: () => Promise<T>,
): Promise<T> {
  const original = containerReconciler.plan;
  const plant = (value: ContainerPlanner) =>
    Object.defineProperty(containerReconciler, 'plan', { value, configurable: true });
  plant(make(original.bind(containerReconciler)));
  try {
    return await work();
  } finally {
    plant(original);
  }
}

/** What a person is told of the first difference. */
async function told(path: string): Promise<readonly string[]> {
  const { report } = await replayed(path);
  if (report.divergence === null) return [];
  return divergenceText(report.divergence, report, (_, text) => text)
    .trimEnd()
    .split('\n');
}

/** Containers are left alone. */
const idle: Parameters<typeof withPlanner>[0] = (planner) => (key, view) => {
  const next = planner(key, view);
  return next.type === 'step' ? { type: 'settled' } : next;
};

/** Containers get another address than they should. */
const careless: Parameters<typeof withPlanner>[0] = (planner) => (key, view) => {
  const next = planner(key, view);
  if (next.type !== 'step' || next.step.action !== 'container.start') return next;
  return { ...next, step: { ...next.step, spec: { ...next.step.spec, hostname: 'nobody' } } };
};

for (const path of recordings) {
  test.serial(
    `[REPLAY-2] a changed planner makes a recording fail with what differs: ${basename(path)}`,
    async (t) => {
      const lines = await withPlanner(idle, () => told(path));
      t.regex(
        lines[0] ?? '',
        /^differs at input \d+( of run \d+)? \(line \d+, \+\d+\.\d{3}s\), after \d+ steps? as recorded$/,
      );
      t.regex(lines[1] ?? '', /^ {2}input: {4}\S/);
      t.regex(lines[2] ?? '', /^ {2}recorded: step \d+ container\.\w+ container\/[\w-]+ \[.+\]$/);
      t.regex(lines[3] ?? '', /^ {2}replayed: (no step|step \d+ \S+ \S+ \[.+\])$/);
      t.deepEqual(await told(path), [], 'and with the planner of today it does not differ');
    },
  );
}

test.serial('[REPLAY-2] what differs within a step is shown member by member', async (t) => {
  const path = recordings.find((one) => basename(one) === 'first-boot.jsonl') ?? '';
  const lines = await withPlanner(careless, () => told(path));
  t.deepEqual(lines.slice(-1), ['    /spec/hostname: "server" → "nobody"']);
  t.regex(lines.at(-3) ?? '', /^ {2}recorded: step \d+ container\.start container\/server /);
});
