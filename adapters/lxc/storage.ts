import { mkdirSync, rmdirSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Persistence } from '../../state/resource.ts';
import { bootId } from '../linux/boot-id.ts';
import { entriesOf } from '../linux/entries-of.ts';
import type { Layout } from './layout.ts';

/** What containers wrote may be much: it goes while everything else goes on. */
async function removeAllBut(directory: string, kept: (entry: string) => boolean): Promise<void> {
  for (const entry of entriesOf(directory)) {
    if (!kept(entry)) await rm(join(directory, entry), { recursive: true, force: true });
  }
}

/** Removes a directory if nothing is in it. */
function removeEmpty(directory: string): void {
  try {
    rmdirSync(directory);
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    if (code !== 'ENOENT' && code !== 'ENOTEMPTY' && code !== 'EEXIST') throw error;
  }
}

/** What containers write to their roots: the writable layers (CTR-4). */
export class Storage {
  readonly #layout: Layout;
  /** Directory of this boot; what earlier ones left is gone once it is known. */
  #boot: Promise<string> | null = null;

  constructor(layout: Layout) {
    this.#layout = layout;
  }

  /**
   * The writable layer for a start of `name` with a spec of this digest, made if need be; what it kept for an older spec or boot is
   * deleted. The container must not run. LXC makes its work directory beside the layer.
   */
  async prepare(name: string, persistence: Persistence, digest: string): Promise<string> {
    const { storage, permanent } = this.#layout.container(name);
    const revision = `revision-${digest.slice(0, 16)}`;
    await removeAllBut(
      storage,
      (entry) => !entry.startsWith('revision-') || (persistence === 'revision' && entry === revision),
    );
    const places: Readonly<Record<Persistence, () => string | Promise<string>>> = {
      permanent: () => permanent,
      revision: () => join(storage, revision),
      boot: async () => join(await this.#thisBoot(), name),
    };
    const upper = join(await places[persistence](), 'upper');
    mkdirSync(upper, { recursive: true });
    return upper;
  }

  #thisBoot(): Promise<string> {
    this.#boot ??= this.#enterBoot().catch((error: unknown) => {
      this.#boot = null;
      throw error;
    });
    return this.#boot;
  }

  async #enterBoot(): Promise<string> {
    const boot = bootId();
    await removeAllBut(this.#layout.boots, (entry) => entry === boot);
    return join(this.#layout.boots, boot);
  }

  /** Deletes what `name` wrote, but for its permanent storage. */
  async remove(name: string): Promise<void> {
    const { storage } = this.#layout.container(name);
    for (const boot of entriesOf(this.#layout.boots)) {
      await rm(join(this.#layout.boots, boot, name), { recursive: true, force: true });
    }
    await removeAllBut(storage, (entry) => entry === 'permanent');
    removeEmpty(storage);
  }
}
