import { endianness } from 'node:os';
import { SystemCallError, type SystemCalls } from './system-calls.ts';

/** Sockets and messages of netlink(7), for the little that no command tells or does. */

const family = 16;
const rawSocket = 3;
const nonBlocking = 0x800;
const closeOnExec = 0x80000;

const headerBytes = 16;
const attributeHeaderBytes = 4;
/** Flags of an attribute's type (linux/netlink.h): it has attributes within, its bytes are in network order. */
const attributeFlags = 0xc000;

/** One number with two names. */
const nothingThere: ReadonlySet<string> = new Set(['EAGAIN', 'EWOULDBLOCK']);

const errorMessage = 2;
const doneMessage = 3;

/** More than the kernel puts into one datagram. */
const bufferBytes = 64 * 1024;
const littleEndian = endianness() === 'LE';

/** Flags of a request (linux/netlink.h). */
export const netlinkFlags = { request: 0x1, acknowledge: 0x4, dump: 0x300 } as const;

export interface NetlinkMessage {
  readonly type: number;
  readonly payload: Buffer;
}

export interface NetlinkAttribute {
  readonly type: number;
  readonly payload: Buffer;
}

const aligned = (length: number): number => (length + 3) & ~3;
const viewOf = (bytes: Buffer): DataView => new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);

/** One request. */
export function encodeMessage(type: number, flags: number, payload: Buffer): Buffer {
  const bytes = Buffer.alloc(headerBytes + payload.length);
  const view = viewOf(bytes);
  view.setUint32(0, bytes.length, littleEndian);
  view.setUint16(4, type, littleEndian);
  view.setUint16(6, flags | netlinkFlags.request, littleEndian);
  payload.copy(bytes, headerBytes);
  return bytes;
}

/** The messages of one datagram; what of it is cut off or says a length that cannot be is left out. */
export function decodeMessages(bytes: Buffer): readonly NetlinkMessage[] {
  return decodeRecords(bytes, headerBytes, (view, at) => ({
    length: view.getUint32(at, littleEndian),
    type: view.getUint16(at + 4, littleEndian),
  }));
}

/** One attribute, padded. */
export function encodeAttribute(type: number, payload: Buffer): Buffer {
  const bytes = Buffer.alloc(aligned(attributeHeaderBytes + payload.length));
  const view = viewOf(bytes);
  view.setUint16(0, attributeHeaderBytes + payload.length, littleEndian);
  view.setUint16(2, type, littleEndian);
  payload.copy(bytes, attributeHeaderBytes);
  return bytes;
}

/** The attributes in `bytes`, their types without flags. */
export function decodeAttributes(bytes: Buffer): readonly NetlinkAttribute[] {
  return decodeRecords(bytes, attributeHeaderBytes, (view, at) => ({
    length: view.getUint16(at, littleEndian),
    type: view.getUint16(at + 2, littleEndian) & ~attributeFlags,
  }));
}

type ReadHeader = (view: DataView, at: number) => { readonly length: number; readonly type: number };

function decodeRecords(bytes: Buffer, header: number, read: ReadHeader): readonly NetlinkMessage[] {
  const view = viewOf(bytes);
  const records: NetlinkMessage[] = [];
  for (let at = 0; at + header <= bytes.length; ) {
    const { length, type } = read(view, at);
    if (length < header || at + length > bytes.length) break;
    records.push({ type, payload: bytes.subarray(at + header, at + length) });
    at += aligned(length);
  }
  return records;
}

/** What the kernel answered: messages, and whether more is to come. `errorCode` 0: it was done. */
interface Answer {
  readonly messages: readonly NetlinkMessage[];
  readonly ended: boolean;
  readonly errorCode: number;
}

function readAnswer(messages: readonly NetlinkMessage[]): Answer {
  const end = messages.find(({ type }) => type === errorMessage || type === doneMessage);
  const errorCode =
    end === undefined || end.payload.length < 4 ? 0 : viewOf(end.payload).getInt32(0, littleEndian);
  const told = messages.filter(({ type }) => type !== errorMessage && type !== doneMessage);
  return { messages: told, ended: end !== undefined, errorCode: Math.abs(errorCode) };
}

/** The kernel refused a request. */
export class NetlinkError extends Error {
  override readonly name = 'NetlinkError';
  /** Number of the error (errno(3)), such as 2 for ENOENT. */
  readonly errorCode: number;

  constructor(what: string, errorCode: number) {
    super(`${what}: the kernel answered with error ${errorCode}`);
    this.errorCode = errorCode;
  }
}

/** One socket. Its calls are synchronous: the kernel answers before it returns from `send`, and goes on with a dump whenever it is read. */
export class NetlinkSocket {
  readonly descriptor: number;
  readonly #calls: SystemCalls;
  readonly #buffer = Buffer.alloc(bufferBytes);

  /** `protocol`: see netlink(7). `groups`: bits of the multicast groups to hear. Throws SystemCallError. */
  constructor(calls: SystemCalls, protocol: number, groups = 0) {
    this.#calls = calls;
    this.descriptor = calls.socket(family, rawSocket | nonBlocking | closeOnExec, protocol);
    const address = Buffer.alloc(12);
    viewOf(address).setUint16(0, family, littleEndian);
    viewOf(address).setUint32(8, groups, littleEndian);
    try {
      calls.bind(this.descriptor, address, address.length);
    } catch (error) {
      this.close();
      throw error;
    }
  }

  /**
   * All that the kernel answers to a request, datagram by datagram. Throws a NetlinkError, whose text begins with `what`, where it refuses,
   * and SystemCallError.
   */
  *ask(what: string, message: Buffer): Generator<readonly NetlinkMessage[]> {
    this.#calls.send(this.descriptor, message, message.length, 0);
    for (;;) {
      const datagram = this.receive();
      if (datagram === null) throw new SystemCallError('recv', 'EAGAIN');
      const { messages, ended, errorCode } = readAnswer(datagram);
      if (errorCode !== 0) throw new NetlinkError(what, errorCode);
      yield messages;
      if (ended) return;
    }
  }

  /** One datagram. Null: there is none. Throws SystemCallError, with ENOBUFS where some were lost. */
  receive(): readonly NetlinkMessage[] | null {
    try {
      const length = this.#calls.recv(this.descriptor, this.#buffer, this.#buffer.length, 0);
      return decodeMessages(Buffer.from(this.#buffer.subarray(0, length)));
    } catch (error) {
      if (error instanceof SystemCallError && nothingThere.has(error.code)) return null;
      throw error;
    }
  }

  close(): void {
    this.#calls.close(this.descriptor);
  }
}
