import type { After } from '../../linux/network-monitor.ts';
import type { Caught } from '../containment.ts';
import type { ProxyListener, ProxyTraffic } from '../proxy.ts';
import { closeDoor, type Door, openDoor, portTaken } from './door.ts';
import { foreignSockets, overlap } from './foreign-sockets.ts';
import type { Front } from './front.ts';
import { HttpFront } from './http-front.ts';
import type { ProxyLimits } from './limits.ts';
import { Provider } from './provider.ts';
import { Providers } from './route-table.ts';
import { TcpFront } from './tcp-front.ts';

/** A listener as it is served. */
interface Served {
  readonly wanted: ProxyListener;
  readonly front: Front;
  readonly doors: readonly Door[];
}

/** What the process serves: replaced whole, or not at all. */
export class ServedListeners {
  readonly #limits: ProxyLimits;
  readonly #after: After;
  readonly #complain: Caught;
  readonly #providers: Providers;
  #served: readonly Served[] = [];

  /** `complain` is told of errors of our own. */
  constructor(limits: ProxyLimits, after: After, complain: Caught) {
    this.#limits = limits;
    this.#complain = complain;
    this.#after = after;
    this.#providers = new Providers((backend) => new Provider(backend, limits));
  }

  /** As they were given to `serve`. */
  get listeners(): readonly ProxyListener[] {
    return this.#served.map(({ wanted }) => wanted);
  }

  /**
   * Serves exactly these. What can fail, listening, is done first: where it does, with a ProxyError, all is as before. Connections go on, but for
   * those of listeners, routes and backends that are not there any more. Calls must not overlap.
   */
  async serve(listeners: readonly ProxyListener[]): Promise<void> {
    const next = listeners.map((wanted) => this.#prepare(wanted));
    const kept = new Set(this.#served.flatMap(({ doors }) => doors));
    const opening = next.flatMap(({ doors }) => doors).filter((door) => !kept.has(door));
    await openAll(opening);
    this.#replace(next);
  }

  traffic(): readonly ProxyTraffic[] {
    return this.#served.flatMap(({ wanted, front }) => front.traffic(wanted.name));
  }

  /** How it will be served, with what of it is there already. */
  #prepare(wanted: ProxyListener): Served {
    const before = this.#served.find(({ wanted: { name, type, port } }) => {
      return name === wanted.name && type === wanted.type && port === wanted.port;
    });
    const front = before?.front ?? this.#newFront(wanted);
    const doors = wanted.addresses.map(
      (address) =>
        before?.doors.find((door) => door.address === address) ?? {
          listener: wanted.name,
          address,
          port: wanted.port,
          server: front.server(),
        },
    );
    return { wanted, front, doors };
  }

  /** It has its routes before it listens. */
  #newFront({ type, routes }: ProxyListener): Front {
    const front =
      type === 'tcp'
        ? new TcpFront(this.#limits, this.#complain)
        : new HttpFront(this.#limits, this.#after, this.#complain);
    front.route(routes, (route) => this.#providers.of(route));
    return front;
  }

  #replace(next: readonly Served[]): void {
    const doors = new Set(next.flatMap((served) => served.doors));
    const fronts = new Set(next.map((served) => served.front));
    const before = this.#served;
    this.#served = next;
    for (const { wanted, front } of next) front.route(wanted.routes, (route) => this.#providers.of(route));
    for (const served of before) {
      for (const door of served.doors) if (!doors.has(door)) closeDoor(door);
      if (!fronts.has(served.front)) served.front.close();
    }
    this.#providers.keep(next.flatMap(({ wanted }) => wanted.routes));
  }
}

/** Opens all of them, or none. */
async function openAll(doors: readonly Door[]): Promise<void> {
  const outcomes = await Promise.allSettled(doors.map((door) => openDoor(door)));
  const failure =
    outcomes.find((outcome) => outcome.status === 'rejected')?.reason ?? sharedWithOthers(doors);
  if (failure === null) return;
  for (const [index, door] of doors.entries()) if (outcomes[index]?.status === 'fulfilled') closeDoor(door);
  throw failure;
}

function sharedWithOthers(doors: readonly Door[]): Error | null {
  const foreign = doors.length === 0 ? [] : foreignSockets();
  const taken = doors.find((door) => foreign.some((socket) => overlap(door, socket)));
  return taken === undefined ? null : portTaken(taken.listener, `${taken.address} port ${taken.port}`);
}
