import { isUtf8 } from 'node:buffer';
import {
  aligned,
  field,
  fixedBytes,
  local,
  longestFields,
  longestMessage,
  type Message,
  messageType,
  ProtocolViolation,
} from './message.ts';
import { isBusName, isInterface, isMember, isObjectPath, isSignature } from './names.ts';

/**
 * How many bytes the head of the message that begins at `start` has, its padding included; null: too few are there to tell. Throws
 * ProtocolViolation where no message begins.
 */
export function headBytesAt(bytes: Buffer, start: number): number | null {
  if (bytes.length - start < fixedBytes) return null;
  const order = bytes[start];
  if (order !== littleEndian && order !== bigEndian) violate(`found byte order ${order}, expected l or B`);
  if (bytes[start + 3] !== 1) violate(`found protocol version ${bytes[start + 3]}, expected 1`);
  const isBigEndian = order === bigEndian;
  const fields = readU32(bytes, start + 12, isBigEndian);
  if (fields > longestFields)
    violate(`found a head of ${fields} bytes of fields, expected ${longestFields} at most`);
  const head = aligned(fixedBytes + fields, 8);
  const body = readU32(bytes, start + 4, isBigEndian);
  if (head + body > longestMessage)
    violate(`found a message of ${head + body} bytes, expected ${longestMessage} at most`);
  return head;
}

/** Reads the head that begins at `start` and is there as a whole. Throws ProtocolViolation. */
export function parseHead(bytes: Buffer, start: number): Message {
  const isBigEndian = bytes[start] === bigEndian;
  const type = bytes[start + 1] ?? 0;
  if (!isType(type)) violate(`found a message of type ${type}, expected 1 to 4`);
  const end = fixedBytes + readU32(bytes, start + 12, isBigEndian);
  const serial = readU32(bytes, start + 8, isBigEndian);
  if (serial === 0) violate('found serial 0, expected another');
  const fields = new FieldReader(bytes, start, end, isBigEndian).all();
  const message: Message = {
    type,
    isBigEndian,
    flags: bytes[start + 2] ?? 0,
    serial,
    headBytes: aligned(end, 8),
    bodyBytes: readU32(bytes, start + 4, isBigEndian),
    path: fields[field.path] ?? null,
    interface: fields[field.interface] ?? null,
    member: fields[field.member] ?? null,
    errorName: fields[field.errorName] ?? null,
    replySerial: fields[field.replySerial] ?? null,
    destination: fields[field.destination] ?? null,
    sender: fields[field.sender] ?? null,
    signature: fields[field.signature] ?? '',
    descriptors: fields[field.descriptors] ?? 0,
  };
  requireFields(message);
  return message;
}

const littleEndian = 0x6c;
const bigEndian = 0x42;

function violate(what: string): never {
  throw new ProtocolViolation(what);
}

function isType(type: number): type is Message['type'] {
  return type >= messageType.call && type <= messageType.signal;
}

export function readU32(bytes: Buffer, at: number, isBigEndian: boolean): number {
  return isBigEndian ? bytes.readUInt32BE(at) : bytes.readUInt32LE(at);
}

/** By the specification, "Header Fields"; that a body has a signature and the reverse is what validating it comes to. */
function requireFields(message: Message): void {
  if (!hasFields(message)) violate(`found a message of type ${message.type} that lacks a field`);
  const { bodyBytes, signature } = message;
  if (bodyBytes > 0 !== signature.length > 0)
    violate(`found a body of ${bodyBytes} bytes with the signature '${signature}'`);
}

function hasFields({ type, path, interface: name, member, errorName, replySerial }: Message): boolean {
  switch (type) {
    case messageType.call:
      return path !== null && member !== null;
    case messageType.answer:
      return replySerial !== null;
    case messageType.error:
      return replySerial !== null && errorName !== null;
    case messageType.signal:
      return path !== null && member !== null && name !== null;
  }
}

/** Fields by their code. */
type Fields = {
  [field.path]?: string;
  [field.interface]?: string;
  [field.member]?: string;
  [field.errorName]?: string;
  [field.replySerial]?: number;
  [field.destination]?: string;
  [field.sender]?: string;
  [field.signature]?: string;
  [field.descriptors]?: number;
  [field.container]?: string;
};

/** Walks the fields of one head: an array of structs of a code and a variant, each at a multiple of 8 from the beginning of the message. */
class FieldReader {
  readonly #bytes: Buffer;
  readonly #start: number;
  readonly #end: number;
  readonly #isBigEndian: boolean;
  readonly #fields: Fields = {};
  /** From the beginning of the message, as is `end`. */
  #at = fixedBytes;

