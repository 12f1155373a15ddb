import { Socket } from 'node:net';
import { contained } from '../containment.ts';
import type { Buffers } from './buffers.ts';
import { BusHandshake, beginning, introduction } from './bus-handshake.ts';
import { ClientHandshake } from './client-handshake.ts';
import { Dialogue } from './dialogue.ts';
import type { LinkTurn } from './link-turn.ts';
import { ProtocolViolation } from './message.ts';
import { MessageStream } from './message-stream.ts';
import { Outlet } from './outlet.ts';
import { BusUnhelpful } from './own-calls.ts';
import type { PendingShare } from './pending.ts';

export interface SessionOptions {
  /** Descriptors of the consumer's connection and of one to the bus: the session's from now on. */
  readonly consumer: number;
  readonly bus: number;
  readonly buffers: Buffers;
  readonly claimedUid: number;
  readonly granted: string | null;
  /** See Standing. */
  readonly names: Set<string>;
  readonly pending: PendingShare;
  readonly denied: () => void;
  /** Of the link, for all its sessions. */
  readonly turn: LinkTurn;
  /** Is told of errors of our own; each costs this session. */
  readonly complain: (error: unknown) => void;
  /** The bus has given it a name. */
  readonly named: () => void;
  /** Both connections are closed. */
  readonly ended: () => void;
}

/** As many bytes of our own may wait for one side until nothing more is read that could lead to more of them. */
const mostWaiting = 256 * 1024;

/** Of what a consumer says before the bus has answered so many bytes are kept, and what comes in the same read; then no more is read. */
const mostEarly = 16 * 1024;
const nothing = Buffer.alloc(0);

/**
 * One connection of a consumer, and the one to the bus that stands for it. What a side does not take is not read from the other: neither costs more
 * than some hundred kilobytes. Each ends with the other, once that has what was sent to it.
 */
export class Session {
  readonly #options: SessionOptions;
  readonly #consumer: Socket;
  readonly #bus: Socket;
  readonly #toConsumer: Outlet;
  readonly #toBus: Outlet;
  readonly #dialogue: Dialogue;
  readonly #fromConsumer: MessageStream;
  readonly #fromBus: MessageStream;
  readonly #busHandshake = new BusHandshake();
  /** Null before the bus has let us in, and after the consumer was let in. */
  #clientHandshake: ClientHandshake | null = null;
  /** What the consumer has said before the bus has answered. */
  #early: Buffer = nothing;
  #isOpen = false;

