import { createSocket } from 'node:dgram';
import { mkdtempSync, rmSync } from 'node:fs';
import {
  createServer as createHttpServer,
  type Server as HttpServer,
  type IncomingMessage,
  request,
  type ServerResponse,
} from 'node:http';
import {
  type AddressInfo,
  connect,
  createServer as createTcpServer,
  type ListenOptions,
  type NetConnectOpts,
  type Server,
  type Socket,
} from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ExecutionContext } from 'ava';
import type {
  Proxy as DataPlane,
  ProxyBackend,
  ProxyListener,
  ProxyRoute,
} from '../../adapters/proxy/proxy.ts';

/** A root directory with nothing in it, and proxies that keep their things below it. */
export interface ProxyWorld {
  readonly root: string;
  readonly proxy: DataPlane;
  /** As after a restart of the controller: it knows nothing that is not on disk or in the process. */
  another(): DataPlane;
  /** The instance's second proxy of the same kind. */
  beside(): DataPlane;
  /** Takes away what the tests can't: the world is gone afterwards. */
  dispose(): Promise<void>;
}

export interface ProxySubject {
  readonly name: string;
  /** How long a provider may take to begin its answer here; short, since a test waits for it. Milliseconds. */
  readonly answerLimitMs: number;
  /** How long a client may take to send the head of a request here; short as well. Milliseconds. */
  readonly headLimitMs: number;
  make(): Promise<ProxyWorld>;
}

/** Declares a test that plays in a world of its own, in which nothing is served afterwards. */
export type ProxyScene = (
  title: string,
  play: (t: ExecutionContext, world: ProxyWorld) => Promise<void>,
) => void;

/** `test`: AVA's, or one of its kinds (`serial`, `skip`). */
export function proxyScenes(
  test: (title: string, play: (t: ExecutionContext) => Promise<void>) => void,
  { name, make }: ProxySubject,
): ProxyScene {
  return (title, play) => {
    test(`${name}: ${title}`, async (t) => {
      const world = await make();
      try {
        await play(t, world);
      } finally {
        const last = world.another();
        await last
          .serve([])
          .finally(() => last.close())
          .finally(() => world.proxy.close())
          .finally(() => world.dispose());
      }
    });
  };
}

/** Ports below those that the kernel gives to whoever connects (ip(7), ip_local_port_range), which may be in use at any time. */
const [lowestPort, ports] = [12_000, 20_000];
let nextPort = (process.pid * 1709) % ports;

/** A port that nobody listens on at any address of the host, at the time, and that no other test is given while this process runs. */
export async function freePort(): Promise<number> {
  for (;;) {
    nextPort = (nextPort + 1) % ports;
    const port = lowestPort + nextPort;
    if ((await isReserved(port)) && (await isFree(port))) return port;
  }
}

/** The port of the same number of UDP, which nothing here uses, stands for it. */
function isReserved(port: number): Promise<boolean> {
  const socket = createSocket('udp4').unref();
  return new Promise((resolve) => {
    socket.once('error', () => resolve(false));
    socket.bind({ port, address: '127.0.0.1', exclusive: true }, () => resolve(true));
  });
}

async function isFree(port: number): Promise<boolean> {
  const server = createTcpServer();
  try {
    await listening(server, { port, host: '::' });
    await new Promise((resolve) => server.close(resolve));
    return true;
  } catch {
    // Somebody has it, whoever that is.
    return false;
  }
}

/** Resolves to the address that it is bound to, where that is no path. */
export function listening(server: Server, options: ListenOptions): Promise<AddressInfo> {
  const { promise, resolve, reject } = Promise.withResolvers<AddressInfo>();
  server.once('error', reject);
  server.listen(options, () => resolve(server.address() as AddressInfo));
  return promise;
}

/** A directory for sockets, removed when the test ends. */
export function socketDirectory(t: ExecutionContext): string {
  const directory = mkdtempSync(join(tmpdir(), 'holdfast-origin-'));
  t.teardown(() => rmSync(directory, { recursive: true, force: true }));
  return directory;
}

/** A server of the test that a proxy leads to. */
export interface Origin {
  readonly backend: ProxyBackend;
  /** Ends it with all its connections. */
  stop(): Promise<void>;
}

