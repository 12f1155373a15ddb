/*
 * What the D-Bus specification lets be a name ("Valid Names", "Valid Object Paths", "Valid Signatures"). Texts are taken byte for byte (latin1), so
 * that nothing outside of ASCII is ever one of them.
 */

/** Of bus names, interfaces, members and errors, in bytes. */
const longestName = 255;

const member = /^[A-Za-z_][A-Za-z0-9_]*$/;
const dotted = /^[A-Za-z_][A-Za-z0-9_]*(?:\.[A-Za-z_][A-Za-z0-9_]*)+$/;
const wellKnown = /^[A-Za-z_-][A-Za-z0-9_-]*(?:\.[A-Za-z_-][A-Za-z0-9_-]*)+$/;
/** As dbus-daemon has it, which asks for no dot: what is a message to it has to be one here. No bus gives anybody such a name. */
const unique = /^:[A-Za-z0-9_-]*(?:\.[A-Za-z0-9_-]+)*$/;
const path = /^\/(?:[A-Za-z0-9_]+(?:\/[A-Za-z0-9_]+)*)?$/;

export function isMember(text: string): boolean {
  return text.length <= longestName && member.test(text);
}

/** Names of errors have the same form. */
export function isInterface(text: string): boolean {
  return text.length <= longestName && dotted.test(text);
}

export function isUniqueName(text: string): boolean {
  return text.charCodeAt(0) === 0x3a;
}

export function isBusName(text: string): boolean {
  return text.length <= longestName && (isUniqueName(text) ? unique : wellKnown).test(text);
}

export function isObjectPath(text: string): boolean {
  return path.test(text);
}

/** Nesting of arrays, and of structs, each. */
const deepest = 32;
const basicTypes = 'ybnqiuxtdsogh';

/** Whether it is a list of complete types, of whatever number. */
export function isSignature(text: string): boolean {
  let at = 0;
  while (at < text.length) {
    at = afterType(text, at, 0, 0);
    if (at < 0) return false;
  }
  return true;
}

/** Where the complete type that begins there ends; -1: none does. */
function afterType(text: string, at: number, arrays: number, structs: number): number {
  const type = text[at];
  if (type === undefined) return -1;
  if (type === 'v' || basicTypes.includes(type)) return at + 1;
  if (type === 'a') return afterArray(text, at + 1, arrays + 1, structs);
  return type === '(' ? afterStruct(text, at + 1, arrays, structs + 1) : -1;
}

function afterArray(text: string, at: number, arrays: number, structs: number): number {
  if (arrays > deepest) return -1;
  if (text[at] !== '{') return afterType(text, at, arrays, structs);
  const key = text[at + 1];
  if (key === undefined || !basicTypes.includes(key) || structs + 1 > deepest) return -1;
  const end = afterType(text, at + 2, arrays, structs + 1);
  return end >= 0 && text[end] === '}' ? end + 1 : -1;
}

function afterStruct(text: string, begin: number, arrays: number, structs: number): number {
  if (structs > deepest || text[begin] === ')') return -1;
  let at = begin;
  while (text[at] !== ')') {
    at = afterType(text, at, arrays, structs);
    if (at < 0) return -1;
  }
  return at + 1;
}
