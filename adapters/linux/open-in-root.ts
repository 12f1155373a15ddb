import { closeSync, fstatSync } from 'node:fs';
import { findMount, listsDevice, mountIdOf, ownMountList } from './mount-info.ts';
import { linkOf, openBehind, openPath, textOfLink } from './open-path.ts';
import { type Sight, walkPath } from './path-walk.ts';
import { type Place, RootMemory } from './root-memory.ts';
import type { SystemCalls } from './system-calls.ts';

/** A path leads to where nothing of a container is reached. */
export class PathRefused extends Error {
  override readonly name = 'PathRefused';
}

/** File systems that are in the kernel's memory. */
const memoryTypes = new Set(['tmpfs', 'ramfs', 'devtmpfs']);

/**
 * What the lists of mounts that a container has us read in one look may have: some 1200 mounts. That takes 4 ms, and 15 ms where they are
 * mounted one over the other, whose paths the kernel walks through all of them.
 */
const listLimitBytes = 128 * 1024;

export interface OpenInRoot {
  readonly calls: Pick<SystemCalls, 'readlinkat'>;
  /** Open on the root directory. Everything on its file system is reached. */
  readonly root: number;
  /** What earlier walks from `root` have found, and later ones may use. Absent: this one stands alone. */
  readonly memory?: RootMemory;
  readonly path: string;
  /** The list of what is mounted in that root now (mount-info.ts); null: it has more than `limitBytes`. */
  readonly mounts: (limitBytes: number) => string | null;
  /** Told each directory that a name is about to be looked up in, open until the call returns: what is to be watched, or is missing. */
  readonly passing: (directory: number, name: string) => void;
  /** Told each place that a name has led into, both open until the call returns. Absent: nobody wants to know. */
  readonly entered?: (directory: number, name: string, entered: number) => void;
  /** Told each name that is not there, of a directory that is fit; it may make it. Absent, or where it did not: ENOENT. */
  readonly missing?: (directory: number, name: string) => void;
  /** Told how many bytes of lists of mounts were read. */
  readonly reading: (bytes: number) => void;
}

/** One walk, with what it has open. Whoever made it calls `closeBut` at its end. */
class RootWalk {
  readonly #request: OpenInRoot;
  readonly #memory: RootMemory;
  readonly #open = new Set<number>();
  #listBytes = 0;

  constructor(request: OpenInRoot, memory: RootMemory) {
    this.#request = request;
    this.#memory = memory;
  }

  look(within: Place, name: string, isLast: boolean): Sight<Place> {
    this.#request.passing(within.descriptor, name);
    const known = this.#memory.recall(within, name);
    const sight = known ?? this.#lookUp(within, name);
    // The last one is what others may make anew at any time.
    if (known === null && !isLast) this.#memory.keep(within, name, sight);
    if ('place' in sight) this.#request.entered?.(within.descriptor, name, sight.place.descriptor);
    return sight;
  }