/** What an origin has got of a request. */
export interface Echo {
  readonly origin: string;
  readonly method: string;
  readonly url: string;
  /** As it came: names as they were spelled, and values, one after the other. */
  readonly headers: readonly string[];
  readonly body: string;
  readonly trailers: readonly string[];
}

type Handler = (request: IncomingMessage, response: ServerResponse) => void;

/** Says what it got, as JSON. */
export function echo(origin: string): Handler {
  return (incoming, response) => {
    const chunks: Buffer[] = [];
    incoming.on('data', (chunk: Buffer) => chunks.push(chunk));
    incoming.on('end', () => {
      const said: Echo = {
        origin,
        method: incoming.method ?? '',
        url: incoming.url ?? '',
        headers: incoming.rawHeaders,
        body: Buffer.concat(chunks).toString(),
        trailers: incoming.rawTrailers,
      };
      response.end(JSON.stringify(said));
    });
    // A request that breaks off has no answer.
    incoming.on('error', () => undefined);
  };
}

/** An HTTP server at a port of 127.0.0.1, or at a unix socket where `path` is given. */
export async function httpOrigin(
  t: ExecutionContext,
  handler: Handler,
  path?: string,
): Promise<Origin & { readonly server: HttpServer }> {
  const server = createHttpServer(handler);
  const backend = await backendOf(server, path);
  const stop = () =>
    new Promise<void>((resolve) => {
      server.close(() => resolve());
      server.closeAllConnections();
    });
  t.teardown(stop);
  return { backend, stop, server };
}

/** A server of bytes, likewise. Its end of each connection stays open when the other one is closed. */
export async function tcpOrigin(
  t: ExecutionContext,
  serve: (socket: Socket) => void,
  path?: string,
): Promise<Origin> {
  const sockets = new Set<Socket>();
  const server = createTcpServer({ allowHalfOpen: true }, (socket) => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
    // Whoever breaks a connection off is seen by the test at its own end.
    socket.on('error', () => undefined);
    serve(socket);
  });
  const backend = await backendOf(server, path);
  const stop = () =>
    new Promise<void>((resolve) => {
      server.close(() => resolve());
      for (const socket of sockets) socket.destroy();
    });
  t.teardown(stop);
  return { backend, stop };
}

async function backendOf(server: Server, path: string | undefined): Promise<ProxyBackend> {
  const { port } =
    (await listening(server, path === undefined ? { port: 0, host: '127.0.0.1' } : { path })) ?? {};
  return path === undefined ? { type: 'address', address: '127.0.0.1', port } : { type: 'socket', path };
}

/** A backend that refuses every connection. */
export async function deadBackend(): Promise<ProxyBackend> {
  return { type: 'address', address: '127.0.0.1', port: await freePort() };
}

export function route(
  rule: string,
  backend: ProxyBackend | null,
  more: Partial<ProxyRoute> = {},
): ProxyRoute {
  return { rule, host: null, path: '', keepPrefix: false, backend, ...more };
}

/** Listens at 127.0.0.1, unless `addresses` says otherwise. */
export function listener(
  type: ProxyListener['type'],
  port: number,
  routes: readonly ProxyRoute[],
  addresses: readonly string[] = ['127.0.0.1'],
): ProxyListener {
  return { name: `${addresses.join('+')}:${port}`, type, addresses, port, routes };
}

/** One answer. */
export interface Reply {
  readonly status: number;
  readonly headers: IncomingMessage['headers'];
  readonly body: string;
  readonly trailers: IncomingMessage['trailers'];
}

export interface Question {
  readonly method?: string;
  readonly path?: string;
  readonly address?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
}

/** Asks on a connection of its own. The header Host is `a.example`, unless another is given. */
export function ask(port: number, question: Question = {}): Promise<Reply> {
  const { promise, resolve, reject } = Promise.withResolvers<Reply>();
  const { method = 'GET', path = '/', address = '127.0.0.1', body } = question;
  const headers = { host: 'a.example', ...question.headers };
  const outgoing = request({ host: address, port, method, path, headers, agent: false }, (response) => {
    const chunks: Buffer[] = [];
    response.on('data', (chunk: Buffer) => chunks.push(chunk));
    response.on('error', reject);
    response.on('end', () => {
      const status = response.statusCode ?? 0;
      const text = Buffer.concat(chunks).toString();
      resolve({ status, headers: response.headers, body: text, trailers: response.trailers });
    });
  });
  outgoing.on('error', reject);
  outgoing.end(body);
  return promise;
}

