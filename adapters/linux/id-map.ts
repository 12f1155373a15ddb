import { type ContainerHandle, NoContainer } from './container-handle.ts';

/** Users, or groups, of a container that follow one another as they do on the host (user_namespaces(7)). */
export interface IdRange {
  /** The first one, in the container. */
  readonly inside: number;
  /** The first one, on the host. */
  readonly host: number;
  readonly count: number;
}

/** All users and groups that a container has. Those of the host that are not among them are nobody there. */
export interface IdMaps {
  readonly users: readonly IdRange[];
  readonly groups: readonly IdRange[];
}

/** The kernel takes 340 lines (user_namespaces(7)), each of three columns of ten characters. */
const longestMapBytes = 340 * 40;

/** The ranges of a text of proc(5), `/proc/<pid>/uid_map` or `gid_map`. Pure. */
export function readIdMap(text: string): readonly IdRange[] {
  return text.split('\n').flatMap((line) => {
    const [inside, host, count] = line.trim().split(/\s+/).map(Number);
    if (inside === undefined || host === undefined || count === undefined) return [];
    return [{ inside, host, count }];
  });
}

/** Who a user (or group) of a container is on the host; null: nobody, since it has no such user. Pure. */
export function hostIdOf(map: readonly IdRange[], id: number): number | null {
  const range = map.find(({ inside, count }) => id >= inside && id < inside + count);
  return range === undefined ? null : range.host + (id - range.inside);
}

/** Who a container's root is on the host; null: it has none. Pure. */
export function containerRootOf({
  users,
  groups,
}: IdMaps): { readonly uid: number; readonly gid: number } | null {
  const [uid, gid] = [hostIdOf(users, 0), hostIdOf(groups, 0)];
  return uid === null || gid === null ? null : { uid, gid };
}

/** The users and groups of a container that runs: for one without a user namespace of its own, the host's. Throws NoContainer. */
export function idMapsOf(handle: ContainerHandle): IdMaps {
  return { users: idMapOf(handle, 'uid_map'), groups: idMapOf(handle, 'gid_map') };
}

function idMapOf(handle: ContainerHandle, name: 'uid_map' | 'gid_map'): readonly IdRange[] {
  const text = handle.read(name, longestMapBytes);
  if (text !== null) return readIdMap(text);
  throw new NoContainer(`the ${name} of process ${handle.pid} has more than ${longestMapBytes} bytes`);
}
