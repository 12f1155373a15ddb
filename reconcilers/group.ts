import type { GroupSpec } from '../state/resource.ts';
import { few } from './holds.ts';
import type { Reconciler } from './reconciler.ts';

/** A group is as desired when each of its containers has reached its goal (CTR-6): there is nothing to be done for it itself. */
export const groupReconciler: Reconciler<'group'> = {
  kind: 'group',
  plan: (key, view) => {
    const desired = view.desired(key);
    if (desired === undefined) return { type: 'settled' };
    const members = few(view.unreached((desired.spec as GroupSpec).rank));
    if (members.length === 0) return { type: 'settled' };
    return { type: 'wait', keys: members, message: 'not all of it has reached its goal' };
  },
  dependsOn: () => [],
  claims: () => [],
};
