import { digestOf } from './json.ts';

/**
 * The containers whose change is a system transition, and what stands for the present state of them all (ROLL-8). It is a part of
 * every container's spec: when it changes, all of them do.
 */
export interface SystemMembers {
  /** Container → digest of its spec, which does not have `digest` in it. */
  readonly members: ReadonlyMap<string, string>;
  /** Null where there are none. */
  readonly digest: string | null;
}

export const noSystemMembers: SystemMembers = Object.freeze({
  members: new Map<string, string>(),
  digest: null,
});

/** With these containers changed; null: it is none of them, or gone. `before` itself where that makes no difference. */
export function withMembers(
  before: SystemMembers,
  changes: Iterable<readonly [string, string | null]>,
): SystemMembers {
  const different = [...changes].filter(([name, digest]) => (before.members.get(name) ?? null) !== digest);
  if (different.length === 0) return before;
  const members = new Map(before.members);
  for (const [name, digest] of different) {
    if (digest === null) members.delete(name);
    else members.set(name, digest);
  }
  if (members.size === 0) return noSystemMembers;
  return { members, digest: digestOf([...members.keys()].sort().map((name) => members.get(name))) };
}
