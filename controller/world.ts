import { claims, dependsOn } from '../reconcilers/index.ts';
import type { View } from '../reconcilers/reconciler.ts';
import type { DesiredResource, Key, ObservedResource } from '../state/resource.ts';
import { SetIndex } from './set-index.ts';

/** Where desired resources are looked up. */
export type DesiredLookup = (key: Key) => DesiredResource | undefined;

/**
 * What is observed, indexed by what stands on what and by who holds what, beside what is desired: the view that
 * reconcilers get. An update costs what the one resource costs (ENG-6).
 */
export class World implements View {
  readonly #desired: DesiredLookup;
  readonly #observed: Map<Key, ObservedResource>;
  readonly #dependents: SetIndex<Key, Key>;
  readonly #holders: SetIndex<string, Key>;

  constructor(desired: DesiredLookup, from?: World) {
    this.#desired = desired;
    this.#observed = new Map(from === undefined ? [] : from.#observed);
    this.#dependents = from === undefined ? new SetIndex() : from.#dependents.clone();
    this.#holders = from === undefined ? new SetIndex() : from.#holders.clone();
  }

  /** A copy of what is observed, looked at against other wishes: for dry runs. */
  fork(desired: DesiredLookup): World {
    return new World(desired, this);
  }

  desired(key: Key): DesiredResource | undefined {
    return this.#desired(key);
  }

  observed(key: Key): ObservedResource | undefined {
    return this.#observed.get(key);
  }

  dependents(key: Key): readonly Key[] {
    return this.#dependents.get(key);
  }

  holders(claim: string): readonly Key[] {
    return this.#holders.get(claim);
  }

  observedKeys(): IterableIterator<Key> {
    return this.#observed.keys();
  }

  /** Replaces what is known of `key`; null: it is gone. Returns what was known before. */
  observe(key: Key, observed: ObservedResource | null): ObservedResource | undefined {
    const before = this.#observed.get(key);
    if (before !== undefined) this.#unindex(before);
    if (observed === null) this.#observed.delete(key);
    else {
      this.#observed.set(key, observed);
      for (const dependency of dependsOn(observed)) this.#dependents.add(dependency, key);
      for (const claim of claims(observed)) this.#holders.add(claim, key);
    }
    return before;
  }

  #unindex(before: ObservedResource): void {
    for (const dependency of dependsOn(before)) this.#dependents.delete(dependency, before.key);
    for (const claim of claims(before)) this.#holders.delete(claim, before.key);
  }
}
