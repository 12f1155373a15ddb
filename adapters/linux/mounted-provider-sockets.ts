import { join } from 'node:path';
import { type Observable, Subject } from 'rxjs';
import { ContainerHandle, NoContainer } from './container-handle.ts';
import { DirectoryWatches } from './directory-watches.ts';
import { isSocketAt, whenHostMountsChange } from './host-mounts.ts';
import type { After } from './network-monitor.ts';
import { ProviderContainer } from './provider-container.ts';
import type { ProviderSocket, ProviderSockets } from './provider-sockets.ts';
import { SocketExposure } from './socket-exposure.ts';
import { loadSystemCalls, type SystemCalls } from './system-calls.ts';

export interface ProviderSocketsOptions {
  /** The instance's directory, which nobody but us can write to. Sockets are at `<root>/run/sockets/`. */
  readonly root: string;
  /** The clock's. */
  readonly after: After;
  /** The container's init has this process id at this moment. Asked while that process is held, which is what makes it the init's for good. */
  readonly isInit: (container: string, pid: number) => boolean;
}

/** What there is while a socket is kept. */
interface Kernel {
  readonly calls: SystemCalls;
  readonly directories: DirectoryWatches;
  /** Stops looking for mounts of ours that others take away. */
  readonly unwatch: () => void;
}

/** A socket that is kept, with its problem. */
interface Kept {
  readonly socket: ProviderSocket;
  readonly path: string;
  problem: string | null;
}

const keyOf = ({ container, socket }: ProviderSocket): string => JSON.stringify([container, socket]);

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/**
 * Sockets of containers, mounted out of their roots one by one (docs/decisions/provider-sockets.md). Nothing is loaded or made before the
 * first socket is kept. `pathOf` throws a RangeError where the root directory's path is too long for sockets below it.
 */
export function createProviderSockets(options: ProviderSocketsOptions): ProviderSockets {
  return new MountedProviderSockets(options);
}

class MountedProviderSockets implements ProviderSockets {
  readonly #after: After;
  readonly #isInit: ProviderSocketsOptions['isInit'];
  readonly #exposure: SocketExposure;
  readonly #kept = new Map<string, Kept>();
  readonly #containers = new Map<string, ProviderContainer>();
  /** The process ids that were told of containers that run. Null: it does not, which matters until what another controller left was looked through. */
  readonly #pids = new Map<string, number | null>();
  /** The containers of `#containers` that run: nothing is held of any other. */
  readonly #handles = new Map<string, ContainerHandle>();
  readonly #changed = new Subject<ProviderSocket>();
  #kernel: Kernel | null = null;
  /** Calls of `keep` take turns. */
  #turn: Promise<unknown> = Promise.resolve();
  /** The sockets that are to be kept were told. */
  #tookOver = false;
  #closed = false;

  constructor({ root, after, isInit }: ProviderSocketsOptions) {
    this.#after = after;
    this.#isInit = isInit;
    this.#exposure = new SocketExposure(join(root, 'run/sockets'));
  }

  get changed(): Observable<ProviderSocket> {
    return this.#changed;
  }

  pathOf(socket: ProviderSocket): string {
    return this.#exposure.pathOf(socket);
  }

  problemOf(socket: ProviderSocket): string | null {
    return this.#kept.get(keyOf(socket))?.problem ?? null;
  }

  async keep(sockets: readonly ProviderSocket[]): Promise<void> {
    const wanted = new Map(sockets.map((socket) => [this.pathOf(socket), socket]));
    const mine = this.#turn.then(() => this.#keep(wanted));
    this.#turn = mine.catch(() => undefined);
    await mine;
  }

