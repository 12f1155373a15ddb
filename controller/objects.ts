import { createHash, randomUUID } from 'node:crypto';
import { constants, createReadStream } from 'node:fs';
import { lstat, open, readdir, rename, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import { isSha256 } from '../state/sha256.ts';
import { limitSize, ObjectError, textOf } from './object-error.ts';
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
    try {
      return (await lstat(this.path(sha256))).isFile() && !this.#damaged.has(sha256);
    } catch (error) {
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
   * Removes every object that is not in `keep`; returns those that were removed. Not to be called between the putting of objects
   * and the commit of the revision that names them, unless `keep` has them.
   */
  async collect(keep: ReadonlySet<string>): Promise<readonly string[]> {
    const names = await readdir(this.#directory);
    const unwanted = names.filter((name) => isSha256(name) && !keep.has(name)).sort();
    for (const name of unwanted) await removeIfThere(join(this.#directory, name));
    return unwanted;
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
