import { chmodSync, lstatSync, renameSync, rmSync } from 'node:fs';
import { nextTurn } from '../../linux/next-turn.ts';
import { type Polling, SystemCallError, type SystemCalls } from '../../linux/system-calls.ts';
import { contained } from '../containment.ts';
import { ProxyError } from '../proxy.ts';
import { isOutOfDescriptors, type SpareDescriptor } from './spare-descriptor.ts';
import { closeOnExec, nonBlocking, unixAddress, unixSocket } from './unix-socket.ts';

/** As many as the kernel lets us (it takes the smaller of this and `net.core.somaxconn`): a burst waits instead of being refused. */
const backlog = 4096;

/** As many are taken at a time; then others have their turn. */
const mostAtATime = 16;

/** Beside the path, so that nobody ever finds a socket there that refuses, or that not everybody may use. */
const aside = '.new';

export interface LinkSocketParts {
  readonly calls: SystemCalls;
  /** Is told of errors of our own. */
  readonly complain: (error: unknown) => void;
  readonly spare: SpareDescriptor;
  /** False: those who come have to wait, until `resume` is called. */
  readonly mayTake: () => boolean;
  /** Is given the descriptor of each connection. */
  readonly take: (connection: number) => void;
}

/**
 * A unix socket at a path, which whoever reaches it may use. It is made beside, and takes the path when it is shown; what was there before, such as
 * the socket of a process that was killed, is replaced. It is no server of Node's: those allocate 64 KiB for each time that something is read
 * (docs/decisions/dbus-proxy.md).
 */
export class LinkSocket {
  readonly path: string;
  readonly #name: string;
  readonly #parts: LinkSocketParts;
  #descriptor: number | null = null;
  #polling: Polling | null = null;
  #inode: bigint | null = null;

  /** `name`: by which errors call the link. */
  constructor(name: string, path: string, parts: LinkSocketParts) {
    this.path = path;
    this.#name = name;
    this.#parts = parts;
  }

  /** Listens; nobody finds it yet. Throws a ProxyError. */
  open(): void {
    const { calls } = this.#parts;
    const path = this.path + aside;
    try {
      rmSync(path, { force: true });
      const descriptor = unixSocket(calls);
      this.#descriptor = descriptor;
      const address = unixAddress(path);
      calls.bind(descriptor, address, address.length);
      this.#inode = inodeOf(path);
      chmodSync(path, 0o666);
      calls.listen(descriptor, backlog);
      // This is no callback of Node's own: what it throws would be lost, and no promise would go on before one that is.
      const polling = calls.poll(descriptor, () => {
        polling.stop();
        nextTurn().then(() => this.#accept(), this.#parts.complain);
      });
      this.#polling = polling;
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
    this.#polling?.close();
    if (this.#descriptor !== null) this.#parts.calls.close(this.#descriptor);
    this.#descriptor = null;
  }

  /** Takes those who wait, where that may be again. */
  resume(): void {
    if (this.#descriptor !== null && this.#parts.mayTake()) this.#polling?.start();
  }

  #accept(): void {
    const accept = contained(this.#parts.complain, () => {
      const { mayTake } = this.#parts;
      for (let taken = 0; taken < mostAtATime && mayTake() && this.#acceptOne(); taken += 1);
    });
    accept();
    this.resume();
  }

  /** False: nobody waits. */
  #acceptOne(): boolean {
    const { calls, take, complain } = this.#parts;
    const connection = this.#next();
    if (typeof connection === 'boolean') return connection;
    const refuse = (error: unknown): void => {
      complain(error);
      calls.close(connection);
    };
    contained(refuse, () => take(connection))();
    return true;
  }

  /** A connection that waits; false: none does; true: it was one that could not be taken, and there may be others. */
  #next(): number | boolean {
    const { calls, spare } = this.#parts;
    const descriptor = this.#descriptor;
    if (descriptor === null) return false;
    const accept = (): number => calls.accept4(descriptor, null, null, closeOnExec | nonBlocking);
    try {
      return accept();
    } catch (error) {
      if (!(error instanceof SystemCallError)) throw error;
      if (isOutOfDescriptors(error)) spare.lend(() => calls.close(accept()));
      return error.code !== 'EAGAIN';
    }
  }

  #failed(error: unknown): ProxyError {
    const why = error instanceof Error ? error.message : String(error);
    const message = `link '${this.#name}': can't listen at ${this.path}: ${why}`;
    return new ProxyError('ProxyFailed', message, { listener: this.#name });
  }
}

/** Null where there is nothing. */
function inodeOf(path: string): bigint | null {
  return lstatSync(path, { bigint: true, throwIfNoEntry: false })?.ino ?? null;
}
