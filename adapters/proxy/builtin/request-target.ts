/** Where a request wants to go, taken apart. */
export interface RequestTarget {
  /** The host that an absolute target names, with its port; null: the target has none, and `Host` counts. */
  readonly authority: string | null;
  /** Begins with a slash. */
  readonly path: string;
  /** With its question mark; empty where there is none. */
  readonly query: string;
}

/**
 * Takes a request target apart (RFC 9112 3.2). Null where it is not one that can be read in one way only: it is neither a path nor an
 * `http://` URL, has characters outside of ASCII, a fragment, a backslash, a broken or zero percent-encoding, or a dot segment.
 */
export function readTarget(target: string): RequestTarget | null {
  if (!visible.test(target)) return null;
  if (target.charCodeAt(0) === slash) return splitPath(target, null);
  const absolute = absoluteForm.exec(target);
  if (absolute === null) return null;
  const [, authority = '', rest = ''] = absolute;
  return splitPath(rest.startsWith('/') ? rest : `/${rest}`, authority);
}

/**
 * The same for whoever leads a path nowhere by what it says, so that it is the provider's business alone: dot segments, backslashes and all encodings stay as they are, and
 * `*` is a target, too (RFC 9112 3.2.4).
 */
export function readAnyTarget(target: string): RequestTarget | null {
  if (!/^[!"$-~]+$/.test(target)) return null;
  const [, authority = null, rest = target] = absoluteForm.exec(target) ?? [];
  const path = authority === null || rest.startsWith('/') ? rest : `/${rest}`;
  if (path !== '*' && !path.startsWith('/')) return null;
  const mark = path.indexOf('?');
  return { authority, path: mark < 0 ? path : path.slice(0, mark), query: mark < 0 ? '' : path.slice(mark) };
}

const slash = 0x2f;
/** ASCII without space, control characters, `#` and backslash. */
const visible = /^[!"$-[\]-~]+$/;
const absoluteForm = /^http:\/\/([^/?]+)(.*)$/i;

function splitPath(target: string, authority: string | null): RequestTarget | null {
  const mark = target.indexOf('?');
  const path = mark < 0 ? target : target.slice(0, mark);
  return isPlain(path) ? { authority, path, query: mark < 0 ? '' : target.slice(mark) } : null;
}

/**
 * No dot segment, however it is written: as `.`, `%2e`, before `;` (which some servers cut off), or between encoded slashes (which some
 * servers decode). What a prefix protects can then not be reached around it.
 */
function isPlain(path: string): boolean {
  if (!/[%.]/.test(path)) return true;
  if (/%(?:00|(?![0-9a-f]{2}))/i.test(path)) return false;
  const decoded = path.replace(/%2e/gi, '.').replace(/%2f|%5c/gi, '/');
  return !/\/\.{1,2}(?:[/;]|$)/.test(decoded);
}

/** `name`, `name:port`, `[IPv6]`, `[IPv6]:port` (RFC 9110 7.2), and nothing that could be read as two. */
const hostForm = /^(\[[0-9a-f:.]+\]|[a-z0-9_](?:[a-z0-9_.-]*[a-z0-9_])?)\.?(?::\d{0,5})?$/i;

/** The host of `Host`, in lower case, without port and final dot, as routes are matched; null where it is none. */
export function readHost(value: string): string | null {
  return hostForm.exec(value)?.[1]?.toLowerCase() ?? null;
}
