import type { ClientRequest, RequestOptions } from 'node:http';
import { request } from 'node:http';
import { connect, type Socket } from 'node:net';
import { Pool } from 'undici';
import type { ProxyBackend } from '../proxy.ts';
import { type ProxyLimits, probeAfterMs } from './limits.ts';

/** What tells one backend from another. */
export function backendKey(backend: ProxyBackend): string {
  return backend.type === 'address' ? `${backend.address} ${backend.port}` : backend.path;
}

/**
 * The way to one backend. Requests that are safe and have no content share kept connections (`pool`); everything else has a connection of its
 * own (`open`, `connect`): nothing that could be left of one request's content can then be taken for another request, and none that can't be
 * sent again meets a connection that is just being closed (RFC 9112 9.3.1).
 */
export class Provider {
  readonly pool: Pool;
  readonly #backend: ProxyBackend;
  readonly #limits: ProxyLimits;

  constructor(backend: ProxyBackend, limits: ProxyLimits) {
    this.#backend = backend;
    this.#limits = limits;
    const timeouts = {
      connectTimeout: limits.connectMs,
      headersTimeout: limits.answerMs,
      maxHeaderSize: limits.headBytes,
    };
    // As many connections as there are requests: those are limited, and an event stream must not hold up what comes after it.
    const options = { ...timeouts, connections: null, pipelining: 1, allowH2: false };
    this.pool =
      backend.type === 'address'
        ? new Pool(`http://${bracketed(backend.address)}:${backend.port}`, options)
        : new Pool('http://localhost', { ...options, socketPath: backend.path });
  }

  /** A new connection. It half-closes, and ends with ETIMEDOUT where it is not taken in time; afterwards `tunnelMs` holds for it. */
  connect(): Socket {
    const { connectMs, tunnelMs } = this.#limits;
    const at =
      this.#backend.type === 'address'
        ? { host: this.#backend.address, port: this.#backend.port }
        : { path: this.#backend.path };
    const socket = connect({
      ...at,
      allowHalfOpen: true,
      noDelay: true,
      keepAlive: true,
      keepAliveInitialDelay: probeAfterMs,
    });
    const tooLate = (): void => {
      socket.destroy(timedOut(connectMs));
    };
    socket.setTimeout(connectMs, tooLate);
    socket.once('connect', () => {
      socket.off('timeout', tooLate);
      socket.setTimeout(tunnelMs);
    });
    return socket;
  }

  /** A request on a connection of its own. `fields` (name, value …) are sent as they are; they name the host. */
  open(options: {
    readonly method: string;
    readonly path: string;
    readonly fields: readonly string[];
  }): ClientRequest {
    const asked: RequestOptions = {
      method: options.method,
      path: options.path,
      headers: options.fields,
      setHost: false,
      maxHeaderSize: this.#limits.headBytes,
      createConnection: () => this.connect(),
    };
    return request(asked);
  }

  /** Closes what is open to it. */
  close(): void {
    // Those whose requests are cut by this have been told already.
    this.pool.destroy().catch(() => {});
  }
}

function bracketed(address: string): string {
  return address.includes(':') ? `[${address}]` : address;
}

function timedOut(limitMs: number): Error {
  return Object.assign(new Error(`not connected within ${limitMs} ms`), { code: 'ETIMEDOUT' });
}

const unreachable: ReadonlySet<string> = new Set([
  'ECONNREFUSED',
  'ENOENT',
  'EACCES',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'EHOSTDOWN',
  'EADDRNOTAVAIL',
  'EMFILE',
  'EAGAIN',
  'ETIMEDOUT',
  'UND_ERR_CONNECT_TIMEOUT',
]);

/** What the client is told of a provider that gave no answer: not reached 503, silent 504, broken 502. */
export function statusOfFailure(error: Error): 502 | 503 | 504 {
  const code = (error as NodeJS.ErrnoException).code ?? '';
  if (unreachable.has(code)) return 503;
  return code === 'UND_ERR_HEADERS_TIMEOUT' ? 504 : 502;
}
