import { aligned, bus, field, fixedBytes, flag, type Message, messageType } from './message.ts';

/** The values of a body of ours: texts, numbers (u32) and lists of texts. */
export type OwnBody = readonly (string | number | readonly string[])[];

/** What a message of ours says. */
export interface OwnMessage {
  readonly type: Message['type'];
  readonly flags?: number;
  readonly serial: number;
  readonly path?: string;
  readonly interface?: string;
  readonly member?: string;
  readonly errorName?: string;
  readonly replySerial?: number;
  readonly destination?: string | null;
  readonly sender?: string;
  readonly body?: OwnBody;
}

/** A message in little endian, valid where its names are. */
export function writeMessage(message: OwnMessage): Buffer {
  const body = new Writer();
  for (const value of message.body ?? []) body.value(value);
  const head = new Writer();
  head.bytes([0x6c, message.type, message.flags ?? 0, 1]);
  head.u32(body.length);
  head.u32(message.serial);
  head.u32(0);
  writeFields(head, message);
  const written = head.length;
  head.align(8);
  const bytes = Buffer.concat([head.take(), body.take()]);
  bytes.writeUInt32LE(written - fixedBytes, fixedBytes - 4);
  return bytes;
}

/** A call to the bus that we make ourselves. */
export function callToBus(member: string, serial: number, body: readonly string[], flags = 0): Buffer {
  return writeMessage({
    type: messageType.call,
    flags,
    serial,
    path: bus.path,
    interface: bus.interface,
    member,
    destination: bus.name,
    body,
  });
}

/** Whom an answer is for; without a sender the bus is to write that. */
type Answer = Pick<OwnMessage, 'replySerial' | 'destination' | 'sender'>;

/** Nobody answers what is no call. */
const unansweredSerial = 2 ** 32 - 1;

export function answerMessage(answer: Answer, body: OwnBody): Buffer {
  const flags = flag.noReplyExpected;
  return writeMessage({ type: messageType.answer, flags, serial: unansweredSerial, ...answer, body });
}

/** `why` may quote whatever the other side has said. */
export function errorMessage(
  answer: Answer,
  { error: errorName, why }: { readonly error: string; readonly why: string },
): Buffer {
  const flags = flag.noReplyExpected;
  const body = [why.replace(/[^ -~]/g, '?')];
  return writeMessage({
    type: messageType.error,
    flags,
    serial: unansweredSerial,
    errorName,
    ...answer,
    body,
  });
}

function writeFields(head: Writer, message: OwnMessage): void {
  const { path, interface: name, member, errorName, replySerial, destination, sender, body = [] } = message;
  const signature = body.map((value) => signatureOf(value)).join('');
  head.field(field.path, 'o', path);
  head.field(field.interface, 's', name);
  head.field(field.member, 's', member);
  head.field(field.errorName, 's', errorName);
  head.field(field.replySerial, 'u', replySerial);
  head.field(field.destination, 's', destination);
  head.field(field.sender, 's', sender);
  head.field(field.signature, 'g', signature === '' ? undefined : signature);
}

function signatureOf(value: string | number | readonly string[]): string {
  if (typeof value === 'string') return 's';
  return typeof value === 'number' ? 'u' : 'as';
}

/** Puts values one behind another, each at a multiple of its size. */
class Writer {
  readonly #parts: Buffer[] = [];
  length = 0;

  take(): Buffer {
    return Buffer.concat(this.#parts);
  }

  bytes(bytes: readonly number[] | Buffer): void {
    const part = Buffer.from(bytes);
    this.#parts.push(part);
    this.length += part.length;
  }

  align(boundary: number): void {
    this.bytes(Buffer.alloc(aligned(this.length, boundary) - this.length));
  }

  u32(value: number): void {
    this.align(4);
    const part = Buffer.alloc(4);
    part.writeUInt32LE(value);
    this.bytes(part);
  }

  value(value: string | number | readonly string[]): void {
    if (typeof value === 'number') this.u32(value);
    else if (typeof value === 'string') this.#text(value);
    else this.#list(value);
  }

  /** Nothing where there is no value. */
  field(code: number, type: 's' | 'o' | 'u' | 'g', value: string | number | null | undefined): void {
    if (value === undefined || value === null) return;
    this.align(8);
    this.bytes([code, 1, type.charCodeAt(0), 0]);
    if (typeof value === 'number') this.u32(value);
    else if (type === 'g')
      this.bytes(Buffer.from(`${String.fromCharCode(value.length)}${value}\0`, 'latin1'));
    else this.#text(value);
  }

  #text(text: string): void {
    const bytes = Buffer.from(text);
    this.u32(bytes.length);
    this.bytes(bytes);
    this.bytes([0]);
  }

  #list(texts: readonly string[]): void {
    const list = new Writer();
    for (const text of texts) list.#text(text);
    this.u32(list.length);
    this.bytes(list.take());
  }
}
