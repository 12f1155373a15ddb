import type { RevisionFact, VerdictFact } from '../../controller/input.ts';
import type { FlatState, HeldLease, TrialFailure, Verdict } from '../../state/revision.ts';
import { StateTree } from '../../state/tree.ts';

/** A revision that was accepted for trial, at second `revision`. */
export function accepted(
  revision: number,
  { state = {}, ...parts }: Partial<RevisionFact> & { readonly state?: FlatState } = {},
): RevisionFact {
  return {
    type: 'revision',
    revision,
    digest: `digest ${revision}`,
    source: 'test',
    message: null,
    at: revision * 1000,
    tree: StateTree.empty.replacedBy(state),
    leases: { held: [], released: [] },
    standing: 'trying',
    failure: null,
    ends: null,
    ...parts,
  };
}

export function failure(code = 'ContainerExited', at = 7): TrialFailure {
  return { code, key: 'container/web', message: 'web exited with code 1\nlast words', at };
}

export function done(revision: number): VerdictFact {
  return { type: 'verdict', verdict: { revision, phase: 'DONE', at: revision * 1000 + 1, failure: null } };
}

export function failed(revision: number, why: TrialFailure = failure()): VerdictFact {
  return { type: 'verdict', verdict: { revision, phase: 'ERROR', at: revision * 1000 + 2, failure: why } };
}

/** How a revision that was on trial ended because another one took its place. */
export function superseded(revision: number): Verdict {
  return { revision, phase: 'ERROR', at: revision * 1000 + 3, failure: failure('Superseded') };
}

export const lease = (container: string, address: string, pool = 'a'): HeldLease => ({
  pool,
  container,
  interface: 'eth0',
  address,
});
