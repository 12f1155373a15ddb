import type { ContainerSpec, DesiredResource, Key, ObservedResource } from '../state/resource.ts';
import { leaseKey, poolKey } from '../state/resource.ts';
import { holds, unsettled } from './holds.ts';
import type { Plan, Reconciler, View } from './reconciler.ts';

function isRunning(observed: ObservedResource | undefined): boolean {
  return observed !== undefined && (observed as ObservedResource<'container'>).facts.running;
}

function takeDown(key: Key, observed: ObservedResource): Plan {
  const action = isRunning(observed) ? 'container.stop' : 'container.remove';
  return { type: 'step', step: { action, key } };
}

/** A dependency that can't come up: stopping what runs would leave nothing in its place. */
function blockedDependency(desired: DesiredResource, view: View): Plan | null {
  for (const key of desired.dependsOn) {
    const conflict = view.desired(key)?.conflict;
    if (conflict !== undefined) return { type: 'blocked', conflict };
  }
  return null;
}

/**
 * A container runs with exactly its resolved spec, or is stopped and started anew: nothing else changes, so that one
 * whose spec is the same keeps its process (CTR-7). One that has a conflict is not started; if it runs with an
 * older spec it goes on, since the rollout decides what happens to a revision with a conflict (ENG-8).
 */
function plan(key: Key, view: View): Plan {
  const desired = view.desired(key);
  const observed = view.observed(key);
  if (desired === undefined) return observed === undefined ? { type: 'settled' } : takeDown(key, observed);
  if (desired.conflict !== undefined) return { type: 'blocked', conflict: desired.conflict };
  if (holds(desired, observed)) return { type: 'settled' };
  const blocked = blockedDependency(desired, view);
  if (blocked !== null) return blocked;
  if (observed !== undefined && isRunning(observed)) {
    return { type: 'step', step: { action: 'container.stop', key } };
  }
  const waitsFor = unsettled(desired.dependsOn, view);
  if (waitsFor.length > 0)
    return { type: 'wait', keys: waitsFor, message: 'what it stands on is not there yet' };
  const spec = desired.spec as ContainerSpec;
  return { type: 'step', step: { action: 'container.start', key, spec, digest: desired.digest } };
}

/** The pools and leases of its interfaces. One that does not run only remembers what it stood on. */
function dependsOn({ spec, facts }: ObservedResource<'container'>): readonly Key[] {
  if (!facts.running || spec.network.mode !== 'pool') return [];
  return spec.network.interfaces.flatMap((face) => [
    poolKey(face.pool),
    leaseKey(face.pool, spec.name, face.name),
  ]);
}

export const containerReconciler: Reconciler<'container'> = {
  kind: 'container',
  plan,
  dependsOn,
  claims: () => [],
};
