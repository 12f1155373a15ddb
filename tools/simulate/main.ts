import { availableParallelism } from 'node:os';
import { relative } from 'node:path';
import { parseArgs } from 'node:util';
import { culpritOf, pin } from '../../test/controller/simulation/pinned-case.ts';
import { problemText } from '../../test/controller/simulation/problem.ts';
import { scheduleText } from '../../test/controller/simulation/schedule.ts';
import { runSeeds, type SeedResult } from '../../test/controller/simulation/seed-pool.ts';
import { simulateSeed } from '../../test/controller/simulation/simulation.ts';

/**
 * `npm run simulate -- --seeds N [--from S] [--jobs J]`, or `--seed S` for one: random lives of a device, in virtual time. What
 * fails is cut down, shown, and pinned as a case that the tests run from then on. Exit code 0: all held; 1: one did not; 2: bad usage.
 */
const usage = 'npm run simulate -- [--seeds N] [--from S] [--seed S] [--jobs J]';

/** Failures that are cut down and pinned: more of them are mostly the same ones. */
const shown = 3;
/** Between two lines of progress, milliseconds. */
const tellEveryMs = 5_000;

function say(line: string): void {
  process.stdout.write(`${line}\n`);
}

class UsageError extends Error {}

interface Options {
  readonly seeds: number;
  readonly from: number;
  readonly jobs: number;
}

function wholeNumber(name: string, text: string | undefined, usual: number): number {
  if (text === undefined) return usual;
  const number = Number(text);
  if (Number.isSafeInteger(number) && number > 0) return number;
  throw new UsageError(`found --${name} ${text}, expected a whole number from 1`);
}

function optionsOf(words: readonly string[]): Options {
  const text = { type: 'string' } as const;
  const { values } = parseArgs({
    args: [...words],
    options: { seeds: text, from: text, seed: text, jobs: text },
  });
  const only = values.seed === undefined ? null : wholeNumber('seed', values.seed, 1);
  return {
    seeds: only === null ? wholeNumber('seeds', values.seeds, 2_000) : 1,
    from: only ?? wholeNumber('from', values.from, 1),
    jobs: wholeNumber('jobs', values.jobs, availableParallelism()),
  };
}

/** Says now and then how far it is. */
function progress(seeds: number): (result: SeedResult) => boolean {
  let [done, failed, told] = [0, 0, performance.now()];
  return ({ seed, problems: [problem] }) => {
    done += 1;
    if (problem !== undefined) {
      failed += 1;
      say(`seed ${seed} failed: ${problemText(problem).split('\n')[0]}`);
    }
    if (performance.now() - told >= tellEveryMs) {
      told = performance.now();
      const megabytes = Math.round(process.memoryUsage.rss() / 2 ** 20);
      say(`${done} of ${seeds} seeds, ${failed} failed, ${megabytes} MiB`);
    }
    return true;
  };
}

async function explain(seed: number): Promise<void> {
  say(`seed ${seed}: cutting down what happened`);
  const culprit = await culpritOf(await simulateSeed(seed));
  for (const line of scheduleText(culprit.schedule)) say(`  ${line}`);
  say(`  then: ${problemText(culprit.problem)}`);
  const path = pin(`seed-${seed}`, culprit);
  say(`  pinned as ${relative(process.cwd(), path)}: give it a title that says what it found`);
}

async function main(): Promise<number> {
  const { seeds, from, jobs } = optionsOf(process.argv.slice(2));
  const started = performance.now();
  const { done, failed, digest } = await runSeeds({ from, seeds, jobs, onResult: progress(seeds) });
  const seconds = (performance.now() - started) / 1000;
  const first = failed.toSorted((one, other) => one.seed - other.seed).slice(0, shown);
  for (const { seed } of first) await explain(seed);
  say(
    `${done} seeds in ${seconds.toFixed(1)} s, ${jobs} at a time: ${failed.length} failed; traces ${digest}`,
  );
  return failed.length === 0 ? 0 : 1;
}

try {
  process.exitCode = await main();
} catch (error) {
  if (!(error instanceof UsageError) && !(error instanceof TypeError)) throw error;
  process.stderr.write(`${error.message}\nusage: ${usage}\n`);
  process.exitCode = 2;
}
