import { globSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Problem, problemText } from './problem.ts';
import type { Schedule } from './schedule.ts';
import { shrink } from './shrink.ts';
import { type SimulationOutcome, simulate } from './simulation.ts';

/** A schedule that showed a fault once, and has to show none for ever after. */
export interface PinnedCase {
  /** What it found, in one sentence: the title of its test. */
  readonly title: string;
  readonly schedule: Schedule;
}

/** Where pinned cases are, each in a file of its own. */
export const pinnedDirectory = join(import.meta.dirname, 'pinned');

/** All pinned cases, by the names of their files. */
export function pinnedCases(): readonly (readonly [string, PinnedCase])[] {
  const files = globSync('*.json', { cwd: pinnedDirectory }).sort();
  return files.map((file) => [file, JSON.parse(readFileSync(join(pinnedDirectory, file), 'utf8'))]);
}

/** A failure in its smallest form. */
export interface Culprit {
  readonly schedule: Schedule;
  readonly problem: Problem;
}

/** Cuts a failed run down to what still breaks the same invariant. Throws for a run that did not fail. */
export async function culpritOf({ schedule, problems }: SimulationOutcome): Promise<Culprit> {
  const [first] = problems;
  if (first === undefined) throw new Error('found a run that broke no invariant, expected one that failed');
  const breaker = async (candidate: Schedule) =>
    (await simulate(candidate)).problems.find(({ rule }) => rule === first.rule);
  const smallest = await shrink(schedule, async (candidate) => (await breaker(candidate)) !== undefined);
  return { schedule: smallest, problem: (await breaker(smallest)) ?? first };
}

/** Writes a case that the tests run from now on; returns where it is. */
export function pin(name: string, { schedule, problem }: Culprit): string {
  const path = join(pinnedDirectory, `${name}.json`);
  const pinned: PinnedCase = { title: problemText(problem), schedule };
  writeFileSync(path, `${JSON.stringify(pinned, null, 2)}\n`);
  return path;
}
