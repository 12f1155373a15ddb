import {
  type BigIntStats,
  chmodSync,
  closeSync,
  existsSync,
  lstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  realpathSync,
  rmdirSync,
  rmSync,
  statSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { digestOf } from '../../state/json.ts';
import { ownMounts } from './mount-info.ts';
import { inMountNamespace } from './mount-namespace.ts';
import { attachMount, cloneMount, detachMounts, mountRestrictions, replaceMount } from './mount-tree.ts';
import type { ProviderSocket } from './provider-sockets.ts';
import type { SystemCalls } from './system-calls.ts';

/** `sun_path` takes 107 bytes (unix(7)); proxies add a little of their own to it while they bind. */
const longestPathBytes = 100;

/** A socket as it was opened in its container. */
export interface OpenedSocket {
  /** O_PATH. */
  readonly socket: number;
  /** Of that descriptor. */
  readonly stats: BigIntStats;
  /** Where it is to be. */
  readonly path: string;
}

export interface ShowSockets {
  readonly calls: SystemCalls;
  /** Open on the mount namespace that they were opened in; asked only if that is needed. */
  readonly namespace: () => number;
  /** So few that all may be open at a time. */
  readonly sockets: readonly OpenedSocket[];
}

/** What a call came to for one of several. */
type Outcome<T> = { readonly value: T } | { readonly error: unknown };

function attempt<T>(work: () => T): Outcome<T> {
  try {
    return { value: work() };
  } catch (error) {
    return { error };
  }
}

/** A mount keeps the socket's inode, so that no other has its number meanwhile. */
function isAt(path: string, { dev, ino }: BigIntStats): boolean {
  const shown = statSync(path, { bigint: true });
  return shown.dev === dev && shown.ino === ino;
}

/** Entering a namespace takes as long as all else together: it is done once for all. */
function cloneAll(
  calls: SystemCalls,
  namespace: () => number,
  sockets: readonly OpenedSocket[],
): readonly Outcome<number>[] {
  const restrictions = Object.values(mountRestrictions);
  const clone = ({ socket: source }: OpenedSocket) =>
    attempt(() => cloneMount(calls, { source, namespace: null, restrictions }));
  const all = attempt(() => inMountNamespace(calls, namespace(), () => sockets.map(clone)));
  return 'value' in all ? all.value : sockets.map(() => all);
}

function attachAt(calls: SystemCalls, tree: number, path: string): void {
  try {
    if (statSync(path).isSocket()) replaceMount(calls, tree, path);
    else attachMount(calls, tree, path);
  } finally {
    calls.close(tree);
  }
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
  pathOf({ container, socket, type = 'socket' }: ProviderSocket): string {
    const parts = type === 'socket' ? [container, socket] : [container, socket, type];
    const path = join(this.#directory, digestOf(parts).slice(0, 24));
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
    const wanted = [...paths];
    if (wanted.length === 0) return;
    this.#makeDirectory();
    for (const path of wanted) if (!existsSync(path)) closeSync(openSync(path, 'a', 0o600));
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

  /**
   * From when it returns, each path is the opened socket, and before it was what it was before. Returns what went wrong for which, by its path: there it
   * still is as before.
   */
  show({ calls, namespace, sockets }: ShowSockets): ReadonlyMap<string, unknown> {
    const errors = new Map<string, unknown>();
    const absent = sockets.filter(({ path, stats }) => {
      const shown = attempt(() => isAt(path, stats));
      if ('error' in shown) errors.set(path, shown.error);
      return 'value' in shown && !shown.value;
    });
    if (absent.length === 0) return errors;
    for (const [index, tree] of cloneAll(calls, namespace, absent).entries()) {
      const { path = '' } = absent[index] ?? {};
      const attached = 'error' in tree ? tree : attempt(() => attachAt(calls, tree.value, path));
      if ('error' in attached) errors.set(path, attached.error);
    }
    return errors;
  }

  /** Whoever connects to `path` is refused. */
  hide(calls: SystemCalls, path: string): void {
    detachMounts(calls, path);
  }

  /** Takes away what is at these paths. Returns what went wrong, and goes on meanwhile. */
  remove(calls: SystemCalls | null, paths: Iterable<string>): readonly unknown[] {
    const errors: unknown[] = [];
    for (const path of paths) {
      try {
        if (calls !== null) detachMounts(calls, path);
        rmSync(path, { force: true });
      } catch (error) {
        errors.push(error);
      }
    }
    return errors;
  }

  /** Takes away the directory, unless something of another process is in it. */
  removeDirectory(): void {
    try {
      rmdirSync(this.#directory);
    } catch (error) {
      const code = (error as NodeJS.ErrnoException).code;
      if (code !== 'ENOENT' && code !== 'ENOTEMPTY') throw error;
    }
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
