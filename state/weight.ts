import type { Json } from './json.ts';

/**
 * How many bytes of JSON `value` has at least: two for every value (itself and its comma), and one for every character
 * of its strings and names. Null as soon as it has more than `most`, or more than `nesting` levels of arrays and objects. A value that
 * stands in several places counts in each of them. Does not recurse, and stops at the limit.
 */
export function weigh(value: Json, most: number, nesting: number): number | null {
  const pending: { readonly value: Json; readonly depth: number }[] = [{ value, depth: 0 }];
  let weight = 0;
  for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
    const { value: current, depth } = next;
    weight += typeof current === 'string' ? current.length + 2 : 2;
    if (weight > most) return null;
    if (typeof current !== 'object' || current === null) continue;
    if (depth >= nesting) return null;
    for (const [name, member] of Object.entries(current)) {
      if (!Array.isArray(current)) weight += name.length;
      pending.push({ value: member, depth: depth + 1 });
    }
  }
  return weight;
}
