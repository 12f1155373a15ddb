import { createHash, type Hash } from 'node:crypto';
import { once } from 'node:events';
import { get, type IncomingMessage } from 'node:http';
import { connect, type Socket } from 'node:net';
import type { ExecutionContext } from 'ava';
import { Agent, WebSocket } from 'undici';
import { fileBytes } from './provider-program.ts';

/** Connections that are open while something happens, and can tell afterwards whether it broke them. */

/** Something that is sent is to come back. */
export interface Echo {
  /** Resolves to what came back for this, rejects where the connection has ended. */
  say(words: string): Promise<string>;
}

/** A connection of bytes, until the test ends. */
export function openBytes(t: ExecutionContext, host: string, port: number): Promise<Echo> {
  return echoOver(t, connect({ host, port }), `${host}:${port}`);
}

/** The same over a unix socket. */
export function openUnix(t: ExecutionContext, path: string): Promise<Echo> {
  return echoOver(t, connect({ path }), path);
}

async function echoOver(t: ExecutionContext, socket: Socket, where: string): Promise<Echo> {
  t.teardown(() => socket.destroy());
  await once(socket, 'connect');
  const ended = once(socket, 'close').then(() => {
    throw new Error(`the connection to ${where} was closed`);
  });
  ended.catch(() => undefined);
  return {
    say: async (words) => {
      const heard = once(socket, 'data') as Promise<[Buffer]>;
      socket.write(words);
      return String((await Promise.race([heard, ended]))[0]);
    },
  };
}

/** A WebSocket, until the test ends; through a unix socket, where one is given. */
export async function openWebSocket(t: ExecutionContext, url: string, socketPath?: string): Promise<Echo> {
  const dispatcher = new Agent({ connect: socketPath === undefined ? {} : { socketPath } });
  const socket = new WebSocket(url, { dispatcher });
  t.teardown(async () => {
    socket.close();
    await dispatcher.destroy();
  });
  const ended = once(socket, 'close').then(() => {
    throw new Error(`the WebSocket ${url} was closed`);
  });
  ended.catch(() => undefined);
  await Promise.race([once(socket, 'open'), ended]);
  return {
    say: async (words) => {
      const heard = once(socket, 'message') as Promise<[MessageEvent]>;
      socket.send(words);
      return String((await Promise.race([heard, ended]))[0].data);
    },
  };
}

/** A download of the provider's file that goes on only as far as it is asked to. */
export class SlowDownload {
  readonly total: number;
  readonly #response: IncomingMessage;
  readonly #digest: Hash = createHash('sha256');
  received = 0;

  private constructor(response: IncomingMessage, total: number) {
    this.#response = response;
    this.total = total;
  }

  /** `url` leads to the root of the provider; through a unix socket, where one is given. */
  static async begin(
    t: ExecutionContext,
    url: string,
    total: number,
    socketPath?: string,
  ): Promise<SlowDownload> {
    const request = get(`${url}/file?bytes=${total}`, { agent: false, socketPath });
    t.teardown(() => request.destroy());
    const [response] = (await once(request, 'response')) as [IncomingMessage];
    if (response.statusCode !== 200) throw new Error(`${url}: ${response.statusCode}`);
    return new SlowDownload(response, total);
  }

  /** Takes at least so many bytes more, or all that there are. */
  async take(bytes: number): Promise<void> {
    const goal = Math.min(this.total, this.received + bytes);
    while (this.received < goal) {
      const part = this.#response.read() as Buffer | null;
      if (part === null) await this.#more();
      else {
        this.received += part.length;
        this.#digest.update(part);
      }
    }
  }

  /** Takes the rest; true where all of it, from the beginning, is what the provider's file is. */
  async isWhole(): Promise<boolean> {
    await this.take(this.total);
    const expected = createHash('sha256');
    for (const part of fileBytes(this.total)) expected.update(part);
    return this.received === this.total && this.#digest.digest('hex') === expected.digest('hex');
  }

  async #more(): Promise<void> {
    if (this.#response.readableEnded || this.#response.destroyed) {
      throw new Error(`the download ended after ${this.received} of ${this.total} bytes`);
    }
    const over = new AbortController();
    const { signal } = over;
    await Promise.race([
      once(this.#response, 'readable', { signal }),
      once(this.#response, 'close', { signal }),
    ]).finally(() => over.abort());
  }
}
