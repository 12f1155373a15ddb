import type { Json } from '../../state/json.ts';
import { MAX_NESTING } from '../../state/limits.ts';
import { pointerTo } from '../../state/pointer.ts';
import { Problem } from './problem.ts';

/** Assigning to this member changes an object's prototype instead; no revision has a use for it (REV-8). */
const hostileName = '__proto__';

type Place = readonly (string | number)[];

/** Refuses one value for its own nesting and names; returns what is inside it. */
function check(value: object, place: Place): readonly (readonly [unknown, Place])[] {
  if (place.length > MAX_NESTING) {
    throw new Problem(
      400,
      'TooDeep',
      `the body nests deeper than ${MAX_NESTING} levels at ${pointerTo(...place)}`,
    );
  }
  if (Array.isArray(value)) return value.map((item, index) => [item, [...place, index]]);
  return Object.entries(value).map(([name, member]) => {
    if (name !== hostileName) return [member, [...place, name]];
    throw new Problem(
      400,
      'HostileName',
      `found the member name '${name}' at ${pointerTo(...place, name)}: it stands for an object's prototype in JavaScript and is refused`,
      'rename it',
    );
  });
}

/**
 * The JSON value that `text` is. Throws a Problem (400) that says what is wrong and where: not JSON (line and column),
 * nested deeper than `MAX_NESTING`, or a hostile member name (JSON pointer).
 */
export function parseJsonBody(text: string): Json {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new Problem(400, 'BadJson', `the body is not JSON (RFC 8259): ${reason}`);
  }
  // A list of what is still to be looked at instead of recursion: hostile nesting must not exhaust the stack.
  const pending: [unknown, Place][] = [[value, []]];
  for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
    const [found, place] = next;
    if (typeof found === 'object' && found !== null) {
      for (const [inner, where] of check(found, place)) pending.push([inner, where]);
    }
  }
  return value as Json;
}
