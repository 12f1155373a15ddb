import { createServer, type Server, type Socket } from 'node:net';
import { type Caught, contained } from '../containment.ts';
import type { ProxyRoute, ProxyTraffic } from '../proxy.ts';
import type { Front } from './front.ts';
import { type ProxyLimits, probeAfterMs } from './limits.ts';
import type { Provider } from './provider.ts';
import { relay } from './relay.ts';
import { type LiveRoute, RouteTable } from './route-table.ts';

/** A tcp connection that is being carried. */
interface Carried {
  readonly route: LiveRoute;
  readonly client: Socket;
  readonly provider: Socket;
  countedIn: number;
  countedOut: number;
}

/** Carries connections to the one backend of a tcp listener (ING-5). */
export class TcpFront implements Front {
  readonly #limits: ProxyLimits;
  readonly #table = new RouteTable();
  readonly #carried = new Set<Carried>();

  readonly #complain: Caught;

  /** `complain` is told of errors of our own; each costs one connection. */
  constructor(limits: ProxyLimits, complain: Caught) {
    this.#limits = limits;
    this.#complain = complain;
  }

  server(): Server {
    const options = { allowHalfOpen: true, pauseOnConnect: true, noDelay: true, keepAlive: true };
    const server = createServer({ ...options, keepAliveInitialDelay: probeAfterMs }, (client) => {
      const fail = (error: unknown): void => {
        this.#complain(error);
        client.destroy();
      };
      contained(fail, () => this.#carry(client))();
    });
    server.maxConnections = this.#limits.connections;
    return server;
  }

  route(routes: readonly ProxyRoute[], providerOf: (route: ProxyRoute) => Provider | null): void {
    this.#table.set(routes, providerOf);
    for (const carried of this.#carried) {
      if (!this.#table.stillHas(carried.route)) cut(carried);
    }
  }

  traffic(listener: string): readonly ProxyTraffic[] {
    for (const carried of this.#carried) count(carried);
    return this.#table.traffic(listener);
  }

  close(): void {
    for (const carried of this.#carried) cut(carried);
  }

  #carry(client: Socket): void {
    const route = this.#table.first();
    // Reading begins once the provider is there; until then nothing is taken that could not be passed on.
    if (route === null || route.provider === null) {
      client.destroy();
      return;
    }
    route.count.connections += 1;
    client.setTimeout(this.#limits.tunnelMs);
    const carried = { route, client, provider: route.provider.connect(), countedIn: 0, countedOut: 0 };
    this.#carried.add(carried);
    relayOnceConnected(carried);
    client.once('close', () => {
      count(carried);
      this.#carried.delete(carried);
    });
  }
}

function relayOnceConnected({ client, provider }: Carried): void {
  // A client of a provider that can't be reached sees its connection end at once.
  const refuse = (): void => {
    client.destroy();
  };
  const leave = (): void => {
    provider.destroy();
  };
  provider.once('error', refuse);
  client.on('error', leave).once('close', leave);
  provider.once('connect', () => {
    provider.off('error', refuse);
    client.off('close', leave);
    relay(client, provider);
  });
}

function cut({ client, provider }: Carried): void {
  provider.destroy();
  client.resetAndDestroy();
}

function count(carried: Carried): void {
  const { bytesRead, bytesWritten } = carried.client;
  carried.route.count.bytesIn += bytesRead - carried.countedIn;
  carried.route.count.bytesOut += bytesWritten - carried.countedOut;
  carried.countedIn = bytesRead;
  carried.countedOut = bytesWritten;
}
