import type { Key, ListenerSpec } from '../state/resource.ts';
import { holds, otherHolders, unsettled } from './holds.ts';
import type { Plan, Reconciler, View } from './reconciler.ts';

/** tcp without a backend has nothing to listen for; http answers 503, and serves its other routes (ING-4). */
function hasUse({ type, routes }: ListenerSpec): boolean {
  return type === 'http' || routes.every(({ backend }) => backend !== null);
}

function remove(key: Key, spec: ListenerSpec): Plan {
  return { type: 'step', step: { action: 'listener.remove', key, spec } };
}

/**
 * A listener is there whether its providers run or not (ING-10); what it leads to has to be on the host. It goes at once, and is changed
 * in place. One of which some rule leads to nothing is made for the others, and blocked for that reason.
 */
function plan(key: Key, view: View): Plan {
  const desired = view.desired(key);
  const observed = view.observed(key);
  const spec = desired?.spec as ListenerSpec | undefined;
  if (desired === undefined || spec === undefined || !hasUse(spec)) {
    if (observed !== undefined) return remove(key, observed.spec as ListenerSpec);
    return desired?.conflict === undefined
      ? { type: 'settled' }
      : { type: 'blocked', conflict: desired.conflict };
  }
  if (!holds(desired, observed)) {
    const absent = unsettled(desired.dependsOn, view);
    if (absent.length > 0)
      return { type: 'wait', keys: absent, message: 'leads into pools that are not there' };
    const holders = otherHolders(key, claims(spec), view);
    if (holders.length > 0) return { type: 'wait', keys: holders, message: 'its port is still held' };
    return { type: 'step', step: { action: 'listener.ensure', key, spec, digest: desired.digest } };
  }
  return desired.conflict === undefined
    ? { type: 'settled' }
    : { type: 'blocked', conflict: desired.conflict };
}

/** Nobody else listens at the same address and port (ING-3). */
function claims({ addresses, port }: ListenerSpec): readonly string[] {
  return addresses.map((address) => `port:${address}:${port}`);
}

export const listenerReconciler: Reconciler<'listener'> = {
  kind: 'listener',
  plan,
  dependsOn: () => [],
  claims,
};
