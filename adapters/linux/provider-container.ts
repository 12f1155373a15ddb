import { closeSync } from 'node:fs';
import { type ContainerHandle, NoContainer } from './container-handle.ts';
import { ContainerView } from './container-view.ts';
import type { DirectoryWatches } from './directory-watches.ts';
import { messageOf } from './message-of.ts';
import { whenMountsChange } from './mount-changes.ts';
import type { After } from './network-monitor.ts';
import { Pace } from './pace.ts';
import {
  absent,
  type Found,
  findSocket,
  hideSocket,
  type Look,
  notReached,
  type ShownSocket,
  showFound,
} from './show-socket.ts';
import type { SocketExposure } from './socket-exposure.ts';
import type { SystemCalls } from './system-calls.ts';
import { whenReadable } from './when-readable.ts';

/**
 * What one container can make us do in a second, in units of some 12 us, so that it is 1 % of a processor: read 1000 events, or look 34 times at a
 * socket three names deep. A look costs what was done in it. One with more than ten sockets may cost as much more.
 */
const windowMs = 1000;
const leastBudget = 1000;
const socketBudget = 100;
const eventCost = 1;
const lookCost = 10;
const nameCost = 3;
const listCost = 1 / 200;

/** Looked at in one go, each with a descriptor. */
const mostAtOnce = 64;

/** What there is to say of a socket. */
export interface Report extends Look {
  /** Why it is not reached, or will not be again; null: it is. */
  readonly problem: string | null;
}

/** A socket that is to be reached. */
export interface KeptSocket extends ShownSocket {
  /** Told after each look. */
  readonly report: (report: Report) => void;
}

export interface ProviderContainerOptions {
  readonly calls: SystemCalls;
  readonly directories: DirectoryWatches;
  readonly exposure: SocketExposure;
  /** The clock's. */
  readonly after: After;
}

/** A kept socket, with what ends the watches on its way. */
interface Watched {
  readonly kept: KeptSocket;
  unwatch: readonly (() => void)[];
  /** Why changes on its way are not told; null: they are. */
  deaf: string | null;
}

/** `why` is null where it does not run. */
interface Absence {
  readonly why: string | null;
}

function endAll(ends: readonly (() => void)[]): void {
  for (const end of ends) end();
}

function putOff({ container, socket }: KeptSocket): string {
  return (
    `${socket} of container '${container}' is not reached yet: the container takes more of a second than it may ` +
    'to be looked at (many names, links or mounts, or changes of these); it is looked at again within a second'
  );
}

/**
 * One container that provides sockets: shows each of them on the host while it is there. It looks again when a name on the way to one comes or
 * goes, when something is mounted, and when the container ends. What a container can make us do by that is bounded: one that goes beyond is
 * looked at once a second.
 */
export class ProviderContainer {
  readonly #options: ProviderContainerOptions;
  readonly #sockets = new Map<string, Watched>();
  /** To be looked at when all that has happened by now is told. */
  readonly #suspects = new Set<Watched>();
  readonly #pace: Pace;
  #handle: ContainerHandle | null = null;
  #mounts: number | null = null;
  #unwatchMounts: (() => void) | null = null;
  #unwatchEnd: (() => void) | null = null;
  /** Why it is not there, as it was told last; null: it is, or nothing was told. */
  #absence: Absence | null = null;
  /** Why changes of what is mounted are not told; null: they are. */
  #deaf: string | null = null;

