/**
 * Positions by which rows that are sorted by position come in the order of `paths`: those of `known` that are still
 * in order are kept, and the answer has the others only. So what is written grows with the change: an entry that comes in between
 * gets a position in between. When there is no number left between two positions, all get new ones.
 */
export function newPositions(
  paths: readonly string[],
  known: (path: string) => number | undefined,
): ReadonlyMap<string, number> {
  const positions = new Map<string, number>();
  let previous = 0;
  let waiting: string[] = [];
  const placeBefore = (next: number): boolean => {
    const step = next === Number.POSITIVE_INFINITY ? 1 : (next - previous) / (waiting.length + 1);
    for (const path of waiting) {
      const position = previous + step;
      if (position <= previous || position >= next) return false;
      positions.set(path, position);
      previous = position;
    }
    waiting = [];
    return true;
  };
  for (const path of paths) {
    const position = known(path);
    if (position === undefined || position <= previous) {
      waiting.push(path);
      continue;
    }
    if (!placeBefore(position)) return renumbered(paths);
    previous = position;
  }
  return placeBefore(Number.POSITIVE_INFINITY) ? positions : renumbered(paths);
}

function renumbered(paths: readonly string[]): ReadonlyMap<string, number> {
  return new Map(paths.map((path, index) => [path, index + 1]));
}
