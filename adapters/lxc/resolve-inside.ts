import { lstatSync, readlinkSync } from 'node:fs';
import { join } from 'node:path';
import { walkPath } from '../linux/path-walk.ts';

function linkTarget(path: string): string | null {
  try {
    return lstatSync(path).isSymbolicLink() ? readlinkSync(path) : null;
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    if (code === 'ENOENT' || code === 'ENOTDIR') return null;
    throw error;
  }
}

/**
 * Where `path` leads for a process whose root directory is `root`: relative to it, without links and `..`, never
 * outside (as openat2(2) with RESOLVE_IN_ROOT). Links in parents are followed; a link in the last place is not, unless `followLast`.
 * What does not exist is taken as it is spelled. Only names are looked at: nothing is opened, and a root that
 * changes meanwhile can only lead to another place inside it. Throws TooManyLinks after 40 links, and PathTooLong. It is for roots that no container runs in;
 * those of running ones, which may change meanwhile, are for `openInRoot`.
 */
export function resolveInside(
  root: string,
  path: string,
  { followLast = false }: { readonly followLast?: boolean } = {},
): string {
  const places = walkPath('', path, (within, name, isLast) => {
    const place = join(within, name);
    const link = isLast && !followLast ? null : linkTarget(join(root, place));
    return link === null ? { place } : { link };
  });
  return places.at(-1) ?? '';
}
