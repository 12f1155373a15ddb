import { join } from 'node:path';
import type { Writable } from 'node:stream';
import { lines } from '../linux/command.ts';

const script = join(import.meta.dirname, 'side-by-side.sh');

interface Job {
  readonly resolve: (exitStatus: number) => void;
  readonly reject: (error: unknown) => void;
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
      next: (line) => this.#ended(line),
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

  /** Resolves to the exit status of the tool; rejects when the script ended before it said so. Nothing of `job` may have a line feed in it. */
  run(...job: readonly [verb: 'start' | 'stop', name: string, log: string, detail: string]): Promise<number> {
    if (this.#end !== null) return Promise.reject(this.#end.error);
    const { promise, resolve, reject } = Promise.withResolvers<number>();
    this.#count += 1;
    this.#jobs.set(String(this.#count), { resolve, reject });
    this.#input?.write(`${this.#count}\n${job.join('\n')}\n`);
    return promise;
  }

  /** No job comes any more. */
  finish(): void {
    this.#input?.end();
  }

  #ended(line: string): void {
    const [number = '', status] = line.split(' ');
    this.#jobs.get(number)?.resolve(Number(status));
    this.#jobs.delete(number);
  }
}
