import { open, stat } from 'node:fs/promises';
import type { ObjectLookup } from './facts.ts';

async function isThere(path: string): Promise<boolean> {
  try {
    return (await stat(path)).isFile();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return false;
    throw error;
  }
}

/** At most `maxBytes + 1` bytes from the beginning: one more than allowed tells that it is too long. */
async function readBeginning(path: string, maxBytes: number): Promise<Uint8Array> {
  await using file = await open(path);
  const { buffer, bytesRead } = await file.read(Buffer.alloc(maxBytes + 1), 0, maxBytes + 1, 0);
  return buffer.subarray(0, bytesRead);
}

/**
 * Files as an object lookup, for judging a revision where there is no object store; `path` tells where an object would be.
 * A text that is too long comes one byte longer than allowed, and validation refuses it for its length.
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
      const bytes = await readBeginning(path(sha256) ?? sha256, maxBytes);
      return new TextDecoder().decode(bytes);
    },
  };
}
