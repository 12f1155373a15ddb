import type { HostNetworkOptions } from '../linux/network.ts';
import { type JobWords, SideBySide } from './side-by-side.ts';

/** How long the script waits for more to do. Long enough for the containers of one revision to come together. */
const lingerMs = 1000;

export interface StartOptions {
  /** What LXC says of the run. */
  readonly log: string;
  /** File for the process id of the monitor. */
  readonly monitorPid: string;
  readonly signal: AbortSignal;
}

export interface StopOptions {
  readonly log: string;
  readonly patienceSeconds: number | 'kill';
  readonly signal: AbortSignal;
}

/**
 * `lxc-start` and `lxc-stop` for many containers at once. Node forks its whole address space for every child, 2-10 ms each depending on the
 * memory in use, with everything else standing still: so there is one fork for many calls, of a small script, which starts them side
 * by side and tells of each when it has ended. It ends when there is nothing to do: at rest there is none.
 */
export class LxcTools {
  readonly #lxcPath: string;
  readonly #after: HostNetworkOptions['after'];
  #script: SideBySide | null = null;
  #cancelEnd = () => {};

  constructor(lxcPath: string, after: HostNetworkOptions['after']) {
    this.#lxcPath = lxcPath;
    this.#after = after;
  }

  /** A container is about to be started or stopped: the fork can be made while it is prepared. */
  expect(): void {
    this.#endLater(this.#current());
  }

  /**
   * Resolves when the container runs, or did not start, to the exit status of lxc-start; what it says is in `log`. Aborting kills lxc-start,
   * which may leave a monitor.
   */
  start(name: string, { log, monitorPid, signal }: StartOptions): Promise<number> {
    return this.#run(['start', name, log, monitorPid], signal);
  }

  /**
   * Asks the container to stop, and forces it after `patienceSeconds` (`kill`: at once). Resolves to the exit status of lxc-stop, which
   * aborting kills.
   */
  stop(name: string, { log, patienceSeconds, signal }: StopOptions): Promise<number> {
    return this.#run(['stop', name, log, String(patienceSeconds)], signal);
  }

  /** Nothing is begun any more; what is under way goes on. */
  close(): void {
    this.#cancelEnd();
    this.#script?.finish();
    this.#script = null;
  }

  async #run(job: JobWords, signal: AbortSignal): Promise<number> {
    const script = this.#current();
    this.#cancelEnd();
    try {
      return await script.run(job, signal);
    } finally {
      if (script === this.#script && script.idle) this.#endLater(script);
    }
  }

  #current(): SideBySide {
    if (this.#script === null || this.#script.over) this.#script = new SideBySide(this.#lxcPath);
    return this.#script;
  }

  #endLater(script: SideBySide): void {
    this.#cancelEnd();
    this.#cancelEnd = this.#after(lingerMs, () => {
      if (script !== this.#script || !script.idle) return;
      this.#script = null;
      script.finish();
    });
  }
}
