import { type Key, kindOf, type PoolSpec } from '../state/resource.ts';
import { holds, otherHolders, standing } from './holds.ts';
import type { Plan, Reconciler, View } from './reconciler.ts';

/** The host interface that a pool stands on: it can't change in place. */
function hostInterface(spec: PoolSpec): string {
  return spec.type === 'bridge' ? `bridge:${spec.bridge}` : `parent:${spec.parent}`;
}

function remove(key: Key, spec: PoolSpec): Plan {
  return { type: 'step', step: { action: 'pool.remove', key, spec } };
}

/**
 * A pool is ensured in place where bridge or parent stay the same (POOL-6); where they change it is removed first,
 * once no running container is attached to it. It is removed for good only when nothing observed stands on it.
 */
function plan(key: Key, view: View): Plan {
  const desired = view.desired(key);
  const observed = view.observed(key);
  if (desired === undefined) {
    if (observed === undefined) return { type: 'settled' };
    const users = standing(key, view);
    if (users.length > 0) return { type: 'wait', keys: users, message: 'still in use' };
    return remove(key, observed.spec as PoolSpec);
  }
  if (desired.conflict !== undefined) return { type: 'blocked', conflict: desired.conflict };
  if (holds(desired, observed)) return { type: 'settled' };
  const spec = desired.spec as PoolSpec;
  if (observed !== undefined && hostInterface(observed.spec as PoolSpec) !== hostInterface(spec)) {
    const attached = standing(key, view, (user) => kindOf(user) === 'container');
    if (attached.length > 0) return { type: 'wait', keys: attached, message: 'moves to another interface' };
    return remove(key, observed.spec as PoolSpec);
  }
  const holders = otherHolders(key, claims(spec), view);
  if (holders.length > 0) return { type: 'wait', keys: holders, message: 'its interface is still held' };
  return { type: 'step', step: { action: 'pool.ensure', key, spec, digest: desired.digest } };
}

/** One bridge carries one pool (POOL-3). A parent carries any number of macvlan pools. */
function claims(spec: PoolSpec): readonly string[] {
  return spec.type === 'bridge' ? [hostInterface(spec)] : [];
}

export const poolReconciler: Reconciler<'pool'> = { kind: 'pool', plan, dependsOn: () => [], claims };
