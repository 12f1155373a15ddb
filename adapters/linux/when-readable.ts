import type { After } from './network-monitor.ts';
import type { SystemCalls } from './system-calls.ts';

export interface WhenReadableOptions {
  readonly calls: SystemCalls;
  /** The clock's. */
  readonly after: After;
  readonly descriptor: number;
  readonly fire: () => void;
  /** What is to be read is gone once it was polled for, so that polling must not pause (mount-changes.ts). Absent: it stays until it is read. */
  readonly vanishes?: boolean;
}

/**
 * Calls `fire` when a descriptor can be read, of kinds that Node itself can't wait for. It comes a millisecond later, as a timer: what happens within
 * that is told at once, and whoever keeps the descriptor readable does not keep us from the rest. Keeps no process from ending. Returns what
 * ends it, to be called before the descriptor is closed.
 */
export function whenReadable({
  calls,
  after,
  descriptor,
  fire,
  vanishes = false,
}: WhenReadableOptions): () => void {
  let cancel: (() => void) | null = null;
  const polling = calls.poll(descriptor, () => {
    if (cancel !== null) return;
    if (!vanishes) polling.stop();
    // This is no callback of Node's own: no promise would go on after it, and what it throws would be lost.
    cancel = after(0, () => {
      cancel = null;
      if (!vanishes) polling.start();
      fire();
    });
  });
  return () => {
    cancel?.();
    polling.close();
  };
}
