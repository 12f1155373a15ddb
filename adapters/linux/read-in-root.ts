import { closeSync, constants, fstatSync, openSync, statfsSync } from 'node:fs';
import type { ContainerHandle } from './container-handle.ts';
import { ContainerView } from './container-view.ts';
import { PathRefused } from './open-in-root.ts';
import { linkOf } from './open-path.ts';
import { readDescriptorAtMost } from './read-at-most.ts';
import type { SystemCalls } from './system-calls.ts';

export interface ReadInRoot {
  readonly calls: Pick<SystemCalls, 'readlinkat'>;
  readonly handle: ContainerHandle;
  /** In the container. */
  readonly path: string;
  readonly limitBytes: number;
}

/** A file may be held by a lease (fcntl(2), F_SETLEASE), which to wait for takes 45 s: then open(2) says EAGAIN. */
const readFlags = constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOCTTY;

/** `f_type` of a tmpfs (statfs(2)), which has no number of blocks where it has no limit. */
const tmpfsType = 0x01021994;

/** File systems that the kernel makes up as they are read (proc, sysfs, tracefs) have no blocks; reading such a file may do something, or wait. */
function isMadeUp(descriptor: number): boolean {
  const { type, blocks } = statfsSync(linkOf(descriptor));
  return blocks === 0 && type !== tmpfsType;
}

/** Throws PathRefused for what is no file of which reading is harmless. */
function checkFile(descriptor: number, path: string): void {
  if (!fstatSync(descriptor).isFile()) throw new PathRefused(`${path} is no regular file`);
  if (isMadeUp(descriptor))
    throw new PathRefused(`${path} is a file that the kernel makes up; expected one that is stored`);
}

function readOpened(descriptor: number, { path, limitBytes }: ReadInRoot): string {
  // The file that was checked, whatever its name leads to by now.
  const file = openSync(linkOf(descriptor), readFlags);
  try {
    const text = readDescriptorAtMost(file, limitBytes);
    if (text !== null) return text;
  } finally {
    closeSync(file);
  }
  throw new PathRefused(`${path} has more than ${limitBytes} bytes`);
}

function isMissing(error: unknown): boolean {
  const { code } = error as NodeJS.ErrnoException;
  return code === 'ENOENT' || code === 'ENOTDIR';
}

/**
 * The text of a file in a container's root, such as its `/etc/passwd`; null: it has none. The path is resolved as every path of a container is
 * (open-in-root.ts), and nothing but a regular file is ever opened for reading, so that no device is used, no FIFO waited for. Throws
 * NoContainer, PathRefused (it is something else, too long, or leads where nothing is reached), what open(2) says.
 */
export function readInRoot(request: ReadInRoot): string | null {
  const view = new ContainerView(request);
  let found: number | null = null;
  try {
    found = view.open(request);
    checkFile(found, request.path);
    return readOpened(found, request);
  } catch (error) {
    if (isMissing(error)) return null;
    throw error;
  } finally {
    if (found !== null) closeSync(found);
    view.close();
  }
}
