import type { After } from '../../linux/network-monitor.ts';
import type { Caught } from '../containment.ts';
import { linkKey } from '../link-identity.ts';
import type { ProxyRoute, ProxyTraffic, ServedListener } from '../proxy.ts';
import { ShownSockets } from '../shown-sockets.ts';
import { closeDoor, type Door, openDoor, portTaken } from './door.ts';
import { foreignSockets, overlap } from './foreign-sockets.ts';
import type { Front } from './front.ts';
import { HttpFront } from './http-front.ts';
import type { ProxyLimits } from './limits.ts';
import { closeLinkDoor, type LinkDoor, linkSocketsName, openLinkDoor, showLinkDoor } from './link-door.ts';
import { Provider } from './provider.ts';
import { linkRoute, RestFront } from './rest-front.ts';
import { Providers } from './route-table.ts';
import { TcpFront } from './tcp-front.ts';

type AnyDoor = Door | LinkDoor;

/** A listener as it is served. */
interface Served {
  readonly wanted: ServedListener;
  readonly front: Front;
  readonly doors: readonly AnyDoor[];
}

/** What the process serves: replaced whole, or not at all. */
export class ServedListeners {
  readonly #limits: ProxyLimits;
  readonly #after: After;
  readonly #complain: Caught;
  readonly #providers: Providers;
  /** Relative to the working directory, so that a path of a socket is short (unix(7)). */
  readonly #sockets = new ShownSockets(linkSocketsName);
  #served: ReadonlyMap<string, Served> = new Map();
  #madeDoors = 0;
  /** Sockets of links have been taken away by somebody. */
  #isInDoubt = false;

  /** `complain` is told of errors of our own. */
  constructor(limits: ProxyLimits, after: After, complain: Caught) {
    this.#limits = limits;
    this.#complain = complain;
    this.#after = after;
    this.#providers = new Providers((backend) => new Provider(backend, limits));
  }

  /** As they were given to `serve`, without links whose socket is not where it belongs. */
  get listeners(): readonly ServedListener[] {
    const standing = [...this.#served.values()].filter(({ doors }) => doors.every(isStanding));
    this.#isInDoubt ||= standing.length < this.#served.size;
    return standing.map(({ wanted }) => wanted);
  }

  /**
   * Serves exactly these. What can fail, listening, is done first: where it does, with a ProxyError, all is as before. Connections go on, but for
   * those of listeners, routes and backends that are not there any more. Calls must not overlap.
   */
  async serve(listeners: readonly ServedListener[]): Promise<void> {
    const next = new Map(listeners.map((wanted) => [keyOf(wanted), this.#prepare(wanted)]));
    const kept = new Set(doorsOf(this.#served));
    const doors = doorsOf(next);
    const opening = doors.filter((door) => !kept.has(door));
    try {
      await openAll(opening);
      for (const door of this.#isInDoubt ? doors : opening) if (door.type === 'link') showLinkDoor(door);
    } catch (error) {
      for (const door of opening) close(door);
      // One that could not be had may have taken the place of another.
      for (const door of kept) if (door.type === 'link') showLinkDoor(door);
      throw error;
    }
    this.#isInDoubt = false;
    this.#replace(next);
  }

  traffic(): readonly ProxyTraffic[] {
    return [...this.#served.values()].flatMap(({ wanted, front }) => front.traffic(wanted.name));
  }

  /** Nothing of it is left where others come to it. */
  leave(): void {
    this.#sockets.removeAll();
  }

  /** How it will be served, with what of it is there already. */
  #prepare(wanted: ServedListener): Served {
    const before = this.#served.get(keyOf(wanted));
    const front = before?.front ?? this.#newFront(wanted);
    if (wanted.type === 'rest') {
      const isKept = before !== undefined && (!this.#isInDoubt || before.doors.every(canStand));
      const doors = isKept ? before.doors : [this.#linkDoor(wanted.name, wanted.path, front)];
      return { wanted, front, doors };
    }
    const { name: listener, port } = wanted;
    const doors = wanted.addresses.map(
      (address): AnyDoor =>
        before?.doors.find((door) => door.type === 'address' && door.address === address) ?? {
          type: 'address',
          listener,
          address,
          port,
          server: front.server(),
        },
    );
    return { wanted, front, doors };
  }

  #linkDoor(listener: string, path: string, front: Front): LinkDoor {
    this.#madeDoors += 1;
    const name = `${this.#madeDoors}`;
    return { type: 'link', listener, path, name, sockets: this.#sockets, server: front.server() };
  }

  /** It has its routes before it listens. */
  #newFront(wanted: ServedListener): Front {
    const front = this.#makeFront(wanted);
    front.route(routesOf(wanted), (route) => this.#providers.of(route));
    return front;
  }

  #makeFront(wanted: ServedListener): Front {
    switch (wanted.type) {
      case 'tcp':
        return new TcpFront(this.#limits, this.#complain);
      case 'http':
        return new HttpFront(this.#limits, this.#after, this.#complain);
      case 'rest':
        return new RestFront(wanted, this.#limits, this.#after, this.#complain);
    }
  }

  #replace(next: ReadonlyMap<string, Served>): void {
    const doors = new Set(doorsOf(next));
    const before = this.#served;
    this.#served = next;
    for (const { wanted, front } of next.values()) {
      if (wanted.type !== 'rest') front.route(wanted.routes, (route) => this.#providers.of(route));
    }
    for (const [key, served] of before) {
      for (const door of served.doors) if (!doors.has(door)) close(door);
      if (!next.has(key)) served.front.close();
    }
    this.#providers.keep([...next.values()].flatMap(({ wanted }) => routesOf(wanted)));
  }
}

/** What one that is there already is known again by. A link is another one as soon as anything of it is: its socket is its client's alone. */
function keyOf(wanted: ServedListener): string {
  return wanted.type === 'rest' ? linkKey(wanted) : JSON.stringify([wanted.name, wanted.type, wanted.port]);
}

function routesOf(wanted: ServedListener): readonly ProxyRoute[] {
  return wanted.type === 'rest' ? [linkRoute(wanted)] : wanted.routes;
}

function doorsOf(served: ReadonlyMap<string, Served>): readonly AnyDoor[] {
  return [...served.values()].flatMap(({ doors }) => doors);
}

function isStanding(door: AnyDoor): boolean {
  return door.type !== 'link' || door.sockets.isShown(door.name, door.path);
}

/** False: somebody has deleted its socket, so that it can't be shown again. */
function canStand(door: AnyDoor): boolean {
  return door.type !== 'link' || door.sockets.exists(door.name);
}

function close(door: AnyDoor): void {
  if (door.type === 'link') closeLinkDoor(door);
  else closeDoor(door);
}

/** Opens all of them, or rejects. */
async function openAll(doors: readonly AnyDoor[]): Promise<void> {
  const outcomes = await Promise.allSettled(
    doors.map((door) => (door.type === 'link' ? openLinkDoor(door) : openDoor(door))),
  );
  const failure =
    outcomes.find((outcome) => outcome.status === 'rejected')?.reason ?? sharedWithOthers(doors);
  if (failure !== null) throw failure;
}

function sharedWithOthers(doors: readonly AnyDoor[]): Error | null {
  const bound = doors.filter((door) => door.type === 'address');
  const foreign = bound.length === 0 ? [] : foreignSockets();
  const taken = bound.find((door) => foreign.some((socket) => overlap(door, socket)));
  return taken === undefined ? null : portTaken(taken.listener, `${taken.address} port ${taken.port}`);
}
