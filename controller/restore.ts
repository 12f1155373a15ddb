import type { FlatState, HeldLease, ObjectFacts } from '../state/revision.ts';
import { DesiredStore } from '../state/store.ts';
import { gatherFacts, type ObjectLookup } from './facts.ts';
import { StartError } from './start-error.ts';

/** What is kept across restarts: what is to be desired, who holds which address (LEASE-4), and how the last trial stood. */
export interface Kept {
  /** The highest number that any revision has had. */
  readonly latest: number;
  /** Number of the revision to be desired: the committed one, or, where none ever was, the last one that was tried. */
  readonly revision: number;
  readonly state: FlatState;
  readonly leases: readonly HeldLease[];
  /** It was DONE. */
  readonly committed: boolean;
  /** Number of the revision whose trial had not ended when the controller did, and that is not to be desired (ROLL-4). */
  readonly interrupted: number | null;
  /** The revision on trial for which the device was booted: it is to be tried on. Absent: there is none. */
  readonly resumed?: { readonly revision: number; readonly state: FlatState };
  /** Number of the last event that is kept; 0: none is. */
  readonly sequence: number;
}

/** All that an engine begins with besides its options: what was kept, and the texts that compiling it takes. */
export interface StartConditions extends Kept {
  readonly texts: ObjectFacts['texts'];
}

/** What a controller begins with after what was kept; a first revision is number 1. Rejects when a text cannot be read. */
export async function startConditions(kept: Kept | null, objects: ObjectLookup): Promise<StartConditions> {
  if (kept === null) return nothingKept;
  const { revision, state, resumed } = kept;
  const empty = new DesiredStore({});
  const references = (content: FlatState) => empty.draft({ type: 'replace', state: content }).objects;
  const { texts, unusable = {} } = await gatherFacts(references(state), objects);
  const [damaged] = Object.values(unusable);
  if (damaged !== undefined) {
    throw new StartError(
      `revision ${revision}, which this device runs, has an LXC configuration that can't be read any more: found ` +
        `${damaged.found}, expected ${damaged.expected}. Nothing was touched. Put the object back under --root.`,
    );
  }
  if (resumed === undefined) return { ...kept, texts };
  const onTrial = await gatherFacts(references(resumed.state), objects);
  return { ...kept, texts: { ...onTrial.texts, ...texts } };
}

/** What the first controller of a device begins with. */
export const nothingKept: StartConditions = Object.freeze({
  latest: 0,
  revision: 0,
  state: {},
  leases: [],
  committed: false,
  interrupted: null,
  sequence: 0,
  texts: {},
});

/**
 * The desired store as it was when the controller last ran; empty when nothing was kept. Throws when what was
 * accepted then is refused now (a configuration is gone, a newer version is stricter): going on without it would
 * take down everything that runs.
 */
export function storeOf({
  revision,
  state,
  leases,
  texts,
}: Pick<StartConditions, 'revision' | 'state' | 'leases' | 'texts'>): DesiredStore {
  if (revision === 0) return new DesiredStore({});
  const store = new DesiredStore({ held: leases });
  // An image that was lost since keeps its container alone from starting, not the controller from looking after the others.
  const proposal = store.propose({ type: 'replace', state }, { texts, missing: [] });
  const refused = proposal.findings.find((finding) => finding.severity === 'error');
  if (refused !== undefined) {
    throw new StartError(
      `revision ${revision}, which this device runs, is not accepted any more: ${refused.message} ` +
        `(${refused.code} at ${refused.pointer}). Nothing was touched. Put back what is missing, or apply another revision ` +
        'with an empty --root after `holdfast down`.',
    );
  }
  store.commit(proposal);
  return store;
}
