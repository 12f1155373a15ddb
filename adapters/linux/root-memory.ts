import { closeSync } from 'node:fs';
import { mountIdOf } from './mount-info.ts';
import type { Sight } from './path-walk.ts';

/** Something in a container's root, open (O_PATH). */
export interface Place {
  readonly descriptor: number;
  /** Of the mount that it was opened through (mount-info.ts). */
  readonly mount: number;
}

/** Places that are kept open for further walks; more are closed as a walk goes on. */
const mostKept = 64;

/**
 * What walks through one root have in common while nothing else happens: the root, the mounts that were found fit, and directories on the way. They
 * are not looked up again, so that whoever keeps it longer than a turn is led to where a path led then. `close` is for who made it.
 */
export class RootMemory {
  readonly start: Place;
  /**
   * The mounts that were found fit, each with a descriptor in it. It stays open until the end: meanwhile no other mount gets that id, and no other
   * file system its device number, so that what was found of them holds.
   */
  readonly fit = new Map<number, number>();
  readonly fitDevices = new Set<string>();
  readonly #known = new Map<Place, Map<string, Sight<Place>>>();
  readonly #kept = new Set<number>();

  /** `root` is open on the root directory, and stays the caller's. */
  constructor(root: number) {
    this.start = { descriptor: root, mount: mountIdOf(root) };
    this.fit.set(this.start.mount, root);
  }

  recall(within: Place, name: string): Sight<Place> | null {
    return this.#known.get(within)?.get(name) ?? null;
  }

  /** From now on the name is this, and a place of it stays open; as long as there is room for more. */
  keep(within: Place, name: string, sight: Sight<Place>): void {
    const isHeld = within === this.start || this.holds(within.descriptor);
    if (!isHeld || this.#kept.size >= mostKept) return;
    const names = this.#known.get(within) ?? new Map<string, Sight<Place>>();
    this.#known.set(within, names.set(name, sight));
    if ('place' in sight) this.#kept.add(sight.place.descriptor);
  }

  /** It stays open when a walk goes out of it, or ends. */
  holds(descriptor: number): boolean {
    return this.#kept.has(descriptor);
  }

  close(): void {
    const open = new Set([...this.#kept, ...this.fit.values()]);
    open.delete(this.start.descriptor);
    for (const descriptor of open) closeSync(descriptor);
    this.#known.clear();
    this.#kept.clear();
    this.fit.clear();
  }
}
