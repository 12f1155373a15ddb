import { endianness } from 'node:os';
import type { After } from './network-monitor.ts';
import type { SystemCalls } from './system-calls.ts';
import { whenReadable } from './when-readable.ts';

/** Of epoll(7): EPOLL_CTL_ADD, EPOLLPRI, EPOLL_CLOEXEC. */
const add = 1;
const exceptional = 0x2;
const closeOnExec = 0x80000;

/** `struct epoll_event`, which is packed on x86-64 alone: a u32 with the events, then eight bytes that are ours and not used. */
const eventBytes = process.arch === 'x64' ? 12 : 16;

function eventOf(events: number): Uint8Array {
  const view = new DataView(new ArrayBuffer(eventBytes));
  view.setUint32(0, events, endianness() === 'LE');
  return new Uint8Array(view.buffer);
}

export interface MountChangesOptions {
  readonly calls: SystemCalls;
  /** The clock's. */
  readonly after: After;
  /** Open on the list of mounts of a namespace (proc(5), /proc/pid/mountinfo). */
  readonly mounts: number;
  readonly fire: () => void;
}

/**
 * Calls `fire` when something is mounted or unmounted in a namespace, and once when it has begun to listen. Returns what ends it, to be called
 * before `mounts` is closed. Throws SystemCallError.
 *
 * The kernel tells each change to the first who polls, as EPOLLPRI, and Node's loop can be made to poll for reading alone. So the list is in an
 * epoll instance of its own, which Node's loop polls: that this can be read is all there is to know. What changes before the loop polls
 * for the first time is lost: hence the first call, which is one turn of the loop later for sure.
 */
export function whenMountsChange({ calls, after, mounts, fire }: MountChangesOptions): () => void {
  const epoll = calls.epoll_create1(closeOnExec);
  try {
    calls.epoll_ctl(epoll, add, mounts, eventOf(exceptional));
    const stop = whenReadable({ calls, after, descriptor: epoll, fire, vanishes: true });
    let cancel = after(0, () => {
      cancel = after(0, fire);
    });
    return () => {
      cancel();
      stop();
      calls.close(epoll);
    };
  } catch (error) {
    calls.close(epoll);
    throw error;
  }
}
