import { endianness } from 'node:os';
import type { SystemCalls } from '../../linux/system-calls.ts';

/** The same on all processors that Node knows, but for those of MIPS (socket(2)). */
const family = 1;
const stream = 1;
export const closeOnExec = 0o2000000;
export const nonBlocking = 0o4000;

/** A stream socket of the family unix that waits for nothing. Throws SystemCallError. */
export function unixSocket(calls: Pick<SystemCalls, 'socket'>): number {
  return calls.socket(family, stream | closeOnExec | nonBlocking, 0);
}

/** A `struct sockaddr_un` (unix(7)), for a path of 107 bytes at most. */
export function unixAddress(path: string): Buffer {
  const first = endianness() === 'LE' ? [family, 0] : [0, family];
  return Buffer.concat([Buffer.from(first), Buffer.from(`${path}\0`)]);
}
