import { mkdirSync, rmSync } from 'node:fs';
import { dirname } from 'node:path';
import type { LedConnections } from './forwarding-contents.ts';
import { readIfThere } from './read-if-there.ts';
import { writeAtomically } from './write-atomically.ts';

/** What the kernel cannot tell about our port forwarding. */
export interface ForwardingRecord {
  /** Digest of how the frame of the table was listed after it was written; null: it was not read back. */
  readonly frame: string | null;
  /** Bridges whose `route_localnet` we have switched on, or were about to. */
  readonly loopback: readonly string[];
  /** Connections that are led so no more, and may not have been forgotten yet. */
  readonly stale: readonly LedConnections[];
}

export const noRecord: ForwardingRecord = { frame: null, loopback: [], stale: [] };

interface Kept extends ForwardingRecord {
  readonly epoch: string;
}

/** Keeps the record on file: what was begun is known after this process was killed at any point. */
export class ForwardingRecordFile {
  readonly #path: string;
  readonly #epoch: string;

  /** `epoch`: see networkEpoch. A record of another one speaks of what is gone. */
  constructor(path: string, epoch: string) {
    this.#path = path;
    this.#epoch = epoch;
  }

  /** Null: nothing was ever written, or it was taken away again. A torn file is none. Throws when it cannot be read. */
  read(): ForwardingRecord | null {
    const text = readIfThere(this.#path);
    if (text === null) return null;
    try {
      const { epoch, ...record } = JSON.parse(text) as Kept;
      return epoch === this.#epoch ? record : null;
    } catch (error) {
      if (error instanceof SyntaxError) return null;
      throw error;
    }
  }

  /** Throws when it cannot be written; then nothing that it says may be done. */
  keep(record: ForwardingRecord): void {
    const text = JSON.stringify({ epoch: this.#epoch, ...record } satisfies Kept);
    if (text === readIfThere(this.#path)) return;
    mkdirSync(dirname(this.#path), { recursive: true, mode: 0o700 });
    writeAtomically(this.#path, text, 0o600);
  }

  remove(): void {
    rmSync(this.#path, { force: true });
  }
}
