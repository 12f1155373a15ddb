import { mkdirSync, rmdirSync } from 'node:fs';
import { join } from 'node:path';
import type { Commands } from '../linux/command.ts';
import { entriesOf } from '../linux/entries-of.ts';
import { ownMounts } from '../linux/mount-info.ts';
import type { Layout } from './layout.ts';

/** Where something is mounted in this mount namespace. */
function mountPoints(): ReadonlySet<string> {
  return new Set(ownMounts().map(({ mountPoint }) => mountPoint));
}

/**
 * Squashfs objects, mounted read-only, each once for all containers that are made of it (CTR-4). What is mounted is read from
 * the kernel every time, so that a new controller finds the mounts of the one before. Set-user-id programs and device
 * nodes of an image mean nothing on the host; the container's own overlay decides about them inside.
 */
export class ObjectMounts {
  readonly #directory: string;
  readonly #objects: (sha256: string) => string;
  /** The last operation on each object: they take turns. */
  readonly #turns = new Map<string, Promise<unknown>>();

  readonly #ensuring = new Map<string, Promise<string>>();

  readonly #commands: Commands;

  constructor(layout: Layout, objects: (sha256: string) => string, commands: Commands) {
    this.#directory = layout.objects;
    this.#objects = objects;
    this.#commands = commands;
  }

  /**
   * Mounts an object unless it is mounted; resolves to its mount point. Rejects with what mount(8) said. Calls for an object that
   * come before the first has ended share its outcome.
   */
  ensure(sha256: string): Promise<string> {
    const shared = this.#ensuring.get(sha256);
    if (shared !== undefined) return shared;
    const mine = this.#mount(sha256).finally(() => this.#ensuring.delete(sha256));
    this.#ensuring.set(sha256, mine);
    return mine;
  }

  #mount(sha256: string): Promise<string> {
    return this.#inTurn(sha256, async () => {
      if (!/^[0-9a-f]{64}$/.test(sha256)) throw new RangeError(`${JSON.stringify(sha256)} is no sha256`);
      const point = join(this.#directory, sha256);
      if (mountPoints().has(point)) return point;
      mkdirSync(point, { recursive: true });
      await this.#commands.run([
        'mount',
        '-t',
        'squashfs',
        '-o',
        'loop,ro,nosuid,nodev',
        this.#objects(sha256),
        point,
      ]);
      return point;
    });
  }

  isMounted(sha256: string): boolean {
    return mountPoints().has(join(this.#directory, sha256));
  }

  /** Unmounts every object for which `inUse` says no. A container that still runs on one keeps its own clone of the mount. */
  async sweep(inUse: (sha256: string) => boolean): Promise<void> {
    const unused = entriesOf(this.#directory).filter((sha256) => !inUse(sha256));
    await Promise.all(unused.map((sha256) => this.#inTurn(sha256, () => this.#unmount(sha256, inUse))));
  }

  async #unmount(sha256: string, inUse: (sha256: string) => boolean): Promise<void> {
    if (inUse(sha256)) return;
    const point = join(this.#directory, sha256);
    if (mountPoints().has(point)) await this.#commands.run(['umount', point]);
    rmdirSync(point);
  }

  async #inTurn<T>(sha256: string, work: () => Promise<T>): Promise<T> {
    const before = this.#turns.get(sha256) ?? Promise.resolve();
    const mine = before.then(work, work);
    this.#turns.set(sha256, mine);
    try {
      return await mine;
    } finally {
      if (this.#turns.get(sha256) === mine) this.#turns.delete(sha256);
    }
  }
}
