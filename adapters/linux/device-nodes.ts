import {
  chmodSync,
  type Dir,
  lchownSync,
  lstatSync,
  mkdirSync,
  opendirSync,
  readdirSync,
  realpathSync,
  rmdirSync,
  type Stats,
  statfsSync,
  statSync,
  unlinkSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { digestOf } from '../../state/json.ts';
import type { DeviceNumber } from './device-access.ts';
import { deviceNumberOf, deviceText, encodedDevice } from './device-number.ts';
import { detachMounts } from './mount-tree.ts';
import { loadSystemCalls, type SystemCalls } from './system-calls.ts';

/** A node of a character device. */
export interface DeviceNode {
  readonly device: DeviceNumber;
  /** Users of the host: for a container with users of its own, what these are there (id-map.ts). */
  readonly owner: { readonly uid: number; readonly gid: number };
  /** Permissions, such as 0o660. */
  readonly mode: number;
}

export interface DeviceNodesOptions {
  /** The instance's directory, which nobody but us can write to. */
  readonly root: string;
  /** Where the nodes are, below `root`, and nothing else is. Absent: `run/link-devices`. */
  readonly directory?: string;
}

/** mknod(2): S_IFCHR. AT_FDCWD, which an absolute path does without. */
const characterDevice = 0o020000;
const noDirectory = -100;

/** mount(2): MS_NOSUID, MS_NOEXEC. `f_type` of a tmpfs (statfs(2)). */
const noSetUserIdNoPrograms = 0x2 | 0x8;
const tmpfsType = 0x01021994;

const permissions = 0o7777;

/**
 * Nodes of devices at paths of the host that only root reaches, to be mounted into containers one by one. They are on a small file system of their own: run
 * directories are commonly mounted so that no device on them can be opened, and `/dev` is where others look for devices. What is there outlives the
 * controller, and is found again by its name. Nothing is loaded or made before the first node is.
 */
export class DeviceNodes {
  readonly #directory: string;
  #calls: Promise<SystemCalls> | null = null;

  constructor({ root, directory = 'run/link-devices' }: DeviceNodesOptions) {
    this.#directory = join(root, directory);
  }

  /** Where the node of this name is, if there is one. */
  pathOf(name: string): string {
    return join(this.#directory, digestOf(name).slice(0, 24));
  }

  /** There is such a node at the path that is returned; one that is there already stays the same inode. Rejects with SystemCallError, or what the kernel says. */
  async ensure(name: string, node: DeviceNode): Promise<string> {
    const calls = await this.#loaded();
    if (!this.#isMounted()) this.#mount(calls);
    const path = this.pathOf(name);
    const found = lstatSync(path, { throwIfNoEntry: false });
    if (found === undefined || !isNodeOf(found, node.device)) {
      if (found !== undefined) unlinkSync(path);
      calls.mknodat(noDirectory, path, characterDevice, encodedDevice(node.device));
    }
    adjust(path, node);
    return path;
  }

  /** There is no node of this name. What is mounted in a container stays. Harmless where there is none. */
  async remove(name: string): Promise<void> {
    if (!this.#isMounted()) return;
    const calls = await this.#loaded();
    unlinkIfThere(this.pathOf(name));
    this.#unmountIfEmpty(calls);
  }

  /** There are no nodes but those of these names, whoever has made them; without any, there is nothing left of all this. */
  async keepOnly(names: Iterable<string>): Promise<void> {
    if (!this.#isMounted()) return;
    const calls = await this.#loaded();
    const kept = new Set(Array.from(names, (name) => this.pathOf(name)));
    for (const name of readdirSync(this.#directory)) {
      const path = join(this.#directory, name);
      if (!kept.has(path)) unlinkSync(path);
    }
    this.#unmountIfEmpty(calls);
  }

  #isMounted(): boolean {
    const there = statSync(this.#directory, { throwIfNoEntry: false });
    if (there === undefined || there.dev === statSync(dirname(this.#directory)).dev) return false;
    if (statfsSync(this.#directory).type === tmpfsType) return true;
    throw new Error(`${this.#directory} has a file system that is not ours; unmount it`);
  }

  #mount(calls: SystemCalls): void {
    mkdirSync(this.#directory, { recursive: true, mode: 0o700 });
    // Nodes take no room.
    calls.mount('holdfast', this.#directory, 'tmpfs', noSetUserIdNoPrograms, 'mode=700,size=4k');
  }

  #unmountIfEmpty(calls: SystemCalls): void {
    if (!this.#isMounted() || !isEmpty(this.#directory)) return;
    detachMounts(calls, realpathSync(this.#directory));
    rmdirSync(this.#directory);
  }

  #loaded(): Promise<SystemCalls> {
    this.#calls ??= loadSystemCalls();
    return this.#calls;
  }
}

function isNodeOf(stats: Stats, device: DeviceNumber): boolean {
  return stats.isCharacterDevice() && deviceText(deviceNumberOf(BigInt(stats.rdev))) === deviceText(device);
}

/** A new one is nobody's, and so is one whose maker was killed before he came to this. */
function adjust(path: string, { owner, mode }: DeviceNode): void {
  const { uid, gid, mode: found } = lstatSync(path);
  if (uid !== owner.uid || gid !== owner.gid) lchownSync(path, owner.uid, owner.gid);
  if ((found & permissions) !== mode) chmodSync(path, mode);
}

function unlinkIfThere(path: string): void {
  try {
    unlinkSync(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  }
}

/** Costs the same however much is in it. */
function isEmpty(path: string): boolean {
  const directory: Dir = opendirSync(path, { bufferSize: 1 });
  try {
    return directory.readSync() === null;
  } finally {
    directory.closeSync();
  }
}
