import { lstatSync, readlinkSync } from 'node:fs';
import { join } from 'node:path';

/** As many as the kernel follows (path_resolution(7)). */
const maximumLinks = 40;

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
 * changes meanwhile can only lead to another place inside it. Throws after 40 links.
 */
export function resolveInside(
  root: string,
  path: string,
  { followLast = false }: { readonly followLast?: boolean } = {},
): string {
  const resolved: string[] = [];
  let pending = path.split('/');
  for (let links = 0; pending.length > 0; ) {
    const [name = '', ...rest] = pending;
    pending = rest;
    if (name === '' || name === '.') continue;
    if (name === '..') {
      resolved.pop();
      continue;
    }
    const target = rest.length > 0 || followLast ? linkTarget(join(root, ...resolved, name)) : null;
    if (target === null) {
      resolved.push(name);
      continue;
    }
    if (++links > maximumLinks)
      throw new Error(`${path} in ${root} leads through more than ${maximumLinks} symbolic links`);
    if (target.startsWith('/')) resolved.length = 0;
    pending = [...target.split('/'), ...rest];
  }
  return resolved.join('/');
}
