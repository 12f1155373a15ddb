/** Any JSON value (RFC 8259). Arrays and objects are readonly: documents cross borders frozen. */
export type Json = null | boolean | number | string | readonly Json[] | JsonObject;

/** A JSON object. Hostile member names (`__proto__`) are refused before a document gets this far (REV-8). */
export interface JsonObject {
  readonly [member: string]: Json;
}

/** True for a JSON object: not null, not an array. */
export function isJsonObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/**
 * The one spelling of a JSON value: members sorted by UTF-16 code unit, no white space, as in RFC 8785.
 * Two values are the same document exactly when their canonical texts are equal. Members that are
 * `undefined` are left out, as JSON.stringify does.
 */
export function canonicalJson(value: unknown): string {
  if (typeof value !== 'object' || value === null) return JSON.stringify(value) ?? 'null';
  // Text is put together by appending: this is the hottest function of compiling, and arrays to join cost half as much again.
  let text = '';
  if (Array.isArray(value)) {
    for (const element of value) text += `${text === '' ? '' : ','}${canonicalJson(element)}`;
    return `[${text}]`;
  }
  const members = value as Readonly<Record<string, unknown>>;
  for (const name of Object.keys(members).sort()) {
    if (members[name] === undefined) continue;
    text += `${text === '' ? '' : ','}${JSON.stringify(name)}:${canonicalJson(members[name])}`;
  }
  return `{${text}}`;
}

/** Lower-case hexadecimal sha256 of the canonical text of `value`: 64 characters. */
export function digestOf(value: unknown): string {
  // Loading node:crypto takes as long as a third of Node's whole start: whoever needs no digest is spared that.
  return process.getBuiltinModule('node:crypto').hash('sha256', canonicalJson(value), 'hex');
}
