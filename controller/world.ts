import { claims, dependsOn } from '../reconcilers/index.ts';
import type { View } from '../reconcilers/reconciler.ts';
import {
  type Conflict,
  type DesiredResource,
  type GroupSpec,
  type Key,
  kindOf,
  type ObservedResource,
} from '../state/resource.ts';
import { GroupIndex } from './group-index.ts';
import { SetIndex } from './set-index.ts';

/** What only one resource can hold was taken or let go: what the device refused to others may be possible now. */
export function exchangesClaims(
  before: ObservedResource | undefined,
  after: ObservedResource | null,
): boolean {
  if (before?.digest === after?.digest) return false;
  return [before, after].some(
    (resource) => resource !== null && resource !== undefined && claims(resource).length > 0,
  );
}

/** The second tells nothing new. */
export function sameObservation(before: ObservedResource, after: ObservedResource): boolean {
  return (
    before === after || (before.digest === after.digest && JSON.stringify(before) === JSON.stringify(after))
  );
}

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
  readonly #groups: GroupIndex;
  #startsHeld = false;
  /** What steps under way are about to make. */
  readonly #coming = new Map<Key, ObservedResource>();
  /** What steps under way are about to take away. */
  readonly #leaving = new Set<Key>();
  /** What the device refuses to make as it is desired, and why. */
  readonly #refusals: Map<Key, Conflict>;
  /** Containers whose restarts are used up as they are desired (CTR-8). */
  readonly #spent: Set<Key>;
  readonly #comingDependents = new SetIndex<Key, Key>();
  readonly #comingHolders = new SetIndex<string, Key>();

  /** `keys` are those that `desired` knows. Whatever of them changes later is to be told by `redirect`. */
  constructor(desired: DesiredLookup, keys: Iterable<Key>, from?: World) {
    this.#desired = desired;
    this.#observed = new Map(from === undefined ? [] : from.#observed);
    this.#dependents = from === undefined ? new SetIndex() : from.#dependents.clone();
    this.#holders = from === undefined ? new SetIndex() : from.#holders.clone();
    this.#groups = from === undefined ? new GroupIndex() : new GroupIndex(from.#groups);
    this.#refusals = new Map(from === undefined ? [] : from.#refusals);
    this.#spent = new Set(from === undefined ? [] : from.#spent);
    for (const key of keys) this.redirect(key);
  }

  /** A copy of what is observed, looked at against wishes that differ in `keys`: for dry runs. */
  fork(desired: DesiredLookup, keys: Iterable<Key>): World {
    return new World(desired, keys, this);
  }

  /** What is desired of `key` is another thing now. Returns the groups to which that makes a difference. */
  redirect(key: Key): readonly Key[] {
    if (kindOf(key) !== 'container') return [];
    const [observed, coming] = [this.observed(key), this.#coming.get(key)];
    return this.#groups.refresh(key, this.desired(key), { observed, coming, isSpent: this.#spent.has(key) });
  }

  desired(key: Key): DesiredResource | undefined {
    return this.#desired(key);
  }

  observed(key: Key): ObservedResource | undefined {
    return this.#observed.get(key);
  }

  dependents(key: Key): Iterable<Key> {
    return joined(this.#dependents.get(key), this.#comingDependents.get(key));
  }

  holders(claim: string): Iterable<Key> {
    return joined(this.#holders.get(claim), this.#comingHolders.get(claim));
  }

  unreached(rank: number): Iterable<Key> {
    return this.#groups.unreached(rank);
  }

  unreachedBefore(rank: number): Key | null {
    return this.#groups.awaitedBefore(rank);
  }

  /** Later groups wait for this one. */
  isAwaited(group: Key): boolean {
    const desired = this.desired(group);
    return desired !== undefined && this.#groups.isAwaited((desired.spec as GroupSpec).rank);
  }

  /** The lowest place among the groups with a container that others wait for; null: there is none. */
  lowestAwaited(): number | null {
    return this.#groups.lowestAwaited();
  }

  isLeaving(key: Key): boolean {
    return this.#leaving.has(key);
  }

  refusal(key: Key): Conflict | null {
    return this.#refusals.get(key) ?? null;
  }

  /** The device refuses to make `key` as it is desired now. */
  refuse(key: Key, conflict: Conflict): void {
    this.#refusals.set(key, conflict);
  }

  /** Everything that the device refuses. */
  refused(): IterableIterator<Key> {
    return this.#refusals.keys();
  }

  /** What the device refused may be asked of it again. False: it had refused nothing. */
  forgive(key: Key): boolean {
    return this.#refusals.delete(key);
  }

  /** Its restarts are used up, so that nobody is to wait for it; or it has all of them again. Returns what `redirect` does. */
  setSpent(key: Key, isSpent: boolean): readonly Key[] {
    if (isSpent === this.#spent.has(key)) return [];
    if (isSpent) this.#spent.add(key);
    else this.#spent.delete(key);
    return this.redirect(key);
  }

  startsHeld(): boolean {
    return this.#startsHeld;
  }

  /** From now on no container is started, or they are again. */
  holdStarts(held: boolean): void {
    this.#startsHeld = held;
  }

  rankOf(key: Key): number {
    return this.#groups.rankOf(key);
  }

  /** After how long of running every desired container counts as stable (CTR-8). */
  longestStableTimeoutMs(): number {
    return this.#groups.longestStableTimeoutMs();
  }

  stoppingAfter(rank: number): Iterable<Key> {
    return this.#groups.stoppingAfter(rank);
  }

  observedKeys(): IterableIterator<Key> {
    return this.#observed.keys();
  }

  /** Replaces what is known of `key`; null: it is gone. Tells what was known before, and the groups to which it makes a difference. */
  observe(
    key: Key,
    observed: ObservedResource | null,
  ): { readonly before: ObservedResource | undefined; readonly groups: readonly Key[] } {
    const before = this.#observed.get(key);
    if (before !== undefined) unindex(before, this.#dependents, this.#holders);
    if (observed === null) this.#observed.delete(key);
    else {
      this.#observed.set(key, observed);
      index(observed, this.#dependents, this.#holders);
    }
    return { before, groups: this.redirect(key) };
  }

  /** A step is under way that makes this: it stands on others and holds its claims as if it were there already. */
  expect(resource: ObservedResource): void {
    this.#coming.set(resource.key, resource);
    index(resource, this.#comingDependents, this.#comingHolders);
  }

  /** A step is under way that takes `key` away. */
  expectGone(key: Key): void {
    this.#leaving.add(key);
  }

  /** No step is under way for `key` any more. True when one was expected to make something, or to take it away. */
  withdraw(key: Key): boolean {
    if (this.#leaving.delete(key)) return true;
    const coming = this.#coming.get(key);
    if (coming === undefined) return false;
    unindex(coming, this.#comingDependents, this.#comingHolders);
    this.#coming.delete(key);
    this.redirect(key);
    return true;
  }
}

type Dependents = SetIndex<Key, Key>;
type Holders = SetIndex<string, Key>;

function index(resource: ObservedResource, dependents: Dependents, holders: Holders): void {
  for (const dependency of dependsOn(resource)) dependents.add(dependency, resource.key);
  for (const claim of claims(resource)) holders.add(claim, resource.key);
}

function unindex(resource: ObservedResource, dependents: Dependents, holders: Holders): void {
  for (const dependency of dependsOn(resource)) dependents.delete(dependency, resource.key);
  for (const claim of claims(resource)) holders.delete(claim, resource.key);
}

/** The members of both, each once. Lazy: the first may be thousands, the second are few. */
function* joined(many: ReadonlySet<Key>, few: ReadonlySet<Key>): Iterable<Key> {
  yield* many;
  for (const key of few) if (!many.has(key)) yield key;
}
