import {
  connectionOptions,
  isClaim,
  isIdentityClaim,
  isOfOneConnection,
  withoutNames,
} from './header-names.ts';
import { type RequestTarget, readAnyTarget, readHost, readTarget } from './request-target.ts';

/** A request as it came, in the parser's words. */
export interface RawRequest {
  readonly method: string;
  readonly target: string;
  /** `1.1`. */
  readonly version: string;
  /** Name, value, name, value …, in their order. */
  readonly fields: readonly string[];
}

/** How a request says where its content ends. */
export type Framing =
  | { readonly type: 'none' }
  | { readonly type: 'length'; readonly length: string }
  | { readonly type: 'chunked' };

/** A request that can be read in one way only. */
export interface RequestHead {
  readonly target: RequestTarget;
  /** In lower case, without its port; empty where an HTTP/1.0 client names none. */
  readonly host: string;
  /** `Host` as it is passed on; empty where there is none. */
  readonly authority: string;
  readonly framing: Framing;
  /** Fields to pass on (name, value …): without those of the connection, of framing, of the host, and without claims. */
  readonly fields: readonly string[];
  /** The client waits for `100 Continue` before it sends content. */
  readonly awaitsContinue: boolean;
  /** The client asks for a stream of events (`Accept: text/event-stream`), which may be silent for long. */
  readonly asksForEvents: boolean;
  /** The client takes trailers (`TE: trailers`). */
  readonly takesTrailers: boolean;
}

/** A request that is not passed on. The connection on which it came is closed. */
export interface RefusedRequest {
  readonly status: number;
  readonly reason: string;
}

/** What differs between kinds of listeners. */
export interface HeadRules {
  readonly readTarget: (target: string) => RequestTarget | null;
  /** In lower case; true for fields that a client may not send. */
  readonly isClaim: (name: string) => boolean;
}

/** Of http listeners (ING-6): a path decides who gets the request. */
export const routedRules: HeadRules = { readTarget, isClaim };

/** Of rest links (LINK-5). */
export const linkRules: HeadRules = { readTarget: readAnyTarget, isClaim: isIdentityClaim };

/** More headers than any client has use for, and as many as HAProxy takes. */
const maximumFields = 100;

/** What is collected on the way through the fields. */
interface Collected {
  readonly fields: string[];
  readonly hosts: string[];
  readonly codings: string[];
  readonly lengths: string[];
  connection: string;
  expect: string;
  te: string;
  asksForEvents: boolean;
}

/**
 * Reads the head of a request, beyond what the parser (llhttp, strict) has refused already: what two readers could understand in two
 * ways is refused (RFC 9112 3.2, 6.1, 11.2), so that a provider sees the request that was routed.
 */
export function readHead(request: RawRequest, rules: HeadRules): RequestHead | RefusedRequest {
  const { version } = request;
  if (version !== '1.1' && version !== '1.0') {
    return refused(version === '0.9' ? 400 : 505, `found HTTP/${version}, expected HTTP/1.1`);
  }
  if (request.fields.length > 2 * maximumFields)
    return refused(431, `there are more than ${maximumFields} headers`);
  if (request.method === 'TRACE')
    return refused(405, 'TRACE would give back headers that the client may not see');
  const target = rules.readTarget(request.target);
  if (target === null) return refused(400, 'the request target is not a plain path or http:// URL');
  const collected = collect(request.fields, rules);
  const authority = authorityOf(target, collected.hosts, version);
  if (typeof authority !== 'string') return authority;
  const host = authority === '' ? '' : readHost(authority);
  if (host === null) return refused(400, 'Host is not a host name or address with a port');
  const framing = framingOf(collected, version);
  if ('status' in framing) return framing;
  const expect = collected.expect.toLowerCase();
  if (expect !== '' && expect !== '100-continue') return refused(417, 'the only expectation is 100-continue');
  return {
    target,
    host,
    authority,
    framing,
    fields: remaining(collected),
    asksForEvents: collected.asksForEvents,
    awaitsContinue: expect !== '' && version === '1.1',
    takesTrailers: collected.te !== '' && /(?:^|[,\s])trailers(?:[,\s]|$)/i.test(collected.te),
  };
}

function refused(status: number, reason: string): RefusedRequest {
  return { status, reason };
}

function collect(raw: readonly string[], rules: HeadRules): Collected {
  const into: Collected = {
    fields: [],
    hosts: [],
    codings: [],
    lengths: [],
    connection: '',
    expect: '',
    te: '',
    asksForEvents: false,
  };
  for (let at = 0; at < raw.length; at += 2) {
    const [name = '', value = ''] = [raw[at], raw[at + 1]];
    take(into, name, value, rules);
  }
  return into;
}

function take(into: Collected, name: string, value: string, rules: HeadRules): void {
  const lower = name.toLowerCase();
  switch (lower) {
    case 'host':
      into.hosts.push(value);
      return;
    case 'content-length':
      into.lengths.push(value);
      return;
    case 'transfer-encoding':
      into.codings.push(value);
      return;
    case 'connection':
      into.connection = into.connection === '' ? value : `${into.connection},${value}`;
      return;
    case 'expect':
      into.expect = into.expect === '' ? value : `${into.expect},${value}`;
      return;
    case 'te':
      into.te = into.te === '' ? value : `${into.te},${value}`;
      return;
    case 'accept':
      into.asksForEvents ||= value.includes('text/event-stream');
      into.fields.push(name, value);
      return;
    default:
      if (!isOfOneConnection(lower) && !rules.isClaim(lower)) into.fields.push(name, value);
  }
}

/** An absolute target counts, and `Host` does not (RFC 9112 3.2.2); but there has to be exactly one all the same. */
function authorityOf(
  target: RequestTarget,
  hosts: readonly string[],
  version: string,
): string | RefusedRequest {
  const [host = '', second] = hosts;
  if (second !== undefined) return refused(400, `found ${hosts.length} Host headers, expected one`);
  if (host === '' && version === '1.1') return refused(400, 'there is no Host');
  return target.authority ?? host;
}

function framingOf({ codings, lengths }: Collected, version: string): Framing | RefusedRequest {
  const [length, secondLength] = lengths;
  const [coding] = codings;
  if (coding === undefined) {
    if (length === undefined) return { type: 'none' };
    if (secondLength !== undefined || !/^\d+$/.test(length))
      return refused(400, 'Content-Length is not one number');
    return { type: 'length', length };
  }
  if (length !== undefined) return refused(400, 'there are both Content-Length and Transfer-Encoding');
  if (version === '1.0') return refused(400, 'HTTP/1.0 has no Transfer-Encoding');
  if (codings.length > 1) return refused(400, 'there is more than one Transfer-Encoding');
  return coding.toLowerCase() === 'chunked'
    ? { type: 'chunked' }
    : refused(400, 'the only transfer coding is chunked');
}

function remaining({ connection, fields }: Collected): readonly string[] {
  if (connection === '' || connection === 'keep-alive' || connection === 'close') return fields;
  const named = connectionOptions(connection);
  return named.length === 0 ? fields : withoutNames(fields, named);
}
