import { chmodSync, lstatSync, renameSync, rmSync } from 'node:fs';
import { createServer, type Server, type Socket } from 'node:net';
import { ProxyError } from '../proxy.ts';

/** As many as the kernel lets us (it takes the smaller of this and `net.core.somaxconn`): a burst waits instead of being refused. */
const backlog = 4096;

/** Beside the path, so that nobody ever finds a socket there that refuses, or that not everybody may use. */
const aside = '.new';

/**
 * A unix socket at a path, which whoever reaches it may use. It is made beside, and takes the path when it is shown; what was there before, such as
 * the socket of a process that was killed, is replaced.
 */
export class LinkSocket {
  readonly path: string;
  readonly #server: Server;
  readonly #listener: string;
  #inode: bigint | null = null;

  /** `listener`: by which errors call it. Nothing is read of a connection that is taken. */
  constructor(listener: string, path: string, take: (consumer: Socket) => void) {
    this.path = path;
    this.#listener = listener;
    this.#server = createServer({ pauseOnConnect: true, allowHalfOpen: false }, take);
  }

  /** Listens; nobody finds it yet. Rejects with a ProxyError. */
  async open(): Promise<void> {
    const path = this.path + aside;
    try {
      rmSync(path, { force: true });
      await listen(this.#server, path);
      chmodSync(path, 0o666);
      this.#inode = inodeOf(path);
    } catch (error) {
      throw this.#failed(error);
    }
  }

  /** Takes its place. Throws a ProxyError. */
  show(): void {
    try {
      renameSync(this.path + aside, this.path);
    } catch (error) {
      throw this.#failed(error);
    }
  }

  /** Listens no more, and takes away its file where that is still its own. Connections that were taken stay. */
  close(): void {
    for (const path of [this.path, this.path + aside]) {
      if (this.#inode !== null && inodeOf(path) === this.#inode) rmSync(path, { force: true });
    }
    this.#server.close();
  }

  #failed(error: unknown): ProxyError {
    const why = error instanceof Error ? error.message : String(error);
    const message = `link '${this.#listener}': can't listen at ${this.path}: ${why}`;
    return new ProxyError('ProxyFailed', message, { listener: this.#listener });
  }
}

function listen(server: Server, path: string): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  server.once('error', reject);
  server.listen({ path, backlog }, () => {
    server.off('error', reject);
    // Running out of descriptors costs the connection that is to be taken, and nothing else.
    server.on('error', () => {});
    resolve();
  });
  return promise;
}

/** Null where there is nothing. */
function inodeOf(path: string): bigint | null {
  return lstatSync(path, { bigint: true, throwIfNoEntry: false })?.ino ?? null;
}
