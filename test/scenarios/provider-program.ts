import { createCipheriv, createHash } from 'node:crypto';
import { rmSync } from 'node:fs';
import { createServer as createHttpServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { createServer } from 'node:net';
import { type Duplex, pipeline, Readable } from 'node:stream';

/**
 * The service of the scenarios' provider, run by Node in its container: HTTP and WebSocket on the unix socket and the port that it is given, and
 * an echo of bytes on the port after that. `/headers` is answered with what was asked with, `/file?bytes=` with so many bytes. `node provider-program.ts SOCKET PORT`
 */

/** As many bytes as asked for, the same each time, from which no other part looks like the beginning. */
export function* fileBytes(total: number): Generator<Buffer> {
  const cipher = createCipheriv('aes-128-ctr', Buffer.alloc(16), Buffer.alloc(16));
  const zeros = Buffer.alloc(64 * 1024);
  for (let left = total; left > 0; left -= zeros.length) {
    yield cipher.update(left < zeros.length ? zeros.subarray(0, left) : zeros);
  }
}

function answer(request: IncomingMessage, response: ServerResponse): void {
  const { pathname, searchParams } = new URL(request.url ?? '/', 'http://provider');
  if (pathname === '/headers') {
    response.end(JSON.stringify(request.rawHeaders));
    return;
  }
  if (pathname !== '/file') {
    response.end(`${request.method} ${request.url}\n`);
    return;
  }
  const bytes = Number(searchParams.get('bytes'));
  response.setHeader('content-length', bytes);
  // Who hangs up has seen enough.
  pipeline(Readable.from(fileBytes(bytes)), response, () => undefined);
}

/** RFC 6455, 4.2.2. */
function acceptUpgrade(request: IncomingMessage, socket: Duplex): void {
  const key = `${request.headers['sec-websocket-key']}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`;
  const accept = createHash('sha1').update(key).digest('base64');
  socket.write(
    `HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: ${accept}\r\n\r\n`,
  );
  socket.on('data', (frame: Buffer) => echo(frame, socket));
  socket.on('error', () => socket.destroy());
}

/** Short frames, one at a time, are all that the scenarios send (RFC 6455, 5.2): what is text comes back, anything else ends it. */
function echo(frame: Buffer, socket: Duplex): void {
  const [kind = 0, masked = 0] = frame;
  const length = masked & 0x7f;
  if (kind !== 0x81 || frame.length !== length + 6) {
    socket.end();
    return;
  }
  const text = frame.subarray(6).map((byte, index) => byte ^ (frame[2 + (index % 4)] ?? 0));
  socket.write(Buffer.concat([Buffer.from([kind, length]), text]));
}

function serve(path: string, port: number): void {
  // The socket of a process before this one.
  rmSync(path, { force: true });
  for (const place of [path, port]) createHttpServer(answer).on('upgrade', acceptUpgrade).listen(place);
  createServer((socket) => socket.on('error', () => socket.destroy()).pipe(socket)).listen(port + 1);
}

if (import.meta.main) serve(process.argv[2] ?? '', Number(process.argv[3]));
