import { closeSync, fstatSync } from 'node:fs';
import { basename, dirname } from 'node:path/posix';
import { NoContainer } from './container-handle.ts';
import type { HeldDirectory } from './held-directories.ts';
import type { HeldMount } from './held-mount.ts';
import { isSameInit, type LinkRecord, type MadeMount } from './link-record.ts';
import { isEntry, type MadeEntry, openName } from './made-entry.ts';
import { findMount, mountIdOf, placeInfoOf } from './mount-info.ts';
import { type Holdings, Placement, type PlacementOptions } from './placement.ts';
import { releaseWay, walkToTarget } from './target-way.ts';

const startedAnew = 'its container was started anew';
const takenAway = 'the container has taken it away';

/** What an earlier process, or this one for an earlier init, has placed in a container. */
class Adoption {
  readonly #options: PlacementOptions;
  readonly #record: LinkRecord;
  readonly #list: string;
  readonly #name: string;

  constructor(options: PlacementOptions, record: LinkRecord, list: string) {
    this.#options = options;
    this.#record = record;
    this.#list = list;
    this.#name = basename(record.target.target);
  }

  adopt(): Placement {
    const path = dirname(this.#record.target.target);
    const way = walkToTarget({
      ...this.#options,
      path,
      passing: this.#options.follow(path),
      recorded: this.#record.made,
    });
    const { directory, entries } = way;
    try {
      const found = this.#findMount(directory);
      const file = directory === null ? null : this.#findFile(directory, found.mount);
      return new Placement(this.#options, this.#record, { ...found, directory, entries, file });
    } catch (error) {
      releaseWay(this.#options, way);
      throw error;
    }
  }

  /** Ours that are mounted still. Of another init's namespace there are none. */
  #present(): readonly MadeMount[] {
    const { init, mounts } = this.#record;
    if (!isSameInit(init, this.#options.init)) return [];
    return mounts.filter(({ id }) => findMount(this.#list, id) !== null);
  }

  #findMount(directory: HeldDirectory | null): Pick<Holdings, 'mount' | 'lost' | 'stray'> {
    const present = this.#present();
    if (present.length === 0) {
      const isAnew = !isSameInit(this.#record.init, this.#options.init);
      return { mount: null, lost: isAnew ? startedAnew : takenAway, stray: null };
    }
    const onTop = directory === null ? null : this.#uppermost(directory, present);
    if (onTop !== null) return { mount: onTop, lost: null, stray: null };
    const mount = this.#elsewhere(present);
    const stray = mount === null ? (findMount(this.#list, present[0]?.id ?? -1)?.mountPoint ?? null) : null;
    return { mount, lost: 'the container has moved or covered it', stray };
  }

  /** One that is being replaced lies over the one that replaces it. */
  #uppermost(directory: HeldDirectory, present: readonly MadeMount[]): HeldMount | null {
    const mount = this.#held(openName(directory.descriptor, this.#name), present);
    const others = present.filter(({ id }) => id !== mount?.id);
    if (mount === null || others.length === 0) return mount;
    this.#options.root.detach(mount.descriptor);
    closeSync(mount.descriptor);
    return this.#uppermost(directory, others);
  }

  /** By where the kernel says that it is. Something may be mounted over that. */
  #elsewhere(present: readonly MadeMount[]): HeldMount | null {
    for (const made of present) {
      const path = findMount(this.#list, made.id)?.mountPoint ?? '/';
      const mount = this.#held(this.#open(path), [made]);
      if (mount !== null) return mount;
    }
    return null;
  }

  #open(path: string): number | null {
    const { root, reading } = this.#options;
    try {
      return root.open({ path, passing: () => undefined, reading });
    } catch (error) {
      if (error instanceof NoContainer) throw error;
      // It is below something that the container has mounted, or behind what is not looked into.
      return null;
    }
  }

  /** Held if it is one of these; else closed. */
  #held(found: number | null, mounts: readonly MadeMount[]): HeldMount | null {
    if (found === null) return null;
    // Ids of mounts are given anew: what is mounted has to be the same, too. The file system, which could be another's by now, is not asked.
    const { id, node } = placeInfoOf(found);
    const made = mounts.find((mount) => mount.id === id && mount.node === node);
    if (made !== undefined) return { ...made, descriptor: found };
    closeSync(found);
    return null;
  }

  /** While it is mounted over, it can't be seen, and can't be another's either. */
  #findFile(directory: HeldDirectory, mount: HeldMount | null): MadeEntry | null {
    const file = this.#record.made.find(({ kind }) => kind === 'file') ?? null;
    if (file === null || mount !== null) return file;
    const found = openName(directory.descriptor, this.#name);
    if (found === null) return null;
    try {
      const isPlain = mountIdOf(found) === directory.mount;
      const isFile = isPlain && isEntry(file, fstatSync(found, { bigint: true }), this.#options.root.owner);
      return isFile ? file : null;
    } finally {
      closeSync(found);
    }
  }
}

/**
 * The target of a record in a container that runs, as it is by now: what is mounted is found again and verified, a replacement that was cut short is
 * completed. `list` is what is mounted there. Throws NoContainer, SystemCallError.
 */
export function adoptPlacement(options: PlacementOptions, record: LinkRecord, list: string): Placement {
  return new Adoption(options, record, list).adopt();
}
