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
  /** Observed resources that stand on `key`: they go first when it goes. */
  dependents(key: Key): readonly Key[];
  /** Observed resources that hold `claim` (see Reconciler.claims). */
  holders(claim: string): readonly Key[];
}

/** What comes next for one resource. */
export type Plan =
  | { readonly type: 'settled' }
  | { readonly type: 'step'; readonly step: Step }
  /** Something else must change first; any change of one of `keys` plans this one again. */
  | { readonly type: 'wait'; readonly keys: readonly Key[]; readonly message: string }
  /** Only a changed input can help (ENG-8). */
  | { readonly type: 'blocked'; readonly conflict: Conflict };

/** How resources of one kind are brought from what is observed to what is desired. Pure; knows no adapter. */
export interface Reconciler<K extends Kind> {
  readonly kind: K;
  plan(key: Key, view: View): Plan;
  /** Keys that a resource with this spec stands on. */
  dependsOn(spec: SpecByKind[K]): readonly Key[];
  /** Names of things that only one resource can hold at a time, e.g. `address:internal:10.0.5.2`. */
  claims(spec: SpecByKind[K]): readonly string[];
}
