import { endianness } from 'node:os';
import type { SystemCalls } from './system-calls.ts';

/** What to wait for (epoll(7)): something to be read, or, for files of proc(5) that say so, a change. */
export type Awaited = 'readable' | 'changed';

const events: { readonly [A in Awaited]: number } = { readable: 0x1, changed: 0x2 };
const add = 1;
const remove = 2;
const closeOnExec = 0x80000;

/** `struct epoll_event` is packed on x86-64 alone. */
const eventBytes = process.arch === 'x64' ? 12 : 16;
const dataOffset = eventBytes - 8;
const littleEndian = endianness() === 'LE';

/** As many are asked for at once; the others come in the next turn of the loop. */
const batch = 32;

function eventFor(awaited: Awaited, descriptor: number): Uint8Array {
  const view = new DataView(new ArrayBuffer(eventBytes));
  view.setUint32(0, events[awaited], littleEndian);
  view.setInt32(dataOffset, descriptor, littleEndian);
  return new Uint8Array(view.buffer);
}

/**
 * Tells when descriptors are ready of kinds that Node itself can't wait for: inotify, pidfds, lists of mounts. All are in one epoll(7) instance, which
 * is one handle in Node's loop, and keeps no process from ending. It costs nothing while nothing is ready.
 */
export class Readiness {
  readonly #calls: SystemCalls;
  readonly #epoll: number;
  readonly #stop: () => void;
  readonly #fires = new Map<number, () => void>();

  /** Throws SystemCallError. */
  constructor(calls: SystemCalls) {
    this.#calls = calls;
    this.#epoll = calls.epoll_create1(closeOnExec);
    this.#stop = calls.whenReadable(this.#epoll, () => this.#deliver());
  }

  /**
   * Calls `fire` in a turn of the loop whenever `descriptor` is so: again and again while something can be read, once for each change.
   * Returns what ends that, to be called before the descriptor is closed. Throws SystemCallError.
   */
  watch(descriptor: number, awaited: Awaited, fire: () => void): () => void {
    this.#calls.epoll_ctl(this.#epoll, add, descriptor, eventFor(awaited, descriptor));
    this.#fires.set(descriptor, fire);
    return () => {
      if (this.#fires.get(descriptor) !== fire) return;
      this.#fires.delete(descriptor);
      this.#calls.epoll_ctl(this.#epoll, remove, descriptor, null);
    };
  }

  close(): void {
    this.#fires.clear();
    this.#stop();
    this.#calls.close(this.#epoll);
  }

  #deliver(): void {
    const bytes = new Uint8Array(eventBytes * batch);
    const count = this.#calls.epoll_wait(this.#epoll, bytes, batch, 0);
    const view = new DataView(bytes.buffer);
    for (let index = 0; index < count; index++) {
      this.#fires.get(view.getInt32(index * eventBytes + dataOffset, littleEndian))?.();
    }
  }
}
