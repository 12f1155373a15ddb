import { closeSync } from 'node:fs';
import type { ContainerHandle } from './container-handle.ts';
import type { DirectoryWatches } from './directory-watches.ts';
import { whenMountsChange } from './mount-changes.ts';
import type { After } from './network-monitor.ts';
import { SystemCallError, type SystemCalls } from './system-calls.ts';
import { isSystemFailure } from './system-failure.ts';
import { whenReadable } from './when-readable.ts';

/** So long nothing of what is mounted is told after it has changed: our own mounts are changes, too, and there may be a thousand. */
const restMs = 20;

/** So long after that failed, it is tried again to listen to changes of what is mounted. */
const retryMs = 1000;

export interface ConsumerWatchOptions {
  readonly calls: SystemCalls;
  readonly directories: DirectoryWatches;
  /** The clock's. */
  readonly after: After;
  readonly handle: ContainerHandle;
  /** Something was mounted or unmounted. */
  readonly mountsChanged: () => void;
  /** A name on the way to a directory has come or gone. */
  readonly wayChanged: (path: string) => void;
  /** Some name in a directory that is watched has. */
  readonly told: () => void;
  /** Its init has ended. */
  readonly ended: () => void;
}

/**
 * Tells of what happens in one container: what is mounted, names on the way to targets, its end. Everything that it holds of the container is let go
 * by `close`, also what is told of its end only after that.
 */
export class ConsumerWatch {
  readonly #options: ConsumerWatchOptions;
  readonly #mounts: number;
  readonly #endWatchingEnd: () => void;
  #endWatchingMounts: (() => void) | null = null;
  readonly #ways = new Map<string, readonly (() => void)[]>();
  readonly #stale: (() => void)[] = [];
  /** What ends the rest after a change; null: there is none. */
  #rest: (() => void) | null = null;
  /** What is told next is told of having begun to listen. */
  #hasBegun = false;

  /** Throws NoContainer where its init has ended, SystemCallError. */
  constructor(options: ConsumerWatchOptions) {
    this.#options = options;
    const { calls, after, handle, ended } = options;
    const process = calls.pidfd_open(handle.pid, 0);
    try {
      // Throws if that process is not ours any more, but another with its id.
      this.#mounts = handle.openMounts();
    } catch (error) {
      calls.close(process);
      throw error;
    }
    const unwatch = whenReadable({ calls, after, descriptor: process, fire: ended });
    this.#endWatchingEnd = () => {
      unwatch();
      calls.close(process);
    };
  }

  /** Begins, or goes on, to tell what is mounted; once in any case. Throws SystemCallError. */
  listen(): void {
    if (this.#endWatchingMounts !== null) return;
    const fire = () => this.#mountsChanged();
    this.#endWatchingMounts = whenMountsChange({ ...this.#options, mounts: this.#mounts, fire });
    this.#hasBegun = true;
  }

  /** Tells nothing but its end from now on. */
  stopListening(): void {
    for (const path of [...this.#ways.keys()]) this.leave(path);
    this.walked();
    this.#endWatchingMounts?.();
    this.#rest?.();
    this.#endWatchingMounts = this.#rest = null;
  }

  /**
   * Tells of names on the way to the directory at `path` from now on, those that the next walk passes. Returns what that walk is to tell, which throws
   * SystemCallError. Those of before are told until `walked`.
   */
  follow(path: string): (directory: number, name: string) => void {
    const ends: (() => void)[] = [];
    this.#stale.push(...(this.#ways.get(path) ?? []));
    this.#ways.set(path, ends);
    return this.passing(() => this.#options.wayChanged(path), ends);
  }

  /** Calls `changed` when a name comes or goes that a walk passes. Returns what the walk is to tell; `ends` gets what ends it. Throws SystemCallError. */
  passing(changed: () => void, ends: (() => void)[]): (directory: number, name: string) => void {
    const { directories, told } = this.#options;
    return (directory, name) => {
      try {
        ends.push(directories.watchName(directory, { name, changed, any: told }));
      } catch (error) {
        // It is no directory: the walk ends there, and says so.
        if (!(error instanceof SystemCallError) || error.code !== 'ENOTDIR') throw error;
      }
    };
  }

  /** The walks have come to their ends: what the last one of each has passed is told, and nothing else. */
  walked(): void {
    endAll(this.#stale.splice(0));
  }

  /** Tells of names on this way no more. */
  leave(path: string): void {
    endAll(this.#ways.get(path) ?? []);
    this.#ways.delete(path);
  }

  close(): void {
    this.stopListening();
    this.#endWatchingEnd();
    closeSync(this.#mounts);
  }

  /** What is not told meanwhile is seen when it begins to listen again, which is told, too. */
  #mountsChanged(): void {
    if (!this.#hasBegun) {
      this.#endWatchingMounts?.();
      this.#endWatchingMounts = null;
      this.#rest = this.#options.after(restMs, () => this.#goOn());
    }
    this.#hasBegun = false;
    this.#options.mountsChanged();
  }

  #goOn(): void {
    this.#rest = null;
    try {
      this.listen();
    } catch (error) {
      if (!isSystemFailure(error)) throw error;
      // Too many open files, for one, which may be over a while later.
      this.#rest = this.#options.after(retryMs, () => this.#goOn());
    }
  }
}

function endAll(ends: readonly (() => void)[]): void {
  for (const end of ends) end();
}
