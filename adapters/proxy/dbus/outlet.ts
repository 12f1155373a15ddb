import type { Socket } from 'node:net';
import type { Buffers } from './buffers.ts';

/** Towards one side: messages that are passed on, and between them some of our own. */
export class Outlet {
  readonly #socket: Socket;
  readonly #buffers: Buffers;
  #isBetween = true;
  #own: Buffer[] = [];
  #ownBytes = 0;

  constructor(socket: Socket, buffers: Buffers) {
    this.#socket = socket;
    this.#buffers = buffers;
  }

  /** The other side takes no more for now; its 'drain' tells when it does. */
  get isFull(): boolean {
    return this.#socket.writableNeedDrain;
  }

  /** Bytes that wait to be taken. */
  get backlog(): number {
    return this.#socket.writableLength + this.#ownBytes;
  }

  /** `isWhole`: a message ends here. The bytes are copied: what they were read into is used again. */
  pass(bytes: Buffer, isWhole: boolean): void {
    const copy = this.#buffers.copy(bytes);
    this.#socket.write(copy.bytes, copy.done);
    this.#isBetween = isWhole;
  }

  /** Sends a message of our own, with the next `flush` between two messages. */
  say(message: Buffer): void {
    this.#own.push(message);
    this.#ownBytes += message.length;
  }

  flush(): void {
    if (!this.#isBetween || this.#ownBytes === 0) return;
    const own = Buffer.concat(this.#own);
    this.#own = [];
    this.#ownBytes = 0;
    this.#socket.write(own);
  }
}
