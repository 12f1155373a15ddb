import { closeSync, fstatSync } from 'node:fs';
import { basename, dirname } from 'node:path/posix';
import type { Reach } from './consumer-root.ts';
import type { HeldDirectory } from './held-directories.ts';
import { closeMount, type HeldMount } from './held-mount.ts';
import { isEntry, type MadeEntry, openName } from './made-entry.ts';
import { mountIdOf, placeInfoOf } from './mount-info.ts';
import { Placement, type PlacementOptions } from './placement.ts';
import { type Holdings, nothingHeld } from './placement-holdings.ts';
import { isSameInit, type MadeMount, type TargetRecord } from './target-record.ts';
import { releaseWay, type Way, walkToTarget } from './target-way.ts';

const startedAnew = 'its container was started anew';
const takenAway = 'the container has taken it away';
const moved = 'the container has moved or covered it';

/** What an earlier process, or this one for an earlier init, has placed in a container. */
class Adoption {
  readonly #options: PlacementOptions;
  readonly #record: TargetRecord;
  readonly #mounted: ReadonlyMap<number, string>;
  readonly #name: string;

  constructor(options: PlacementOptions, record: TargetRecord, mounted: ReadonlyMap<number, string>) {
    this.#options = options;
    this.#record = record;
    this.#mounted = mounted;
    this.#name = basename(record.target.target);
  }

  adopt(): Placement {
    const path = dirname(this.#record.target.target);
    const way = this.#walk(path, this.#options.follow(path));
    try {
      return new Placement(this.#options, this.#record, this.#holdingsOf(way));
    } catch (error) {
      releaseWay(this.#options, way);
      throw error;
    }
  }

  #walk(path: string, passing: Reach['passing']): Way {
    return walkToTarget({ ...this.#options, path, passing, recorded: this.#record.made });
  }

  #holdingsOf(way: Way): Holdings {
    const present = this.#present();
    if (present.length === 0) {
      const isAnew = !isSameInit(this.#record.init, this.#options.init);
      return this.#hold(way, { lost: isAnew ? startedAnew : takenAway });
    }
    const mount = way.directory === null ? null : this.#uppermost(way.directory, present);
    return mount === null ? this.#elsewhere(way, present) : this.#hold(way, { mount, lost: null });
  }

  #hold(way: Way, found: Partial<Holdings>): Holdings {
    const { directory, entries } = way;
    const file = directory === null ? null : this.#findFile(directory, found.mount ?? null);
    return { ...nothingHeld, ...found, directory, entries, file };
  }

  /** Ours that are mounted still. Of another init's namespace there are none. */
  #present(): readonly MadeMount[] {
    const { init, mounts } = this.#record;
    return isSameInit(init, this.#options.init) ? mounts.filter(({ id }) => this.#mounted.has(id)) : [];
  }

  /** One that is being replaced lies over the one that replaces it. */
  #uppermost(directory: HeldDirectory, present: readonly MadeMount[]): HeldMount | null {
    const { mount } = this.#heldAt(directory, this.#name, present);
    const others = present.filter(({ id }) => id !== mount?.id);
    if (mount === null || others.length === 0) return mount;
    this.#options.root.detach(mount.descriptor);
    closeMount(mount);
    return this.#uppermost(directory, others);
  }

  /** By where the kernel says that it is. */
  #elsewhere(before: Way, present: readonly MadeMount[]): Holdings {
    let stray: string | null = null;
    for (const made of present) {
      const path = this.#mounted.get(made.id) ?? '/';
      const way = this.#walk(dirname(path), () => undefined);
      const { mount, isAnother } = this.#heldAt(way.directory, basename(path), [made]);
      if (mount !== null && basename(path) === this.#name) {
        // Its directory was renamed, and what was made is there.
        releaseWay(this.#options, before);
        return this.#hold(way, { mount, lost: moved });
      }
      releaseWay(this.#options, way);
      if (mount !== null) return this.#hold(before, { mount, lost: moved });
      if (!isAnother) stray = path;
    }
    return this.#hold(before, { lost: stray === null ? takenAway : moved, stray });
  }

  /** The uppermost at a name if it is one of these. `isAnother`: it has the id of one of these, which is mounted no more, then. */
  #heldAt(
    directory: HeldDirectory | null,
    name: string,
    mounts: readonly MadeMount[],
  ): { readonly mount: HeldMount | null; readonly isAnother: boolean } {
    const found = directory === null ? null : openName(directory.descriptor, name);
    if (found === null) return { mount: null, isAnother: false };
    // Ids of mounts are given anew: what is mounted has to be the same, too. The file system, which could be another's by now, is not asked.
    const { id, node } = placeInfoOf(found);
    const made = mounts.find((mount) => mount.id === id);
    if (made !== undefined && made.node === node)
      return { mount: { ...made, descriptor: found }, isAnother: false };
    closeSync(found);
    return { mount: null, isAnother: made !== undefined };
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
 * completed. `mounted` says which of the record's mounts there are by their ids, and where. Throws NoContainer, SystemCallError.
 */
export function adoptPlacement(
  options: PlacementOptions,
  record: TargetRecord,
  mounted: ReadonlyMap<number, string>,
): Placement {
  return new Adoption(options, record, mounted).adopt();
}
