import { createHash } from 'node:crypto';
import { mkdirSync } from 'node:fs';
import { type IncomingMessage, request } from 'node:http';
import { join } from 'node:path';
import type { ExecutionContext } from 'ava';
import type { ProxyBackend, RestListener } from '../../adapters/proxy/proxy.ts';
import { type Echo, type ProxyWorld, type Question, type Reply, Wire } from './proxy-stage.ts';

/** A rest link of a world, whose sockets are in a directory of their own there; `consumer-<name>` in the role `user`, unless `more` says otherwise. */
export function link(
  { root }: ProxyWorld,
  name: string,
  backend: ProxyBackend,
  more: Partial<RestListener> = {},
): RestListener {
  if (backend.type !== 'socket') throw new Error('a rest link leads to a unix socket');
  const directory = join(root, 'links');
  mkdirSync(directory, { recursive: true });
  return {
    name,
    type: 'rest',
    path: join(directory, `${name}.sock`),
    backend,
    client: `consumer-${name}`,
    role: 'user',
    ...more,
  };
}

/** Asks at a unix socket, on a connection of its own. */
export function askAt(socketPath: string, question: Question = {}): Promise<Reply> {
  const { promise, resolve, reject } = Promise.withResolvers<Reply>();
  const { method = 'GET', path = '/', headers = {}, body } = question;
  const outgoing = request({ socketPath, method, path, headers, agent: false }, async (response) => {
    response.on('error', reject);
    const parts = await response.toArray();
    resolve({
      status: response.statusCode ?? 0,
      headers: response.headers,
      body: Buffer.concat(parts).toString(),
      trailers: response.trailers,
    });
  });
  outgoing.on('error', reject);
  outgoing.end(body);
  return promise;
}

/** What an echo has got of a question, which it must have answered. */
export async function echoedAt(t: ExecutionContext, path: string, question: Question = {}): Promise<Echo> {
  const { status, body } = await askAt(path, question);
  t.is(status, 200, body);
  return JSON.parse(body) as Echo;
}

/** Sends these very bytes on a connection of their own; all that comes until the other end closes it. */
export async function exchangeAt(t: ExecutionContext, path: string, bytes: string): Promise<string> {
  const wire = await Wire.open(t, { path });
  wire.write(bytes);
  const text = await wire.untilClosed();
  wire.socket.destroy();
  return text;
}

/** A client's request for a WebSocket, with these fields besides. */
export function upgradeRequest(target: string, fields = ''): string {
  return `GET ${target} HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n${fields}Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n`;
}

/** Head of a provider's answer that agrees to one (RFC 6455, 4.2.2). */
export function upgradeAnswer({ headers }: IncomingMessage, fields = ''): string {
  const key = `${headers['sec-websocket-key']}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`;
  const accept = createHash('sha1').update(key).digest('base64');
  return `HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: ${accept}\r\n${fields}\r\n`;
}
