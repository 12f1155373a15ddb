import { join } from 'node:path';
import { lines } from '../linux/command.ts';
import type { HostNetworkOptions } from '../linux/network.ts';

type Verb = 'start' | 'stop';

interface Job {
  readonly name: string;
  readonly log: string;
  /** For a start the file for the monitor's process id; for a stop whole seconds until it is forced, or `kill`. */
  readonly detail: string;
  readonly resolve: (exitStatus: number) => void;
  readonly reject: (error: unknown) => void;
}

/** Long enough for the containers of one revision to come together, short enough not to be felt by one alone. */
const gatherMs = 3;

/** Keeps the argument vector far below what the kernel takes (execve(2), 2 MiB in all). */
const mostJobs = 100;

const script = join(import.meta.dirname, 'side-by-side.sh');

/**
 * `lxc-start` and `lxc-stop` for many containers at once. Node forks its whole address space for every child, 2-10 ms each depending on the
 * memory in use, with everything else standing still: so the calls of some milliseconds share one fork, of a small script, which
 * starts them side by side and tells of each when it has ended.
 */
export class LxcTools {
  readonly #lxcPath: string;
  readonly #after: HostNetworkOptions['after'];
  readonly #waiting: Record<Verb, Job[]> = { start: [], stop: [] };

  constructor(lxcPath: string, after: HostNetworkOptions['after']) {
    this.#lxcPath = lxcPath;
    this.#after = after;
  }

  /** Resolves when the container runs, or did not start, to the exit status of lxc-start; what it says is in `log`. */
  start(name: string, log: string, monitorPid: string): Promise<number> {
    return this.#join('start', name, log, monitorPid);
  }

  /** Asks the container to stop, and forces it after `seconds` (`kill`: at once). Resolves to the exit status of lxc-stop. */
  stop(name: string, log: string, seconds: number | 'kill'): Promise<number> {
    return this.#join('stop', name, log, String(seconds));
  }

  #join(verb: Verb, name: string, log: string, detail: string): Promise<number> {
    const { promise, resolve, reject } = Promise.withResolvers<number>();
    const waiting = this.#waiting[verb];
    waiting.push({ name, log, detail, resolve, reject });
    if (waiting.length === 1) this.#after(gatherMs, () => this.#flush(verb));
    return promise;
  }

  #flush(verb: Verb): void {
    const waiting = this.#waiting[verb].splice(0);
    while (waiting.length > 0) this.#run(verb, waiting.splice(0, mostJobs));
  }

  #run(verb: Verb, jobs: readonly Job[]): void {
    const open = new Map(jobs.map((job) => [job.name, job]));
    const fail = (error: unknown) => {
      for (const job of open.values()) job.reject(error);
    };
    const parameters = jobs.flatMap(({ name, log, detail }) => [name, log, detail]);
    lines(['sh', script, this.#lxcPath, verb, ...parameters]).subscribe({
      next: (line) => {
        const [name = '', status] = line.split(' ');
        open.get(name)?.resolve(Number(status));
        open.delete(name);
      },
      error: fail,
      complete: () => fail(new Error(`${script} ended without a word of ${[...open.keys()].join(', ')}`)),
    });
  }
}
