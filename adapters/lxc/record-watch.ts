import { type FSWatcher, watch } from 'node:fs';
import { type Observable, Subject } from 'rxjs';

/**
 * Tells when something in the directory of a container is changed (inotify(7)): nobody but us should. It costs nothing while nothing is.
 * What could not be watched, since the kernel's limits are reached or since it is gone, is told as changed at once, and later at the resync.
 */
export class RecordWatch {
  readonly #watchers = new Map<string, FSWatcher>();
  readonly #changed = new Subject<string>();

  /** Names of containers, each as often as something changes. */
  get changed(): Observable<string> {
    return this.#changed;
  }

  /** Begins to watch the directory of a container, unless it is watched. */
  guard(name: string, directory: string): void {
    if (this.#watchers.has(name)) return;
    try {
      const watcher = watch(directory, { persistent: false }, () => this.#changed.next(name));
      watcher.on('error', () => this.#lost(name));
      this.#watchers.set(name, watcher);
    } catch {
      this.#changed.next(name);
    }
  }

  /** From now on changes are our own. */
  release(name: string): void {
    this.#watchers.get(name)?.close();
    this.#watchers.delete(name);
  }

  close(): void {
    this.#changed.complete();
    for (const name of [...this.#watchers.keys()]) this.release(name);
  }

  #lost(name: string): void {
    this.release(name);
    this.#changed.next(name);
  }
}
