/** A field of a head, with whatever it is to say. */
export interface RawField {
  readonly code: number;
  readonly type: string;
  /** A text, or a number. For a type of neither: bytes. */
  readonly value: string | number | Buffer;
}

/** A message as it is on the wire, right or wrong. */
export interface RawMessage {
  readonly order?: 'l' | 'B' | number;
  readonly type?: number;
  readonly flags?: number;
  readonly version?: number;
  readonly serial?: number;
  readonly fields?: readonly RawField[];
  readonly body?: Buffer;
  /** Lies about lengths. */
  readonly bodyBytes?: number;
  readonly fieldBytes?: number;
  /** What stands where zeroes have to. */
  readonly padding?: number;
}

export const text = (code: number, value: string): RawField => ({ code, type: 's', value });
export const path = (value: string): RawField => ({ code: 1, type: 'o', value });
export const number = (code: number, value: number): RawField => ({ code, type: 'u', value });
export const signature = (value: string): RawField => ({ code: 8, type: 'g', value });

/** Those of a call that is in order. */
export const callFields: readonly RawField[] = [
  path('/a'),
  text(6, 'org.example.Name'),
  text(2, 'org.example.Face'),
  text(3, 'Method'),
];

/** One text as a body. */
export function textBody(value: string, isBig = false): Buffer {
  const length = Buffer.alloc(4);
  if (isBig) length.writeUInt32BE(value.length);
  else length.writeUInt32LE(value.length);
  return Buffer.concat([length, Buffer.from(`${value}\0`, 'latin1')]);
}

/** Writes a message without looking at what it says. */
export function rawMessage(message: RawMessage = {}): Buffer {
  const { order = 'l', fields = callFields, body = Buffer.alloc(0), padding = 0 } = message;
  const isBig = order === 'B';
  const u32 = (value: number): Buffer => {
    const bytes = Buffer.alloc(4);
    return (isBig ? bytes.writeUInt32BE(value >>> 0) : bytes.writeUInt32LE(value >>> 0)) ? bytes : bytes;
  };
  let head = Buffer.alloc(16);
  const pad = (boundary: number): void => {
    const missing = (boundary - (head.length % boundary)) % boundary;
    head = Buffer.concat([head, Buffer.alloc(missing, padding)]);
  };
  const put = (bytes: Buffer): void => {
    head = Buffer.concat([head, bytes]);
  };
  for (const { code, type, value } of fields) {
    pad(8);
    put(Buffer.from([code, type.length, ...Buffer.from(type), 0]));
    if (Buffer.isBuffer(value)) put(value);
    else if (typeof value === 'number') {
      pad(4);
      put(u32(value));
    } else if (type === 'g') put(Buffer.from(`${String.fromCharCode(value.length)}${value}\0`, 'latin1'));
    else {
      pad(4);
      put(Buffer.concat([u32(value.length), Buffer.from(`${value}\0`, 'latin1')]));
    }
  }
  const written = head.length - 16;
  pad(8);
  const fixed = [typeof order === 'number' ? order : order.charCodeAt(0), message.type ?? 1];
  Buffer.from([...fixed, message.flags ?? 0, message.version ?? 1]).copy(head);
  u32(message.bodyBytes ?? body.length).copy(head, 4);
  u32(message.serial ?? 1).copy(head, 8);
  u32(message.fieldBytes ?? written).copy(head, 12);
  return Buffer.concat([head, body]);
}
