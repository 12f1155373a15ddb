import { createHash } from 'node:crypto';
import { mkdirSync, rmSync } from 'node:fs';
import { createServer as createHttpServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { createServer, type Server, type Socket } from 'node:net';
import { join } from 'node:path';

/** A service of a container that a listener leads to. */
export interface EchoedService {
  readonly container: string;
  readonly service: string;
  /** How its listener speaks to it. */
  readonly type: 'tcp' | 'http';
}

/** Bytes that a path of a unix socket may have, its end not counted (unix(7)). */
const longestSocketPath = 107;

/** What of a request's headers is told back: what a proxy sets, and whom the client asked for. */
const echoedHeaders = ['host', 'x-forwarded-for', 'x-forwarded-host', 'x-forwarded-proto'] as const;

/** An echo server that listens, and its open connections. */
interface Echo {
  readonly server: Server;
  readonly connections: Set<Socket>;
}

/**
 * What stands for programs in containers that are only modelled: a small server for each service, at a unix socket whose path stays the
 * same. For http it answers every request with JSON: whose service it is, and what came. For tcp it says one line, `<container>
 * <service>`, and then sends back what comes. They live in this process: unlike a proxy, none outlives the controller.
 */
export class EchoServers {
  readonly #directory: string;
  readonly #echoes = new Map<string, Echo>();
  #prepared = false;

  /** `directory` is this instance's alone; made when the first server is. */
  constructor(directory: string) {
    this.#directory = directory;
  }

  /** Where a service answers, or would. Throws where the path is longer than unix sockets can have. */
  pathOf({ container, service, type }: EchoedService): string {
    const identity = JSON.stringify([container, service, type]);
    const name = createHash('sha256').update(identity).digest('hex').slice(0, 16);
    const path = join(this.#directory, name);
    if (Buffer.byteLength(path) <= longestSocketPath) return path;
    throw new RangeError(
      `found a path of ${Buffer.byteLength(path)} bytes for a socket, ${path}, expected at most ${longestSocketPath}; choose a shorter --root`,
    );
  }

  /** Has exactly these answer. Calls do not overlap. */
  async keep(services: readonly EchoedService[]): Promise<void> {
    const wanted = new Map(services.map((service) => [this.pathOf(service), service]));
    for (const [path, echo] of this.#echoes) {
      if (wanted.has(path)) continue;
      this.#echoes.delete(path);
      await end(echo);
    }
    for (const [path, service] of wanted) {
      if (!this.#echoes.has(path)) this.#echoes.set(path, await this.#begin(path, service));
    }
  }

  /** Ends all of them, open connections included. */
  async close(): Promise<void> {
    await this.keep([]);
    if (this.#prepared) rmSync(this.#directory, { recursive: true, force: true });
  }

  async #begin(path: string, service: EchoedService): Promise<Echo> {
    this.#prepare();
    const server =
      service.type === 'tcp'
        ? createServer({ allowHalfOpen: true }, (socket) => echoBytes(socket, service))
        : createHttpServer((request, response) => echoRequest(request, response, service));
    const connections = new Set<Socket>();
    server.on('connection', (socket: Socket) => {
      connections.add(socket);
      socket.once('close', () => connections.delete(socket));
    });
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject).listen(path, () => {
        server.off('error', reject);
        resolve();
      });
    });
    return { server, connections };
  }

  /** Sockets that a controller left which was killed are nobody's. */
  #prepare(): void {
    if (this.#prepared) return;
    rmSync(this.#directory, { recursive: true, force: true });
    mkdirSync(this.#directory, { recursive: true, mode: 0o700 });
    this.#prepared = true;
  }
}

function end({ server, connections }: Echo): Promise<void> {
  for (const socket of connections) socket.destroy();
  return new Promise((resolve) => server.close(() => resolve()));
}

function echoBytes(socket: Socket, { container, service }: EchoedService): void {
  // A client that hangs up while it is answered is no error of ours.
  socket.on('error', () => socket.destroy());
  socket.write(`${container} ${service}\n`);
  socket.pipe(socket);
}

function echoRequest(
  request: IncomingMessage,
  response: ServerResponse,
  { container, service }: EchoedService,
): void {
  let received = 0;
  request.on('data', (part: Buffer) => {
    received += part.length;
  });
  request.on('end', () => {
    const { method, url: path } = request;
    const headers = Object.fromEntries(
      echoedHeaders.flatMap((name) => (name in request.headers ? [[name, request.headers[name]]] : [])),
    );
    response.setHeader('content-type', 'application/json');
    response.end(`${JSON.stringify({ container, service, method, path, headers, received })}\n`);
  });
}
