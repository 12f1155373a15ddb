import { constants, openSync } from 'node:fs';
import type { SystemCalls } from './system-calls.ts';

/** Not among Node's constants; the same on all processors that Node knows (open(2)). */
const pathOnly = 0x200000;

/**
 * Opens a place in the file system itself, not what it holds (open(2), O_PATH): no device, FIFO or socket is told, and nothing can be read.
 * A link in the last place is opened as a link. The descriptor is closed on exec.
 */
export function openPath(path: string): number {
  return openSync(path, pathOnly | constants.O_NOFOLLOW);
}

/** The same, where the last link is followed: for the links of proc(5), which lead to what a process has open, root and mounts included. */
export function openBehind(link: string): number {
  return openSync(link, pathOnly);
}

/** PATH_MAX of limits.h. */
const longestLinkBytes = 4096;

/** The text of the symbolic link that a descriptor is open on, whatever its name has become meanwhile (readlinkat(2)). Throws SystemCallError. */
export function textOfLink(calls: Pick<SystemCalls, 'readlinkat'>, descriptor: number): string {
  const buffer = Buffer.alloc(longestLinkBytes);
  return buffer.toString('utf8', 0, calls.readlinkat(descriptor, '', buffer, buffer.length));
}

/** The link of proc(5) to what a descriptor of this process is open on. */
export function linkOf(descriptor: number): string {
  return `/proc/self/fd/${descriptor}`;
}
