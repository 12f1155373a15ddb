import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { After } from '../linux/network-monitor.ts';

/** What a container may say in all, in bytes: as much as Pantavisor's pv-ctrl takes. */
const limitBytes = 4096;

/** How long it may take to say it and to read the answer. */
const patienceMs = 5000;

/** What comes of a signal: null: it is taken; else why it is not. */
export type TakeSignal = () => string | null;

export interface ReadyProtocolOptions {
  readonly take: TakeSignal;
  /** The clock's. */
  readonly after: After;
}

/** What the first line of a conversation makes it; null: it is not whole yet. */
function languageOf(said: Buffer): 'line' | 'http' | 'unknown' | null {
  const end = said.indexOf('\n');
  if (end < 0) return said.length < limitBytes ? null : 'unknown';
  const line = said.toString('latin1', 0, end).replace(/\r$/, '');
  if (line === 'ready') return 'line';
  return / HTTP\/1\.[01]$/.test(line) ? 'http' : 'unknown';
}

/** The type of the signal in a request's body; null where there is none. */
function signalIn(body: string): unknown {
  try {
    const signal = JSON.parse(body) as { readonly type?: unknown } | null;
    return signal?.type ?? null;
  } catch {
    return null;
  }
}

function answerHttp(response: ServerResponse, status: number, text: string): void {
  const headers = { 'content-type': 'text/plain; charset=utf-8', connection: 'close' };
  response.writeHead(status, headers).end(`${text}\n`);
}

function answerSignal(response: ServerResponse, body: string, take: TakeSignal): void {
  if (signalIn(body) !== 'ready') return answerHttp(response, 400, 'expected {"type":"ready","payload":""}');
  const refusal = take();
  if (refusal === null) answerHttp(response, 200, 'ok');
  else answerHttp(response, 409, refusal);
}

function handle(request: IncomingMessage, response: ServerResponse, take: TakeSignal): void {
  const { method = '', url = '' } = request;
  if (url !== '/signal') return answerHttp(response, 404, 'expected /signal');
  if (method !== 'POST' && method !== 'PUT') return answerHttp(response, 405, 'expected POST');
  let body = '';
  request.setEncoding('utf8');
  request.on('data', (text: string) => {
    if (response.writableEnded) return;
    body += text;
    if (body.length > limitBytes) answerHttp(response, 413, `expected at most ${limitBytes} bytes`);
  });
  request.on('end', () => {
    if (!response.writableEnded) answerSignal(response, body, take);
  });
}

/** Node's own parser, which never listens itself: it is given connections that speak HTTP. No timer of its own runs. */
function httpFor(take: TakeSignal): Server {
  // A request that is put together by hand has no Host, and there is but one host here.
  const options = { maxHeaderSize: limitBytes, requireHostHeader: false };
  return createServer(options, (request, response) => handle(request, response, take));
}

/**
 * Holds the conversation in which a container says that it is ready: the line `ready`, answered with `ok`; or what Pantavisor's pv-ctrl takes,
 * `POST /signal` (or PUT) with `{"type":"ready","payload":""}`, answered with 200. Anything else is answered with an error. What is said is
 * hostile: no more than 4 KiB of it are kept, for no more than 5 s.
 */
export function readyConversation({ take, after }: ReadyProtocolOptions): (socket: Socket) => void {
  const http = httpFor(take);
  return (socket) => {
    let said: Buffer = Buffer.alloc(0);
    const cancel = after(patienceMs, () => socket.destroy());
    socket.once('close', cancel);
    // Whoever hangs up has hung up; `close` follows.
    socket.on('error', () => undefined);
    const conclude = (language: 'line' | 'http' | 'unknown') => {
      socket.off('data', hear).off('end', cutShort);
      if (language === 'http') {
        socket.pause();
        socket.unshift(said);
        http.emit('connection', socket);
        process.nextTick(() => socket.resume());
        return;
      }
      const refusal = language === 'line' ? take() : 'expected the line "ready", or POST /signal HTTP/1.1';
      // Nothing more is listened to: what still comes is thrown away with the connection.
      socket.end(refusal === null ? 'ok\n' : `error: ${refusal}\n`, () => socket.destroySoon());
    };
    const hear = (chunk: Buffer) => {
      said = Buffer.concat([said, chunk]);
      const language = languageOf(said);
      if (language !== null) conclude(language);
    };
    const cutShort = () => conclude('unknown');
    socket.on('data', hear).once('end', cutShort);
  };
}
