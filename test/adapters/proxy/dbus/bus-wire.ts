import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { bus, type Message } from '../../../../adapters/proxy/dbus/message.ts';
import { headBytesAt, parseHead } from '../../../../adapters/proxy/dbus/parse-head.ts';
import { type OwnMessage, writeMessage } from '../../../../adapters/proxy/dbus/write-message.ts';
import { readAll, type Said } from './talk.ts';

/** Cuts what arrives into whole messages. */
export class Messages {
  #rest = Buffer.alloc(0);

  push(bytes: Buffer): readonly Said[] {
    this.#rest = Buffer.concat([this.#rest, bytes]);
    const said: Said[] = [];
    for (;;) {
      const head = headBytesAt(this.#rest, 0);
      if (head === null || head > this.#rest.length) return said;
      const { headBytes, bodyBytes }: Message = parseHead(this.#rest, 0);
      if (headBytes + bodyBytes > this.#rest.length) return said;
      said.push(...readAll(this.#rest.subarray(0, headBytes + bodyBytes)));
      this.#rest = this.#rest.subarray(headBytes + bodyBytes);
    }
  }
}

/** A connection to a bus, or to what stands for one, byte by byte. */
export class BusWire {
  readonly socket: Socket;
  /** All that came that was awaited by nobody. */
  readonly heard: Said[] = [];
  #serial = 0;
  #text = '';
  #messages: Messages | null = null;
  readonly #waiting = new Set<() => void>();
  isClosed = false;

  constructor(path: string) {
    this.socket = connect({ path });
    this.socket.on('error', () => {});
    this.socket.on('data', (bytes: Buffer) => {
      if (this.#messages === null) this.#text += bytes.toString('latin1');
      else this.heard.push(...this.#messages.push(bytes));
      this.#wake();
    });
    this.socket.on('close', () => {
      this.isClosed = true;
      this.#wake();
    });
  }

  /** One that has authenticated, and has a name. */
  static async open(path: string): Promise<BusWire> {
    const wire = new BusWire(path);
    await wire.authenticate();
    await wire.busCall('Hello');
    return wire;
  }

  async authenticate(): Promise<void> {
    this.socket.write('\0AUTH EXTERNAL 30\r\n');
    await this.line(/^OK [0-9a-f]{32}\r\n/);
    this.begin();
  }

  /** What comes from now on are messages. */
  begin(): void {
    this.socket.write('BEGIN\r\n');
    this.#messages = new Messages();
  }

  /** What was said before messages, once it looks like this. */
  async line(expected: RegExp): Promise<string> {
    await this.until(() => expected.test(this.#text));
    return this.#text;
  }

  /** Rejects where the connection is closed before. */
  until(holds: () => boolean): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const look = (): void => {
      if (holds()) resolve();
      else if (this.isClosed)
        reject(new Error(`closed; said before: ${this.#text}, ${this.heard.length} messages`));
      else return;
      this.#waiting.delete(look);
    };
    this.#waiting.add(look);
    look();
    return promise;
  }

  async closed(): Promise<void> {
    if (!this.isClosed) await once(this.socket, 'close');
  }

  /** Returns its serial. */
  send(message: Omit<OwnMessage, 'serial'>): number {
    this.#serial += 1;
    this.socket.write(writeMessage({ ...message, serial: this.#serial }));
    return this.#serial;
  }

  /** What answers a call. */
  async call(message: Omit<OwnMessage, 'serial' | 'type'>): Promise<Said> {
    return this.answerTo(this.send({ type: 1, path: '/a', ...message }));
  }

  async answerTo(serial: number): Promise<Said> {
    let answer: Said | undefined;
    await this.until(() => {
      answer = this.heard.find(({ replySerial }) => replySerial === serial);
      return answer !== undefined;
    });
    if (answer === undefined) throw new Error('found no answer');
    this.heard.splice(this.heard.indexOf(answer), 1);
    return answer;
  }

  busCall(member: string, body: OwnMessage['body'] = []): Promise<Said> {
    return this.call({ destination: bus.name, interface: bus.interface, path: bus.path, member, body });
  }

  /** A call that every bus answers, with that serial. */
  getId(serial: number): Buffer {
    const { name: destination, interface: face, path } = bus;
    return writeMessage({ type: 1, serial, destination, interface: face, path, member: 'GetId' });
  }

  #wake(): void {
    for (const look of [...this.#waiting]) look();
  }
}
