import { open, stat } from 'node:fs/promises';
import type { ObjectLookup } from './facts.ts';
import { limitSize, ObjectError, textOf } from './object-error.ts';

async function isThere(path: string): Promise<boolean> {
  try {
    return (await stat(path)).isFile();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return false;
    throw error;
  }
}

/** No more of the file is read than is allowed, whatever it says of its size. */
async function readWhole(path: string, sha256: string, maxBytes: number): Promise<Uint8Array> {
  await using file = await open(path);
  limitSize(sha256, (await file.stat()).size, maxBytes);
  const { buffer, bytesRead } = await file.read(Buffer.alloc(maxBytes + 1), 0, maxBytes + 1, 0);
  limitSize(sha256, bytesRead, maxBytes);
  return buffer.subarray(0, bytesRead);
}

/**
 * Files as an object lookup, for judging a revision where there is no object store; `path` tells where an object would be.
 * What is unusable as a text is the same ObjectError as of the object store.
 */
export function objectFiles(path: (sha256: string) => string | undefined): ObjectLookup {
  return {
    async missing(sha256s) {
      const missing: string[] = [];
      for (const sha256 of sha256s) {
        const file = path(sha256);
        if (file === undefined || !(await isThere(file))) missing.push(sha256);
      }
      return missing;
    },
    async readText(sha256, maxBytes) {
      const file = path(sha256);
      if (file !== undefined) return textOf(sha256, await readWhole(file, sha256, maxBytes));
      throw new ObjectError('ObjectMissing', `no file for object ${sha256}`, 'a file that holds it');
    },
  };
}
