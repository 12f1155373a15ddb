import { bootId } from './boot-id.ts';
import { ConsumerRoot } from './consumer-root.ts';
import { ConsumerWatch, type ConsumerWatchOptions } from './consumer-watch.ts';
import { NoContainer } from './container-handle.ts';
import { MadeDirectories } from './made-directories.ts';
import type { PlacementOptions } from './placement.ts';
import { identify } from './process-identity.ts';

export interface ConsumerLifeOptions
  extends ConsumerWatchOptions,
    Pick<PlacementOptions, 'save' | 'forget' | 'reading'> {
  /** Ids of mounts in it that are ours, or were. */
  readonly ours: () => ReadonlySet<number>;
}

/** What there is of a container from when its init is held until that has ended. */
export class ConsumerLife {
  readonly root: ConsumerRoot;
  readonly watch: ConsumerWatch;
  readonly placementOptions: PlacementOptions;
  readonly #options: ConsumerLifeOptions;

  /** The handle is this one's from now on, and closed with it. Throws NoContainer, SystemCallError: then it is closed. */
  constructor(options: ConsumerLifeOptions) {
    this.#options = options;
    const { handle, calls, save, forget, reading } = options;
    try {
      this.watch = new ConsumerWatch(options);
    } catch (error) {
      handle.close();
      throw error;
    }
    try {
      this.root = new ConsumerRoot(options);
      const identity = identify(handle.pid);
      // Only of a process that was there after that is it known that it was this one.
      if (identity === null || !handle.isThere) throw new NoContainer(`process ${handle.pid} has ended`);
      const init = { ...identity, boot: bootId() };
      const made = new MadeDirectories(this.root.held);
      const follow = (path: string) => this.watch.follow(path);
      this.placementOptions = { calls, root: this.root, init, made, save, forget, follow, reading };
    } catch (error) {
      this.watch.close();
      handle.close();
      throw error;
    }
  }

  get pid(): number {
    return this.#options.handle.pid;
  }

  /** False once its init has ended and somebody has waited for it. */
  get isThere(): boolean {
    return this.#options.handle.isThere;
  }

  /** Calls `changed` when a name on the way to `path`, as far as that leads now, comes or goes. Returns what ends that. Throws SystemCallError. */
  whenWayChanges(path: string, changed: () => void): () => void {
    const { reading } = this.#options;
    const ends: (() => void)[] = [];
    const passing = this.watch.passing(changed, ends);
    const end = () => {
      for (const one of ends) one();
    };
    try {
      this.root.passThrough({ path, passing, reading });
      return end;
    } catch (error) {
      end();
      throw error;
    }
  }

  close(): void {
    this.watch.close();
    this.root.close();
    this.#options.handle.close();
  }
}
