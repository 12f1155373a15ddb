import { existsSync, mkdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { Key, LeaseSpec, ObservedResource } from '../../state/resource.ts';
import { entriesOf } from '../linux/entries-of.ts';
import { removeUnfinished, writeAtomically } from '../linux/write-atomically.ts';
import type { Layout } from './layout.ts';

interface LeaseRecord {
  readonly key: Key;
  readonly digest: string;
  readonly spec: LeaseSpec;
}

const suffix = '.json';

/** Null where the text is torn: it was not on the disk when the power went. The lease is then taken again. */
function parseRecord(text: string): LeaseRecord | null {
  try {
    return JSON.parse(text) as LeaseRecord;
  } catch {
    return null;
  }
}

/**
 * Leases as this host holds them: one small file each, so that the cost of a change does not grow with their number, and a new
 * controller finds them (LEASE-4). What must survive a power cut is the controller's own store, not this.
 */
export class LeaseRecords {
  readonly #directory: string;
  readonly #records = new Map<Key, LeaseRecord>();

  constructor(layout: Layout) {
    this.#directory = layout.leases;
  }

  /** Reads everything from the disk. Throws where a file can't be read: half a list is never taken for the whole. */
  load(): void {
    if (existsSync(this.#directory)) removeUnfinished(this.#directory);
    const files = entriesOf(this.#directory).filter((file) => file.endsWith(suffix));
    const records = files.map((file) => parseRecord(readFileSync(join(this.#directory, file), 'utf8')));
    this.#records.clear();
    for (const record of records) if (record !== null) this.#records.set(record.key, record);
  }

  reserve(key: Key, spec: LeaseSpec, digest: string): void {
    const record = { key, digest, spec };
    mkdirSync(this.#directory, { recursive: true });
    writeAtomically(this.#path(key), JSON.stringify(record), 0o600);
    this.#records.set(key, record);
  }

  release(key: Key): void {
    rmSync(this.#path(key), { force: true });
    this.#records.delete(key);
  }

  observed(key: Key): ObservedResource<'lease'> | null {
    const record = this.#records.get(key);
    return record === undefined ? null : { ...record, kind: 'lease', drift: [], facts: {} };
  }

  keys(): Iterable<Key> {
    return this.#records.keys();
  }

  *specs(): Iterable<LeaseSpec> {
    for (const { spec } of this.#records.values()) yield spec;
  }

  /** A key has slashes in it; encoded it is one name, and never `.` or `..`. */
  #path(key: Key): string {
    return join(this.#directory, `${encodeURIComponent(key)}${suffix}`);
  }
}
