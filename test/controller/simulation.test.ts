import { availableParallelism } from 'node:os';
import test from 'ava';
import { culpritOf, pinnedCases } from './simulation/pinned-case.ts';
import { problemText } from './simulation/problem.ts';
import { scheduleText } from './simulation/schedule.ts';
import { runSeeds } from './simulation/seed-pool.ts';
import { simulate, simulateSeed } from './simulation/simulation.ts';

/** Seeds that every run of the tests tries, in blocks, so that a slow machine is not taken for one that hangs. */
const seeds = 2_000;
const block = 250;
/** Of many that fail alike it is enough to see some. */
const enough = 3;

for (let from = 1; from <= seeds; from += block) {
  const to = from + block - 1;
  test.serial(
    `[ENG-1] [ENG-2] [ROLL-1] [REPLAY-3] seeds ${from} to ${to}: whatever happens, a device that is left alone comes to what is desired, and rests`,
    async (t) => {
      t.timeout(600_000);
      let failures = 0;
      const { failed } = await runSeeds({
        from,
        seeds: block,
        jobs: availableParallelism(),
        onResult: ({ problems }) => {
          if (problems.length > 0) failures += 1;
          return failures < enough;
        },
      });
      const [first] = failed;
      if (first !== undefined) {
        const { schedule, problem } = await culpritOf(await simulateSeed(first.seed));
        t.log(`seed ${first.seed}`, ...scheduleText(schedule), `then: ${problemText(problem)}`);
        t.log(`npm run simulate -- --seed ${first.seed} pins it`);
      }
      t.deepEqual(
        failed.map(({ seed, problems }) => `seed ${seed}: ${problems.map(problemText).join('; ')}`),
        [],
      );
    },
  );
}

for (const [file, { title, schedule }] of pinnedCases()) {
  test(`[REPLAY-3] pinned ${file}: ${title}`, async (t) => {
    t.deepEqual((await simulate(schedule)).problems, []);
  });
}

test('[REPLAY-3] the same seed gives the same steps and facts at the same times', async (t) => {
  for (const seed of [7, 8, 9]) {
    const [one, other] = [await simulateSeed(seed), await simulateSeed(seed)];
    t.is(one.trace.join('\n'), other.trace.join('\n'));
    t.deepEqual(one.schedule, other.schedule);
    t.true(one.trace.length > 10);
  }
});

test('[REPLAY-3] what a seed did, written down and read back, does the same again', async (t) => {
  for (let seed = 11; seed <= 30; seed += 1) {
    const { schedule, trace } = await simulateSeed(seed);
    const again = await simulate(JSON.parse(JSON.stringify(schedule)));
    t.is(again.trace.join('\n'), trace.join('\n'), `seed ${seed}`);
  }
});

test('[REPLAY-3] traces do not depend on how many threads run the seeds', async (t) => {
  const [one, two] = [
    await runSeeds({ from: 1, seeds: 12, jobs: 1 }),
    await runSeeds({ from: 1, seeds: 12, jobs: 2 }),
  ];
  t.is(one.done, 12);
  t.is(two.done, 12);
  t.is(one.digest, two.digest);
});
