import { ProxyError, type RestListener } from './proxy.ts';

/** What can stand in a field's value as it is: visible ASCII (RFC 9110, 5.5), but for what begins an encoding. */
const encoded = /[^!-$&-~]/gu;

/**
 * A client or role as it stands in a header (LINK-5): spaces, controls, percent signs and what is not ASCII are written as bytes of UTF-8 in percent-encoding (RFC 3986,
 * 2.1), so that no text can end a header, and two that differ never look the same to a provider.
 */
export function identityText(text: string): string {
  return text.replace(encoded, (character) =>
    [...Buffer.from(character)]
      .map((byte) => `%${byte.toString(16).toUpperCase().padStart(2, '0')}`)
      .join(''),
  );
}

/** Longest path that a listener of a link may have, so that whatever carries it can be mounted and connected to (unix(7)), in bytes. */
const longestPath = 100;

/** Longest client or role, encoded, in bytes: both have to fit into the head of every request. */
const longestIdentity = 1024;

/** Rejects with a ProxyError, `ProxyConfigurationRefused`, what no proxy can serve; it names the listener. What is known needs to be looked at only beside others. */
export function requireServable(
  links: readonly RestListener[],
  isKnown: (link: RestListener) => boolean = () => false,
): void {
  const names = new Map<string, string>();
  for (const link of links) {
    const other = names.get(link.path);
    if (other !== undefined) throw refused(link, `'${other}' listens at ${link.path}, too`);
    names.set(link.path, link.name);
    if (!isKnown(link)) requirePlain(link);
  }
}

function requirePlain(link: RestListener): void {
  for (const path of [link.path, link.backend.path]) {
    if (isPlainPath(path)) continue;
    const expected = `an absolute one of at most ${longestPath} bytes, without controls`;
    throw refused(link, `found the path ${JSON.stringify(path)}; expected ${expected}`);
  }
  for (const text of [link.client, link.role]) {
    const { length } = identityText(text);
    if (length > 0 && length <= longestIdentity) continue;
    throw refused(link, `its client or role has ${length} bytes; expected 1 to ${longestIdentity}`);
  }
}

function refused({ name }: RestListener, why: string): ProxyError {
  const message = `link '${name}' can't be had: ${why}`;
  return new ProxyError('ProxyConfigurationRefused', message, { listener: name });
}

function isPlainPath(path: string): boolean {
  return /^\/[^\p{Cc}]*$/u.test(path) && Buffer.byteLength(path) <= longestPath;
}

/** The same in all: what one serves may go on as the other. */
export function isSameLink(one: RestListener, other: RestListener): boolean {
  return (
    one === other ||
    (one.path === other.path &&
      one.name === other.name &&
      one.backend.path === other.backend.path &&
      one.client === other.client &&
      one.role === other.role)
  );
}

/** The same for two that are the same in all, and no others. */
export function linkKey({ name, path, backend, client, role }: RestListener): string {
  return JSON.stringify([name, path, backend.path, client, role]);
}