  moved(name: string, pid: number | null): void {
    if (this.#closed) return;
    if (pid === null && this.#tookOver) this.#pids.delete(name);
    else this.#pids.set(name, pid);
    const container = this.#containers.get(name);
    if (container !== undefined) this.#place(name, container, pid);
  }

  close(): void {
    this.#closed = true;
    for (const container of this.#containers.values()) container.close();
    for (const handle of this.#handles.values()) handle.close();
    this.#containers.clear();
    this.#handles.clear();
    this.#pids.clear();
    this.#closeKernel();
    this.#changed.complete();
  }

  /** The container runs as `pid` since it was last looked at, or does not (null). */
  #place(name: string, container: ProviderContainer, pid: number | null): void {
    const before = this.#handles.get(name);
    if (before !== undefined && before.pid === pid && before.isThere) return container.runs(before);
    this.#handles.delete(name);
    try {
      if (pid === null) container.isAway(null);
      else container.runs(this.#hold(name, pid));
    } catch (error) {
      container.isAway(messageOf(error));
    }
    before?.close();
  }

  /** Throws NoContainer where that process is not the container's init, or not any more. */
  #hold(name: string, pid: number): ContainerHandle {
    const handle = new ContainerHandle(pid);
    try {
      this.#checkInit(name, handle);
    } catch (error) {
      handle.close();
      throw error;
    }
    this.#handles.set(name, handle);
    return handle;
  }

  /** In this order: a process that is there after its id was found to be the init's had that id then, and no other process did. */
  #checkInit(name: string, handle: ContainerHandle): void {
    if (this.#isInit(name, handle.pid) && handle.isThere) return;
    throw new NoContainer(`process ${handle.pid} is not its init any more; expected to be told which one is`);
  }

  /** What another controller has left is ours from now on, or gone. */
  #takeOver(): void {
    this.#tookOver = true;
    for (const [name, pid] of this.#pids) if (pid === null) this.#pids.delete(name);
  }

  async #keep(wanted: ReadonlyMap<string, ProviderSocket>): Promise<void> {
    if (wanted.size + this.#kept.size + this.#exposure.present().length === 0) return this.#takeOver();
    const unavailable = await this.#openKernel();
    if (this.#closed) return;
    for (const kept of [...this.#kept.values()]) if (!wanted.has(kept.path)) this.#release(kept);
    if (wanted.size > 0) this.#exposure.prepare(wanted.keys());
    for (const [path, socket] of wanted) this.#ensure({ socket, path, problem: null }, unavailable);
    const errors = this.#exposure.removeOthers(this.#kernel?.calls ?? null, wanted);
    this.#takeOver();
    if (wanted.size === 0) this.#closeKernel();
    if (errors.length > 0) throw new Error(`sockets are left over: ${errors.map(messageOf).join('; ')}`);
  }

  /** Null: the kernel does as we say from now on; else why it does not. */
  async #openKernel(): Promise<string | null> {
    if (this.#kernel !== null) return null;
    try {
      const calls = await loadSystemCalls();
      if (this.#closed) return null;
      this.#exposure.tidy(calls);
      const overflowed = () => this.#suspectAll();
      const unwatch = whenHostMountsChange({
        calls,
        after: this.#after,
        fire: () => this.#suspectUnmounted(),
      });
      const directories = new DirectoryWatches({ calls, after: this.#after, overflowed });
      this.#kernel = { calls, directories, unwatch };
      return null;
    } catch (error) {
      return messageOf(error);
    }
  }

  #closeKernel(): void {
    this.#kernel?.unwatch();
    this.#kernel?.directories.close();
    this.#kernel = null;
  }

  /** A container that floods us may have cost others their events. */
  #suspectAll(): void {
    for (const container of this.#containers.values()) container.suspect();
  }

  /** Somebody has mounted or unmounted something on the host: those that were reached and are not any more are made anew. */
  #suspectUnmounted(): void {
    for (const { socket, path, problem } of this.#kept.values()) {
      if (problem === null && !isSocketAt(path)) this.#containers.get(socket.container)?.suspect();
    }
  }

  #ensure(wanted: Kept, unavailable: string | null): void {
    const key = keyOf(wanted.socket);
    const kept = this.#kept.get(key) ?? wanted;
    this.#kept.set(key, kept);
    try {
      if (this.#kernel === null) throw new Error(unavailable ?? 'this instance is closed');
      this.#attend(kept, this.#kernel);
    } catch (error) {
      const { container, socket } = kept.socket;
      this.#report(kept, `${socket} of container '${container}' is not reached: ${messageOf(error)}`);
    }
  }

  #attend(kept: Kept, kernel: Kernel): void {
    const { container: name, socket } = kept.socket;
    const report = (problem: string | null) => this.#report(kept, problem);
    const request = { container: name, socket, path: kept.path, report };
    const container = this.#containers.get(name);
    if (container !== undefined) return container.attend(request);
    const made = new ProviderContainer({ ...kernel, exposure: this.#exposure, after: this.#after });
    this.#containers.set(name, made);
    made.attend(request);
    const pid = this.#tookOver ? (this.#pids.get(name) ?? null) : this.#pids.get(name);
    if (pid !== undefined) this.#place(name, made, pid);
  }

  #release(kept: Kept): void {
    const { container: name } = kept.socket;
    this.#kept.delete(keyOf(kept.socket));
    const container = this.#containers.get(name);
    container?.release(kept.path);
    if (container?.isIdle !== true) return;
    container.close();
    this.#handles.get(name)?.close();
    this.#handles.delete(name);
    this.#containers.delete(name);
  }

  #report(kept: Kept, problem: string | null): void {
    if (kept.problem === problem) return;
    kept.problem = problem;
    this.#changed.next(kept.socket);
  }
}
