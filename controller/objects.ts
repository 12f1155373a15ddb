import { createHash, randomUUID } from 'node:crypto';
import { constants, createReadStream, lstatSync, unlinkSync } from 'node:fs';
import { lstat, open, readdir, rename, unlink } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { isSha256 } from '../state/sha256.ts';
import { limitSize, ObjectError, textOf } from './object-error.ts';
import { freshObjectMs } from './options.ts';
import { ensurePrivateDirectory } from './private-directory.ts';

/** Ends the names of files that are still being written. */
const partialSuffix = '.partial';

export { ObjectError, type ObjectErrorCode } from './object-error.ts';

/**
 * Objects by their sha256, one file each, in one directory (REV-2). A file under its final name is whole, was on disk before it
 * got that name, and had that sha256; a crash at any moment leaves at worst a partial file, which the next `open` removes.
 * The directory is private (0700). One process at a time opens a store.
 */
export class ObjectStore {
  readonly #directory: string;
  /** Objects that were found to be damaged: as good as missing, so that whoever has them brings them again. */
  readonly #damaged = new Set<string>();
  /** Objects that were asked for or put, with when `collect` saw that first, milliseconds; null: not yet. */
  readonly #asked = new Map<string, number | null>();

  private constructor(directory: string) {
    this.#directory = directory;
  }

  /**
   * Opens the store in `directory`, which is made where it is missing, and removes what a crash left half-written.
   * Rejects with an UnsafeDirectoryError when others may have put files there.
   */
  static async open(directory: string): Promise<ObjectStore> {
    await ensurePrivateDirectory(directory);
    for (const name of await readdir(directory)) {
      if (name.endsWith(partialSuffix)) await unlink(join(directory, name));
    }
    return new ObjectStore(directory);
  }

  /** Where the object is, or will be. Throws an ObjectError when `sha256` is not 64 lower-case hexadecimal digits. */
  path(sha256: string): string {
    if (!isSha256(sha256)) {
      throw new ObjectError(
        'NotADigest',
        JSON.stringify(sha256),
        'a sha256: 64 lower-case hexadecimal digits',
      );
    }
    return join(this.#directory, sha256);
  }

  async has(sha256: string): Promise<boolean> {
    const path = this.path(sha256);
    try {
      // Before looking: what is found here is not to be collected a moment later.
      this.#asked.set(sha256, null);
      return (await lstat(path)).isFile() && !this.#damaged.has(sha256);
    } catch (error) {
      this.#asked.delete(sha256);
      if (isMissing(error)) return false;
      throw error;
    }
  }

  /** Those of `sha256s` that are not here, each once, in their order. */
  async missing(sha256s: Iterable<string>): Promise<readonly string[]> {
    const asked = [...new Set(sha256s)];
    const present = await Promise.all(asked.map((sha256) => this.has(sha256)));
    return asked.filter((_, index) => present[index] !== true);
  }

  /**
   * Takes an object in. When it resolves, the object is on disk for good. When it rejects — the content has another
   * sha256 (ObjectError), the stream fails, the disk is full — nothing of it is left. Several puts of one object at the same
   * time do no harm; putting what is there already writes it anew, which heals one that the disk had lost.
   */
  async put(sha256: string, content: AsyncIterable<Uint8Array>): Promise<void> {
    const target = this.path(sha256);
    const partial = `${target}.${randomUUID()}${partialSuffix}`;
    this.#asked.set(sha256, null);
    try {
      const actual = await writeDurably(partial, content);
      if (actual !== sha256) {
        throw new ObjectError('ObjectMismatch', `content with sha256 ${actual}`, `sha256 ${sha256}`);
      }
      await rename(partial, target);
    } catch (error) {
      await removeIfThere(partial);
      throw error;
    }
    this.#damaged.delete(sha256);
    await syncDirectory(this.#directory);
  }

  /** Takes the content of a file in, as `put`, unless the object is here already. The file stays. */
  async importFile(sha256: string, path: string): Promise<void> {
    if (await this.has(sha256)) return;
    await this.put(sha256, createReadStream(path));
  }

  /**
   * The text of an object of at most `maxBytes` bytes. The bytes that are returned are the bytes that were hashed: a
   * file that was changed behind our back is an ObjectError, never a text.
   */
  async readText(sha256: string, maxBytes: number): Promise<string> {
    const bytes = await this.#read(sha256, maxBytes);
    const actual = createHash('sha256').update(bytes).digest('hex');
    if (actual !== sha256) {
      this.#damaged.add(sha256);
      throw new ObjectError(
        'ObjectCorrupt',
        `content with sha256 ${actual} in the store`,
        `sha256 ${sha256}`,
      );
    }
    return textOf(sha256, bytes);
  }

  /**
   * Removes every object that is not in `keep` and that nobody is about to need; returns those that were removed. Whoever brings a
   * revision asks first which objects are missing, then puts those, then names them all in the revision: so one that was last written less than
   * `freshObjectMs` ago is spared, and so is one that was asked for or put in this process, until `freshObjectMs` after the call of this
   * that comes next. `now` is milliseconds since the epoch. Rejects with the first error of the file system.
   */
  async collect(keep: ReadonlySet<string>, now: number): Promise<readonly string[]> {
    this.#dateAsked(now);
    const names = (await readdir(this.#directory)).filter((name) => isSha256(name) && !keep.has(name)).sort();
    return names.filter((name) => this.#collectOne(join(this.#directory, name), now));
  }

  /** In one turn of the event loop: nobody can ask for it between the look and the removal. */
  #collectOne(path: string, now: number): boolean {
    if (this.#asked.has(basename(path)) || isFresh(lstatSync(path).mtimeMs, now)) return false;
    unlinkSync(path);
    return true;
  }

  #dateAsked(now: number): void {
    for (const [sha256, since] of this.#asked) {
      if (since === null) this.#asked.set(sha256, now);
      else if (!isFresh(since, now)) this.#asked.delete(sha256);
    }
  }

  async #read(sha256: string, maxBytes: number): Promise<Uint8Array> {
    try {
      await using file = await open(this.path(sha256), constants.O_RDONLY | constants.O_NOFOLLOW);
      const { size } = await file.stat();
      limitSize(sha256, size, maxBytes);
      return await file.readFile();
    } catch (error) {
      if (!isMissing(error)) throw error;
      throw new ObjectError(
        'ObjectMissing',
        `no object ${sha256} in the store`,
        'an object that was put before',
      );
    }
  }
}

/** A time to come is one of a clock that was set since: no reason to spare an object for ever. */
function isFresh(since: number, now: number): boolean {
  return Math.abs(now - since) < freshObjectMs;
}

function isMissing(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ENOENT';
}

/** Writes a new file and waits until it is on disk; the sha256 of what was written. */
async function writeDurably(path: string, content: AsyncIterable<Uint8Array>): Promise<string> {
  await using file = await open(path, 'wx', 0o400);
  const hash = createHash('sha256');
  for await (const chunk of content) {
    hash.update(chunk);
    await file.writeFile(chunk);
  }
  await file.sync();
  return hash.digest('hex');
}

/** Makes the names in a directory durable (fsync(2): the file's own fsync does not). */
async function syncDirectory(path: string): Promise<void> {
  await using directory = await open(path, constants.O_RDONLY | constants.O_DIRECTORY);
  await directory.sync();
}

async function removeIfThere(path: string): Promise<void> {
  try {
    await unlink(path);
  } catch (error) {
    if (!isMissing(error)) throw error;
  }
}
