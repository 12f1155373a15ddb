import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import { type AddressInfo, connect, type Socket } from 'node:net';

/** A server that stands behind listeners: it answers, downloads for ever, and echoes what comes after an upgrade. */
export interface Origin {
  readonly port: number;
  close(): void;
}

/** RFC 6455, 4.2.2. */
function acceptOf(key: string): string {
  return createHash('sha1').update(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest('base64');
}

/** How often each download gets a piece. */
const pieceMs = 200;

/** At 127.0.0.1. `…/download` never ends; an upgrade is answered with 101 and then echoed; all else is answered with 200. */
export async function startOrigin(): Promise<Origin> {
  const downloads = new Set<{ write(piece: string): unknown }>();
  const sockets = new Set<Socket>();
  const server: Server = createServer((request, response) => {
    if (request.url?.endsWith('/download') !== true) return void response.end('here\n');
    downloads.add(response);
    response.once('close', () => downloads.delete(response));
    response.write('begin\n');
  });
  server.on('connection', (socket) => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
  });
  server.on('upgrade', (request, socket) => {
    socket.on('error', () => socket.destroy());
    const accept = acceptOf(request.headers['sec-websocket-key'] ?? '');
    socket.write(
      `HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: ${accept}\r\n\r\n`,
    );
    socket.pipe(socket);
  });
  const timer = setInterval(() => {
    for (const download of downloads) download.write('more\n');
  }, pieceMs);
  server.listen({ host: '127.0.0.1', port: 0, backlog: 4096 });
  await once(server, 'listening');
  return {
    port: (server.address() as AddressInfo).port,
    close: () => {
      clearInterval(timer);
      server.close();
      for (const socket of sockets) socket.destroy();
    },
  };
}

/** A connection that stays open, and what has come over it. */
interface Held {
  readonly socket: Socket;
  received: number;
  closed: boolean;
}

/** Connections to a listener, opened a few at a time, each with its answer begun. */
export class OpenConnections {
  readonly #held: Held[] = [];

  /** Opens `count` of them: each sends `request` and has got its answer's first bytes when this resolves. */
  async open(count: number, port: number, request: string): Promise<void> {
    const atOnce = 50;
    for (let done = 0; done < count; done += atOnce) {
      const some = Array.from({ length: Math.min(atOnce, count - done) }, () => this.#open(port, request));
      await Promise.all(some);
    }
  }

  async #open(port: number, request: string): Promise<void> {
    const socket = connect({ host: '127.0.0.1', port });
    const held: Held = { socket, received: 0, closed: false };
    this.#held.push(held);
    const first = new Promise<string | Buffer>((resolve) => {
      socket.on('data', (piece) => {
        held.received += piece.length;
        resolve(piece);
      });
    });
    socket.on('error', () => {});
    socket.once('close', () => {
      held.closed = true;
    });
    socket.write(request);
    const answer = (await first).toString('latin1');
    if (!/^HTTP\/1\.1 (?:101|200) /.test(answer))
      throw new Error(`expected an answer that begins, found ${answer}`);
  }

  /** How many are not open any more, or over which nothing new comes within `withinMs` although `poke` was written to each. */
  async lost(poke: string, withinMs: number): Promise<number> {
    const before = this.#held.map(({ received }) => received);
    for (const { socket, closed } of this.#held) if (!closed && poke !== '') socket.write(poke);
    const until = performance.now() + withinMs;
    const silent = () =>
      this.#held.filter(({ received, closed }, index) => closed || received === before[index]).length;
    while (silent() > 0 && performance.now() < until) await new Promise((resolve) => setTimeout(resolve, 50));
    return silent();
  }

  close(): void {
    for (const { socket } of this.#held) socket.destroy();
  }
}
