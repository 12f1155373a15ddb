import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import type { PlantedBug } from './planted-bugs.ts';
import type { Problem } from './problem.ts';

/** What a worker thread begins with. */
export interface WorkerTask {
  readonly planted: PlantedBug | null;
}

export interface SeedRequest {
  readonly seed: number;
}

export interface SeedResult {
  readonly seed: number;
  /** Of the whole trace: the same for the same seed, on whatever machine. */
  readonly digest: string;
  /** The first few; empty when every invariant held. */
  readonly problems: readonly Problem[];
}

export interface SeedRun {
  readonly from: number;
  readonly seeds: number;
  /** Threads. */
  readonly jobs: number;
  /** Absent: the project as it is. */
  readonly planted?: PlantedBug;
  /** After each seed, in no order; false ends the run with the seeds that are under way. */
  readonly onResult?: (result: SeedResult) => boolean;
}

export interface SeedTally {
  readonly done: number;
  readonly failed: readonly SeedResult[];
  /** Of all traces: the same for the same seeds, by however many threads. */
  readonly digest: string;
}

/** No seed takes as long as this, milliseconds: one that does hangs. */
const patienceMs = 120_000;

/** Runs seeds `from`, `from` + 1, … in threads of their own. Nothing is kept of a seed that holds: memory does not grow. */
export async function runSeeds(run: SeedRun): Promise<SeedTally> {
  const pool = new SeedPool(run);
  await Promise.all(Array.from({ length: Math.min(run.jobs, run.seeds) }, () => pool.work()));
  return pool;
}

class SeedPool implements SeedTally {
  readonly failed: SeedResult[] = [];
  done = 0;
  readonly #run: SeedRun;
  #next: number;
  #end: number;
  #digest = 0n;

  constructor(run: SeedRun) {
    this.#run = run;
    this.#next = run.from;
    this.#end = run.from + run.seeds;
  }

  get digest(): string {
    return this.#digest.toString(16).padStart(16, '0');
  }

  /** One thread, for as long as there are seeds. */
  async work(): Promise<void> {
    const workerData: WorkerTask = { planted: this.#run.planted ?? null };
    const worker = new Worker(join(import.meta.dirname, 'seed-worker.ts'), { workerData });
    try {
      while (this.#next < this.#end) this.#take(await ask(worker, this.#next++));
    } finally {
      await worker.terminate();
    }
  }

  #take(result: SeedResult): void {
    this.done += 1;
    this.#digest ^= BigInt(`0x${result.digest}`);
    if (result.problems.length > 0) this.failed.push(result);
    if (this.#run.onResult?.(result) === false) this.#end = this.#next;
  }
}

/** Rejects when the thread dies or hangs over the seed. */
function ask(worker: Worker, seed: number): Promise<SeedResult> {
  return new Promise((resolve, reject) => {
    const hangs = () =>
      end(() => reject(new Error(`seed ${seed} has not ended after ${patienceMs / 1000} s`)));
    const timer = setTimeout(hangs, patienceMs);
    const land = (result: SeedResult) => end(() => resolve(result));
    const fail = (error: Error) =>
      end(() => reject(new Error(`seed ${seed}: ${error.message}`, { cause: error })));
    const end = (settle: () => void) => {
      clearTimeout(timer);
      worker.off('message', land).off('error', fail);
      settle();
    };
    const request: SeedRequest = { seed };
    worker.on('message', land).on('error', fail).postMessage(request);
  });
}
