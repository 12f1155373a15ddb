import type { Finding } from './finding.ts';
import type { Json } from './json.ts';
import { pointerParts } from './pointer.ts';

/**
 * `findings` in the order in which the places that they speak of stand in `root`, whose members are the documents
 * (REV-6). A place that is not there comes after all that is in the same object. Findings about one place keep their order.
 */
export function inDocumentOrder(
  findings: readonly Finding[],
  root: Readonly<Record<string, Json>>,
): readonly Finding[] {
  if (findings.length < 2) return findings;
  const ranks = new Map<object, ReadonlyMap<string, number>>();
  const placed = findings.map((finding) => ({ finding, place: placeOf(finding.pointer, root, ranks) }));
  placed.sort((one, other) => comparePlaces(one.place, other.place));
  return placed.map(({ finding }) => finding);
}

/** Position of each member on the way to a place, root side first. */
function placeOf(
  pointer: string,
  root: Readonly<Record<string, Json>>,
  ranks: Map<object, ReadonlyMap<string, number>>,
): readonly number[] {
  let value: Json | undefined = root;
  return pointerParts(pointer).map((name) => {
    if (typeof value !== 'object' || value === null) return Number.POSITIVE_INFINITY;
    const known = ranks.get(value) ?? new Map(Object.keys(value).map((member, index) => [member, index]));
    ranks.set(value, known);
    value = Object.hasOwn(value, name) ? (value as Readonly<Record<string, Json>>)[name] : undefined;
    return known.get(name) ?? Number.POSITIVE_INFINITY;
  });
}

function comparePlaces(one: readonly number[], other: readonly number[]): number {
  for (const [index, rank] of one.entries()) {
    const against = other[index];
    // What speaks of a whole comes before what speaks of its parts.
    if (against === undefined) return 1;
    if (rank !== against) return rank < against ? -1 : 1;
  }
  return one.length - other.length;
}
