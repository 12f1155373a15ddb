import { join } from 'node:path';
import { type Observable, Subject } from 'rxjs';
import type { ContainerHandle } from './container-handle.ts';
import { DirectoryWatches } from './directory-watches.ts';
import { holdInit, type IsInit } from './hold-init.ts';
import { isSocketAt, whenHostMountsChange } from './host-mounts.ts';
import { messageOf } from './message-of.ts';
import type { After } from './network-monitor.ts';
import { Pace } from './pace.ts';
import { type KeptSocket, ProviderContainer, type Report } from './provider-container.ts';
import type { ProviderSight, ProviderSocket, ProviderSockets } from './provider-sockets.ts';
import { absent } from './show-socket.ts';
import { SocketExposure } from './socket-exposure.ts';
import { loadSystemCalls, type SystemCalls } from './system-calls.ts';

export interface ProviderSocketsOptions {
  /** The instance's directory, which nobody but us can write to. */
  readonly root: string;
  /** Where the sockets are, below `root`, and nothing else is. Absent: `run/sockets`. */
  readonly directory?: string;
  /** The clock's. */
  readonly after: After;
  /** The container's init has this process id at this moment. Asked while that process is held, which is what makes it the init's for good. */
  readonly isInit: IsInit;
}

/** How long after one look for what others have unmounted the next one comes. */
const hostWindowMs = 200;

/** What there is while a socket is kept. */
interface Kernel {
  readonly calls: SystemCalls;
  readonly directories: DirectoryWatches;
  /** Stops looking for mounts of ours that others take away. */
  readonly unwatch: () => void;
}

/** A socket that is kept, with what was said of it last. */
interface Kept {
  readonly socket: ProviderSocket;
  readonly path: string;
  report: Report;
}

const keyOf = ({ container, socket, type = 'socket' }: ProviderSocket): string =>
  JSON.stringify([container, socket, type]);

const isShownOnHost = ({ socket }: Pick<Kept, 'socket'>): boolean => socket.type !== 'device';

function notKnownYet({ container }: ProviderSocket): Report {
  return {
    sight: absent(`it is not known yet whether container '${container}' runs`),
    identity: null,
    problem: null,
  };
}

