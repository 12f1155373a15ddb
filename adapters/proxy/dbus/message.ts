/** What the head of a message says (D-Bus specification, "Message Format"). Everything in it was checked; of the body nothing was. */
export interface Message {
  readonly type: (typeof messageType)[keyof typeof messageType];
  readonly isBigEndian: boolean;
  /** See `flag`. */
  readonly flags: number;
  readonly serial: number;
  /** Bytes from the first to where the body begins. */
  readonly headBytes: number;
  readonly bodyBytes: number;
  readonly path: string | null;
  readonly interface: string | null;
  readonly member: string | null;
  readonly errorName: string | null;
  readonly replySerial: number | null;
  readonly destination: string | null;
  /** Of a message that comes from a bus: the unique name of who has sent it, or the name of the bus. */
  readonly sender: string | null;
  /** Empty where there is no body. */
  readonly signature: string;
  /** How many file descriptors come with it. */
  readonly descriptors: number;
}

export const messageType = { call: 1, answer: 2, error: 3, signal: 4 } as const;

export const flag = { noReplyExpected: 1 } as const;

/** Codes of the fields in a head. */
export const field = {
  path: 1,
  interface: 2,
  member: 3,
  errorName: 4,
  replySerial: 5,
  destination: 6,
  sender: 7,
  signature: 8,
  descriptors: 9,
  container: 10,
} as const;

/** Name, interface and object of the bus itself. */
export const bus = {
  name: 'org.freedesktop.DBus',
  interface: 'org.freedesktop.DBus',
  path: '/org/freedesktop/DBus',
} as const;

/** For messages inside of one process: nobody may send them. */
export const local = {
  interface: 'org.freedesktop.DBus.Local',
  path: '/org/freedesktop/DBus/Local',
} as const;

/** What every object may have besides its own. */
export const standard = {
  peer: 'org.freedesktop.DBus.Peer',
  introspectable: 'org.freedesktop.DBus.Introspectable',
  properties: 'org.freedesktop.DBus.Properties',
  objectManager: 'org.freedesktop.DBus.ObjectManager',
} as const;

/** Of a whole message, in bytes. */
export const longestMessage = 2 ** 27;
/** The fields of a head. The specification allows 64 MiB; names and signature come to 2 kB, and the rest is the object's path. */
export const longestFields = 2 ** 16;
/** What stands before the fields. */
export const fixedBytes = 16;

/** Bytes were sent that are no message, or one that nobody may send. Whatever follows on that connection can't be understood. */
export class ProtocolViolation extends Error {
  override readonly name = 'ProtocolViolation';
}

export function expectsReply(message: Message): boolean {
  return message.type === messageType.call && (message.flags & flag.noReplyExpected) === 0;
}

/** The next place that is a multiple of `boundary`, a power of two. */
export function aligned(at: number, boundary: number): number {
  return (at + boundary - 1) & -boundary;
}
