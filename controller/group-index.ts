import { hasToStop, isAtGoal, isDownForGood } from '../reconcilers/container.ts';
import { type DesiredResource, groupKey, type Key, type ObservedResource } from '../state/resource.ts';
import { SetIndex } from './set-index.ts';

/** Where one container stands among the groups. */
interface Place {
  readonly rank: number;
  readonly group: string | null;
  readonly unreached: boolean;
  /**
   * Unreached, and later groups wait for it. One that has a conflict, or is down for good, is waited for by nobody: what can run runs
   * (ROLL-5), and what fails holds up nothing that does not depend on it (ENG-3).
   */
  readonly awaited: boolean;
  readonly stopping: boolean;
  /** How long it has to run before it counts as stable (CTR-8). */
  readonly stableTimeoutMs: number;
}

/** What is there of a container, and what a step under way is about to make of it. */
export interface Sight {
  readonly observed: ObservedResource | undefined;
  readonly coming: ObservedResource | undefined;
  /** Its restarts are used up (CTR-8). */
  readonly isSpent: boolean;
}

/**
 * Which containers have yet to reach their goal and which have to stop, by the place of their group (CTR-6), kept as they change:
 * asking costs what the number of groups is, not that of containers (ENG-6).
 */
export class GroupIndex {
  readonly #places: Map<Key, Place>;
  readonly #unreached: SetIndex<number, Key>;
  readonly #awaited: SetIndex<number, Key>;
  readonly #stopping: SetIndex<number, Key>;
  readonly #stableTimeouts: SetIndex<number, Key>;

  constructor(from?: GroupIndex) {
    this.#places = new Map(from === undefined ? [] : from.#places);
    this.#unreached = from === undefined ? new SetIndex() : from.#unreached.clone();
    this.#awaited = from === undefined ? new SetIndex() : from.#awaited.clone();
    this.#stopping = from === undefined ? new SetIndex() : from.#stopping.clone();
    this.#stableTimeouts = from === undefined ? new SetIndex() : from.#stableTimeouts.clone();
  }

  /**
   * Takes in what is desired and what is there of a container now. Returns the groups to which that makes a difference: the one that
   * it was in, and the one that it is in.
   */
  refresh(key: Key, desired: DesiredResource | undefined, sight: Sight): readonly Key[] {
    const before = this.#places.get(key);
    const isThere = desired !== undefined || sight.observed !== undefined || sight.coming !== undefined;
    const after = isThere ? placeOf(desired, sight, before) : null;
    if (before !== undefined) this.#leave(key, before);
    if (after === null) this.#places.delete(key);
    else this.#enter(key, after);
    const same = before?.group === after?.group && before?.unreached === after?.unreached;
    if (same && before?.awaited === after?.awaited) return [];
    const groups = new Set([before?.group ?? null, after?.group ?? null]);
    return [...groups].filter((group) => group !== null).map(groupKey);
  }

  /** Containers at this place that have not reached their goal. */
  unreached(rank: number): Iterable<Key> {
    return this.#unreached.get(rank);
  }

  /** The lowest place with a container that others wait for; null: there is none. */
  lowestAwaited(): number | null {
    let lowest: number | null = null;
    for (const rank of this.#awaited.keys()) if (lowest === null || rank < lowest) lowest = rank;
    return lowest;
  }

  /** Later groups wait for one of this place. */
  isAwaited(rank: number): boolean {
    return this.#awaited.get(rank).size > 0;
  }

  /** The first group before `rank` that later ones wait for; null: there is none. */
  awaitedBefore(rank: number): Key | null {
    const lowest = this.lowestAwaited();
    if (lowest === null || lowest >= rank) return null;
    for (const key of this.#awaited.get(lowest)) {
      const group = this.#places.get(key)?.group ?? null;
      if (group !== null) return groupKey(group);
    }
    return null;
  }

  rankOf(key: Key): number {
    return this.#places.get(key)?.rank ?? Number.POSITIVE_INFINITY;
  }

  *stoppingAfter(rank: number): Iterable<Key> {
    for (const other of this.#stopping.keys()) if (other > rank) yield* this.#stopping.get(other);
  }

  /** After how long of running every container counts as stable. */
  longestStableTimeoutMs(): number {
    return Math.max(0, ...this.#stableTimeouts.keys());
  }

  #enter(key: Key, place: Place): void {
    this.#places.set(key, place);
    this.#stableTimeouts.add(place.stableTimeoutMs, key);
    if (place.unreached) this.#unreached.add(place.rank, key);
    if (place.awaited) this.#awaited.add(place.rank, key);
    if (place.stopping) this.#stopping.add(place.rank, key);
  }

  #leave(key: Key, place: Place): void {
    this.#stableTimeouts.delete(place.stableTimeoutMs, key);
    if (place.unreached) this.#unreached.delete(place.rank, key);
    if (place.awaited) this.#awaited.delete(place.rank, key);
    if (place.stopping) this.#stopping.delete(place.rank, key);
  }
}

/** One that is desired no more keeps its place until it is gone. */
function placeOf(
  desired: DesiredResource | undefined,
  { observed, isSpent }: Sight,
  before: Place | undefined,
): Place {
  const { rank, group } = desired?.lifecycle ?? {
    rank: before?.rank ?? Number.POSITIVE_INFINITY,
    group: null,
  };
  const unreached = desired !== undefined && !isAtGoal(desired, observed);
  const isDown = desired !== undefined && (isSpent || isDownForGood(desired, observed));
  const awaited = unreached && desired?.conflict === undefined && !isDown;
  const stopping = hasToStop(desired, observed);
  const stableTimeoutMs = desired?.lifecycle?.recovery?.stableTimeoutMs ?? 0;
  return { rank, group, unreached, awaited, stopping, stableTimeoutMs };
}
