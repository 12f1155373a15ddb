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

/** Those of `keys` that do not hold yet: what a resource that stands on them waits for. */
export function unsettled(keys: readonly Key[], view: View): readonly Key[] {
  return keys.filter((key) => !holds(view.desired(key), view.observed(key)));
}

/** Observed resources other than `key` that hold one of `claims`. */
export function otherHolders(key: Key, claims: readonly string[], view: View): readonly Key[] {
  return claims.flatMap((claim) => view.holders(claim).filter((holder) => holder !== key));
}

/** True for a container that is there but does not run: it stands on nothing. */
function isStopped(observed: ObservedResource | undefined): boolean {
  return observed?.kind === 'container' && !(observed as ObservedResource<'container'>).facts.running;
}

/**
 * Observed resources that stand on `key` now: leases, and containers that run. A stopped container only remembers
 * what it stood on, so it holds up nothing.
 */
export function standing(key: Key, view: View): readonly Key[] {
  return view.dependents(key).filter((dependent) => !isStopped(view.observed(dependent)));
}