  constructor(options: ProviderContainerOptions) {
    this.#options = options;
    const budget = () => Math.max(leastBudget, this.#sockets.size * socketBudget);
    this.#pace = new Pace({ after: options.after, windowMs, budget, rested: () => this.#goOn() });
  }

  /** No socket of it is to be reached. */
  get isIdle(): boolean {
    return this.#sockets.size === 0;
  }

  /** Shows these from now on, unless it does already. What is there of another controller stays until it is told whether the container runs. */
  attend(sockets: readonly KeptSocket[]): void {
    const added = sockets
      .filter(({ path }) => !this.#sockets.has(path))
      .map((kept): Watched => ({ kept, unwatch: [], deaf: null }));
    for (const watched of added) {
      this.#sockets.set(watched.kept.path, watched);
      this.#suspects.add(watched);
      if (this.#absence !== null) this.#hide(watched, this.#absence);
    }
    this.#lookOrPutOff(added);
  }

  /** Looks after a socket no more. What is shown stays. */
  release(path: string): void {
    const watched = this.#sockets.get(path);
    if (watched === undefined) return;
    endAll(watched.unwatch);
    this.#suspects.delete(watched);
    this.#sockets.delete(path);
  }

  /** It runs so now. The handle stays the caller's, who closes it after the next call. */
  runs(handle: ContainerHandle): void {
    if (handle === this.#handle && this.#deaf === null) return this.suspect();
    this.#letGo();
    this.#handle = handle;
    this.#watch(handle);
    this.#suspectAll();
    this.#lookOrPutOff([...this.#sockets.values()]);
  }

  /** It does not run (null), or is not reached for this reason. */
  isAway(why: string | null): void {
    this.#letGo();
    this.#absence = { why };
    for (const watched of this.#sockets.values()) this.#hide(watched, { why });
  }

  /** Something may have been missed. */
  suspect(): void {
    this.#suspect(this.#sockets.values());
  }

  /** Ends all watches. What is shown stays. */
  close(): void {
    this.#letGo();
    this.#sockets.clear();
  }

  #letGo(): void {
    this.#pace.close();
    this.#suspects.clear();
    this.#unwatchNames();
    this.#unwatchMounts?.();
    this.#unwatchEnd?.();
    if (this.#mounts !== null) closeSync(this.#mounts);
    this.#mounts = this.#unwatchMounts = this.#unwatchEnd = this.#handle = this.#absence = null;
  }

  #unwatchNames(): void {
    for (const watched of this.#sockets.values()) {
      endAll(watched.unwatch);
      watched.unwatch = [];
    }
  }

  #watch(handle: ContainerHandle): void {
    this.#deaf = null;
    try {
      this.#watchEnd(handle.pid);
      // Throws if that process is not ours any more, but another with its id.
      this.#mounts = handle.openMounts();
    } catch (error) {
      if (!(error instanceof NoContainer)) this.#deaf = messageOf(error);
    }
    this.#watchMounts();
  }

  /** At its end everything is let go at once: an open list of mounts keeps alive all that the container has mounted. */
  #watchEnd(pid: number): void {
    const { calls, after } = this.#options;
    const process = calls.pidfd_open(pid, 0);
    const fire = () => this.isAway(`process ${pid} has ended`);
    const unwatch = whenReadable({ calls, after, descriptor: process, fire });
    this.#unwatchEnd = () => {
      unwatch();
      calls.close(process);
    };
  }

  #watchMounts(): void {
    if (this.#mounts === null) return;
    const fire = () => this.suspect();
    try {
      this.#unwatchMounts = whenMountsChange({ ...this.#options, mounts: this.#mounts, fire });
    } catch (error) {
      this.#deaf = messageOf(error);
    }
  }

  #hide({ kept }: Watched, { why }: Absence): void {
    const { container } = kept;
    this.#tellHidden(
      kept,
      why === null ? `container '${container}' does not run` : notReached(container, why),
    );
  }

  #tellHidden(kept: KeptSocket, why: string): void {
    const sight = hideSocket({ ...this.#options, ...kept }, absent(why));
    kept.report({ sight, identity: null, problem: sight.why });
  }

  #suspect(sockets: Iterable<Watched>): void {
    queueMicrotask(() => this.#lookAtSuspects());
    for (const watched of sockets) this.#suspects.add(watched);
  }

  #suspectAll(): void {
    for (const watched of this.#sockets.values()) this.#suspects.add(watched);
  }

  /** Those that are not looked at by the end of this window are the first in the next. */
  #lookAtSuspects(): void {
    const handle = this.#handle;
    if (handle === null || this.#suspects.size === 0) return;
    const view = new ContainerView({ calls: this.#options.calls, handle });
    try {
      // Whoever is told of a look may let go of the container.
      while (this.#handle === handle && this.#suspects.size > 0 && !this.#pace.isTired)
        this.#lookAtSome(view, handle);
    } finally {
      view.close();
    }
  }

  #lookAtSome(view: ContainerView, handle: ContainerHandle): void {
    const looked: { readonly watched: Watched; readonly found: Found }[] = [];
    for (const watched of this.#suspects) {
      if (looked.length === mostAtOnce || this.#pace.isTired) break;
      this.#suspects.delete(watched);
      looked.push({ watched, found: this.#look(watched, view) });
    }
    const looks = showFound({ ...this.#options, view, all: looked.map(({ found }) => found) });
    for (const [index, { watched }] of looked.entries()) {
      const look = looks[index];
      if (look !== undefined && this.#handle === handle) this.#tell(watched, look);
    }
  }

  /** What is shown of sockets that nothing is known of yet may be another container's. */
  #lookOrPutOff(sockets: readonly Watched[]): void {
    this.#lookAtSuspects();
    if (this.#handle === null) return;
    for (const watched of sockets)
      if (this.#suspects.has(watched)) this.#tellHidden(watched.kept, putOff(watched.kept));
  }

  /** Until the pace lets us go on, and look at everything. */
  #stopListening(): void {
    this.#unwatchNames();
    this.#unwatchMounts?.();
    this.#unwatchMounts = null;
  }

  #goOn(): void {
    this.#watchMounts();
    this.#suspectAll();
    this.#lookAtSuspects();
  }

  #look(watched: Watched, view: ContainerView): Found {
    const { directories } = this.#options;
    const { unwatch: before, kept } = watched;
    const unwatch: (() => void)[] = [];
    let cost = lookCost;
    watched.deaf = this.#deaf;
    const changed = () => this.#suspect([watched]);
    const passing = (directory: number, name: string) => {
      cost += nameCost;
      try {
        unwatch.push(directories.watchName(directory, { name, changed, any: this.#told }));
      } catch (error) {
        watched.deaf = messageOf(error);
      }
    };
    const reading = (bytes: number) => {
      cost += bytes * listCost;
    };
    const found = findSocket({ ...this.#options, ...kept, view, passing, reading });
    watched.unwatch = unwatch;
    endAll(before);
    if (!this.#pace.spend(cost)) this.#stopListening();
    return found;
  }

  #tell({ kept, deaf }: Watched, look: Look): void {
    const { socket, container } = kept;
    const stale = `${socket} of container '${container}' is reached, but not again when the container makes it anew`;
    const problem =
      look.sight.state === 'shown' ? (deaf === null ? null : `${stale}: ${deaf}`) : look.sight.why;
    kept.report({ ...look, problem });
  }

  /** A name has come or gone in a directory on the way to a socket. */
  readonly #told = (): void => {
    if (!this.#pace.spend(eventCost)) this.#stopListening();
  };
}
