import { type Conflict, type Key, type LeaseSpec, poolKey } from '../state/resource.ts';
import { holds, otherHolders, standing, unsettled } from './holds.ts';
import type { Plan, Reconciler, View } from './reconciler.ts';

/** An observed lease goes only when no container stands on it: an address never leaves one that runs with it. */
function release(key: Key, spec: LeaseSpec, view: View): Plan {
  const users = standing(key, view);
  if (users.length > 0) return { type: 'wait', keys: users, message: 'its container still has the address' };
  return { type: 'step', step: { action: 'lease.release', key, spec } };
}

/**
 * A container that runs keeps the address that it runs with, though the revision has none for it (ENG-8). When it
 * has stopped it is not started again, and the address is of use to others.
 */
function block(key: Key, conflict: Conflict, view: View): Plan {
  const observed = view.observed(key);
  const users = standing(key, view);
  if (observed !== undefined && users.length === 0) return release(key, observed.spec as LeaseSpec, view);
  return { type: 'blocked', conflict, keys: users };
}

/**
 * A lease whose address changed is released before it is reserved anew, so that two containers can exchange their
 * addresses: each gives up its own before it waits for the other's. Anything else about a lease changes in place.
 */
function plan(key: Key, view: View): Plan {
  const desired = view.desired(key);
  const observed = view.observed(key);
  if (desired === undefined) {
    return observed === undefined ? { type: 'settled' } : release(key, observed.spec as LeaseSpec, view);
  }
  if (desired.conflict !== undefined) return block(key, desired.conflict, view);
  if (holds(desired, observed)) return { type: 'settled' };
  const spec = desired.spec as LeaseSpec;
  if (observed !== undefined && (observed.spec as LeaseSpec).address !== spec.address) {
    return release(key, observed.spec as LeaseSpec, view);
  }
  const waitsFor = [...unsettled(desired.dependsOn, view), ...otherHolders(key, claims(spec), view)];
  if (waitsFor.length > 0)
    return { type: 'wait', keys: waitsFor, message: 'its pool or address is not there yet' };
  return { type: 'step', step: { action: 'lease.reserve', key, spec, digest: desired.digest } };
}

/** One holder an address (LEASE-5). */
function claims(spec: LeaseSpec): readonly string[] {
  return spec.address === null ? [] : [`address:${spec.pool}:${spec.address}`];
}

export const leaseReconciler: Reconciler<'lease'> = {
  kind: 'lease',
  plan,
  dependsOn: ({ spec }) => [poolKey(spec.pool)],
  claims,
};