  constructor(options: SessionOptions) {
    const { granted, names, pending, denied, named, buffers } = options;
    this.#options = options;
    this.#consumer = this.#socket(options.consumer, (bytes) => this.#ofConsumer(bytes));
    this.#bus = this.#socket(options.bus, (bytes) => this.#ofBus(bytes));
    this.#toConsumer = new Outlet(this.#consumer, buffers);
    this.#toBus = new Outlet(this.#bus, buffers);
    const dialogue = new Dialogue(granted, names, pending, {
      toConsumer: (message) => this.#toConsumer.say(message),
      toBus: (messages) => this.#toBus.say(messages),
      denied,
      named,
    });
    this.#dialogue = dialogue;
    this.#fromConsumer = new MessageStream({
      needed: (message) => dialogue.neededFromConsumer(message),
      judge: (message, body) => dialogue.fromConsumer(message, body),
      pass: (bytes, isWhole) => this.#toBus.pass(bytes, isWhole),
    });
    this.#fromBus = new MessageStream({
      needed: (message) => dialogue.neededFromBus(message),
      judge: (message, body) => dialogue.fromBus(message, body),
      pass: (bytes, isWhole) => this.#toConsumer.pass(bytes, isWhole),
    });
    this.#attend();
  }

  /** What may be called is another from now on. */
  grant(granted: string | null): void {
    this.#contained(() => {
      this.#dialogue.grant(granted);
      if (this.#isOpen) this.#settle();
    })();
  }

  /** The link's turn is over, or begins anew: reads accordingly. */
  readonly takeTurn = (): void => this.#contained(() => this.#read())();

  /** At once, whatever has yet to be sent. */
  readonly cut = (): void => {
    this.#consumer.destroy();
    this.#bus.destroy();
  };

  #attend(): void {
    const [consumer, bus] = [this.#consumer, this.#bus];
    // The rest of what was sent arrives, a half-closed connection is none.
    endsWith(consumer, bus);
    endsWith(bus, consumer);
    const closed = (): void => {
      if (!(consumer.destroyed && bus.destroyed)) return;
      this.#dialogue.end();
      this.#options.ended();
    };
    consumer.once('close', closed);
    bus.once('close', closed);
    const settle = this.#contained(() => this.#settle());
    consumer.on('drain', settle);
    bus.on('drain', settle);
    // The bus is asked first.
    bus.write(introduction(this.#options.claimedUid), 'latin1');
  }

  #socket(fd: number, read: (bytes: Buffer) => void): Socket {
    const { forReading: buffer } = this.#options.buffers;
    const contained = this.#contained(read);
    const callback = (count: number): boolean => {
      contained(buffer.subarray(0, count));
      this.#options.turn.spend(count);
      return true;
    };
    return new Socket({ fd, readable: true, writable: true, onread: { buffer, callback } });
  }

  /** What a side has said wrongly ends the session, and is nobody else's concern. */
  #contained<Args extends readonly unknown[]>(work: (...args: Args) => void): (...args: Args) => void {
    return contained((error) => {
      if (!(error instanceof ProtocolViolation || error instanceof BusUnhelpful))
        this.#options.complain(error);
      this.cut();
    }, work);
  }

  #ofConsumer(bytes: Buffer): void {
    if (this.#isOpen) this.#fromConsumer.push(bytes);
    else if (this.#clientHandshake === null) this.#keep(bytes);
    else this.#authenticate(bytes);
    this.#settle();
  }

  /** The bus has not answered. It is read all the same, so that who has lost patience is seen to go. */
  #keep(bytes: Buffer): void {
    this.#early = Buffer.concat([this.#early, bytes]);
    if (this.#early.length >= mostEarly) this.#consumer.pause();
  }

  #authenticate(bytes: Buffer): void {
    const { say, state, rest } = this.#clientHandshake?.push(bytes) ?? {
      say: '',
      state: 'refused',
      rest: bytes,
    };
    if (say !== '') this.#consumer.write(say);
    if (state === 'refused') this.#refuse();
    if (state !== 'done') return;
    this.#clientHandshake = null;
    this.#isOpen = true;
    this.#bus.write(beginning);
    if (rest.length > 0) this.#fromConsumer.push(rest);
  }

  /** It gets what was said to it last, and is listened to no more. */
  #refuse(): void {
    this.#consumer.pause();
    this.#consumer.destroySoon();
    this.#bus.destroy();
  }

  #ofBus(bytes: Buffer): void {
    if (this.#isOpen) {
      this.#fromBus.push(bytes);
      this.#settle();
      return;
    }
    const answer = this.#clientHandshake === null ? this.#busHandshake.push(bytes) : unasked;
    if (answer === null) return;
    if (answer === unasked) throw new ProtocolViolation('a bus spoke before it was asked');
    this.#clientHandshake = new ClientHandshake(answer.type === 'in' ? answer.guid : null);
    this.#consumer.resume();
    const early = this.#early;
    this.#early = nothing;
    this.#authenticate(early);
    this.#settle();
  }

  /** Sends what is ours, goes on with what had to wait, and reads as long as what is read can go somewhere. */
  #settle(): void {
    if (!this.#isOpen) return;
    this.#toBus.flush();
    if (this.#fromConsumer.isHolding && !this.#dialogue.isWaiting) this.#fromConsumer.release();
    this.#toBus.flush();
    this.#toConsumer.flush();
    this.#read();
  }

  #read(): void {
    if (!this.#isOpen) return;
    const { isOver } = this.#options.turn;
    const mayAsk = !isOver && !this.#fromConsumer.isHolding && !this.#toBus.isFull;
    read(this.#consumer, mayAsk && this.#toConsumer.backlog < mostWaiting);
    read(this.#bus, !isOver && !this.#toConsumer.isFull && this.#toBus.backlog < mostWaiting);
  }
}

const unasked = 'unasked';

function read(socket: Socket, isToRead: boolean): void {
  if (socket.isPaused() !== isToRead) return;
  if (isToRead) socket.resume();
  else socket.pause();
}

function endsWith(one: Socket, other: Socket): void {
  // 'close' follows, and is all that is asked for.
  one.on('error', () => {});
  one.once('end', () => other.destroySoon());
  one.once('close', () => other.destroySoon());
}
