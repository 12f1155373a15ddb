import { readdir, stat } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { isPassedOver } from './directory-layout.ts';

/** A directory to be watched. */
export interface WatchedPath {
  readonly directory: string;
  /** Names in it that matter; null: all. */
  readonly names: ReadonlySet<string> | null;
}

/**
 * The directories in which something changes when the source at `path` does: every directory of a layout, the one that a state
 * file or an export is in with the `objects` beside it, and always the one above, since a source may be replaced by
 * renaming. Of a source that is not there, the nearest directory above it that is.
 */
export async function watchedPaths(path: string): Promise<readonly WatchedPath[]> {
  const source = resolve(path);
  const [above, name] = await nearestAbove(source);
  const own = { directory: above, names: new Set([name, 'objects']) };
  if (join(above, name) !== source) return [own];
  if (await isDirectory(source)) return [own, ...(await directoriesBelow(source))];
  const objects = join(above, 'objects');
  return (await isDirectory(objects)) ? [own, { directory: objects, names: null }] : [own];
}

/** The nearest existing directory above `path`, and the name in it that leads there. */
async function nearestAbove(path: string): Promise<readonly [directory: string, name: string]> {
  const above = dirname(path);
  if (above === path || (await isDirectory(above))) return [above, basename(path)];
  return nearestAbove(above);
}

/** A directory that goes away meanwhile is passed over: the change in the one above it is seen. */
async function directoriesBelow(root: string): Promise<readonly WatchedPath[]> {
  const found: WatchedPath[] = [];
  const waiting = [''];
  for (let below = waiting.pop(); below !== undefined; below = waiting.pop()) {
    found.push({ directory: join(root, below), names: null });
    const entries = await readdir(join(root, below), { withFileTypes: true }).catch(() => []);
    for (const entry of entries) {
      const path = `${below}${entry.name}`;
      if (entry.isDirectory() && !isPassedOver(path)) waiting.push(`${path}/`);
    }
  }
  return found;
}

async function isDirectory(path: string): Promise<boolean> {
  const stats = await stat(path).catch(() => null);
  return stats?.isDirectory() ?? false;
}
