/** Names of header fields, all in lower case, that an intermediary does not simply pass on. */

/** Fields that are about one connection (RFC 9110 7.6.1, RFC 2616 13.5.1), whether or not `Connection` names them. */
const ofOneConnection: readonly string[] = [
  'connection',
  'keep-alive',
  'proxy-connection',
  'proxy-authenticate',
  'proxy-authorization',
  'te',
  'transfer-encoding',
  'upgrade',
  'http2-settings',
];

/** What a client could claim of where it comes from (ING-6), and what programs take for a setting of theirs (CVE-2016-5385). */
const claims: readonly string[] = ['forwarded', 'x-real-ip', 'proxy'];
const claimedPrefix = /^x-(?:forwarded|pv)(?:-|$)/;

/** However a gateway may read what parts the words (RFC 3875, 4.1.18: anything that is no letter or digit becomes `_`). */
const identityPrefix = /^x[^a-z0-9]pv(?:[^a-z0-9]|$)/;

const kept = new Set(ofOneConnection);
const claimed = new Set(claims);

/** True for a field that goes no further than the connection on which it came. */
export function isOfOneConnection(name: string): boolean {
  return kept.has(name);
}

/** True for a field that we set ourselves, or that must not come from a client. Gateway interfaces read `_` as `-` (RFC 3875 4.1.18). */
export function isClaim(name: string): boolean {
  if (claimed.has(name)) return true;
  const first = name.charCodeAt(0);
  // Most names are none, and need not be looked at any further.
  if (first !== 0x78 && first !== 0x66) return false;
  const dashed = name.replaceAll('_', '-');
  return claimed.has(dashed) || claimedPrefix.test(dashed);
}

/** Fields that say where a message ends or whom it is for: `Connection` can't take them away, and trailers can't bring them. */
const framing = new Set(['host', 'content-length', 'transfer-encoding']);

/** True for a field by which a client of a rest link could claim to be another (LINK-5). */
export function isIdentityClaim(name: string): boolean {
  return name.charCodeAt(0) === 0x78 && identityPrefix.test(name);
}

/** The names in a `Connection` field, but for those that nothing hangs on. */
export function connectionOptions(value: string): readonly string[] {
  return value
    .toLowerCase()
    .split(',')
    .map((option) => option.trim())
    .filter((option) => option !== '' && !kept.has(option) && option !== 'close' && !framing.has(option));
}

/** What can stand in a reason phrase or in a field's value (RFC 9110 5.5), one character a byte; nobody may send anything else. */
export function isFieldText(text: string): boolean {
  return !/[^\t\x20-\x7e\x80-\xff]/.test(text);
}

/** `fields` (name, value, name, value …) without those of these names. */
export function withoutNames(fields: readonly string[], names: readonly string[]): string[] {
  const left: string[] = [];
  for (let at = 0; at < fields.length; at += 2) {
    const [name = '', value = ''] = [fields[at], fields[at + 1]];
    if (!names.includes(name.toLowerCase())) left.push(name, value);
  }
  return left;
}

/** Trailer fields (name, value …) as pairs, without what may not come at the end of a message (RFC 9110 6.5.1). */
export function passableTrailers(fields: readonly string[]): readonly [string, string][] {
  const passed: [string, string][] = [];
  for (let at = 0; at < fields.length; at += 2) {
    const [name = '', value = ''] = [fields[at], fields[at + 1]];
    const lower = name.toLowerCase();
    if (!isFieldText(value)) continue;
    const isKept = framing.has(lower) || kept.has(lower) || isClaim(lower) || isIdentityClaim(lower);
    if (!isKept) passed.push([name, value]);
  }
  return passed;
}
