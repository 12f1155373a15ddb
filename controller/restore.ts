import type { FlatState, HeldLease } from '../state/revision.ts';
import { DesiredStore } from '../state/store.ts';
import { gatherFacts, type ObjectLookup } from './facts.ts';
import { StartError } from './start-error.ts';

/** What is kept across restarts: a revision that was accepted, and who holds which address (LEASE-4). */
export interface Kept {
  readonly revision: number;
  readonly state: FlatState;
  readonly leases: readonly HeldLease[];
}

/**
 * The desired store as it was when the controller last ran; empty when nothing was kept. Rejects when what was
 * accepted then is refused now (a configuration is gone, a newer version is stricter): going on without it would
 * take down everything that runs.
 */
export async function restoreStore(kept: Kept | null, objects: ObjectLookup): Promise<DesiredStore> {
  if (kept === null) return new DesiredStore({});
  const store = new DesiredStore({ held: kept.leases });
  const change = { type: 'replace', state: kept.state } as const;
  const { texts } = await gatherFacts(store.draft(change).objects, objects);
  // An image that was lost since keeps its container alone from starting, not the controller from looking after the others.
  const proposal = store.propose(change, { texts, missing: [] });
  const refused = proposal.findings.find((finding) => finding.severity === 'error');
  if (refused !== undefined) {
    throw new StartError(
      `revision ${kept.revision}, which this device runs, is not accepted any more: ${refused.message} ` +
        `(${refused.code} at ${refused.pointer}). Nothing was touched. Put back what is missing, or apply another revision ` +
        'with an empty --root after `holdfast down`.',
    );
  }
  store.commit(proposal);
  return store;
}
