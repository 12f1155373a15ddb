import { chmodSync, closeSync, constants, mkdirSync, openSync, renameSync, rmSync } from 'node:fs';
import { createServer, type Server, type Socket } from 'node:net';
import { dirname, join } from 'node:path';
import { type Observable, Subject } from 'rxjs';
import type { After } from '../linux/network-monitor.ts';
import type { Layout } from './layout.ts';
import { readyConversation } from './ready-protocol.ts';

/** Where it is inside the container. */
export const readyDirectory = 'run/holdfast';

/** Connections of one container at a time; more are closed at once. */
const connectionLimit = 4;

/** Connections that wait to be taken; more are refused by the kernel (listen(2)). */
const backlog = 16;

/** More connections than this within the time, and nobody listens for the time after. */
const burstLimit = 64;
const burstMs = 1000;
const restMs = 10_000;

export interface ReadySocketsOptions {
  readonly layout: Layout;
  /** The clock's. */
  readonly after: After;
  /** A container says that it is ready. Null: that is taken; else why it is not. */
  readonly take: (name: string) => string | null;
}

/** A listener, and what ends it. */
interface Listener {
  readonly close: () => void;
}

/** Returns what ends every conversation of a server: what was begun to be said in one run must not be heard in the next. */
function hangingUp(server: Server): () => void {
  const open = new Set<Socket>();
  server.on('connection', (socket) => {
    open.add(socket);
    socket.once('close', () => open.delete(socket));
  });
  return () => {
    for (const socket of open) socket.destroy();
  };
}

/**
 * One unix socket for each container that is to say when it is ready (CTR-6), in a directory of its own, which is mounted into that container
 * alone: the path is the sender. A container that outlives its controller sees the socket of the next one there, since the directory is
 * mounted and not the socket.
 */
export class ReadySockets {
  readonly #options: ReadySocketsOptions;
  /** Sockets are made here, out of reach of any container, and moved to their place when they are whole. */
  readonly #making: string;
  readonly #listeners = new Map<string, Listener>();
  readonly #failed = new Subject<string>();
  /** Held open: a path through it is short, however long ours is (sun_path takes 107 bytes). */
  #makingFile: number | null = null;

  constructor(options: ReadySocketsOptions) {
    this.#options = options;
    this.#making = join(dirname(options.layout.container('any').ready), '.making');
  }

  /** Why somebody is not listened to any more who should be. */
  get failed(): Observable<string> {
    return this.#failed;
  }

  /** Makes everything anew for a container that does not run. Rejects where that can't be. */
  async prepare(name: string): Promise<void> {
    this.remove(name);
    await this.attend(name);
  }

  /** Listens to a container, unless it does already. */
  async attend(name: string): Promise<void> {
    if (this.#listeners.has(name)) return;
    const { take, after } = this.#options;
    const converse = readyConversation({ take: () => take(name), after });
    const server = createServer({ allowHalfOpen: true });
    const hangUp = hangingUp(server);
    this.#limit(name, server, hangUp);
    server.on('connection', converse);
    await this.#listen(name, server, hangUp);
  }

  /** Listens no more. What the container has said stands. */
  release(name: string): void {
    this.#listeners.get(name)?.close();
    this.#listeners.delete(name);
  }

  /** Takes the directory away, too. */
  remove(name: string): void {
    this.release(name);
    rmSync(this.#options.layout.container(name).ready, { recursive: true, force: true });
  }

  close(): void {
    this.#failed.complete();
    for (const name of [...this.#listeners.keys()]) this.release(name);
    if (this.#makingFile !== null) closeSync(this.#makingFile);
    this.#makingFile = null;
  }

  #listen(name: string, server: Server, hangUp: () => void): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const made = `/proc/self/fd/${this.#openMaking()}/${name}`;
    rmSync(made, { force: true });
    let isListening = false;
    const close = () => {
      server.close();
      hangUp();
    };
    this.#listeners.set(name, { close });
    server.on('error', (error) => {
      reject(error);
      if (this.#listeners.get(name)?.close !== close) return;
      this.release(name);
      if (isListening)
        this.#failed.next(`the readiness socket of container '${name}' failed: ${error.message}`);
    });
    server.listen({ path: made, backlog }, () => {
      try {
        isListening = true;
        this.#moveIntoPlace(name, made);
        resolve();
      } catch (error) {
        this.release(name);
        reject(error);
      }
    });
    return promise;
  }

  /** The directory may be full of what a container put there: it can have made its mount writable. */
  #moveIntoPlace(name: string, made: string): void {
    const { ready } = this.#options.layout.container(name);
    // Any process of the container may speak for it.
    chmodSync(made, 0o666);
    mkdirSync(ready, { recursive: true, mode: 0o755 });
    const socket = join(ready, 'ready.sock');
    rmSync(socket, { recursive: true, force: true });
    renameSync(made, socket);
  }

  #openMaking(): number {
    if (this.#makingFile === null) {
      mkdirSync(this.#making, { recursive: true, mode: 0o700 });
      this.#makingFile = openSync(this.#making, constants.O_RDONLY | constants.O_DIRECTORY);
    }
    return this.#makingFile;
  }

  /** A container that does nothing but connect costs no more than some of its connections. */
  #limit(name: string, server: Server, hangUp: () => void): void {
    server.maxConnections = connectionLimit;
    let count = 0;
    const tire = () => {
      count += 1;
      if (count === 1) this.#options.after(burstMs, () => (count = 0));
      if (count !== burstLimit) return;
      server.close();
      const cancel = this.#options.after(restMs, () => void this.#attendAgain(name));
      const close = () => {
        cancel();
        hangUp();
      };
      this.#listeners.set(name, { close });
    };
    server.on('connection', tire).on('drop', tire);
  }

  async #attendAgain(name: string): Promise<void> {
    this.#listeners.delete(name);
    try {
      await this.attend(name);
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      this.#failed.next(`the readiness socket of container '${name}' could not be made: ${why}`);
    }
  }
}
