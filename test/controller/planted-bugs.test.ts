import { availableParallelism } from 'node:os';
import test from 'ava';
import { plantedBugs } from './simulation/planted-bugs.ts';
import { problemText } from './simulation/problem.ts';
import { runSeeds, type SeedRun } from './simulation/seed-pool.ts';

/** Within so many seeds each of them has to be found. */
const seeds = 500;

/** Stops at the first seeds that fail. */
function hunt(run: Pick<SeedRun, 'from' | 'seeds' | 'planted'>) {
  const onResult: SeedRun['onResult'] = ({ problems }) => problems.length === 0;
  return runSeeds({ ...run, jobs: availableParallelism(), onResult });
}

for (const planted of plantedBugs) {
  test.serial(`[REPLAY-3] a bug planted on purpose is found: ${planted}`, async (t) => {
    t.timeout(300_000);
    const { failed } = await hunt({ from: 1, seeds, planted });
    const [first] = failed.toSorted((one, other) => one.seed - other.seed);
    if (first === undefined) return t.fail(`${seeds} seeds found nothing`);
    const [problem] = first.problems;
    t.log(`seed ${first.seed}`, problem === undefined ? '' : problemText(problem).slice(0, 200));
    const sound = await hunt({ from: first.seed, seeds: 1 });
    t.deepEqual(sound.failed, [], `seed ${first.seed} holds without it`);
  });
}
