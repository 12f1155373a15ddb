/** As many as the kernel follows (path_resolution(7)). */
const maximumLinks = 40;

/** What a name in a directory is: a symbolic link with its text, or a place. */
export type Sight<Place> = { readonly link: string } | { readonly place: Place };

/** A path leads through too many symbolic links. */
export class TooManyLinks extends Error {
  override readonly name = 'TooManyLinks';
}

/**
 * Where `path` leads, as openat2(2) with RESOLVE_IN_ROOT takes it: `start` is the root of it and of every link, and `..` leads nowhere above it. It
 * asks `look` what each name is, in the place found so far; `isLast` says that no name comes after it. Returns the places from `start` on, one
 * within the other. Throws TooManyLinks, and what `look` throws.
 */
export function walkPath<Place>(
  start: Place,
  path: string,
  look: (place: Place, name: string, isLast: boolean) => Sight<Place>,
): readonly [Place, ...Place[]] {
  const within: Place[] = [];
  let pending = path.split('/');
  for (let links = 0; pending.length > 0; ) {
    const [name = '', ...rest] = pending;
    pending = rest;
    if (name === '' || name === '.') continue;
    if (name === '..') {
      within.pop();
      continue;
    }
    const sight = look(within.at(-1) ?? start, name, rest.length === 0);
    if ('place' in sight) {
      within.push(sight.place);
      continue;
    }
    if (++links > maximumLinks)
      throw new TooManyLinks(`${path} leads through more than ${maximumLinks} symbolic links`);
    if (sight.link.startsWith('/')) within.length = 0;
    pending = [...sight.link.split('/'), ...rest];
  }
  return [start, ...within];
}
