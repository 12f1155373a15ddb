import {
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { digestOf, isJsonObject, type Json } from '../../state/json.ts';
import { isName } from '../../state/names.ts';
import type { PoolSpec } from '../../state/resource.ts';
import { bootId } from './boot-id.ts';

/**
 * What we did, or were about to do, for one pool: written before the kernel is touched, so that after a crash it is
 * known what is ours. The kernel's own marks say which bridges we made; only a record tells which address we added to
 * an adopted bridge, and what the pool was made from.
 */
export interface PoolRecord {
  readonly spec: PoolSpec;
  /** `digestOf(spec)`. */
  readonly digest: string;
  /** We made the bridge. False: it was there, and stays (POOL-4). Always false for macvlan. */
  readonly created: boolean;
  /** Addresses with prefix that we put on the bridge, or may have: they go with the pool. */
  readonly addresses: readonly string[];
}

const suffix = '.json';

/** Names this boot and the network namespace that we are in: what a record speaks of is gone when either changes. */
export function networkEpoch(): string {
  return `${bootId()} ${readlinkSync('/proc/self/ns/net')}`;
}

/**
 * The records of all pools, one file each. They are renamed into place, not synced: what they speak of lives in the
 * kernel and is gone after a power cut, too. A file that is torn, is no record, or is of another epoch is therefore
 * removed and forgotten.
 */
export class PoolRecords {
  readonly #directory: string;
  readonly #epoch: string;
  #loaded: Promise<Map<string, PoolRecord>> | null = null;

  /** `epoch`: see networkEpoch. */
  constructor(directory: string, epoch: string) {
    this.#directory = directory;
    this.#epoch = epoch;
  }

  /** Records by pool name, read from disk once. Rejects when the directory cannot be read. */
  async all(): Promise<ReadonlyMap<string, PoolRecord>> {
    return this.#records();
  }

  /** The record is on file when this resolves; only then may the kernel be touched. */
  async write(name: string, record: PoolRecord): Promise<void> {
    const records = await this.#records();
    const file = join(this.#directory, `${name}${suffix}`);
    mkdirSync(this.#directory, { recursive: true, mode: 0o700 });
    writeFileSync(`${file}.new`, `${JSON.stringify({ epoch: this.#epoch, ...record })}\n`, { mode: 0o600 });
    renameSync(`${file}.new`, file);
    records.set(name, record);
  }

  /** Removing what is not there succeeds. */
  async remove(name: string): Promise<void> {
    const records = await this.#records();
    rmSync(join(this.#directory, `${name}${suffix}`), { force: true });
    records.delete(name);
  }

  #records(): Promise<Map<string, PoolRecord>> {
    this.#loaded ??= this.#load().catch((error) => {
      this.#loaded = null;
      throw error;
    });
    return this.#loaded;
  }

  async #load(): Promise<Map<string, PoolRecord>> {
    mkdirSync(this.#directory, { recursive: true, mode: 0o700 });
    const records = new Map<string, PoolRecord>();
    for (const file of readdirSync(this.#directory).sort()) {
      const record = parsePoolRecord(readFileSync(join(this.#directory, file), 'utf8'), this.#epoch);
      if (record !== null && file === `${record.spec.name}${suffix}`) records.set(record.spec.name, record);
      else rmSync(join(this.#directory, file), { force: true, recursive: true });
    }
    return records;
  }
}

/** The record in a file's text; null when it is none: torn, of another shape or epoch, or with a digest not its spec's. */
export function parsePoolRecord(text: string, epoch: string): PoolRecord | null {
  let value: Json;
  try {
    value = JSON.parse(text) as Json;
  } catch {
    return null;
  }
  if (!isJsonObject(value) || !isJsonObject(value.spec)) return null;
  const { spec, digest, created, addresses } = value;
  const whole =
    value.epoch === epoch &&
    typeof spec.name === 'string' &&
    isName(spec.name) &&
    typeof created === 'boolean' &&
    Array.isArray(addresses) &&
    digest === digestOf(spec);
  return whole ? ({ spec, digest, created, addresses } as unknown as PoolRecord) : null;
}
