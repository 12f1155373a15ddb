import { closeSync, fstatSync } from 'node:fs';
import { type ContainerHandle, NoContainer } from './container-handle.ts';
import { type FileOwner, makingAs } from './file-owner.ts';
import { HeldDirectories, type HeldDirectory } from './held-directories.ts';
import { containerRootOf, idMapsOf } from './id-map.ts';
import { type EntryIdentity, identityOf, makeDirectory, makeFile, openName } from './made-entry.ts';
import { mountIdOf } from './mount-info.ts';
import { withoutMounts } from './mount-look.ts';
import { attachMountBeneathIn, attachMountIn, detachMountIn } from './mount-tree.ts';
import { type OpenInRoot, openInRoot, PathRefused } from './open-in-root.ts';
import { RootMemory } from './root-memory.ts';
import { SystemCallError, type SystemCalls } from './system-calls.ts';

export interface ConsumerRootOptions {
  readonly calls: SystemCalls;
  readonly handle: ContainerHandle;
  /** Ids of mounts in it that are ours, or were. */
  readonly ours: () => ReadonlySet<number>;
}

export type Reach = Pick<OpenInRoot, 'path' | 'passing' | 'entered' | 'missing' | 'reading'>;

/** Room in a list of mounts for one of ours. */
const mountLineBytes = 512;

/**
 * The root of a container that runs, and what is held of it: directories that something of ours is in. Everything is done by descriptors. Every method
 * throws NoContainer once the container's init has ended. `close` is for who made it; the handle stays his.
 */
export class ConsumerRoot {
  readonly held = new HeldDirectories();
  readonly #options: ConsumerRootOptions;
  readonly #owner: FileOwner;

  constructor(options: ConsumerRootOptions) {
    this.#options = options;
    // One that has no root user gets what the host's makes, if its file systems take that.
    this.#owner = containerRootOf(idMapsOf(options.handle)) ?? { uid: 0, gid: 0 };
  }

  /** Its root user, as this host numbers users: who owns what is made there. */
  get owner(): number {
    return this.#owner.uid;
  }

  /** Opens a place of the root (O_PATH), to be closed by who asked. Throws as openInRoot does. */
  open(request: Reach): number {
    const { calls, handle } = this.#options;
    const root = handle.openRoot();
    // What a walk would have to read the list of mounts for is known where a directory of that mount is held.
    const known = this.held.byMount;
    const memory = new RootMemory(root);
    for (const [mount, descriptor] of known) if (!memory.fit.has(mount)) memory.fit.set(mount, descriptor);
    try {
      return openInRoot({ ...request, calls, root, memory, mounts: (limit) => this.mountList(limit) });
    } finally {
      for (const [mount, descriptor] of known)
        if (memory.fit.get(mount) === descriptor) memory.fit.delete(mount);
      memory.close();
      closeSync(root);
    }
  }

  /** Walks as far as a path leads, for what is told on the way. Throws NoContainer, SystemCallError. */
  passThrough(request: Reach): void {
    try {
      closeSync(this.open(request));
    } catch (error) {
      if (error instanceof NoContainer || error instanceof SystemCallError) throw error;
    }
  }

  /** Holds a directory of the root, until it is released. Throws PathRefused where it is no directory, and as openInRoot does. */
  reach(request: Reach): HeldDirectory {
    const found = request.path === '/' ? this.#options.handle.openRoot() : this.open(request);
    try {
      if (fstatSync(found).isDirectory()) return this.held.hold(found);
      throw new PathRefused(`${request.path} is no directory`);
    } finally {
      closeSync(found);
    }
  }

  /** What is mounted in it, but for what is ours; null: that has more than `limitBytes`. */
  mountList(limitBytes: number): string | null {
    const list = this.fullMountList(limitBytes);
    const others = list === null ? null : withoutMounts(list, this.#options.ours());
    return others === null || others.length > limitBytes ? null : others;
  }

  /** The same with what is ours, however much that is. */
  fullMountList(limitBytes: number): string | null {
    const { handle, ours } = this.#options;
    return handle.mountList(limitBytes + ours().size * mountLineBytes);
  }

  /** Throws as mkdir(2) does. */
  makeDirectory(directory: number, name: string): void {
    makingAs(this.#options.calls, this.#owner, () => makeDirectory(directory, name));
  }

  /** Throws as open(2) does. Returns who it is. */
  makeFile(directory: number, name: string): EntryIdentity {
    const file = makingAs(this.#options.calls, this.#owner, () => makeFile(directory, name));
    try {
      return identityOf(fstatSync(file, { bigint: true }));
    } finally {
      closeSync(file);
    }
  }

  /** The mount that is uppermost at a name; null: there is no such name. */
  mountAt({ descriptor }: HeldDirectory, name: string): number | null {
    const found = openName(descriptor, name);
    if (found === null) return null;
    try {
      return mountIdOf(found);
    } finally {
      closeSync(found);
    }
  }

  /** Throws SystemCallError. */
  attach(tree: number, file: number): void {
    this.#withNamespace((namespace) => attachMountIn(this.#options.calls, { tree, target: file, namespace }));
  }

  /** Replaces a mount without a moment in which neither is there. False: this kernel can't, or it was taken away. Throws SystemCallError. */
  replace(mount: number, tree: number): boolean {
    const { calls } = this.#options;
    return this.#withNamespace((namespace) => {
      try {
        attachMountBeneathIn(calls, { tree, target: mount, namespace });
      } catch (error) {
        if (error instanceof SystemCallError && error.code === 'EINVAL') return false;
        throw error;
      }
      detachMountIn(calls, { mount, namespace });
      return true;
    });
  }

  /** Takes a mount away, wherever it is, with what is over it. Harmless where it is mounted no more. False: more is over it. Throws SystemCallError. */
  detach(mount: number): boolean {
    return this.#withNamespace(
      (namespace) => detachMountIn(this.#options.calls, { mount, namespace }) !== 'covered',
    );
  }

  close(): void {
    this.held.close();
  }

  #withNamespace<T>(work: (namespace: number) => T): T {
    const namespace = this.#options.handle.openMountNamespace();
    try {
      return work(namespace);
    } finally {
      closeSync(namespace);
    }
  }
}