/** What an echo has got of a question, which it must have answered. */
export async function echoed(t: ExecutionContext, port: number, question: Question = {}): Promise<Echo> {
  const { status, body } = await ask(port, question);
  t.is(status, 200, body);
  return JSON.parse(body) as Echo;
}

/** Values of a header, in order, in any spelling. */
export function valuesOf(echo: Pick<Echo, 'headers'>, name: string): readonly string[] {
  return echo.headers.filter((_, index, all) => index % 2 === 1 && all[index - 1]?.toLowerCase() === name);
}

/** An open connection, on which every byte counts. */
export class Wire {
  readonly socket: Socket;
  #text = '';
  #state: 'open' | 'half' | 'closed' = 'open';
  readonly #waiting = new Set<() => void>();

  private constructor(socket: Socket) {
    this.socket = socket;
    const tell = () => {
      for (const look of this.#waiting) look();
    };
    socket.on('data', (chunk) => {
      this.#text += chunk.toString('latin1');
      tell();
    });
    socket.on('end', () => {
      this.#state = 'half';
      tell();
    });
    // `close` follows, and is all that is asked for.
    socket.on('error', () => undefined);
    socket.on('close', () => {
      this.#state = 'closed';
      tell();
    });
  }

  static open(t: ExecutionContext, target: NetConnectOpts): Promise<Wire> {
    const { promise, resolve, reject } = Promise.withResolvers<Wire>();
    const socket = connect({ ...target, allowHalfOpen: true });
    t.teardown(() => socket.destroy());
    socket.once('error', reject);
    socket.once('connect', () => {
      socket.off('error', reject);
      resolve(new Wire(socket));
    });
    return promise;
  }

  /** All that has come. */
  get text(): string {
    return this.#text;
  }

  /** Nobody has closed it. */
  get isOpen(): boolean {
    return this.#state === 'open';
  }

  write(text: string): void {
    this.socket.write(text, 'latin1');
  }

  /** Closes our half. */
  end(): void {
    this.socket.end();
  }

  /** Resolves to all that has come, once `wanted` stands in it. Rejects where the other end closes before. */
  async until(wanted: string | RegExp): Promise<string> {
    const found = () => (typeof wanted === 'string' ? this.#text.includes(wanted) : wanted.test(this.#text));
    await this.#wait(() => found() || this.#state !== 'open');
    if (!found()) throw new Error(`the connection ended before ${wanted}: ${JSON.stringify(this.#text)}`);
    return this.#text;
  }

  /** Resolves once more has come than there is now. Rejects as `until` does. */
  async untilMore(): Promise<void> {
    const seen = this.#text.length;
    await this.#wait(() => this.#text.length > seen || this.#state !== 'open');
    if (this.#text.length === seen) throw new Error('the connection ended before any more came');
  }

  /** Resolves to all that has come, once the other end has closed its half or broken off. */
  async untilClosed(): Promise<string> {
    await this.#wait(() => this.#state !== 'open');
    return this.#text;
  }

  async #wait(holds: () => boolean): Promise<void> {
    if (holds()) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    const look = () => {
      if (holds()) resolve();
    };
    this.#waiting.add(look);
    await promise;
    this.#waiting.delete(look);
  }
}

/** Sends these very bytes on a connection of their own; all that comes until the other end closes it. */
export async function exchange(t: ExecutionContext, port: number, bytes: string): Promise<string> {
  const wire = await Wire.open(t, { host: '127.0.0.1', port });
  wire.write(bytes);
  const text = await wire.untilClosed();
  wire.socket.destroy();
  return text;
}

/** Status of the first answer in what has come; 0: there is none. */
export function statusOf(text: string): number {
  return Number(/^HTTP\/1\.[01] (\d{3})/.exec(text)?.[1] ?? 0);
}

/** True where nobody takes a connection. */
export function isRefused(port: number, host = '127.0.0.1'): Promise<boolean> {
  const socket = connect({ port, host });
  return new Promise((resolve) => {
    socket.once('connect', () => {
      socket.destroy();
      resolve(false);
    });
    socket.once('error', () => resolve(true));
  });
}
