import {
  appendFileSync,
  chmodSync,
  linkSync,
  lstatSync,
  mkdirSync,
  renameSync,
  rmSync,
  type Stats,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { readIfThere } from '../linux/read-if-there.ts';
import { writeAtomically } from '../linux/write-atomically.ts';
import { ProxyError } from './proxy.ts';

/** Lists where sockets are shown, one a line: name and path, as JSON. */
const placesName = 'places';

/** After so many lines what is in them of sockets that are gone is left out. */
const tidyEvery = 1000;

/**
 * Sockets that a process listens at in a directory of its own, shown at paths of others' choosing. Both are names of one inode, which stays the same
 * while the process listens: what was mounted from the path goes on. Whose process has ended leaves nothing that is not found again. One writer for a directory at a time.
 */
export class ShownSockets {
  readonly #directory: string;
  readonly #places: string;
  #lines = 0;

  constructor(directory: string) {
    this.#directory = directory;
    this.#places = join(directory, placesName);
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

  /** Rejects with a ProxyError where it can't be shown at the path, whatever stands there now: for the link named `listener`. */
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
    if (this.#lines % tidyEvery === 0) this.#tidy();
    this.#lines += 1;
    appendFileSync(this.#places, `${JSON.stringify([name, path])}\n`, { mode: 0o600 });
    const aside = `${path}.new`;
    rmSync(aside, { force: true });
    linkSync(this.ownPath(name), aside);
    renameSync(aside, path);
  }

  /** Takes it away from where it is shown, unless something else stands there by now, and its own name too. */
  hide(name: string, path: string): void {
    if (this.isShown(name, path)) rmSync(path, { force: true });
    rmSync(this.ownPath(name), { force: true });
  }

  /** Hides all, and removes the directory. */
  removeAll(): void {
    if (!this.areThere()) return;
    for (const [name, path] of this.#listed()) this.hide(name, path);
    rmSync(this.#directory, { recursive: true, force: true });
  }

  #tidy(): void {
    const present = this.#listed().filter(([name]) => this.exists(name));
    const lines = present.map((one) => `${JSON.stringify(one)}\n`).join('');
    writeAtomically(this.#places, lines, 0o600);
  }

  /** A last line that a process which was killed has not written whole is of a socket that it has not shown. */
  #listed(): readonly (readonly [name: string, path: string])[] {
    const lines = readIfThere(this.#places)?.split('\n').slice(0, -1) ?? [];
    return lines.map((line) => JSON.parse(line) as [string, string]);
  }
}

/** Null where nothing is. */
function lookAt(path: string): Stats | null {
  return lstatSync(path, { throwIfNoEntry: false }) ?? null;
}
