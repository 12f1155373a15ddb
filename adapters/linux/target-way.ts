import { fstatSync } from 'node:fs';
import type { ConsumerRoot, Reach } from './consumer-root.ts';
import type { HeldDirectory } from './held-directories.ts';
import type { HeldEntry, MadeDirectories } from './made-directories.ts';
import { identityOf, isEntry, type MadeEntry, removeEntry } from './made-entry.ts';

export interface WayOptions extends Pick<Reach, 'path' | 'passing' | 'reading'> {
  readonly root: ConsumerRoot;
  readonly made: MadeDirectories;
  /** What an earlier process has made, or was about to. */
  readonly recorded: readonly MadeEntry[];
  /** Told what this walk has made and is about to make; on record when it returns. Absent: nothing is made. */
  readonly intend?: (fresh: readonly MadeEntry[]) => void;
}

/** One walk to the directory of a target, with its part in directories on the way that were made for targets. */
class TargetWay {
  readonly #options: WayOptions;
  readonly #entries = new Set<HeldEntry>();
  readonly #fresh: HeldEntry[] = [];
  /** The name of what was made just now, and is entered next. */
  #made: string | null = null;

  constructor(options: WayOptions) {
    this.#options = options;
  }

  get entries(): readonly HeldEntry[] {
    return [...this.#entries];
  }

  get fresh(): readonly HeldEntry[] {
    return this.#fresh;
  }

  walk(): HeldDirectory {
    const { root, path, passing, reading, intend } = this.#options;
    const missing = (directory: number, name: string) => this.#make(directory, name);
    const entered = (directory: number, name: string, place: number) => this.#entered(directory, name, place);
    const request = { path, passing, reading, entered };
    return root.reach(intend === undefined ? request : { ...request, missing });
  }

  #make(directory: number, name: string): void {
    const { root, intend } = this.#options;
    intend?.([...this.#fresh.map(({ entry }) => entry), { name, kind: 'directory', identity: null }]);
    try {
      root.makeDirectory(directory, name);
      this.#made = name;
    } catch (error) {
      // The container was faster.
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    }
  }

  #entered(directory: number, name: string, place: number): void {
    const stats = fstatSync(place, { bigint: true });
    const { made, recorded, root } = this.#options;
    const isFresh = this.#made === name && stats.isDirectory();
    this.#made = null;
    const isRecorded = recorded.some((entry) => entry.name === name && isEntry(entry, stats, root.owner));
    const entry = { name, kind: 'directory', identity: identityOf(stats) } as const;
    const held = isFresh || isRecorded ? made.add(directory, entry) : made.share(entry.identity);
    if (held === null) return;
    if (this.#entries.has(held)) return made.release(held);
    this.#entries.add(held);
    if (isFresh) this.#fresh.push(held);
  }
}

/** What a walk has led to: the target's directory, held, or why it can't be had. */
export interface Way {
  readonly directory: HeldDirectory | null;
  readonly error: unknown;
  /** Directories that were made for targets, outermost first, each to be released. */
  readonly entries: readonly HeldEntry[];
  /** Those that this walk has made. */
  readonly fresh: readonly HeldEntry[];
}

/** Walks to the directory of a target in its container's root. Never throws. */
export function walkToTarget(options: WayOptions): Way {
  const way = new TargetWay(options);
  try {
    const directory = way.walk();
    return { directory, error: null, entries: way.entries, fresh: way.fresh };
  } catch (error) {
    return { directory: null, error, entries: way.entries, fresh: way.fresh };
  }
}

/** Lets go of what a way holds; what was made stays. */
export function releaseWay(
  { root, made }: Pick<WayOptions, 'root' | 'made'>,
  way: Pick<Way, 'directory' | 'entries'>,
): void {
  for (const held of way.entries) made.release(held);
  if (way.directory !== null) root.held.release(way.directory);
}

/** Removes directories that were made, innermost first, as far as they are empty and nobody else's. Throws what rmdir(2) says. */
export function removeDirectories(
  { root, made }: Pick<WayOptions, 'root' | 'made'>,
  entries: readonly HeldEntry[],
): void {
  for (const held of entries.toReversed())
    if (!made.isShared(held)) removeEntry(held.parent, held.entry, root.owner);
}
