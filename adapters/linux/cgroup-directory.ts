import { closeSync, constants, openSync } from 'node:fs';
import { join } from 'node:path';
import { type ContainerHandle, NoContainer } from './container-handle.ts';
import type { MountEntry } from './mount-info.ts';

/** A tree of cgroups that says who may open which device (cgroups(7)): that of the controller `devices`, or cgroup2. */
export interface DeviceHierarchy {
  readonly version: 'v1' | 'v2';
  readonly mountPoint: string;
  /** The cgroup that is at the mount point, as `/proc/<pid>/cgroup` spells it. */
  readonly root: string;
}

/** Which part of a path in a hierarchy is a container's own: with all that is below, it is that of the container and of nobody else. */
export type OwnsCgroup = (container: string, name: string) => boolean;

/** As LXC names it since version 4: where the name is in use, it adds a number. */
export const isLxcPayload: OwnsCgroup = (container, name) => {
  const payload = `lxc.payload.${container}`;
  return name === payload || (name.startsWith(`${payload}-`) && /^\d+$/.test(name.slice(payload.length + 1)));
};

/** Longer lines than any that is meant: a container may nest its cgroups as it likes. */
const longestListBytes = 64 * 1024;

/** The hierarchies among these mounts that say who may open a device, each once. Pure. */
export function deviceHierarchies(mounts: readonly MountEntry[]): readonly DeviceHierarchy[] {
  const v1 = mounts.find(({ type, options }) => type === 'cgroup' && options.includes('devices'));
  const v2 = mounts.find(({ type }) => type === 'cgroup2');
  return [
    ...(v1 === undefined ? [] : [{ version: 'v1' as const, mountPoint: v1.mountPoint, root: v1.root }]),
    ...(v2 === undefined ? [] : [{ version: 'v2' as const, mountPoint: v2.mountPoint, root: v2.root }]),
  ];
}

/** Where a process is in a hierarchy, of its `/proc/<pid>/cgroup`; null: it is not in it. Pure. */
export function cgroupIn(text: string, version: DeviceHierarchy['version']): string | null {
  for (const line of text.split('\n')) {
    const [, id = '', controllers = '', path = ''] = /^(\d+):([^:]*):(.*)$/.exec(line) ?? [];
    const isIt =
      version === 'v1' ? controllers.split(',').includes('devices') : id === '0' && controllers === '';
    if (isIt) return path;
  }
  return null;
}

/** The uppermost cgroup on the way to `path` that is the container's own; null: there is none. Pure. */
export function ownCgroup(path: string, container: string, owns: OwnsCgroup): string | null {
  const names = path.split('/');
  const last = names.findIndex((name) => owns(container, name));
  return last < 0 || names.includes('..') ? null : names.slice(0, last + 1).join('/');
}

/** The directory of a cgroup, where its hierarchy is mounted; null: what is mounted does not reach it. Pure. */
export function directoryOf(cgroup: string, { mountPoint, root }: DeviceHierarchy): string | null {
  const above = root === '/' ? '' : root;
  return cgroup.startsWith(`${above}/`) ? join(mountPoint, cgroup.slice(above.length)) : null;
}

export interface OpenCgroup {
  readonly container: string;
  readonly handle: ContainerHandle;
  readonly hierarchy: DeviceHierarchy;
  readonly owns: OwnsCgroup;
}

/** Throws NoContainer. */
function currentCgroup({ container, handle, hierarchy, owns }: OpenCgroup): string | null {
  const text = handle.read('cgroup', longestListBytes);
  const path = cgroupIn(text ?? '', hierarchy.version);
  return path === null ? null : ownCgroup(path, container, owns);
}

/**
 * Opens the directory of a container's own cgroup; null: its init is in none of that hierarchy that is the container's alone. What is opened stays that of
 * this container: a cgroup that was removed takes nothing any more, even if another of the same name is there. Throws NoContainer once the init has ended.
 */
export function openCgroup(request: OpenCgroup): number | null {
  const cgroup = currentCgroup(request);
  const path = cgroup === null ? null : directoryOf(cgroup, request.hierarchy);
  if (path === null) return null;
  const directory = openDirectory(path);
  // A process that is in it now was so all the time, and so it was that one that was opened.
  if (directory !== null && currentCgroup(request) === cgroup) return directory;
  if (directory !== null) closeSync(directory);
  throw new NoContainer(`process ${request.handle.pid} has left the cgroup ${cgroup}`);
}

function openDirectory(path: string): number | null {
  try {
    return openSync(path, constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw error;
  }
}
