import { chmodSync, closeSync, fstatSync, lstatSync } from 'node:fs';
import type { LinkFile } from './held-mount.ts';
import type { LinkSource } from './link-targets.ts';
import { cloneMount, mountRestrictions, readOnlyMount } from './mount-tree.ts';
import { openPath } from './open-path.ts';
import type { SystemCalls } from './system-calls.ts';

const { noSetUserId, noDevices, noPrograms } = mountRestrictions;
const restrictions = {
  socket: [readOnlyMount, noSetUserId, noPrograms, noDevices],
  device: [readOnlyMount, noSetUserId, noPrograms],
} as const;

/**
 * Calls `work` with what is at a path of the host, to be mounted in a container: nobody there can change it, but connect to it or open it. Throws what
 * `work` throws, what open(2) says, and an Error where something else is there.
 */
export function withSource<T>(
  calls: SystemCalls,
  { path, type }: LinkSource,
  work: (file: LinkFile) => T,
): T {
  const source = openPath(path);
  try {
    const stats = fstatSync(source, { bigint: true });
    if (type === 'socket' ? !stats.isSocket() : !stats.isCharacterDevice())
      throw new Error(`${path} is no ${type === 'socket' ? 'socket' : 'character device'}; expected one`);
    const clone = () => cloneMount(calls, { source, namespace: null, restrictions: restrictions[type] });
    return work({ device: `${stats.dev}`, inode: `${stats.ino}`, clone });
  } finally {
    closeSync(source);
  }
}

const socketMode = 0o140666;
const permissions = 0o666;

/** AT_FDCWD: the path is absolute. */
const noDirectory = -100;

/**
 * A socket at `path` that nobody listens on, so that whoever connects is refused whichever user it is (connect(2), ECONNREFUSED); an open(2) of it says
 * ENXIO. It is made when it is not there. Throws SystemCallError.
 */
export function closedSocket(calls: SystemCalls, path: string): LinkSource {
  if (lstatSync(path, { throwIfNoEntry: false }) === undefined) {
    calls.mknodat(noDirectory, path, socketMode, 0);
    chmodSync(path, permissions);
  }
  return { path, type: 'socket' };
}
