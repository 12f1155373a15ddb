import { readSync } from 'node:fs';
import { endianness } from 'node:os';
import type { After } from './network-monitor.ts';
import { linkOf } from './open-path.ts';
import type { SystemCalls } from './system-calls.ts';
import { whenReadable } from './when-readable.ts';

const nonBlocking = 0x800;
const closeOnExec = 0x80000;

/** Names that come and go (inotify(7)): IN_MOVED_FROM, IN_MOVED_TO, IN_CREATE, IN_DELETE; IN_ONLYDIR. Writing to files is not told. */
const namesChange = 0x40 | 0x80 | 0x100 | 0x200 | 0x1000000;
const queueOverflow = 0x4000;

/** Read at once; the rest comes in the next turn of the loop, after others have had theirs. */
const bufferBytes = 64 * 1024;
const headerBytes = 16;

/** One event of inotify(7). */
interface Change {
  readonly watch: number;
  readonly mask: number;
  readonly name: string;
}

function readChanges(bytes: Buffer): readonly Change[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const littleEndian = endianness() === 'LE';
  const changes: Change[] = [];
  for (let at = 0; at + headerBytes <= bytes.length; ) {
    const length = view.getUint32(at + 12, littleEndian);
    const name = bytes.subarray(at + headerBytes, at + headerBytes + length);
    const end = name.indexOf(0);
    changes.push({
      watch: view.getInt32(at, littleEndian),
      mask: view.getUint32(at + 4, littleEndian),
      name: name.subarray(0, end < 0 ? length : end).toString('utf8'),
    });
    at += headerBytes + length;
  }
  return changes;
}

export interface DirectoryWatchesOptions {
  readonly calls: SystemCalls;
  /** The clock's. */
  readonly after: After;
  /** More has happened than the kernel keeps, and some of it will never be told. */
  readonly overflowed: () => void;
}

/** Told the name that was made, removed or renamed. */
type Listener = (name: string) => void;

/** One name of a directory. */
export interface NameWatch {
  readonly name: string;
  /** It has come or gone. */
  readonly changed: () => void;
  /** Some name of the directory has: told before `changed`, and once, however many names are watched with this same function. */
  readonly any: Listener;
}

/** Who is told of a directory. */
class Listeners {
  /** With how often each has asked. */
  readonly #any = new Map<Listener, number>();
  readonly #byName = new Map<string, Set<() => void>>();

  get isEmpty(): boolean {
    return this.#any.size === 0;
  }

  add({ name, changed, any }: NameWatch): void {
    this.#any.set(any, (this.#any.get(any) ?? 0) + 1);
    this.#byName.set(name, (this.#byName.get(name) ?? new Set()).add(changed));
  }

  addAny(any: Listener): void {
    this.#any.set(any, (this.#any.get(any) ?? 0) + 1);
  }

  delete({ name, changed, any }: NameWatch): void {
    this.deleteAny(any);
    const listeners = this.#byName.get(name);
    listeners?.delete(changed);
    if (listeners?.size === 0) this.#byName.delete(name);
  }

  deleteAny(any: Listener): void {
    const count = (this.#any.get(any) ?? 0) - 1;
    if (count > 0) this.#any.set(any, count);
    else this.#any.delete(any);
  }

  tell(name: string): void {
    for (const any of [...this.#any.keys()]) any(name);
    for (const changed of [...(this.#byName.get(name) ?? [])]) changed();
  }
}

/**
 * Tells of names that come and go in directories, from one inotify(7) instance. `fs.watch` would do, but it tells of every write, too, shares its queue
 * with everybody in the process, and is silent when that runs over, so that one container could make us deaf to the others.
 */
export class DirectoryWatches {
  readonly #calls: SystemCalls;
  readonly #inotify: number;
  readonly #unwatch: () => void;
  readonly #overflowed: () => void;
  /** The kernel has one watch for a directory, however often it is asked. */
  readonly #listeners = new Map<number, Listeners>();

  /** Throws SystemCallError. */
  constructor({ calls, after, overflowed }: DirectoryWatchesOptions) {
    this.#calls = calls;
    this.#overflowed = overflowed;
    this.#inotify = calls.inotify_init1(nonBlocking | closeOnExec);
    const fire = () => this.#read();
    this.#unwatch = whenReadable({ calls, after, descriptor: this.#inotify, fire });
  }

  /** Returns what ends it, once. `directory` may be closed meanwhile, or be O_PATH. Throws SystemCallError, such as ENOSPC beyond the kernel's limit. */
  watch(directory: number, listener: Listener): () => void {
    const { watch, listeners } = this.#open(directory);
    listeners.addAny(listener);
    return () => {
      listeners.deleteAny(listener);
      this.#closeIdle(watch, listeners);
    };
  }

  /** The same for one name: others cost its listener nothing. */
  watchName(directory: number, name: NameWatch): () => void {
    const { watch, listeners } = this.#open(directory);
    listeners.add(name);
    return () => {
      listeners.delete(name);
      this.#closeIdle(watch, listeners);
    };
  }

  close(): void {
    this.#unwatch();
    this.#listeners.clear();
    this.#calls.close(this.#inotify);
  }

  #read(): void {
    const buffer = Buffer.alloc(bufferBytes);
    const length = readSync(this.#inotify, buffer);
    for (const { watch, mask, name } of readChanges(buffer.subarray(0, length))) {
      if ((mask & queueOverflow) !== 0) this.#overflowed();
      this.#listeners.get(watch)?.tell(name);
    }
  }

  #open(directory: number): { readonly watch: number; readonly listeners: Listeners } {
    const watch = this.#calls.inotify_add_watch(this.#inotify, linkOf(directory), namesChange);
    const listeners = this.#listeners.get(watch) ?? new Listeners();
    this.#listeners.set(watch, listeners);
    return { watch, listeners };
  }

  #closeIdle(watch: number, listeners: Listeners): void {
    if (!listeners.isEmpty || this.#listeners.get(watch) !== listeners) return;
    this.#listeners.delete(watch);
    this.#forget(watch);
  }

  /** A directory that is gone has taken its watch with it (EINVAL). */
  #forget(watch: number): void {
    try {
      this.#calls.inotify_rm_watch(this.#inotify, watch);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EINVAL') throw error;
    }
  }
}
