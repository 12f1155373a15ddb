import type { Operation } from 'fast-json-patch';
import type { Finding } from './finding.ts';
import type { Json } from './json.ts';
import type { DesiredResource, Key, LeaseSpec } from './resource.ts';

/** The flat state of a revision (REV-1): file path → JSON document, or sha256 (64 lower-case hex) of a binary object. */
export type FlatState = Readonly<Record<string, Json>>;

/** How a new revision is told: whole, or as a change of the current one (REV-3). */
export type StateChange =
  | { readonly type: 'replace'; readonly state: FlatState }
  /** RFC 6902; pointers go into the flat state, so keys with `/` are spelled `~1`. */
  | { readonly type: 'patch'; readonly operations: readonly Operation[] }
  /** RFC 7396. */
  | { readonly type: 'merge'; readonly patch: Json };

/** An object that a revision names and needs. */
export interface ObjectReference {
  readonly sha256: string;
  /** JSON pointer to where it is named. */
  readonly pointer: string;
  /** Its text is needed to compile the revision (`lxc.container.conf`). */
  readonly text: boolean;
}

/** Why an object that is in the store can't be what a revision takes it for, in words. */
export interface UnusableObject {
  readonly found: string;
  readonly expected: string;
}

/** What the object store knows of the objects that a change needs: the only thing outside the state that compiling looks at. */
export interface ObjectFacts {
  /** sha256 → text, for references with `text`. */
  readonly texts: Readonly<Record<string, string>>;
  /** sha256 of those that are not in the store. */
  readonly missing: readonly string[];
  /** sha256 → why there is no text of it, though it is in the store: too large, not UTF-8, damaged. */
  readonly unusable?: Readonly<Record<string, UnusableObject>>;
}

/** A lease as it is kept across restarts (LEASE-4): who holds which address. */
export type HeldLease = Pick<LeaseSpec, 'pool' | 'container' | 'interface'> & { readonly address: string };

/** How a trial ended otherwise than it should have (ROLL-3). */
export interface TrialFailure {
  /**
   * Stable: `ContainerExited`, `GroupTimeout`, `StepFailed`, `Interrupted`, `Superseded`, `Cancelled`, `NotDurable`, or the code
   * of a conflict (ENG-8).
   */
  readonly code: string;
  /** The resource at which it failed; null: the revision as a whole. */
  readonly key: Key | null;
  /** What happened, for a person; lines after the first are what a container or program said last. */
  readonly message: string;
  /** Milliseconds since the epoch at which it happened. */
  readonly at: number;
}

/** How a revision that was accepted ended. */
export interface Verdict {
  readonly revision: number;
  readonly phase: 'DONE' | 'ERROR';
  /** Milliseconds since the epoch. */
  readonly at: number;
  /** Null for DONE. */
  readonly failure: TrialFailure | null;
}

/** What a change would do to the current revision. Nothing is changed before it is committed. */
export interface Proposal {
  /** All findings at once, in document order (REV-6). */
  readonly findings: readonly Finding[];
  /** No finding is an error: it may be committed. When false, `changes` and `leases` are empty. */
  readonly accepted: boolean;
  /** The content is what is current already (REV-7). */
  readonly unchanged: boolean;
  /** Name of the content: depends on nothing but the flat state. */
  readonly digest: string;
  /** Resources that differ from those desired now, in the order of the revision; null: no longer wanted. */
  readonly changes: ReadonlyMap<Key, DesiredResource | null>;
  /** What becomes of the leases of the last committed state (of the present one, where none was ever committed). */
  readonly leases: { readonly held: readonly HeldLease[]; readonly released: readonly HeldLease[] };
  /** RFC 6902, from the current flat state to the proposed one; for the record. */
  readonly patch: readonly Operation[];
}
