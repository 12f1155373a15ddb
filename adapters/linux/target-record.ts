import { mkdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { digestOf } from '../../state/json.ts';
import { entriesOf } from './entries-of.ts';
import type { LinkTarget } from './link-targets.ts';
import type { MadeEntry } from './made-entry.ts';
import type { ProcessIdentity } from './process-identity.ts';
import { removeUnfinished, writeAtomically } from './write-atomically.ts';

/** The init of a container, told from every other one, also of another boot. */
export interface InitIdentity extends ProcessIdentity {
  readonly boot: string;
}

/** A mount of ours in a container. */
export interface MadeMount {
  /** Its id in the list of mounts; another may get it once this one is gone. */
  readonly id: number;
  /** Number of the inode that it shows, as the kernel itself has it; null on kernels before 5.14. */
  readonly node: string | null;
  /** Of what is mounted, as its file system has it. */
  readonly device: string;
  readonly inode: string;
}

/** What there is of one target, or may be: it is written before anything is made, and again when it was. */
export interface TargetRecord {
  readonly target: LinkTarget;
  /**
   * `making`: something is made for the first time, and nothing counts until that has succeeded; `placed`, `cleared`; `removed`: what is left is to go
   * when the container runs.
   */
  readonly state: 'making' | 'placed' | 'cleared' | 'removed';
  /** In whose mount namespace the mounts are; null: nothing was mounted yet. */
  readonly init: InitIdentity | null;
  /** The last one is the newest. Others are being replaced by it. */
  readonly mounts: readonly MadeMount[];
  /** Directories on the way, outermost first, each in the one before, and the file. */
  readonly made: readonly MadeEntry[];
}

export function isSameInit(left: InitIdentity | null, right: InitIdentity | null): boolean {
  if (left === null || right === null) return false;
  return left.pid === right.pid && left.startTime === right.startTime && left.boot === right.boot;
}

const suffix = '.json';

/**
 * One file for each target, below the instance's directory. They are not synchronised to the disk: after a power cut nothing is mounted any more, and a
 * file that was made is known by how it looks (made-entry.ts, isBareFile).
 */
export class TargetRecords {
  readonly #directory: string;
  readonly #spoilt: string[] = [];
  readonly #records = new Map<string, Map<string, TargetRecord>>();

  /** Reads all that are whole; one that a power cut has spoilt counts as none. Touches nothing. Throws where the directory can't be read. */
  constructor(directory: string) {
    this.#directory = directory;
    const names = entriesOf(directory).filter((name) => name.endsWith(suffix));
    for (const path of names.map((name) => join(directory, name))) {
      const record = readOne(path);
      if (record === null) this.#spoilt.push(path);
      else this.#keep(record);
    }
  }

  get containers(): Iterable<string> {
    return this.#records.keys();
  }

  /** Null: there is none. */
  get({ container, target }: LinkTarget): TargetRecord | null {
    return this.#records.get(container)?.get(target) ?? null;
  }

  /** In no order. */
  of(container: string): readonly TargetRecord[] {
    return [...(this.#records.get(container)?.values() ?? [])];
  }

  /** On disk when it returns. */
  write(record: TargetRecord): void {
    mkdirSync(this.#directory, { recursive: true, mode: 0o700 });
    writeAtomically(this.#pathOf(record.target), JSON.stringify(record), 0o600);
    this.#keep(record);
  }

  remove(target: LinkTarget): void {
    rmSync(this.#pathOf(target), { force: true });
    const records = this.#records.get(target.container);
    records?.delete(target.target);
    if (records?.size === 0) this.#records.delete(target.container);
    if (this.#records.size === 0) this.#discard();
  }

  /** What a process that was killed has left of its writing is gone when it returns, with all where there is no record: nobody else may be writing. */
  tidy(): void {
    if (this.#records.size === 0) return this.#discard();
    removeUnfinished(this.#directory);
    for (const path of this.#spoilt) rmSync(path, { force: true });
  }

  /** With the last record all goes that is there for their sake. */
  #discard(): void {
    rmSync(this.#directory, { recursive: true, force: true });
  }

  #keep(record: TargetRecord): void {
    const { container, target } = record.target;
    const records = this.#records.get(container) ?? new Map<string, TargetRecord>();
    this.#records.set(container, records.set(target, record));
  }

  #pathOf({ container, target }: LinkTarget): string {
    return join(this.#directory, `${digestOf([container, target]).slice(0, 24)}${suffix}`);
  }
}

/** Null: it is not whole. */
function readOne(path: string): TargetRecord | null {
  try {
    // Nobody but us writes there: what can be parsed is what was written.
    return JSON.parse(readFileSync(path, 'utf8')) as TargetRecord;
  } catch (error) {
    if (error instanceof SyntaxError) return null;
    throw error;
  }
}
