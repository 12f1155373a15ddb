/** Why an object could not be taken in or read. */
export type ObjectErrorCode =
  /** The name is not a sha256. */
  | 'NotADigest'
  /** The content that came in has another sha256 than its name. */
  | 'ObjectMismatch'
  | 'ObjectMissing'
  /** What the store holds does not have the sha256 that it was stored under: the disk has lost it. */
  | 'ObjectCorrupt'
  /** More bytes than the caller takes. */
  | 'TooLarge'
  /** Text was asked for, and it is not UTF-8. */
  | 'NotUtf8';

/** A problem with one object, with the parts that a finding has. */
export class ObjectError extends Error {
  override readonly name = 'ObjectError';
  readonly code: ObjectErrorCode;
  readonly found: string;
  readonly expected: string;

  constructor(code: ObjectErrorCode, found: string, expected: string) {
    super(`found ${found}, expected ${expected}`);
    this.code = code;
    this.found = found;
    this.expected = expected;
  }
}

/** `bytes` as text, every character of it kept; throws an ObjectError when they are not UTF-8. */
export function textOf(sha256: string, bytes: Uint8Array): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
    throw new ObjectError('NotUtf8', `bytes that are not UTF-8 in object ${sha256}`, 'a text');
  }
}

/** Throws an ObjectError when an object has more bytes than the caller takes. */
export function limitSize(sha256: string, bytes: number, maxBytes: number): void {
  if (bytes <= maxBytes) return;
  throw new ObjectError('TooLarge', `${bytes} bytes in object ${sha256}`, `at most ${maxBytes} bytes`);
}
