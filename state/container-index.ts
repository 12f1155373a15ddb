/** Containers by something that they name: a pool, a group. A name that nobody names takes no room. */
export class ContainerIndex {
  readonly #containers = new Map<string, Set<string>>();

  /** The container named `before` and names `after` from now on. */
  exchange(container: string, before: Iterable<string>, after: Iterable<string>): void {
    for (const name of before) {
      const others = this.#containers.get(name);
      others?.delete(container);
      if (others?.size === 0) this.#containers.delete(name);
    }
    for (const name of after) {
      this.#containers.set(name, (this.#containers.get(name) ?? new Set()).add(container));
    }
  }

  /** How many names some container names. */
  get size(): number {
    return this.#containers.size;
  }

  /** Every name that some container names. */
  names(): Iterable<string> {
    return this.#containers.keys();
  }

  /** Some container names it. */
  isNamed(name: string): boolean {
    return this.#containers.has(name);
  }

  /** The containers that name it. */
  naming(name: string): Iterable<string> {
    return this.#containers.get(name) ?? [];
  }
}
