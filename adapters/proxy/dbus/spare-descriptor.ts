import { closeSync, openSync } from 'node:fs';

/**
 * A descriptor that is held for when there are no others (getrlimit(2), RLIMIT_NOFILE): with it a connection can be taken and closed at once, which
 * would wait, and be told of again and again, otherwise.
 */
export class SpareDescriptor {
  #held: number | null = openSpare();

  /** Calls `work` while one more descriptor can be opened, which `work` has to close. */
  lend(work: () => void): void {
    if (this.#held !== null) closeSync(this.#held);
    this.#held = null;
    try {
      work();
    } finally {
      this.#held = openSpare();
    }
  }
}

/** Null: another thread was faster. */
function openSpare(): number | null {
  try {
    return openSync('/', 'r');
  } catch (error) {
    if (isOutOfDescriptors(error)) return null;
    throw error;
  }
}

export function isOutOfDescriptors(error: unknown): boolean {
  return ['EMFILE', 'ENFILE'].includes((error as NodeJS.ErrnoException).code ?? '');
}
