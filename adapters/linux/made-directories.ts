import type { HeldDirectories, HeldDirectory } from './held-directories.ts';
import type { EntryIdentity, MadeEntry } from './made-entry.ts';

/** Something that was made in a container, with the directory that it was made in, wherever that is by now. */
export interface HeldEntry {
  readonly parent: HeldDirectory;
  readonly entry: MadeEntry;
}

interface Shared {
  readonly held: HeldEntry;
  users: number;
}

function keyOf({ inode, birth }: EntryIdentity): string {
  return `${inode}:${birth}`;
}

/**
 * Directories of one container that were made for targets. Whoever comes through one has a part in it: it goes with the last of them. There is one of
 * these for each.
 */
export class MadeDirectories {
  readonly #held: HeldDirectories;
  readonly #shared = new Map<string, Shared>();

  constructor(held: HeldDirectories) {
    this.#held = held;
  }

  /** It was made just now, or by an earlier process, in the directory that `parent` is open on. One user has it. */
  add(parent: number, entry: MadeEntry & { readonly identity: EntryIdentity }): HeldEntry {
    const known = this.share(entry.identity);
    if (known !== null) return known;
    const held = { parent: this.#held.hold(parent), entry };
    this.#shared.set(keyOf(entry.identity), { held, users: 1 });
    return held;
  }

  /** One user more; null: none of us has made it. */
  share(identity: EntryIdentity): HeldEntry | null {
    const shared = this.#shared.get(keyOf(identity));
    if (shared === undefined) return null;
    shared.users += 1;
    return shared.held;
  }

  /** Others have a part in it, so that something is in it. */
  isShared({ entry }: HeldEntry): boolean {
    return entry.identity !== null && (this.#shared.get(keyOf(entry.identity))?.users ?? 0) > 1;
  }

  /** One user less. The directory itself stays. */
  release({ entry, parent }: HeldEntry): void {
    const key = entry.identity === null ? '' : keyOf(entry.identity);
    const shared = this.#shared.get(key);
    if (shared === undefined || --shared.users > 0) return;
    this.#shared.delete(key);
    this.#held.release(parent);
  }
}
