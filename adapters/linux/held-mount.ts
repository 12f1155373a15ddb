import { closeSync } from 'node:fs';
import { placeInfoOf } from './mount-info.ts';
import { linkOf, openBehind } from './open-path.ts';
import type { SystemCalls } from './system-calls.ts';
import type { MadeMount } from './target-record.ts';

/** What is mounted at targets. */
export interface LinkFile {
  readonly device: string;
  readonly inode: string;
  /** A mount of it that is mounted nowhere yet, to be closed with the system call. Throws SystemCallError. */
  readonly clone: () => number;
}

/** A mount of ours, held by a descriptor on it (O_PATH) that is to be closed. */
export interface HeldMount extends MadeMount {
  readonly descriptor: number;
}

/** It is a mount of this very file. */
export function isMountOf(mount: MadeMount, { device, inode }: Pick<LinkFile, 'device' | 'inode'>): boolean {
  return mount.device === device && mount.inode === inode;
}

/**
 * Makes a mount of a file, has it mounted somewhere, and holds it. `mounting` is told which it is before there is any trace of it, and its descriptor.
 * Throws SystemCallError, and what `mounting` throws; then there is none.
 */
export function mountFile(
  calls: Pick<SystemCalls, 'close'>,
  { device, inode, clone }: LinkFile,
  mounting: (made: MadeMount, tree: number) => void,
): HeldMount {
  const tree = clone();
  try {
    const made = { ...placeInfoOf(tree), device, inode };
    mounting(made, tree);
    return { ...made, descriptor: openBehind(linkOf(tree)) };
  } finally {
    calls.close(tree);
  }
}

export function closeMount({ descriptor }: HeldMount): void {
  closeSync(descriptor);
}