  leave({ descriptor, mount }: Place): void {
    if (this.#memory.fit.get(mount) !== descriptor) this.#close(descriptor);
  }

  /** Closes all that is open, but for what was found and what further walks need. */
  closeBut(found: number | undefined): void {
    const fit = new Set(this.#memory.fit.values());
    for (const descriptor of this.#open) {
      if (descriptor !== found && !fit.has(descriptor)) this.#close(descriptor);
    }
  }

  #lookUp(within: Place, name: string): Sight<Place> {
    const descriptor = this.#openOrMake(within.descriptor, name);
    this.#open.add(descriptor);
    const place = { descriptor, mount: mountIdOf(descriptor) };
    if (!this.#memory.fit.has(place.mount)) this.#admit(place);
    if (!fstatSync(descriptor).isSymbolicLink()) return { place };
    // By its name, it may be a link of another file system by now, which the container has mounted there and which never answers.
    const link = textOfLink(this.#request.calls, descriptor);
    this.leave(place);
    return { link };
  }

  #openOrMake(directory: number, name: string): number {
    const path = `${linkOf(directory)}/${name}`;
    try {
      return openPath(path);
    } catch (error) {
      const { missing } = this.#request;
      if (missing === undefined || (error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
      missing(directory, name);
      return openPath(path);
    }
  }

  #close(descriptor: number): void {
    if (this.#memory.holds(descriptor)) return;
    this.#open.delete(descriptor);
    closeSync(descriptor);
  }

  /**
   * Looking a name up in a file system of FUSE or of a network waits for who serves it, for ever if they like, and a container can mount such
   * ones. So none is looked into but those in memory, that of the root, and those that the host has mounted as well.
   */
  #admit({ descriptor, mount: id }: Place): void {
    const { path } = this.#request;
    const list = this.#readList();
    const mount = findMount(list, id);
    if (mount === null) throw new PathRefused(`${path} leads into a file system that is mounted no more`);
    if (!memoryTypes.has(mount.type) && !this.#isKnown(mount.device, list)) {
      throw new PathRefused(
        `${path} leads into a file system of type ${mount.type}, mounted at ${mount.mountPoint}; ` +
          "expected one in memory (tmpfs), the root's own, or one that the host has mounted, too",
      );
    }
    this.#memory.fit.set(id, descriptor);
  }

  /** Of the root, or of the host. */
  #isKnown(device: string, list: string): boolean {
    const { fitDevices, start } = this.#memory;
    if (fitDevices.has(device)) return true;
    if (findMount(list, start.mount)?.device !== device && !this.#isOfHost(device)) return false;
    fitDevices.add(device);
    return true;
  }

  #isOfHost(device: string): boolean {
    const list = ownMountList();
    this.#request.reading(list.length);
    return listsDevice(list, device);
  }

  /** It is read anew for each mount, once that is held: of an earlier list, its id may be another's. */
  #readList(): string {
    const list = this.#request.mounts(listLimitBytes - this.#listBytes);
    this.#request.reading(list?.length ?? listLimitBytes - this.#listBytes);
    this.#listBytes += list?.length ?? 0;
    if (list !== null) return list;
    const counted = this.#listBytes === 0 ? 'the list of' : 'with each mount on its way, the lists of';
    throw new PathRefused(
      `${this.#request.path} leads through mounts, and ${counted} all that is mounted in the container ` +
        `has more than ${listLimitBytes / 1024} kB; expected at most that, some 1200 mounts`,
    );
  }
}

/** The caller's own, whatever is kept. */
function handOver({ descriptor, mount }: Place, memory: RootMemory): number {
  if (memory.holds(descriptor)) return openBehind(linkOf(descriptor));
  if (memory.fit.get(mount) === descriptor) memory.fit.delete(mount);
  return descriptor;
}

/**
 * Opens the place of a path in a container's root (O_PATH), name by name: the kernel is never given two names at once, nor a link to follow, so
 * that no path and no change of it meanwhile leads out of the root (LINK-11). Nothing is told that it was opened, and no file system
 * that could keep us waiting is asked. What a container can make it cost is bounded: 128 names and 128 kB of lists of mounts. Throws PathRefused,
 * TooManyLinks, PathTooLong, or what open(2) says (ENOENT where it is not there).
 */
export function openInRoot(request: OpenInRoot): number {
  if (request.memory !== undefined) return walkTo(request, request.memory);
  const memory = new RootMemory(request.root);
  try {
    return walkTo(request, memory);
  } finally {
    memory.close();
  }
}

function walkTo(request: OpenInRoot, memory: RootMemory): number {
  const walk = new RootWalk(request, memory);
  let found: number | undefined;
  try {
    const places = walkPath<Place>(
      memory.start,
      request.path,
      (within, name, isLast) => walk.look(within, name, isLast),
      (place) => walk.leave(place),
    );
    const last = places.at(-1) ?? memory.start;
    if (last === memory.start) throw new PathRefused(`${request.path} is the root itself`);
    found = handOver(last, memory);
    return found;
  } finally {
    walk.closeBut(found);
  }
}
