import { plain } from './mount-info.ts';

/** What a list of mounts says of those that are asked for. */
export interface MountLook {
  /** Those that are mounted, by their ids, with where. */
  readonly mounted: ReadonlyMap<number, string>;
  /** Ids of those that something is mounted over. */
  readonly covered: ReadonlySet<number>;
  /** All others: another text when one of them has come, gone or been moved. */
  readonly others: string;
}

const heads = /^(\d+) (\d+) \S+ \S+ (\S+)/gm;

/** Looks through a text of the kernel (proc(5), /proc/pid/mountinfo), once, for mounts with these ids. */
export function lookForMounts(text: string, ids: ReadonlySet<number>): MountLook {
  const mounted = new Map<number, string>();
  const covered = new Set<number>();
  const others: string[] = [];
  for (const [head, id = '', parent = '', mountPoint = ''] of text.matchAll(heads)) {
    if (ids.has(Number(id))) mounted.set(Number(id), plain(mountPoint));
    else others.push(head);
    if (ids.has(Number(parent))) covered.add(Number(parent));
  }
  return { mounted, covered, others: others.join('\n') };
}

/** The same list without the mounts that have these ids. */
export function withoutMounts(text: string, ids: ReadonlySet<number>): string {
  if (ids.size === 0) return text;
  return text
    .split('\n')
    .filter((line) => !ids.has(Number.parseInt(line, 10)))
    .join('\n');
}
