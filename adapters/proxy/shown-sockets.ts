import {
  chmodSync,
  linkSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readlinkSync,
  renameSync,
  rmSync,
  type Stats,
  symlinkSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { ProxyError } from './proxy.ts';

/** Beside a socket: a symbolic link to where it is shown, which is never followed. */
const placeSuffix = '.at';

/**
 * Sockets that a process listens at in a directory of its own, shown at paths of others' choosing. Both are names of one inode, which stays the same
 * while the process listens: what was mounted from the path goes on. Whose process has ended leaves nothing that is not found again.
 */
export class ShownSockets {
  readonly #directory: string;

  constructor(directory: string) {
    this.#directory = directory;
  }

  /** Makes the directory. */
  prepare(): void {
    mkdirSync(this.#directory, { recursive: true });
    // Whatever the umask is.
    chmodSync(this.#directory, 0o700);
  }

  /** It was made, and not removed. */
  areThere(): boolean {
    return lookAt(this.#directory) !== null;
  }

  /** Where the process listens. */
  ownPath(name: string): string {
    return join(this.#directory, name);
  }

  /** Somebody listened there, and nobody has taken the socket away. */
  exists(name: string): boolean {
    return lookAt(this.ownPath(name)) !== null;
  }

  /** What is at the path is this socket. */
  isShown(name: string, path: string): boolean {
    const own = lookAt(this.ownPath(name));
    const shown = lookAt(path);
    return own !== null && own.ino === shown?.ino && own.dev === shown.dev;
  }

  /** Rejects with a ProxyError where it can't be shown at the path, whatever stands there now: for the links named `listener`. */
  requirePlace(path: string, listener: string): void {
    const above = lookAt(dirname(path));
    const refuse = (found: string): never => {
      throw new ProxyError(
        'ProxyConfigurationRefused',
        `link '${listener}' can't be had at ${path}: ${found}`,
        { listener },
      );
    };
    if (above?.isDirectory() !== true) refuse(`${dirname(path)} is no directory; make it before`);
    if (above?.dev !== lookAt(this.#directory)?.dev) {
      refuse(`it is on another file system than ${this.#directory}; a socket can't be in both`);
    }
    if (lookAt(path)?.isDirectory() === true) refuse('a directory is there; remove it');
  }

  /** Shows it at the path, in the place of what stands there, at once. Harmless where it is shown already. Throws the system's error. */
  show(name: string, path: string): void {
    if (this.isShown(name, path)) return;
    const note = this.ownPath(name) + placeSuffix;
    rmSync(note, { force: true });
    symlinkSync(path, note);
    const aside = `${path}.new`;
    rmSync(aside, { force: true });
    linkSync(this.ownPath(name), aside);
    renameSync(aside, path);
  }

  /** Takes it away from where it is shown, unless something else stands there by now, and its own name too. */
  hide(name: string): void {
    const note = this.ownPath(name) + placeSuffix;
    const path = lookAt(note) === null ? null : readlinkSync(note);
    if (path !== null && this.isShown(name, path)) rmSync(path, { force: true });
    rmSync(this.ownPath(name), { force: true });
    rmSync(note, { force: true });
  }

  /** Hides all, and removes the directory. */
  removeAll(): void {
    if (!this.areThere()) return;
    for (const entry of readdirSync(this.#directory)) {
      if (entry.endsWith(placeSuffix)) this.hide(entry.slice(0, -placeSuffix.length));
    }
    rmSync(this.#directory, { recursive: true, force: true });
  }
}

/** Null where nothing is. */
function lookAt(path: string): Stats | null {
  return lstatSync(path, { throwIfNoEntry: false }) ?? null;
}
