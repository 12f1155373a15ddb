import { type FSWatcher, watch } from 'node:fs';
import { type WatchedPath, watchedPaths } from './watched-paths.ts';

/**
 * Watches all that a source is made of, without polling: inotify on each of its directories. Watches are bound to directories as they
 * are now, so they are renewed after changes.
 */
export class PathWatch {
  readonly #path: string;
  readonly #changed: () => void;
  #watchers: readonly FSWatcher[] = [];
  #directories = '';
  #problem: string | null = null;
  #closed = false;

  /** `changed` is called for every change, often several times for one. Nothing is watched before `renew`. */
  constructor(path: string, changed: () => void) {
    this.#path = path;
    this.#changed = changed;
  }

  /** Why not everything is watched; null when it is. */
  get problem(): string | null {
    return this.#problem;
  }

  /**
   * Watches the directories that are there now. What changes after it was called is seen by the new watches or by
   * whoever reads after it has resolved. Resolves to whether the directories are others than before: then something
   * may still be written into new ones.
   */
  async renew(): Promise<boolean> {
    const targets = await watchedPaths(this.#path);
    if (this.#closed) return false;
    const before = this.#watchers;
    this.#problem = null;
    this.#watchers = targets.map((target) => this.#watch(target)).filter((watcher) => watcher !== null);
    for (const watcher of before) watcher.close();
    const directories = JSON.stringify(targets.map(({ directory }) => directory).sort());
    const differs = directories !== this.#directories;
    this.#directories = directories;
    return differs;
  }

  close(): void {
    this.#closed = true;
    for (const watcher of this.#watchers) watcher.close();
    this.#watchers = [];
  }

  #watch({ directory, names }: WatchedPath): FSWatcher | null {
    try {
      const watcher = watch(directory, (_event, name) => {
        if (names === null || name === null || names.has(name)) this.#changed();
      });
      watcher.on('error', (error) => {
        this.#problem = error.message;
        this.#changed();
      });
      return watcher;
    } catch (error) {
      if (!(error instanceof Error)) throw error;
      // A directory that is gone by now is no problem: it is looked for again.
      if ('code' in error && error.code === 'ENOENT') this.#changed();
      else this.#problem = error.message;
      return null;
    }
  }
}
