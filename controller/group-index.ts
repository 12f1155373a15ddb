import { hasToStop, isAtGoal, isDownForGood } from '../reconcilers/container.ts';
import { holds } from '../reconcilers/holds.ts';
import {
  type DesiredResource,
  groupKey,
  type Key,
  kindOf,
  type ObservedResource,
} from '../state/resource.ts';
import { SetIndex } from './set-index.ts';

/** Where one container stands among the groups. */
interface Place {
  readonly rank: number;
  readonly group: string | null;
  readonly unreached: boolean;
  /** It has a conflict, or is down for good. */
  readonly isDown: boolean;
  /** Containers without which it is not started, where it has yet to be (LINK-8); else none. */
  readonly providers: readonly Key[];
  readonly stopping: boolean;
  /** How long it has to run before it counts as stable (CTR-8). */
  readonly stableTimeoutMs: number;
}

/** A place among those of all others. */
interface Standing extends Place {
  /**
   * It is down, or waits to be started for one that is. Nobody waits for it: what can run runs (ROLL-5), and what fails holds up nothing that
   * does not depend on it (ENG-3).
   */
  readonly isStuck: boolean;
}

/** Later groups wait for it. */
const isAwaited = ({ unreached, isStuck }: Standing) => unreached && !isStuck;

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
  readonly #places: Map<Key, Standing>;
  /** Who waits to be started for whom. */
  readonly #consumers: SetIndex<Key, Key>;
  readonly #unreached: SetIndex<number, Key>;
  readonly #awaited: SetIndex<number, Key>;
  readonly #stopping: SetIndex<number, Key>;
  readonly #stableTimeouts: SetIndex<number, Key>;

  constructor(from?: GroupIndex) {
    this.#places = new Map(from === undefined ? [] : from.#places);
    this.#consumers = from === undefined ? new SetIndex() : from.#consumers.clone();
    this.#unreached = from === undefined ? new SetIndex() : from.#unreached.clone();
    this.#awaited = from === undefined ? new SetIndex() : from.#awaited.clone();
    this.#stopping = from === undefined ? new SetIndex() : from.#stopping.clone();
    this.#stableTimeouts = from === undefined ? new SetIndex() : from.#stableTimeouts.clone();
  }

  /**
   * Takes in what is desired and what is there of a container now. Returns the groups to which that makes a difference: the one that
   * it was in, the one that it is in, and those of containers that it holds up.
   */
  refresh(key: Key, desired: DesiredResource | undefined, sight: Sight): readonly Key[] {
    const isThere = desired !== undefined || sight.observed !== undefined || sight.coming !== undefined;
    const groups = this.#move(key, isThere ? placeOf(desired, sight, this.#places.get(key)) : null);
    return [...groups].map(groupKey);
  }

  /** Names of the groups to which it makes a difference. Without recursion: chains of services may be as long as a revision has containers. */
  #move(key: Key, place: Place | null): ReadonlySet<string> {
    const groups = new Set<string>();
    const pending: (readonly [Key, Place | null])[] = [[key, place]];
    for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
      const [moved, to] = next;
      const before = this.#places.get(moved);
      const after = this.#put(moved, to);
      if (!isSameToGroups(before, after)) for (const group of namesOf([before, after])) groups.add(group);
      if ((before?.isStuck ?? false) === (after?.isStuck ?? false)) continue;
      for (const consumer of this.#consumers.get(moved)) {
        const known = this.#places.get(consumer);
        if (known !== undefined) pending.push([consumer, known]);
      }
    }
    return groups;
  }

  /** Where it stands now, among all others; undefined: nowhere any more. */
  #put(key: Key, place: Place | null): Standing | undefined {
    const before = this.#places.get(key);
    const after = place === null ? undefined : { ...place, isStuck: this.#isStuck(place) };
    if (before !== undefined) this.#leave(key, before);
    if (after === undefined) this.#places.delete(key);
    else this.#enter(key, after);
    return after;
  }

  #isStuck({ isDown, providers }: Place): boolean {
    return isDown || providers.some((provider) => this.#places.get(provider)?.isStuck === true);
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

  #enter(key: Key, place: Standing): void {
    this.#places.set(key, place);
    this.#stableTimeouts.add(place.stableTimeoutMs, key);
    if (place.unreached) this.#unreached.add(place.rank, key);
    for (const provider of place.providers) this.#consumers.add(provider, key);
    if (isAwaited(place)) this.#awaited.add(place.rank, key);
    if (place.stopping) this.#stopping.add(place.rank, key);
  }

  #leave(key: Key, place: Standing): void {
    this.#stableTimeouts.delete(place.stableTimeoutMs, key);
    if (place.unreached) this.#unreached.delete(place.rank, key);
    for (const provider of place.providers) this.#consumers.delete(provider, key);
    if (isAwaited(place)) this.#awaited.delete(place.rank, key);
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
  const isDown =
    desired !== undefined && (desired.conflict !== undefined || isSpent || isDownForGood(desired, observed));
  const isUnmade = unreached && !holds(desired, observed);
  const providers = isUnmade ? desired.dependsOn.filter((other) => kindOf(other) === 'container') : none;
  const stopping = hasToStop(desired, observed);
  const stableTimeoutMs = desired?.lifecycle?.recovery?.stableTimeoutMs ?? 0;
  return { rank, group, unreached, isDown, providers, stopping, stableTimeoutMs };
}

const none: readonly Key[] = [];

/** Neither a group that it was in, nor one that it is in, is told anything new. */
function isSameToGroups(before: Standing | undefined, after: Standing | undefined): boolean {
  if (before === undefined || after === undefined) return before === after;
  const same = before.group === after.group && before.unreached === after.unreached;
  return same && isAwaited(before) === isAwaited(after);
}

function namesOf(places: readonly (Standing | undefined)[]): readonly string[] {
  return places.flatMap((place) => place?.group ?? []);
}
