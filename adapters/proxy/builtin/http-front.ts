import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { After } from '../../linux/network-monitor.ts';
import { type Caught, contained } from '../containment.ts';
import type { ProxyRoute, ProxyTraffic } from '../proxy.ts';
import { Answer } from './answer.ts';
import { ClientConnection } from './client-connection.ts';
import type { Exchange, Visit } from './exchange.ts';
import type { Front } from './front.ts';
import { HeadWatch } from './head-watch.ts';
import { type ProxyLimits, probeAfterMs } from './limits.ts';
import { OwnExchange } from './own-exchange.ts';
import type { Provider } from './provider.ts';
import { refuseRaw } from './refuse-raw.ts';
import {
  type HeadRules,
  type RefusedRequest,
  type RequestHead,
  readHead,
  routedRules,
} from './request-head.ts';
import { providerPath, RouteTable } from './route-table.ts';
import { SharedExchange } from './shared-exchange.ts';
import { answerAfterUpgrade, UpgradeExchange } from './upgrade-exchange.ts';

/** Node checks its own limits of time by a timer that never rests; HeadWatch rests while nothing is awaited (ENG-7). */
const neverMs = 2 ** 31 - 1;

/** Methods that change nothing (RFC 9110 9.2.1), so that they may be sent again. HEAD is left out: the client library closes after it. */
const repeatable: ReadonlySet<string> = new Set(['GET', 'OPTIONS']);

/** How requests of one listener are read, and what is said of their clients. */
export interface Manner {
  readonly rules: HeadRules;
  /** Fields for the provider (name, value …), without framing. */
  readonly fieldsFor: (head: RequestHead, client: ClientConnection) => string[];
  /** Open connections at one address; what comes beyond is closed at once. */
  readonly connections: number;
  /** A client that has closed its half gets its answer all the same; else it counts as gone. */
  readonly isHalfOpen: boolean;
}

/** Answers the requests of an http listener (ING-6), or, in another manner, of whatever else listens for them. */
export class HttpFront implements Front {
  readonly #limits: ProxyLimits;
  readonly #table = new RouteTable();
  readonly #clients = new Map<Socket, ClientConnection>();
  readonly #heads: HeadWatch;
  readonly #complain: Caught;
  readonly #manner: Manner;

  /** `complain` is told of errors of our own; each costs one connection. */
  constructor(
    limits: ProxyLimits,
    after: After,
    complain: Caught,
    manner: Manner = { rules: routedRules, fieldsFor, connections: limits.connections, isHalfOpen: false },
  ) {
    this.#limits = limits;
    this.#manner = manner;
    this.#complain = complain;
    this.#heads = new HeadWatch(limits.headMs, after);
  }

