/** A multimap whose empty sets go away. Insertion order is kept, so that what follows from it is deterministic. */
export class SetIndex<Name, Member> {
  readonly #sets = new Map<Name, Set<Member>>();

  add(name: Name, member: Member): void {
    const set = this.#sets.get(name);
    if (set === undefined) this.#sets.set(name, new Set([member]));
    else set.add(member);
  }

  delete(name: Name, member: Member): void {
    const set = this.#sets.get(name);
    if (set?.delete(member) === true && set.size === 0) this.#sets.delete(name);
  }

  /** Names that have members. */
  keys(): IterableIterator<Name> {
    return this.#sets.keys();
  }

  /** Live: not to be kept, nor changed while it is walked through. */
  get(name: Name): ReadonlySet<Member> {
    return this.#sets.get(name) ?? new Set();
  }

  /** Removes and returns all members under `name`. */
  take(name: Name): readonly Member[] {
    const members = [...this.get(name)];
    this.#sets.delete(name);
    return members;
  }

  clone(): SetIndex<Name, Member> {
    const copy = new SetIndex<Name, Member>();
    for (const [name, set] of this.#sets) copy.#sets.set(name, new Set(set));
    return copy;
  }
}
