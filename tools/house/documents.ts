/** What documents and the lock file must hold; pure functions of their texts. */

/** Commands of `npm run NAME`, `npm test` in a text, as script names. */
export function npmCommands(text: string): readonly string[] {
  const runs = [...text.matchAll(/\bnpm run ([a-z][\w:-]*)/g)].flatMap((match) => match[1] ?? []);
  return [...new Set([...runs, ...(/\bnpm test\b/.test(text) ? ['test'] : [])])];
}

/** Relative links of a Markdown text, without their fragments. */
export function relativeLinks(text: string): readonly string[] {
  const targets = [...text.matchAll(/\]\(([^)\s]+)\)/g)].flatMap((match) => match[1] ?? []);
  return targets.filter((target) => !/^([a-z]+:|#)/.test(target)).map((target) => target.replace(/#.*$/, ''));
}

interface LockEntry {
  readonly integrity?: string;
  readonly link?: boolean;
  readonly os?: readonly string[] | string;
  readonly libc?: readonly string[] | string;
}

/** A package that is never installed where Holdfast runs: for another system than Linux, or for musl. */
function isForeign({ os, libc }: LockEntry): boolean {
  return (
    (os !== undefined && ![os].flat().includes('linux')) ||
    (libc !== undefined && [libc].flat().includes('musl'))
  );
}

/** Packages of a `package-lock.json` that may be installed on a device and are not pinned by a sha512, by their path. */
export function unpinnedPackages(lock: {
  readonly packages: Readonly<Record<string, LockEntry>>;
}): readonly string[] {
  return Object.entries(lock.packages)
    .filter(
      ([path, entry]) =>
        path !== '' && entry.link !== true && !isForeign(entry) && !entry.integrity?.startsWith('sha512-'),
    )
    .map(([path]) => path);
}

/** Dependencies that name a range: `npm ci` would follow the lock, but nobody reads what they get. */
export function unpinnedRanges(ranges: Readonly<Record<string, string>>): readonly string[] {
  return Object.entries(ranges)
    .filter(([, range]) => !/^\d+\.\d+\.\d+$/.test(range))
    .map(([name, range]) => `${name}@${range}`);
}

/** Absolute paths that look like somebody's checkout or home, as they stand in a text. Users of one letter are examples. */
export function machinePaths(text: string): readonly string[] {
  return (
    text.match(
      /(?<![\w.~}$-])\/(?:home\/[a-z][\w-]+|Users\/\w+|root|work|farm|workspaces?|builds)\/[\w.-]+/g,
    ) ?? []
  );
}
