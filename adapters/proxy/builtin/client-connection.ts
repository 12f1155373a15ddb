import type { Socket } from 'node:net';
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
  #countedIn = 0;
  #countedOut = 0;
  /** Bytes that had come when the last request was over. */
  #readBefore = 0;
  #looks = 0;

  constructor(socket: Socket) {
    this.socket = socket;
    this.address = socket.remoteAddress ?? 'unknown';
  }

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

  /** Ends all that goes on over it. */
  cut(): void {
    for (const exchange of this.exchanges) exchange.cut();
  }
}
