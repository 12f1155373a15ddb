import { closeSync, openSync, readSync } from 'node:fs';

/**
 * The text of a file that somebody else has the length of, such as a list of the kernel's. Null: it has more than `limitBytes`; no more than that
 * is read. Throws what open(2) and read(2) say.
 */
export function readAtMost(path: string, limitBytes: number): string | null {
  const descriptor = openSync(path, 'r');
  try {
    return readDescriptorAtMost(descriptor, limitBytes);
  } finally {
    closeSync(descriptor);
  }
}

/** The same of a file that is open, from where it stands. */
export function readDescriptorAtMost(descriptor: number, limitBytes: number): string | null {
  // One more, to see that there is more. Memory that is not written to costs nothing.
  const buffer = Buffer.allocUnsafe(limitBytes + 1);
  let length = 0;
  for (let more = -1; more !== 0 && length < buffer.length; length += more) {
    more = readSync(descriptor, buffer, length, buffer.length - length, null);
  }
  return length > limitBytes ? null : buffer.toString('utf8', 0, length);
}
