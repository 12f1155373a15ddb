import type { Key, Kind, ObservedResource, SpecByKind } from '../state/resource.ts';
import { kindOf } from '../state/resource.ts';
import { containerReconciler } from './container.ts';
import { groupReconciler } from './group.ts';
import { leaseReconciler } from './lease.ts';
import { linkReconciler } from './link.ts';
import { listenerReconciler } from './listener.ts';
import { poolReconciler } from './pool.ts';
import type { Plan, Reconciler, View } from './reconciler.ts';

/** The only place that names every reconciler. */
const reconcilers: { readonly [K in Kind]: Reconciler<K> } = Object.freeze({
  pool: poolReconciler,
  lease: leaseReconciler,
  group: groupReconciler,
  container: containerReconciler,
  listener: listenerReconciler,
  link: linkReconciler,
});

/** What comes next for `key`. */
export function plan(key: Key, view: View): Plan {
  return reconcilers[kindOf(key)].plan(key, view);
}

function reconcilerOf<K extends Kind>(kind: K): Reconciler<K> {
  return reconcilers[kind] as unknown as Reconciler<K>;
}

/** Keys that a resource stands on now. */
export function dependsOn(resource: ObservedResource): readonly Key[] {
  return reconcilerOf(resource.kind).dependsOn(resource);
}

/** What a resource holds exclusively, from its spec. */
export function claims(resource: ObservedResource): readonly string[] {
  return reconcilerOf(resource.kind).claims(resource.spec as SpecByKind[typeof resource.kind]);
}
