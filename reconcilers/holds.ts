import type { DesiredResource, Key, ObservedResource } from '../state/resource.ts';
import type { View } from './reconciler.ts';

/** What is observed is exactly what is desired: made from the same spec, and nothing of it has drifted. */
export function holds(desired: DesiredResource | undefined, observed: ObservedResource | undefined): boolean {
  return (
    desired !== undefined &&
    observed !== undefined &&
    observed.digest === desired.digest &&
    observed.drift.length === 0
  );
}

/** It holds, and no step takes it away. */
export function isSettled(key: Key, view: View): boolean {
  return !view.isLeaving(key) && holds(view.desired(key), view.observed(key));
}

/** Those of `keys` that do not hold yet: what a resource that stands on them waits for. */
export function unsettled(keys: readonly Key[], view: View): readonly Key[] {
  return keys.filter((key) => !isSettled(key, view));
}

/** Observed resources other than `key` that hold one of `claims`. */
export function otherHolders(key: Key, claims: readonly string[], view: View): readonly Key[] {
  return claims.flatMap((claim) => [...view.holders(claim)].filter((holder) => holder !== key));
}

/** As many as are waited for at once: the others are looked at when these have gone. */
const FEW = 4;

/**
 * Some of the observed resources that stand on `key` now and that `matters` lets through; none only when there are
 * none. Waiting for a few of thousands is enough, and each that goes then costs the same, however many there are (ENG-6).
 */
export function standing(
  key: Key,
  view: View,
  matters: (dependent: Key) => boolean = () => true,
): readonly Key[] {
  return few(view.dependents(key), matters);
}

/** At most as many of `keys` as are waited for at once, of those that `matters` lets through; none only when there are none. */
export function few(keys: Iterable<Key>, matters: (key: Key) => boolean = () => true): readonly Key[] {
  const found: Key[] = [];
  for (const key of keys) {
    if (!matters(key)) continue;
    found.push(key);
    if (found.length === FEW) break;
  }
  return found;
}
