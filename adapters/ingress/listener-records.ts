import { mkdirSync, rmSync } from 'node:fs';
import { dirname } from 'node:path';
import { digestOf, isJsonObject, type Json } from '../../state/json.ts';
import { type Key, kindOf, type ListenerSpec } from '../../state/resource.ts';
import { readIfThere } from '../linux/read-if-there.ts';
import { writeAtomically } from '../linux/write-atomically.ts';

/** A listener as it was made, or was about to be. */
export interface ListenerRecord {
  readonly spec: ListenerSpec;
  /** `digestOf(spec)`. */
  readonly digest: string;
}

/** Names the layout of the file. */
const format = 1;

/**
 * The listeners that were made, in one file, written before anything is done for them: proxy and kernel outlive the controller, and the
 * next one has to know what they serve. There is no file where there are none. It is not synced: what it speaks of is gone after a power
 * cut, too. A file that is torn, or of another format, counts as none; what an earlier controller has left is then replaced with the next step.
 */
export class ListenerRecords {
  readonly #path: string;
  #records: ReadonlyMap<Key, ListenerRecord> | null = null;

  constructor(path: string) {
    this.#path = path;
  }

  /** By key; read from the disk once. Throws where the file can't be read. */
  all(): ReadonlyMap<Key, ListenerRecord> {
    this.#records ??= parseRecords(readIfThere(this.#path));
    return this.#records;
  }

  /** These and no others are on file when it returns. Costs nothing where they are already. */
  replace(records: ReadonlyMap<Key, ListenerRecord>): void {
    if (isSame(this.#records, records)) return;
    if (records.size === 0) rmSync(this.#path, { force: true });
    else {
      mkdirSync(dirname(this.#path), { recursive: true, mode: 0o700 });
      const text = JSON.stringify({ format, listeners: Object.fromEntries(records) });
      writeAtomically(this.#path, `${text}\n`, 0o600);
    }
    this.#records = new Map(records);
  }
}

/** Records are replaced, never changed: those that are as they were are the same objects, or say so by their digest. */
function isSame(
  before: ReadonlyMap<Key, ListenerRecord> | null,
  after: ReadonlyMap<Key, ListenerRecord>,
): boolean {
  if (before?.size !== after.size) return false;
  return [...after].every(([key, { digest }]) => before.get(key)?.digest === digest);
}

function parseRecords(text: string | null): ReadonlyMap<Key, ListenerRecord> {
  const listeners = listenersIn(text ?? '{}');
  const whole = Object.entries(listeners).filter(
    ([key, record]) =>
      kindOf(key as Key) === 'listener' &&
      isJsonObject(record) &&
      isJsonObject(record.spec) &&
      record.digest === digestOf(record.spec),
  );
  return new Map(whole as unknown as readonly (readonly [Key, ListenerRecord])[]);
}

function listenersIn(text: string): Readonly<Record<string, Json>> {
  try {
    const value = JSON.parse(text) as Json;
    return isJsonObject(value) && value.format === format && isJsonObject(value.listeners)
      ? value.listeners
      : {};
  } catch {
    return {};
  }
}
