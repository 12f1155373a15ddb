/** Nobody misspells a longer name by a few letters, and comparing costs the product of the lengths. */
const longestCompared = 64;

/**
 * Up to three of `known` that `name` may have been meant to be, the nearest first: at most a third of the longer one's
 * characters are inserted, deleted, replaced or swapped with their neighbour; case is no difference. Of equally near
 * ones, the first of `known` comes first. Empty when none is near, and for names of more than 64 characters.
 */
export function nearestNames(name: string, known: Iterable<string>): readonly string[] {
  if (name.length > longestCompared) return [];
  const near: { readonly candidate: string; readonly distance: number }[] = [];
  for (const candidate of known) {
    const tolerated = Math.max(1, Math.floor(Math.max(name.length, candidate.length) / 3));
    if (Math.abs(name.length - candidate.length) > tolerated) continue;
    const distance = editDistance(name.toLowerCase(), candidate.toLowerCase());
    if (distance <= tolerated) near.push({ candidate, distance });
  }
  near.sort((one, other) => one.distance - other.distance);
  return near.slice(0, 3).map(({ candidate }) => candidate);
}

/** `did you mean 'x'?` with the nearest of `known`; null when none is near. For the hint of a finding. */
export function meantHint(name: string, known: Iterable<string>): string | null {
  const [nearest] = nearestNames(name, known);
  return nearest === undefined ? null : `did you mean '${nearest}'?`;
}

/** Optimal string alignment distance: Levenshtein's, and a swap of neighbours counts once. */
function editDistance(one: string, other: string): number {
  let beforeLast: readonly number[] = [];
  let last: readonly number[] = Array.from({ length: other.length + 1 }, (_, column) => column);
  for (let row = 1; row <= one.length; row += 1) {
    const current = [row];
    for (let column = 1; column <= other.length; column += 1) {
      current.push(cheapest(one, other, row, column, { beforeLast, last, current }));
    }
    beforeLast = last;
    last = current;
  }
  return last[other.length] ?? 0;
}

interface Rows {
  readonly beforeLast: readonly number[];
  readonly last: readonly number[];
  readonly current: readonly number[];
}

function cheapest(one: string, other: string, row: number, column: number, rows: Rows): number {
  const same = one[row - 1] === other[column - 1];
  const replaced = (rows.last[column - 1] ?? 0) + (same ? 0 : 1);
  const deleted = (rows.last[column] ?? 0) + 1;
  const inserted = (rows.current[column - 1] ?? 0) + 1;
  const swaps =
    row > 1 && column > 1 && one[row - 1] === other[column - 2] && one[row - 2] === other[column - 1];
  const swapped = swaps ? (rows.beforeLast[column - 2] ?? 0) + 1 : Number.POSITIVE_INFINITY;
  return Math.min(replaced, deleted, inserted, swapped);
}
