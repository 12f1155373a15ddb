import { join } from 'node:path';
import type { Writable } from 'node:stream';
import { lines } from '../linux/command.ts';
import { killProcess } from '../linux/kill-process.ts';

const script = join(import.meta.dirname, 'side-by-side.sh');

interface Job {
  readonly resolve: (exitStatus: number) => void;
  readonly reject: (error: unknown) => void;
  readonly signal: AbortSignal;
}

/** A tool that a container is started or stopped with: its words, none of which may have a line feed in it. */
export type JobWords = readonly [verb: 'start' | 'stop', name: string, log: string, detail: string];

/** Kills the process when `signal` says so, if it runs `still`. */
function killWith(signal: AbortSignal, pid: number, still: () => boolean): void {
  const kill = () => {
    if (still()) killProcess(pid);
  };
  if (signal.aborted) kill();
  else signal.addEventListener('abort', kill, { once: true });
}

/**
 * One running side-by-side.sh. It is told of jobs by its standard input, and ends with it: also when this process is killed, once
 * the jobs that it has have ended.
 */
export class SideBySide {
  readonly #jobs = new Map<string, Job>();
  #input: Writable | null = null;
  #count = 0;
  /** Why it ended, once it has. */
  #end: { readonly error: unknown } | null = null;

  constructor(lxcPath: string) {
    const end = (error: unknown) => {
      this.#end = { error };
      for (const job of this.#jobs.values()) job.reject(error);
      this.#jobs.clear();
    };
    const feed = (input: Writable) => {
      this.#input = input;
    };
    lines(['sh', script, lxcPath], { feed }).subscribe({
      next: (line) => this.#heard(line),
      error: end,
      complete: () => end(new Error(`${script} ended without a word of what it was told to do`)),
    });
  }

  /** It takes no job any more. */
  get over(): boolean {
    return this.#end !== null;
  }

  get idle(): boolean {
    return this.#jobs.size === 0;
  }

  /**
   * Resolves to the exit status of the tool; rejects when the script ended before it said so. Aborting kills the tool, and the status is that
   * of a killed program.
   */
  run(job: JobWords, signal: AbortSignal): Promise<number> {
    if (this.#end !== null) return Promise.reject(this.#end.error);
    const { promise, resolve, reject } = Promise.withResolvers<number>();
    this.#count += 1;
    this.#jobs.set(String(this.#count), { resolve, reject, signal });
    this.#input?.write(`${this.#count}\n${job.join('\n')}\n`);
    return promise;
  }

  /** No job comes any more. */
  finish(): void {
    this.#input?.end();
  }

  #heard(line: string): void {
    const [number = '', status = '', pid] = line.split(' ');
    const job = this.#jobs.get(number);
    if (job === undefined) return;
    if (pid !== undefined) return killWith(job.signal, Number(pid), () => this.#jobs.get(number) === job);
    this.#jobs.delete(number);
    job.resolve(Number(status));
  }
}