  constructor(bytes: Buffer, start: number, end: number, isBigEndian: boolean) {
    this.#bytes = bytes;
    this.#start = start;
    this.#end = end;
    this.#isBigEndian = isBigEndian;
  }

  all(): Fields {
    while (this.#at < this.#end) {
      this.#skipPadding(8);
      const code = this.#byte();
      // A variant's signature: of one basic type.
      const length = this.#byte();
      const type = String.fromCharCode(this.#byte());
      if (length !== 1 || this.#byte() !== 0) violate('found a field whose value is of no basic type');
      this.#take(code, type);
    }
    for (let at = this.#end; at < aligned(this.#end, 8); at += 1) {
      if (this.#bytes[this.#start + at] !== 0) violate('found padding after the fields that is not zero');
    }
    return this.#fields;
  }

  #take(code: number, type: string): void {
    const fields = this.#fields as Record<number, string | number | undefined>;
    if (fields[code] !== undefined) violate(`found field ${code} twice`);
    const known = knownFields[code];
    if (known === undefined) {
      if (code === 0) violate('found field 0, which there is not');
      this.#skip(type);
      return;
    }
    if (known.type !== type) violate(`found field ${code} of type '${type}', expected '${known.type}'`);
    const value = type === 'u' ? this.#u32() : type === 'g' ? this.#signature() : this.#string();
    if (!known.isValid(value as never)) violate(`found ${JSON.stringify(value)} as field ${code}`);
    fields[code] = value;
  }

  /** Fields that nobody knows yet are for others. */
  #skip(type: string): void {
    if (type === 's' || type === 'o') {
      const text = this.#string();
      const isValid = type === 'o' ? isObjectPath(text) : isUtf8(Buffer.from(text, 'latin1'));
      if (!isValid || text.includes('\0')) violate('found a field that is no text');
      return;
    }
    if (type === 'g') {
      if (!isSignature(this.#signature())) violate('found a field that is no signature');
      return;
    }
    const bytes = fixedSizes[type];
    if (bytes === undefined) violate(`found a field of type '${type}', expected a basic one`);
    this.#skipPadding(bytes);
    const at = this.#advance(bytes);
    if (type === 'b' && readU32(this.#bytes, at, this.#isBigEndian) > 1) violate('found no boolean');
  }

  #string(): string {
    const length = this.#u32();
    return this.#text(length);
  }

  #signature(): string {
    return this.#text(this.#byte());
  }

  #text(length: number): string {
    const at = this.#advance(length + 1);
    if (this.#bytes[at + length] !== 0) violate('found a text that does not end in 0');
    return this.#bytes.toString('latin1', at, at + length);
  }

  #u32(): number {
    this.#skipPadding(4);
    return readU32(this.#bytes, this.#advance(4), this.#isBigEndian);
  }

  #byte(): number {
    return this.#bytes[this.#advance(1)] ?? 0;
  }

  /** Where the bytes are that were passed, in the buffer. */
  #advance(count: number): number {
    const at = this.#at;
    if (at + count > this.#end) violate('found a field that ends after the fields');
    this.#at = at + count;
    return this.#start + at;
  }

  #skipPadding(boundary: number): void {
    while (this.#at % boundary !== 0) if (this.#byte() !== 0) violate('found padding that is not zero');
  }
}

type Known =
  | { readonly type: 's' | 'o' | 'g'; readonly isValid: (text: string) => boolean }
  | { readonly type: 'u'; readonly isValid: (value: number) => boolean };

const knownFields: Readonly<Record<number, Known>> = {
  [field.path]: { type: 'o', isValid: (text) => isObjectPath(text) && text !== local.path },
  [field.interface]: { type: 's', isValid: (text) => isInterface(text) && text !== local.interface },
  [field.member]: { type: 's', isValid: isMember },
  [field.errorName]: { type: 's', isValid: isInterface },
  [field.replySerial]: { type: 'u', isValid: (serial) => serial !== 0 },
  [field.destination]: { type: 's', isValid: isBusName },
  [field.sender]: { type: 's', isValid: isBusName },
  [field.signature]: { type: 'g', isValid: isSignature },
  [field.descriptors]: { type: 'u', isValid: () => true },
  [field.container]: { type: 'o', isValid: isObjectPath },
};

const fixedSizes: Readonly<Record<string, number>> = {
  y: 1,
  n: 2,
  q: 2,
  b: 4,
  i: 4,
  u: 4,
  h: 4,
  x: 8,
  t: 8,
  d: 8,
};
