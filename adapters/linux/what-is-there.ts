import type { BigIntStats } from 'node:fs';
import { textOfLink } from './open-path.ts';
import type { SystemCalls } from './system-calls.ts';

/** What a descriptor (O_PATH) is open on, in words for who expected something else there. */
export function whatIsThere(
  calls: Pick<SystemCalls, 'readlinkat'>,
  descriptor: number,
  stats: BigIntStats,
): string {
  if (stats.isSymbolicLink()) return `a symbolic link to ${textOfLink(calls, descriptor)}`;
  if (stats.isDirectory()) return 'a directory';
  if (stats.isSocket()) return 'a socket';
  if (stats.isFIFO()) return 'a FIFO';
  if (stats.isFile()) return `a file of ${stats.size} bytes`;
  return `a ${stats.isBlockDevice() ? 'block' : 'character'} device`;
}
