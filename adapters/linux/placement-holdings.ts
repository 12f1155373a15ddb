import type { HeldDirectory } from './held-directories.ts';
import type { HeldMount } from './held-mount.ts';
import type { HeldEntry } from './made-directories.ts';
import type { MadeEntry } from './made-entry.ts';

/** What is held of a target. */
export interface Holdings {
  readonly mount: HeldMount | null;
  /** The target's. */
  readonly directory: HeldDirectory | null;
  /** Directories that were made for targets, outermost first. */
  readonly entries: readonly HeldEntry[];
  /** In that directory; null: it was not made. */
  readonly file: MadeEntry | null;
  /** Why the mount is not at its target; null: it is. */
  readonly lost: string | null;
  /** Where in the container a mount of ours is that can't be reached, and is not held; null: there is none. */
  readonly stray: string | null;
}

export const nothingHeld: Holdings = {
  mount: null,
  directory: null,
  entries: [],
  file: null,
  lost: 'nothing is placed there',
  stray: null,
};
