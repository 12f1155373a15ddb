import type { Socket } from 'node:net';
import { type Caught, contained } from '../containment.ts';
import type { Exchange } from './exchange.ts';
import type { RuleCount } from './route-table.ts';

/** A connection of a client to an http listener: what goes on over it, and what of its bytes has been counted. */
export class ClientConnection {
  readonly socket: Socket;
  /** The client's address, as it is told to providers. */
  readonly address: string;
  /** More than one where the client sends requests before it has answers to those before (RFC 9112 9.3.2). */
  readonly exchanges = new Set<Exchange>();
  /** A request was refused: whatever else the parser finds behind it is none. */
  isRefused = false;
  /** Requests that are being answered; those that wait for that, and what begins to answer each. */
  #answering = 0;
  readonly #waiting: (() => void)[] = [];
  readonly #most: number;
  readonly #complain: Caught;
  #countedIn = 0;
  #countedOut = 0;
  /** Bytes that had come when the last request was over. */
  #readBefore = 0;
  #looks = 0;

  /** `most`: as many requests are answered at a time. */
  constructor(socket: Socket, most: number, complain: Caught) {
    this.socket = socket;
    this.address = socket.remoteAddress ?? 'unknown';
    this.#most = most;
    this.#complain = complain;
    // The server reads on when an answer was sent, or content of a request is wanted.
    socket.on('resume', () => {
      if (this.#waiting.length > 0) socket.pause();
    });
  }

  /** A request came whose answer is not complete. */
  get isBusy(): boolean {
    return this.#answering > 0;
  }

  /** Begins to answer a request, as soon as few enough are being answered. Until then nothing more is read. */
  take(begin: () => void): void {
    if (this.#answering < this.#most) {
      this.#answering += 1;
      begin();
      return;
    }
    this.#waiting.push(begin);
    this.socket.pause();
  }

  /** The answer to one of those that were taken is complete. */
  answered(): void {
    this.#answering -= 1;
    const next = this.#waiting.shift();
    if (next === undefined) return;
    if (this.#waiting.length === 0) this.socket.resume();
    this.take(next);
  }

  /** What should not have happened has: it is said, and costs this connection. */
  readonly fail = (error: unknown): void => {
    this.#complain(error);
    this.socket.destroy();
  };

  /** Attributes what has passed since the last call, heads included. */
  count(to: RuleCount): void {
    const { bytesRead, bytesWritten } = this.socket;
    to.bytesIn += bytesRead - this.#countedIn;
    to.bytesOut += bytesWritten - this.#countedOut;
    this.#countedIn = bytesRead;
    this.#countedOut = bytesWritten;
  }

  /** The next head is awaited from now on. */
  await(): void {
    this.#readBefore = this.socket.bytesRead;
    this.#looks = 0;
  }

  /**
   * Looked at at regular intervals while a head is awaited: how often, since it has begun. A connection that was never used has begun when
   * it was made; one that is kept is idle until there is a byte.
   */
  look(): number {
    const { bytesRead } = this.socket;
    const idle = this.#readBefore > 0 && bytesRead === this.#readBefore;
    this.#looks = idle ? 0 : this.#looks + 1;
    return this.#looks;
  }

  /** It sends no more, and may be gone altogether, which nobody tells us: what could wait for it for long is ended. */
  halfClosed(): void {
    for (const exchange of this.exchanges) {
      if (exchange.isLasting) contained(this.#complain, () => exchange.cut())();
    }
  }

  /** Ends all that goes on over it. */
  cut(): void {
    this.#waiting.length = 0;
    for (const exchange of this.exchanges) contained(this.#complain, () => exchange.cut())();
  }
}
