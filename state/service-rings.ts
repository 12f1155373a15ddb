/** Rings that are told at once: whoever removes these sees the others. */
const mostRings = 16;

/**
 * Rings among `starts` and all that these need, however far away: each container needs the next, and the last the first. Each begins with
 * the container of it that comes first in the revision. Rings that share a container are told one at a time, and of all at most 16. Two sets of
 * starts give the same rings where each ring has a start of both.
 */
export function findRings(
  starts: Iterable<string>,
  needsOf: (container: string) => readonly string[],
  orderOf: (container: string) => number,
): readonly (readonly string[])[] {
  const needs = new Needs(starts, needsOf);
  const rings: (readonly string[])[] = [];
  if (needs.size === 0) return rings;
  const inOrder = [...needs.containers()].sort((one, other) => orderOf(one) - orderOf(other));
  for (const start of inOrder) {
    // Without that ring, it may still lead to another.
    for (let ring = needs.ringFrom(start); ring !== null; ring = needs.ringFrom(start)) {
      if (rings.length >= mostRings) return rings;
      rings.push(fromFirst(ring, orderOf));
      for (const container of ring) needs.settle(container);
    }
  }
  return rings;
}

function fromFirst(ring: readonly string[], orderOf: (container: string) => number): readonly string[] {
  const orders = ring.map(orderOf);
  const first = orders.reduce((least, order, place) => (order < (orders[least] ?? order) ? place : least), 0);
  return [...ring.slice(first), ...ring.slice(0, first)];
}

/** Who needs whom, of those alone who are in a ring or between two: who needs nobody else, or is needed by nobody else, is in none. */
class Needs {
  readonly #needs = new Map<string, Set<string>>();
  readonly #neededBy = new Map<string, Set<string>>();

  constructor(starts: Iterable<string>, needsOf: (container: string) => readonly string[]) {
    const pending = [...starts];
    for (let container = pending.pop(); container !== undefined; container = pending.pop()) {
      if (this.#needs.has(container)) continue;
      const needed = new Set(needsOf(container));
      this.#needs.set(container, needed);
      for (const other of needed) {
        this.#neededBy.set(other, (this.#neededBy.get(other) ?? new Set()).add(container));
        pending.push(other);
      }
    }
    for (const container of [...this.#needs.keys()]) if (this.#isOutside(container)) this.settle(container);
  }

  get size(): number {
    return this.#needs.size;
  }

  containers(): Iterable<string> {
    return this.#needs.keys();
  }

  /** Leaves a container out, and all that is in no ring without it. */
  settle(container: string): void {
    const pending = [container];
    for (let gone = pending.pop(); gone !== undefined; gone = pending.pop()) {
      const needed = this.#needs.get(gone);
      if (needed === undefined) continue;
      const neededBy = this.#neededBy.get(gone) ?? [];
      this.#needs.delete(gone);
      this.#neededBy.delete(gone);
      for (const other of needed) this.#neededBy.get(other)?.delete(gone);
      for (const other of neededBy) this.#needs.get(other)?.delete(gone);
      for (const other of [...needed, ...neededBy]) if (this.#isOutside(other)) pending.push(other);
    }
  }

  /** The ring into which one gets from `start` by what each needs first; null: `start` is in none, nor before any. */
  ringFrom(start: string): readonly string[] | null {
    const places = new Map<string, number>();
    let container = this.#needs.has(start) ? start : undefined;
    while (container !== undefined && !places.has(container)) {
      places.set(container, places.size);
      [container] = this.#needs.get(container) ?? [];
    }
    return container === undefined ? null : [...places.keys()].slice(places.get(container));
  }

  #isOutside(container: string): boolean {
    const needed = this.#needs.get(container);
    return needed !== undefined && (needed.size === 0 || (this.#neededBy.get(container)?.size ?? 0) === 0);
  }
}
