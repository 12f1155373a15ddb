import {
  chmodSync,
  closeSync,
  existsSync,
  fstatSync,
  lstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  realpathSync,
  rmSync,
  statSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { digestOf } from '../../state/json.ts';
import { ownMounts } from './mount-info.ts';
import { attachMount, cloneMount, detachMounts, mountRestrictions, replaceMount } from './mount-tree.ts';
import type { ProviderSocket } from './provider-sockets.ts';
import type { SystemCalls } from './system-calls.ts';

/** `sun_path` takes 107 bytes (unix(7)); proxies add a little of their own to it while they bind. */
const longestPathBytes = 100;

/** A socket as it was opened in its container. */
export interface OpenedSocket {
  /** O_PATH. */
  readonly socket: number;
  /** Opens the mount namespace that it was opened in; closed by who called it. */
  readonly openNamespace: () => number;
}

/**
 * The host's end: one directory of ours with an empty file for each socket, over which the container's socket is mounted while there is one.
 * Who connects to the file itself is refused at once, as by a socket that nobody listens on (connect(2), ECONNREFUSED). Everything there is found
 * again by the names of the files and by what the kernel has mounted.
 */
export class SocketExposure {
  readonly #directory: string;

  /** `directory` is made with mode 0700 when it is first needed; its parent must not be writable for anybody but us. */
  constructor(directory: string) {
    this.#directory = directory;
  }

  /** Throws RangeError where the directory's own path is too long. */
  pathOf({ container, socket }: ProviderSocket): string {
    const path = join(this.#directory, digestOf([container, socket]).slice(0, 24));
    if (Buffer.byteLength(path) <= longestPathBytes) return path;
    throw new RangeError(
      `the path ${path} has ${Buffer.byteLength(path)} bytes; expected at most ${longestPathBytes}, ` +
        'which is what paths of sockets can have: choose a shorter root directory',
    );
  }

  /** Paths of everything that is there, from whichever process. */
  present(): readonly string[] {
    try {
      return readdirSync(this.#directory).map((name) => join(this.#directory, name));
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
      throw error;
    }
  }

  /** Makes sure that there is a file at each of these paths; what is mounted over it stays. */
  prepare(paths: Iterable<string>): void {
    this.#makeDirectory();
    for (const path of paths) if (!existsSync(path)) closeSync(openSync(path, 'a', 0o600));
  }

  /** Takes away what a process that was killed while it replaced a mount has left: there is one mount at each path, or none. */
  tidy(calls: SystemCalls): void {
    if (this.present().length === 0) return;
    const directory = realpathSync(this.#directory);
    const seen = new Set<string>();
    for (const { mountPoint } of ownMounts()) {
      if (seen.has(mountPoint) && dirname(mountPoint) === directory) detachMounts(calls, mountPoint);
      seen.add(mountPoint);
    }
  }

  /** From when it returns, `path` is the opened socket, and before it was what it was before. Throws SystemCallError. */
  show(calls: SystemCalls, path: string, { socket, openNamespace }: OpenedSocket): void {
    if (this.#isShown(path, socket)) return;
    const namespace = openNamespace();
    let tree: number;
    try {
      tree = cloneMount(calls, { source: socket, namespace, restrictions: Object.values(mountRestrictions) });
    } finally {
      closeSync(namespace);
    }
    try {
      if (statSync(path).isSocket()) replaceMount(calls, tree, path);
      else attachMount(calls, tree, path);
    } finally {
      calls.close(tree);
    }
  }

  /** Whoever connects to `path` is refused. */
  hide(calls: SystemCalls, path: string): void {
    detachMounts(calls, path);
  }

  /**
   * Takes away all that is there but for `wanted`, also what processes before this one made, and the directory with the last. Returns what went
   * wrong, and goes on meanwhile.
   */
  removeOthers(calls: SystemCalls | null, wanted: ReadonlyMap<string, unknown>): readonly unknown[] {
    const errors: unknown[] = [];
    for (const path of this.present()) {
      if (wanted.has(path)) continue;
      try {
        if (calls !== null) detachMounts(calls, path);
        rmSync(path, { force: true });
      } catch (error) {
        errors.push(error);
      }
    }
    if (wanted.size === 0 && errors.length === 0) rmSync(this.#directory, { recursive: true, force: true });
    return errors;
  }

  /** A mount keeps the socket's inode, so that no other has its number meanwhile. */
  #isShown(path: string, socket: number): boolean {
    const shown = statSync(path, { bigint: true });
    const wanted = fstatSync(socket, { bigint: true });
    return shown.dev === wanted.dev && shown.ino === wanted.ino;
  }

  #makeDirectory(): void {
    mkdirSync(dirname(this.#directory), { recursive: true });
    mkdirSync(this.#directory, { recursive: true, mode: 0o700 });
    const there = lstatSync(this.#directory);
    if (!there.isDirectory() || there.uid !== process.geteuid?.()) {
      throw new Error(`${this.#directory} is no directory of ours; remove it`);
    }
    chmodSync(this.#directory, 0o700);
  }
}
