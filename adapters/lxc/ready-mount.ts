import { lstatSync } from 'node:fs';
import { join } from 'node:path';
import type { LxcConfigItem } from '../../state/resource.ts';
import { readyDirectory } from './ready-sockets.ts';
import { resolveInside } from './resolve-inside.ts';

/** Where the directory with the readiness socket is mounted in a root. */
export interface ReadyMount {
  /** Relative to the root, without links. */
  readonly target: string;
  /** The root lacks the directory: it has to be in a layer over it. */
  readonly lacking: boolean;
  /**
   * A file system of the container's own is mounted over a parent, so that LXC has to make the directory. Never elsewhere: LXC makes it before
   * it enters the root, and would follow a link that the container left there out to the host.
   */
  readonly made: boolean;
}

function isDirectory(path: string): boolean {
  try {
    return lstatSync(path).isDirectory();
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    if (code === 'ENOENT' || code === 'ENOTDIR') return false;
    throw error;
  }
}

function coversParent(target: string, { key, value }: LxcConfigItem): boolean {
  const [, point = ''] = value.split(/\s+/);
  return key === 'lxc.mount.entry' && target.startsWith(`${point}/`);
}

/** What the container has written stands where a directory should: a link, a file, or nothing (a whiteout). */
function isObstructed(upper: string, target: string): boolean {
  const names = target.split('/');
  return names.some((_, index) => {
    const path = join(upper, ...names.slice(0, index + 1));
    return lstatSync(path, { throwIfNoEntry: false })?.isDirectory() === false;
  });
}

/** What a root consists of. */
export interface RootLayers {
  readonly lowest: string;
  /** What the container has written so far. */
  readonly upper: string;
  /** The container's own items. */
  readonly own: readonly LxcConfigItem[];
}

/** Finds the place in a root that no container runs in. */
export function readyMount({ lowest, upper, own }: RootLayers): ReadyMount {
  const target = resolveInside(lowest, readyDirectory, { followLast: true });
  return {
    target,
    lacking: !isDirectory(join(lowest, target)),
    made: own.some((item) => coversParent(target, item)) && !isObstructed(upper, target),
  };
}