/** Nobody who has heard the one needs to hear the other. */
function isSame(left: Report, right: Report): boolean {
  const said = ({ sight }: Report) => (sight.state === 'shown' ? sight.state : `${sight.state} ${sight.why}`);
  return left.identity === right.identity && left.problem === right.problem && said(left) === said(right);
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

  constructor({ root, directory = 'run/sockets', after, isInit }: ProviderSocketsOptions) {
    this.#after = after;
    this.#isInit = isInit;
    this.#exposure = new SocketExposure(join(root, directory));
  }

  get changed(): Observable<ProviderSocket> {
    return this.#changed;
  }

  pathOf(socket: ProviderSocket): string {
    return this.#exposure.pathOf(socket);
  }

  problemOf(socket: ProviderSocket): string | null {
    return this.#kept.get(keyOf(socket))?.report.problem ?? null;
  }

  sightOf(socket: ProviderSocket): ProviderSight | null {
    return this.#kept.get(keyOf(socket))?.report.sight ?? null;
  }

  keep(sockets: readonly ProviderSocket[]): Promise<void> {
    const wanted = this.#withPaths(sockets);
    return this.#inTurn(() => this.#keep(wanted));
  }

  add(sockets: readonly ProviderSocket[]): Promise<void> {
    const wanted = this.#withPaths(sockets);
    return this.#inTurn(() => this.#add(wanted));
  }

  drop(sockets: readonly ProviderSocket[]): Promise<void> {
    const keys = sockets.map(keyOf);
    return this.#inTurn(async () => this.#drop(keys));
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
    const handle = holdInit(this.#isInit, name, pid);
    this.#handles.set(name, handle);
    return handle;
  }

  /** What another controller has left is ours from now on, or gone. */
  #takeOver(): void {
    this.#tookOver = true;
    for (const [name, pid] of this.#pids) if (pid === null) this.#pids.delete(name);
  }

  /** By their keys. Throws RangeError. */
  #withPaths(sockets: readonly ProviderSocket[]): ReadonlyMap<string, Kept> {
    const kept = sockets.map((socket) => ({
      socket,
      path: this.pathOf(socket),
      report: notKnownYet(socket),
    }));
    return new Map(kept.map((one) => [keyOf(one.socket), one]));
  }

  async #inTurn(work: () => Promise<void>): Promise<void> {
    const mine = this.#turn.then(work);
    this.#turn = mine.catch(() => undefined);
    await mine;
  }

  async #keep(wanted: ReadonlyMap<string, Kept>): Promise<void> {
    await this.#add(wanted);
    if (this.#closed) return;
    this.#takeOver();
    const others = [...this.#kept.keys()].filter((key) => !wanted.has(key));
    for (const key of others) this.#release(key);
    const shown = new Set([...wanted.values()].filter(isShownOnHost).map(({ path }) => path));
    await this.#remove(this.#exposure.present().filter((path) => !shown.has(path)));
  }

  async #add(wanted: ReadonlyMap<string, Kept>): Promise<void> {
    if (wanted.size === 0) return;
    const unavailable = await this.#openKernel();
    if (this.#closed) return;
    const kept = [...wanted].map(([key, one]) => this.#kept.get(key) ?? one);
    this.#exposure.prepare(kept.filter(isShownOnHost).map(({ path }) => path));
    for (const one of kept) this.#kept.set(keyOf(one.socket), one);
    for (const [name, of] of Map.groupBy(kept, ({ socket }) => socket.container)) {
      this.#ensure(name, of, unavailable);
    }
  }

  async #drop(keys: readonly string[]): Promise<void> {
    const kept = keys.map((key) => this.#release(key)).filter((one) => one !== null);
    await this.#remove(kept.filter(isShownOnHost).map(({ path }) => path));
  }

  /** Nothing is at these paths any more; and where nothing is kept, nothing is left open. */
  async #remove(paths: readonly string[]): Promise<void> {
    if (paths.length > 0) await this.#openKernel();
    const errors = this.#exposure.remove(this.#kernel?.calls ?? null, paths);
    if (this.#kept.size === 0) {
      this.#closeKernel();
      this.#exposure.removeDirectory();
    }
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
      const unwatch = this.#watchHostMounts(calls);
      const directories = new DirectoryWatches({ calls, after: this.#after, overflowed });
      this.#kernel = { calls, directories, unwatch };
      return null;
    } catch (error) {
      return messageOf(error);
    }
  }

  /** Each look costs some microseconds for each socket that is kept, and our own mounts are told, too: a thousand in a row are looked at together. */
  #watchHostMounts(calls: SystemCalls): () => void {
    const rested = () => this.#suspectUnmounted();
    const pace = new Pace({ after: this.#after, windowMs: hostWindowMs, budget: () => 1, rested });
    const fire = () => {
      if (pace.spend(1)) this.#suspectUnmounted();
    };
    const unwatch = whenHostMountsChange({ calls, after: this.#after, fire });
    return () => {
      unwatch();
      pace.close();
    };
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
    for (const kept of this.#kept.values()) {
      const isShown = kept.report.sight.state === 'shown' && isShownOnHost(kept);
      if (isShown && !isSocketAt(kept.path)) this.#containers.get(kept.socket.container)?.suspect();
    }
  }

  #ensure(name: string, sockets: readonly Kept[], unavailable: string | null): void {
    try {
      if (this.#kernel === null) throw new Error(unavailable ?? 'this instance is closed');
      this.#attend(name, sockets, this.#kernel);
    } catch (error) {
      for (const kept of sockets) {
        const why = `${kept.socket.socket} of container '${name}' is not reached: ${messageOf(error)}`;
        this.#report(kept, { sight: { state: 'refused', why }, identity: null, problem: why });
      }
    }
  }

  #attend(name: string, sockets: readonly Kept[], kernel: Kernel): void {
    const requests = sockets.map((kept): KeptSocket => {
      const { container, socket, type = 'socket' } = kept.socket;
      return { container, socket, type, path: kept.path, report: (report) => this.#report(kept, report) };
    });
    const container = this.#containers.get(name);
    if (container !== undefined) return container.attend(requests);
    const made = new ProviderContainer({ ...kernel, exposure: this.#exposure, after: this.#after });
    this.#containers.set(name, made);
    made.attend(requests);
    const pid = this.#tookOver ? (this.#pids.get(name) ?? null) : this.#pids.get(name);
    if (pid !== undefined) this.#place(name, made, pid);
  }

  /** Returns what was kept; what is shown of it stays. Null: it was not. */
  #release(key: string): Kept | null {
    const kept = this.#kept.get(key) ?? null;
    if (kept === null) return null;
    const { container: name } = kept.socket;
    this.#kept.delete(key);
    const container = this.#containers.get(name);
    container?.release(kept.path);
    if (container?.isIdle !== true) return kept;
    container.close();
    this.#handles.get(name)?.close();
    this.#handles.delete(name);
    this.#containers.delete(name);
    return kept;
  }

  #report(kept: Kept, report: Report): void {
    const before = kept.report;
    kept.report = report;
    if (!isSame(before, report)) this.#changed.next(kept.socket);
  }
}
