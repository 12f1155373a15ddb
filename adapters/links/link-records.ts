import { mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { digestOf, isJsonObject, type Json } from '../../state/json.ts';
import { type Key, kindOf } from '../../state/resource.ts';
import { entriesOf } from '../linux/entries-of.ts';
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
  /** By either of their containers. */
  readonly #ofContainer = new Map<string, Set<Key>>();

  /** `directory` is made with the first record, and removed with the last. Nobody but us can write to its parent. */
  constructor(directory: string) {
    this.#directory = directory;
  }

  /** By key, in the order of their names; read from the disk once. Throws where that can't be done. */
  all(): ReadonlyMap<Key, LinkRecord> {
    return this.#loaded();
  }

  /** Those that a container is an end of, found without looking through the others. */
  of(container: string): readonly LinkRecord[] {
    const records = this.#loaded();
    return [...(this.#ofContainer.get(container) ?? [])].flatMap((key) => records.get(key) ?? []);
  }

  /** Where a process of ours listens for a link. Two kinds of processes never have one path, since one may come before the other has gone. */
  socketOf(key: Key, type: Front['type']): string {
    return join(this.#directory, `${nameIn(key)}.${type}`);
  }

  /** On file when it returns. */
  put(record: LinkRecord): void {
    mkdirSync(this.#directory, { recursive: true, mode: 0o700 });
    writeAtomically(this.#pathOf(record.key), `${JSON.stringify({ format, ...record })}\n`, 0o600);
    this.#set(this.#loaded(), record);
  }

  /** What a process that was killed has left of its writing is gone when it returns: nobody else may be writing. */
  tidy(): void {
    if (this.#loaded().size > 0) removeUnfinished(this.#directory);
    else rmSync(this.#directory, { recursive: true, force: true });
  }

  /** Not on file any more when it returns. */
  remove(key: Key): void {
    rmSync(this.#pathOf(key), { force: true });
    const records = this.#loaded();
    this.#forget(records.get(key));
    records.delete(key);
    if (records.size === 0) rmSync(this.#directory, { recursive: true, force: true });
  }

  #loaded(): Map<Key, LinkRecord> {
    if (this.#records !== null) return this.#records;
    const records = new Map<Key, LinkRecord>();
    for (const record of this.#read()) this.#set(records, record);
    this.#records = records;
    return records;
  }

  #set(records: Map<Key, LinkRecord>, record: LinkRecord): void {
    this.#forget(records.get(record.key));
    records.set(record.key, record);
    for (const container of endsOf(record))
      this.#ofContainer.set(container, (this.#ofContainer.get(container) ?? new Set()).add(record.key));
  }

  /** No container is an end of it. */
  #forget(record: LinkRecord | undefined): void {
    if (record === undefined) return;
    for (const container of endsOf(record)) {
      const keys = this.#ofContainer.get(container);
      keys?.delete(record.key);
      if (keys?.size === 0) this.#ofContainer.delete(container);
    }
  }

  #pathOf(key: Key): string {
    return join(this.#directory, nameIn(key) + suffix);
  }

  #read(): readonly LinkRecord[] {
    // Sockets of our processes are there, too.
    const names = entriesOf(this.#directory).filter((name) => name.endsWith(suffix));
    return names.toSorted().flatMap((name) => {
      const record = parseRecord(readIfThere(join(this.#directory, name)));
      return record !== null && `${nameIn(record.key)}${suffix}` === name ? record : [];
    });
  }
}

function endsOf({ spec: { provider, consumer } }: LinkRecord): readonly string[] {
  return [provider, consumer];
}

/** Keys have slashes, and may be longer than a name. */
function nameIn(key: Key): string {
  return digestOf(key).slice(0, 24);
}

function parseRecord(text: string | null): LinkRecord | null {
  const value = valueIn(text ?? '');
  if (!isJsonObject(value) || value.format !== format || !isJsonObject(value.spec)) return null;
  const { format: _, ...record } = value;
  const isWhole =
    typeof record.key === 'string' &&
    kindOf(record.key as Key) === 'link' &&
    isJsonObject(value.former ?? null) &&
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
