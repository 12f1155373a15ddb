import type { Step } from '../adapters/adapter.ts';
import type {
  Conflict,
  DesiredResource,
  Key,
  Kind,
  ObservedResource,
  SpecByKind,
} from '../state/resource.ts';

/** What a reconciler may look at. Read-only, and the same for the same desired and observed state (ENG-1). */
export interface View {
  desired(key: Key): DesiredResource | undefined;
  observed(key: Key): ObservedResource | undefined;
  /**
   * Resources that stand on `key` now, observed or being made by a step under way: they go first when it goes. There
   * may be thousands: take a few.
   */
  dependents(key: Key): Iterable<Key>;
  /** Resources that hold `claim` (see Reconciler.claims), observed or being made by a step under way. */
  holders(claim: string): Iterable<Key>;
  /** A step under way takes `key` away, though it is still observed. */
  isLeaving(key: Key): boolean;
  /** Why the device refuses to make `key` as it is desired now; null: it does not, as far as is known. */
  refusal(key: Key): Conflict | null;
  /** Desired containers of the groups at this place that have not reached their goal (CTR-6). */
  unreached(rank: number): Iterable<Key>;
  /** The first group before this place that has not been reached; null: all have. */
  unreachedBefore(rank: number): Key | null;
  /** No container is started: the device is about to boot (ROLL-8). */
  startsHeld(): boolean;
  /** Place of a container: where it is desired no more, the one that it had when it was last desired. Past every other one where that is not known. */
  rankOf(key: Key): number;
  /** Containers of groups after this place that run and have to stop, being no more desired as they are. */
  stoppingAfter(rank: number): Iterable<Key>;
}

/** What comes next for one resource. */
export type Plan =
  | { readonly type: 'settled' }
  | { readonly type: 'step'; readonly step: Step }
  /** Something else must change first; any change of one of `keys` plans this one again. */
  | { readonly type: 'wait'; readonly keys: readonly Key[]; readonly message: string }
  /** Only a changed input can help (ENG-8). */
  | {
      readonly type: 'blocked';
      readonly conflict: Conflict;
      /** Resources whose change plans this one again, besides those it depends on and the holder. */
      readonly keys?: readonly Key[];
    };

/** How resources of one kind are brought from what is observed to what is desired. Pure; knows no adapter. */
export interface Reconciler<K extends Kind> {
  readonly kind: K;
  plan(key: Key, view: View): Plan;
  /** Keys that an observed resource stands on now. */
  dependsOn(observed: ObservedResource<K>): readonly Key[];
  /** Names of things that only one resource can hold at a time, e.g. `address:internal:10.0.5.2`. */
  claims(spec: SpecByKind[K]): readonly string[];
}
