import type { HostNetworkOptions } from '../linux/network.ts';
import { SideBySide } from './side-by-side.ts';

/** How long the script waits for more to do. Long enough for the containers of one revision to come together. */
const lingerMs = 1000;

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

  /** Resolves when the container runs, or did not start, to the exit status of lxc-start; what it says is in `log`. */
  start(name: string, log: string, monitorPid: string): Promise<number> {
    return this.#run('start', name, log, monitorPid);
  }

  /** Asks the container to stop, and forces it after `seconds` (`kill`: at once). Resolves to the exit status of lxc-stop. */
  stop(name: string, log: string, seconds: number | 'kill'): Promise<number> {
    return this.#run('stop', name, log, String(seconds));
  }

  /** Nothing is begun any more; what is under way goes on. */
  close(): void {
    this.#cancelEnd();
    this.#script?.finish();
    this.#script = null;
  }

  async #run(verb: 'start' | 'stop', name: string, log: string, detail: string): Promise<number> {
    const script = this.#current();
    this.#cancelEnd();
    try {
      return await script.run(verb, name, log, detail);
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
