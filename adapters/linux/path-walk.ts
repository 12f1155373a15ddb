/** As many as the kernel follows (path_resolution(7)). */
const maximumLinks = 40;

/** The kernel has no such limit: 40 links of 4 kB hold 80000 names, and each of them may have to be looked up. Paths that are meant have far less. */
const maximumNames = 128;

/** PATH_MAX of limits.h, without the NUL. */
const maximumBytes = 4095;

/** What a name in a directory is: a symbolic link with its text, or a place. */
export type Sight<Place> = { readonly link: string } | { readonly place: Place };

/** A path leads through too many symbolic links. */
export class TooManyLinks extends Error {
  override readonly name = 'TooManyLinks';
}

/** A path, with the texts of the links on its way, is longer than any that is meant to lead somewhere. */
export class PathTooLong extends Error {
  override readonly name = 'PathTooLong';
}

/** Names that are still to be walked, the next one last. */
class PendingNames {
  readonly #path: string;
  readonly #pending: string[] = [];
  #names = 0;

  constructor(path: string) {
    this.#path = path;
    this.add(path);
  }

  /** The names of `text` come next. Throws PathTooLong. */
  add(text: string): void {
    const bytes = Buffer.byteLength(text);
    if (bytes > maximumBytes) {
      throw new PathTooLong(
        `${this.#path} leads through a path of ${bytes} bytes; expected at most ${maximumBytes}`,
      );
    }
    const names = text.split(/\/+/);
    this.#names += names.filter((name) => name !== '').length;
    if (this.#names > maximumNames) {
      throw new PathTooLong(
        `${this.#path} and the symbolic links on its way have ${this.#names} names; expected at most ${maximumNames}`,
      );
    }
    this.#pending.push(...names.reverse());
  }

  /** Null: there are no more. An empty one, which leads nowhere else, stands for a slash at either end. */
  next(): string | null {
    return this.#pending.pop() ?? null;
  }

  get isEmpty(): boolean {
    return this.#pending.length === 0;
  }
}

/**
 * Where `path` leads, as openat2(2) with RESOLVE_IN_ROOT takes it: `start` is the root of it and of every link, and `..` leads nowhere above it. It
 * asks `look` what each name is, in the place found so far; `isLast` says that no name comes after it. `leave` is told each place that it
 * goes out of again. Returns the places from `start` on, one within the other. Throws TooManyLinks after 40 links, PathTooLong before
 * more than 128 names are looked at, and what `look` throws.
 */
export function walkPath<Place>(
  start: Place,
  path: string,
  look: (place: Place, name: string, isLast: boolean) => Sight<Place>,
  leave: (place: Place) => void = () => undefined,
): readonly [Place, ...Place[]] {
  const within: Place[] = [];
  const pending = new PendingNames(path);
  let links = 0;
  for (let name = pending.next(); name !== null; name = pending.next()) {
    if (name === '' || name === '.') continue;
    if (name === '..') {
      for (const place of within.splice(-1)) leave(place);
      continue;
    }
    const sight = look(within.at(-1) ?? start, name, pending.isEmpty);
    if ('place' in sight) {
      within.push(sight.place);
      continue;
    }
    if (++links > maximumLinks)
      throw new TooManyLinks(`${path} leads through more than ${maximumLinks} symbolic links`);
    if (sight.link.startsWith('/')) for (const place of within.splice(0)) leave(place);
    pending.add(sight.link);
  }
  return [start, ...within];
}
