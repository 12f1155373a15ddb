import { mkdirSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { digestOf, isJsonObject, type Json } from '../../state/json.ts';
import { type Key, kindOf } from '../../state/resource.ts';
import { readIfThere } from '../linux/read-if-there.ts';
import { removeUnfinished, writeAtomically } from '../linux/write-atomically.ts';
import type { Front, LinkRecord } from './link-record.ts';

/** Names the layout of the files. */
const format = 1;
const suffix = '.json';

/**
 * The links that were made, a file for each, so that writing one costs the same however many there are. It is written before anything is done
 * for a link, and removed after everything of it is gone: what a controller that was killed has left is found by them. They are not synced: what they
 * speak of is gone after a power cut, too. A file that is torn, or of another format, counts as none.
 */
export class LinkRecords {
  readonly #directory: string;
  #records: Map<Key, LinkRecord> | null = null;

  /** `directory` is made with the first record, and removed with the last. Nobody but us can write to its parent. */
  constructor(directory: string) {
    this.#directory = directory;
  }

  /** By key, in the order of their names; read from the disk once. Throws where that can't be done. */
  all(): ReadonlyMap<Key, LinkRecord> {
    this.#records ??= this.#read();
    return this.#records;
  }

  /** Where a process of ours listens for a link. Two kinds of processes never have one path, since one may come before the other has gone. */
  socketOf(key: Key, type: Front['type']): string {
    return join(this.#directory, `${nameIn(key)}.${type}`);
  }

  /** On file when it returns. */
  put(record: LinkRecord): void {
    this.prepare();
    writeAtomically(this.#pathOf(record.key), `${JSON.stringify({ format, ...record })}\n`, 0o600);
    this.#loaded().set(record.key, record);
  }

  /** The directory is there when it returns. */
  prepare(): void {
    mkdirSync(this.#directory, { recursive: true, mode: 0o700 });
  }

  /** Not on file any more when it returns. */
  remove(key: Key): void {
    rmSync(this.#pathOf(key), { force: true });
    this.#loaded().delete(key);
    if (this.#loaded().size === 0) rmSync(this.#directory, { recursive: true, force: true });
  }

  #loaded(): Map<Key, LinkRecord> {
    this.#records ??= this.#read();
    return this.#records;
  }

  #pathOf(key: Key): string {
    return join(this.#directory, nameIn(key) + suffix);
  }

  #read(): Map<Key, LinkRecord> {
    const records = new Map<Key, LinkRecord>();
    for (const name of entriesOf(this.#directory)) {
      const record = parseRecord(readIfThere(join(this.#directory, name)));
      if (record !== null && `${nameIn(record.key)}${suffix}` === name) records.set(record.key, record);
    }
    return records;
  }
}

/** Keys have slashes, and may be longer than a name. */
function nameIn(key: Key): string {
  return digestOf(key).slice(0, 24);
}

function entriesOf(directory: string): readonly string[] {
  try {
    removeUnfinished(directory);
    return readdirSync(directory)
      .filter((name) => name.endsWith(suffix))
      .sort();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error;
  }
}

function parseRecord(text: string | null): LinkRecord | null {
  const value = valueIn(text ?? '');
  if (!isJsonObject(value) || value.format !== format || !isJsonObject(value.spec)) return null;
  const { format: _, ...record } = value;
  const isWhole =
    typeof record.key === 'string' &&
    kindOf(record.key as Key) === 'link' &&
    record.digest === digestOf(value.spec);
  return isWhole ? (record as unknown as LinkRecord) : null;
}

function valueIn(text: string): Json {
  try {
    return JSON.parse(text) as Json;
  } catch {
    return null;
  }
}
