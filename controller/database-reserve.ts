import { randomFillSync } from 'node:crypto';
import { closeSync, fsyncSync, lstatSync, openSync, rmSync, writeSync } from 'node:fs';
import { typedError } from './database-error.ts';

/** Several times what ending a trial writes: some ten pages, and the leases of some thousand containers. */
export const reserveBytes = 256 * 1024;

/**
 * Space that is held for the end of a trial, as a file beside the database: when the disk is full, removing it makes room for a
 * verdict, so that going back needs no space that is not there. No revision is accepted as long as it can't be made
 * again. Another program may take the space in the moment in which it is given up: then the verdict fails, and is saved later.
 */
export class Reserve {
  readonly #path: string;
  #held: boolean | null = null;

  /** Touches nothing. */
  constructor(databasePath: string) {
    this.#path = `${databasePath}-reserve`;
  }

  /** Makes the reserve where it is missing. Throws a DatabaseError, `Full` when there is no space for it. */
  hold(): void {
    this.#held ??= lstatSync(this.#path, { throwIfNoEntry: false })?.size === reserveBytes;
    if (this.#held) return;
    rmSync(this.#path, { force: true });
    try {
      writeDurably(this.#path);
      this.#held = true;
    } catch (error) {
      rmSync(this.#path, { force: true });
      throw typedError(error, this.#path);
    }
  }

  /** Gives the space up; false: there was none. */
  release(): boolean {
    const held = this.#held ?? lstatSync(this.#path, { throwIfNoEntry: false }) !== undefined;
    rmSync(this.#path, { force: true });
    this.#held = false;
    return held;
  }
}

/** Bytes that no file system can store in less, synced, since space may be given to a file only then. */
function writeDurably(path: string): void {
  const file = openSync(path, 'wx', 0o600);
  try {
    const bytes = randomFillSync(Buffer.alloc(reserveBytes));
    for (let written = 0; written < bytes.length; ) written += writeSync(file, bytes, written);
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
}
