import { join } from 'node:path';
import { type Observable, Subject } from 'rxjs';
import { ContainerHandle } from './container-handle.ts';
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

/** A container that is held fast, or why it is not; null: it does not run. */
type Presence = ContainerHandle | string | null;

const keyOf = ({ container, socket }: ProviderSocket): string => JSON.stringify([container, socket]);

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** Holds a container fast, or says why that can't be. */
function pin(pid: number): Presence {
  try {
    return new ContainerHandle(pid);
  } catch (error) {
    return messageOf(error);
  }
}

function place(container: ProviderContainer, now: Presence): void {
  if (now instanceof ContainerHandle) container.runs(now);
  else container.isAway(now);
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
  readonly #exposure: SocketExposure;
  readonly #kept = new Map<string, Kept>();
  readonly #containers = new Map<string, ProviderContainer>();
  /** Of every container that was told of. */
  readonly #handles = new Map<string, Presence>();
  readonly #changed = new Subject<ProviderSocket>();
  #kernel: Kernel | null = null;
  /** Calls of `keep` take turns. */
  #turn: Promise<unknown> = Promise.resolve();
  #closed = false;

  constructor({ root, after }: ProviderSocketsOptions) {
    this.#after = after;
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
    const before = this.#handles.get(name);
    const now = pid === null ? null : pin(pid);
    this.#handles.set(name, now);
    const container = this.#containers.get(name);
    if (container !== undefined) place(container, now);
    if (before instanceof ContainerHandle) before.close();
  }

  close(): void {
    this.#closed = true;
    for (const container of this.#containers.values()) container.close();
    for (const handle of this.#handles.values()) if (handle instanceof ContainerHandle) handle.close();
    this.#containers.clear();
    this.#handles.clear();
    this.#closeKernel();
    this.#changed.complete();
  }

  async #keep(wanted: ReadonlyMap<string, ProviderSocket>): Promise<void> {
    if (wanted.size + this.#kept.size + this.#exposure.present().length === 0) return;
    const unavailable = await this.#openKernel();
    if (this.#closed) return;
    for (const kept of [...this.#kept.values()]) if (!wanted.has(kept.path)) this.#release(kept);
    if (wanted.size > 0) this.#exposure.prepare(wanted.keys());
    for (const [path, socket] of wanted) this.#ensure({ socket, path, problem: null }, unavailable);
    const errors = this.#exposure.removeOthers(this.#kernel?.calls ?? null, wanted);
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
    const handle = this.#handles.get(name);
    if (handle !== undefined) place(made, handle);
  }

  #release(kept: Kept): void {
    const { container: name } = kept.socket;
    this.#kept.delete(keyOf(kept.socket));
    const container = this.#containers.get(name);
    container?.release(kept.path);
    if (container?.isIdle !== true) return;
    container.close();
    this.#containers.delete(name);
  }

  #report(kept: Kept, problem: string | null): void {
    if (kept.problem === problem) return;
    kept.problem = problem;
    this.#changed.next(kept.socket);
  }
}
