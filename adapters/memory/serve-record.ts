import { mkdirSync, rmSync } from 'node:fs';
import { dirname } from 'node:path';
import type { ListenerSpec } from '../../state/resource.ts';
import { readIfThere } from '../linux/read-if-there.ts';
import { writeAtomically } from '../linux/write-atomically.ts';

/** A listener as it was made. */
export interface ListenerRecord {
  /** Its key's name. */
  readonly name: string;
  readonly spec: ListenerSpec;
  /** `digestOf(spec)`. */
  readonly digest: string;
}

/** Names the layout of the file. */
const format = 1;

/**
 * The listeners that were made, in one file: their proxy outlives the controller, and the next one has to know what it serves. There is
 * no file where there are none.
 */
export class ListenerRecords {
  readonly #path: string;

  constructor(path: string) {
    this.#path = path;
  }

  /** Throws when the file is there and is not one of ours: nothing can be told of listeners then. */
  load(): readonly ListenerRecord[] {
    const text = readIfThere(this.#path);
    if (text === null) return [];
    try {
      const content = JSON.parse(text) as {
        readonly format?: unknown;
        readonly listeners: readonly ListenerRecord[];
      };
      if (content.format === format) return content.listeners;
    } catch (error) {
      if (!(error instanceof SyntaxError)) throw error;
    }
    throw new Error(
      `found ${this.#path} to be no record of listeners (format ${format}); remove it, and end the proxy that runs below this root`,
    );
  }

  save(listeners: readonly ListenerRecord[]): void {
    if (listeners.length === 0) return rmSync(this.#path, { force: true });
    mkdirSync(dirname(this.#path), { recursive: true, mode: 0o700 });
    writeAtomically(this.#path, `${JSON.stringify({ format, listeners })}\n`, 0o600);
  }
}
