import { closeSync, constants, existsSync, fstatSync, openSync, statSync } from 'node:fs';
import { linkOf, openBehind } from './open-path.ts';
import { readAtMost } from './read-at-most.ts';

/** A process is no container, or is none any more. */
export class NoContainer extends Error {
  override readonly name = 'NoContainer';
}

/** EINVAL is what the list of mounts says of a process that nobody has waited for yet. */
function isGone(error: unknown): boolean {
  const code = (error as NodeJS.ErrnoException).code;
  return code === 'ENOENT' || code === 'ESRCH' || code === 'EINVAL';
}

function isSame(descriptor: number, path: string): boolean {
  const left = fstatSync(descriptor, { bigint: true });
  const right = statSync(path, { bigint: true });
  return left.dev === right.dev && left.ino === right.ino;
}

/**
 * A container, held by the directory of its init in /proc: a process that gets the same id later is another directory, so that nothing here
 * ever speaks of it. What is opened through it is closed by who opened it. Every method throws NoContainer once that process has ended.
 */
export class ContainerHandle {
  readonly pid: number;
  readonly #process: number;

  /** Whether that process is the container's init is for the caller to find out, while he has the handle. Throws NoContainer where there is none. */
  constructor(pid: number) {
    this.pid = pid;
    this.#process = this.#whileItRuns(() => openBehind(`/proc/${pid}`));
  }

  /**
   * Opens its root directory as it is now (O_PATH). Throws NoContainer where that is the host's: it is no container, or one that is still
   * on its way into its root.
   */
  openRoot(): number {
    return this.#open('root', '/', openBehind);
  }

  /** Opens its mount namespace as it is now, for setns(2). Throws NoContainer where that is the host's. */
  openMountNamespace(): number {
    return this.#open('ns/mnt', '/proc/self/ns/mnt', (path) => openSync(path, constants.O_RDONLY));
  }

  /** Opens the list of mounts in its namespace, whose changes epoll(7) tells as EPOLLPRI. The namespace lives as long as it is open. */
  openMounts(): number {
    return this.#whileItRuns(() => openSync(this.#path('mountinfo'), constants.O_RDONLY));
  }

  /** The list of what is mounted in its root (mount-info.ts); null: it has more than `limitBytes`. */
  mountList(limitBytes: number): string | null {
    return this.#whileItRuns(() => readAtMost(this.#path('mountinfo'), limitBytes));
  }

  /** A text that proc(5) has of its init, such as `cgroup` or `uid_map`; null: it has more than `limitBytes`. */
  read(name: 'cgroup' | 'uid_map' | 'gid_map', limitBytes: number): string | null {
    return this.#whileItRuns(() => readAtMost(this.#path(name), limitBytes));
  }

  /** False once its process has ended and somebody has waited for it: from then on its id may be another's. */
  get isThere(): boolean {
    return existsSync(this.#path('stat'));
  }

  close(): void {
    closeSync(this.#process);
  }

  #path(name: string): string {
    return `${linkOf(this.#process)}/${name}`;
  }

  #open(name: string, ours: string, open: (path: string) => number): number {
    const descriptor = this.#whileItRuns(() => open(this.#path(name)));
    if (!isSame(descriptor, ours)) return descriptor;
    closeSync(descriptor);
    throw new NoContainer(`process ${this.pid} has the host's ${name}; expected the init of a container`);
  }

  #whileItRuns<T>(work: () => T): T {
    try {
      return work();
    } catch (error) {
      if (!isGone(error)) throw error;
      throw new NoContainer(`process ${this.pid} has ended`);
    }
  }
}