  server(): Server {
    const server = createServer({
      maxHeaderSize: this.#limits.headBytes,
      keepAliveTimeout: this.#limits.keepAliveMs,
      headersTimeout: 0,
      requestTimeout: 0,
      connectionsCheckingInterval: neverMs,
      // We say ourselves what is wrong with a Host.
      requireHostHeader: false,
      noDelay: true,
      optimizeEmptyRequests: true,
      keepAlive: true,
      keepAliveInitialDelay: probeAfterMs,
      shouldUpgradeCallback: isForWebSocket,
    });
    server.maxHeadersCount = 0;
    server.maxConnections = this.#manner.connections;
    // Not in its types (lib/_http_server.js).
    Object.assign(server, { httpAllowHalfOpen: this.#manner.isHalfOpen });
    server.on('connection', (socket) => this.#welcome(socket));
    const serve = (request: IncomingMessage, response: ServerResponse): void => this.#take(request, response);
    server.on('request', serve).on('checkContinue', serve).on('checkExpectation', serve);
    server.on('upgrade', (request, socket, early) => this.#upgrade(request, socket as Socket, early));
    server.on('connect', (_request, socket) => this.#refuseTunnel(socket as Socket));
    server.on('clientError', (error, socket) => this.#refuseUnreadable(error, socket as Socket));
    return server;
  }

  route(routes: readonly ProxyRoute[], providerOf: (route: ProxyRoute) => Provider | null): void {
    this.#table.set(routes, providerOf);
    for (const { exchanges } of this.#clients.values()) {
      for (const exchange of exchanges) if (!this.#table.stillHas(exchange.route)) exchange.cut();
    }
  }

  traffic(listener: string): readonly ProxyTraffic[] {
    for (const client of this.#clients.values()) {
      for (const { route } of client.exchanges) client.count(route.count);
    }
    return this.#table.traffic(listener);
  }

  /** Connections of clients, now. */
  get open(): number {
    return this.#clients.size;
  }

  close(): void {
    for (const socket of this.#clients.keys()) socket.destroy();
  }

  #welcome(socket: Socket): void {
    const client = new ClientConnection(socket, this.#limits.requestsAtATime, this.#complain);
    this.#clients.set(socket, client);
    this.#heads.add(client);
    if (this.#manner.isHalfOpen) socket.once('end', () => client.halfClosed());
    socket.once('close', () => {
      this.#clients.delete(socket);
      this.#heads.delete(client);
      client.cut();
    });
  }

  #take(request: IncomingMessage, response: ServerResponse): void {
    const client = this.#clients.get(request.socket);
    // It is closed already.
    if (client === undefined) return;
    this.#heads.delete(client);
    const begin = (): void => {
      response.once('close', () => this.#answered(client));
      this.#serve(client, request, response);
    };
    client.take(contained(client.fail, begin));
  }

  #answered(client: ClientConnection): void {
    client.answered();
    if (!client.isBusy && !client.socket.destroyed) this.#heads.add(client);
  }

  #serve(client: ClientConnection, request: IncomingMessage, response: ServerResponse): void {
    const visit = this.#admit(client, request, new Answer(response, client, this.#limits.takeMs));
    if (visit === null) return;
    const { head } = visit;
    const ended = (exchange: Exchange): void => over(client, exchange);
    const isShared = head.framing.type === 'none' && repeatable.has(request.method ?? '');
    const exchange = isShared
      ? new SharedExchange(visit, this.#limits, ended)
      : new OwnExchange(visit, this.#limits, ended);
    client.exchanges.add(exchange);
    exchange.send();
  }

  #upgrade(request: IncomingMessage, socket: Socket, early: Buffer): void {
    const client = this.#clients.get(socket);
    // Its end is told by 'close'; the parser, which has listened so far, is gone.
    socket.on('error', () => {});
    socket.on('timeout', () => socket.destroy());
    // Answers before it are still due, and nothing could be sent behind them any more.
    if (client === undefined || client.isBusy) {
      socket.destroy();
      return;
    }
    this.#heads.delete(client);
    client.take(contained(client.fail, () => this.#serveUpgrade(client, request, early)));
  }

  #serveUpgrade(client: ClientConnection, request: IncomingMessage, early: Buffer): void {
    const answer = answerAfterUpgrade(request, client, this.#limits.takeMs);
    const visit = this.#admit(client, request, answer);
    if (visit === null) return;
    if (visit.head.framing.type !== 'none') {
      refuse(client, answer, { status: 400, reason: 'a request for a WebSocket has no content' });
      return;
    }
    const exchange = new UpgradeExchange(visit, early, this.#limits, (ended) => over(client, ended));
    client.exchanges.add(exchange);
    exchange.send();
  }

  /** Null: it has been answered. */
  #admit(client: ClientConnection, request: IncomingMessage, answer: Answer): Visit | null {
    // It is about to be closed.
    if (client.isRefused) return null;
    const { method = '', url: target = '', httpVersion: version, rawHeaders: fields } = request;
    const head = readHead({ method, target, version, fields }, this.#manner.rules);
    return 'status' in head ? refuse(client, answer, head) : this.#visit(client, request, answer, head);
  }

  #visit(
    client: ClientConnection,
    request: IncomingMessage,
    answer: Answer,
    head: RequestHead,
  ): Visit | null {
    const { path, query } = head.target;
    const route = this.#table.match(head.host, path);
    const here = (status: number, reason: string): null => {
      // A client that was not told to go on may send its content or not: nothing could be read after it.
      client.isRefused = head.awaitsContinue;
      answer.refuse(status, reason, head.awaitsContinue);
      return null;
    };
    if (route === null) return here(404, 'no rule is for this host and path');
    route.count.connections += 1;
    const { provider } = route;
    if (provider === null) return here(503, `rule '${route.rule}' leads nowhere`);
    const fields = this.#manner.fieldsFor(head, client);
    return { client, request, answer, head, route, provider, path: providerPath(route, path, query), fields };
  }

  #refuseTunnel(socket: Socket): void {
    // Answers before it are still due, and nothing could be sent behind them any more.
    if (this.#clients.get(socket)?.isBusy) socket.destroy();
    else refuseRaw(socket, 405, 'this is no forward proxy');
  }

  /** What the parser can't read is answered, unless that would be in the midst of another answer. */
  #refuseUnreadable(error: Error, socket: Socket): void {
    const code = (error as NodeJS.ErrnoException).code ?? '';
    const client = this.#clients.get(socket);
    const waits = client?.isBusy ?? false;
    // What comes after the last request is nothing to us; the answer before it is still due (RFC 9112 9.6).
    if (client?.isRefused || (code === 'HPE_CLOSED_CONNECTION' && waits)) return;
    if (waits || !socket.writable || code === 'ECONNRESET') {
      socket.destroy();
      return;
    }
    const [status, reason] = unreadable[code] ?? [400, 'this is no HTTP/1.1 request'];
    refuseRaw(socket, status, reason);
  }
}

const unreadable: Readonly<Record<string, readonly [number, string]>> = {
  HPE_HEADER_OVERFLOW: [431, 'the head is too long'],
  HPE_CHUNK_EXTENSIONS_OVERFLOW: [413, 'the chunk extensions are too long'],
};

function over(client: ClientConnection, exchange: Exchange): void {
  client.count(exchange.route.count);
  client.exchanges.delete(exchange);
}

function refuse(client: ClientConnection, answer: Answer, { status, reason }: RefusedRequest): null {
  client.isRefused = true;
  answer.refuse(status, reason, true);
  return null;
}

/** Only WebSockets are passed on (ING-6). A request for another protocol is answered as if it had not asked (RFC 9110 7.8). */
function isForWebSocket({ headers: { upgrade }, method, httpVersion }: IncomingMessage): boolean {
  return method === 'GET' && httpVersion === '1.1' && upgrade?.toLowerCase() === 'websocket';
}

/** Fields for the provider: those of the client, with who it is as we see it (ING-6). */
function fieldsFor(head: RequestHead, client: ClientConnection): string[] {
  const { localAddress = '', localPort } = client.socket;
  const host = head.authority === '' ? `${localAddress}:${localPort}` : head.authority;
  const who = ['X-Forwarded-For', client.address, 'X-Forwarded-Host', host, 'X-Forwarded-Proto', 'http'];
  return ['Host', host, ...head.fields, ...who];
}
