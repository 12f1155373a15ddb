import { closeSync, fstatSync, readlinkSync } from 'node:fs';
import { type MountEntry, mountIdOf, ownMounts } from './mount-info.ts';
import { linkOf, openPath } from './open-path.ts';
import { walkPath } from './path-walk.ts';

/** A path leads to where nothing of a container is reached. */
export class PathRefused extends Error {
  override readonly name = 'PathRefused';
}

/** File systems that are in the kernel's memory. */
const memoryTypes = new Set(['tmpfs', 'ramfs', 'devtmpfs']);

export interface OpenInRoot {
  /** Open on the root directory. Everything on its file system is reached. */
  readonly root: number;
  readonly path: string;
  /** What is mounted in that root now. */
  readonly mounts: () => readonly MountEntry[];
  /** Told each directory that a name is about to be looked up in, open until the call returns: what is to be watched, or is missing. */
  readonly passing: (directory: number, name: string) => void;
}

interface Place {
  readonly descriptor: number;
  readonly mount: number;
}

/**
 * Looking a name up in a file system of FUSE or of a network waits for who serves it, for ever if they like, and a container can mount such
 * ones. So none is looked into but those in memory, that of the root, and those that the host has mounted as well.
 */
function checkMount(id: number, request: OpenInRoot): void {
  const mounts = request.mounts();
  const mount = mounts.find((entry) => entry.id === id);
  if (mount === undefined)
    throw new PathRefused(`${request.path} leads into a file system that is mounted no more`);
  if (memoryTypes.has(mount.type)) return;
  const ofRoot = mounts.find((entry) => entry.id === mountIdOf(request.root));
  if (mount.device === ofRoot?.device || ownMounts().some(({ device }) => device === mount.device)) return;
  throw new PathRefused(
    `${request.path} leads into a file system of type ${mount.type}, mounted at ${mount.mountPoint}; ` +
      "expected one in memory (tmpfs), the root's own, or one that the host has mounted, too",
  );
}

/**
 * Opens the place of a path in a container's root (O_PATH), name by name: the kernel is never given two names at once, nor a link to follow, so
 * that no path and no change of it meanwhile leads out of the root (LINK-11). Nothing is told that it was opened, and no file system
 * that could keep us waiting is asked. Throws PathRefused, TooManyLinks, or what open(2) says (ENOENT where it is not there).
 */
export function openInRoot(request: OpenInRoot): number {
  const opened: number[] = [];
  const look = (within: Place, name: string) => {
    request.passing(within.descriptor, name);
    const path = `${linkOf(within.descriptor)}/${name}`;
    const descriptor = openPath(path);
    opened.push(descriptor);
    const mount = mountIdOf(descriptor);
    if (mount !== within.mount) checkMount(mount, request);
    if (fstatSync(descriptor).isSymbolicLink()) return { link: readlinkSync(path) };
    return { place: { descriptor, mount } };
  };
  let found: number | undefined;
  try {
    const root = { descriptor: request.root, mount: mountIdOf(request.root) };
    found = walkPath<Place>(root, request.path, look).at(-1)?.descriptor;
    if (found === undefined || found === request.root)
      throw new PathRefused(`${request.path} is the root itself`);
    return found;
  } finally {
    for (const descriptor of opened) if (descriptor !== found) closeSync(descriptor);
  }
}
