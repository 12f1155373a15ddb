import { connectionOptions, isFieldText, isOfOneConnection, withoutNames } from './header-names.ts';

/** The head of a provider's answer, as it is passed on. */
export interface ResponseHead {
  readonly status: number;
  /** Reason phrase. */
  readonly message: string;
  /** Name, value …, without those of the connection. */
  readonly fields: string[];
  /** Fields say which trailers will come. */
  readonly announcesTrailers: boolean;
  /** Bytes of content; null: it is not said beforehand. */
  readonly length: number | null;
}

/** Null where the answer could be read in two ways (RFC 9112 6.3), or not at all (4, 5): it is not passed on. */
export function readResponseHead(
  status: number,
  message: string,
  raw: readonly string[],
): ResponseHead | null {
  if (status < 100 || status > 599 || !isFieldText(message)) return null;
  let fields: string[] = [];
  let length: number | null = null;
  let connection = '';
  let chunked = false;
  let announcesTrailers = false;
  for (let at = 0; at < raw.length; at += 2) {
    const [name = '', value = ''] = [raw[at], raw[at + 1]];
    if (!isFieldText(value)) return null;
    const lower = name.toLowerCase();
    if (lower === 'trailer') announcesTrailers = true;
    if (lower === 'connection') connection = connection === '' ? value : `${connection},${value}`;
    else if (lower === 'transfer-encoding') chunked = true;
    else if (lower === 'content-length') {
      if (length !== null || !/^\d+$/.test(value)) return null;
      length = Number(value);
      // There is no content, so it can't have a length (RFC 9110 8.6).
      if (status !== 204) fields.push(name, value);
    } else if (!isOfOneConnection(lower)) fields.push(name, value);
  }
  if (chunked && length !== null) return null;
  const named = connection === '' ? [] : connectionOptions(connection);
  if (named.length > 0) fields = withoutNames(fields, named);
  return { status, message, fields, announcesTrailers, length };
}

/** Fields as the client library hands them over, as text: one byte is one character. */
export function fieldTexts(raw: readonly (Buffer | string)[]): string[] {
  return raw.map((part) => (typeof part === 'string' ? part : part.toString('latin1')));
}
