import type { Observation, Step, StepResult } from '../adapters/adapter.ts';
import type { Finding } from '../state/finding.ts';
import type { Key, ObservedResource } from '../state/resource.ts';
import type { ObjectFacts, Proposal, StateChange, TrialFailure, Verdict } from '../state/revision.ts';
import type { Cause, EventRecord, Status } from '../state/status.ts';
import type { StateTree } from '../state/tree.ts';

/**
 * All that the engine ever learns. Recording these records everything: the same inputs give the same effects.
 * `at` is milliseconds since the epoch.
 */
export type Input = { readonly at: number } & (
  | { readonly type: 'start' }
  | {
      readonly type: 'revision';
      /** Comes back in the answer. */
      readonly request: string;
      readonly change: StateChange;
      readonly facts: ObjectFacts;
      readonly source: string;
      /** What somebody says about it. */
      readonly message: string | null;
      /** The commit window (ROLL-2); null: as the engine's options say. */
      readonly commitAfterMs: number | null;
      /** Committed with being accepted, and never rolled back: for taking everything down. */
      readonly unconditional: boolean;
    }
  /** The fact that a `persist` effect spoke of is durable, or could not be made so. */
  | { readonly type: 'persisted'; readonly error: string | null }
  /** Answer to a `list` effect. */
  | { readonly type: 'listed'; readonly resources: readonly ObservedResource[] }
  | { readonly type: 'list-failed'; readonly message: string }
  | ({ readonly type: 'observed' } & Observation)
  /** Changes may have been missed. */
  | { readonly type: 'relist'; readonly reason: string }
  | { readonly type: 'step-ended'; readonly step: number; readonly key: Key; readonly result: StepResult }
  | { readonly type: 'timer'; readonly timer: string }
  /** Answer to a `reboot` effect: the device was not booted. */
  | { readonly type: 'reboot-failed'; readonly message: string }
);

/** What is made durable before anything that rests on it is carried out (ROLL-4). */
export type Fact = RevisionFact | VerdictFact | AttemptFact | RebootFact;

/** A revision was accepted. */
export interface RevisionFact {
  readonly type: 'revision';
  /** Higher than every one before. */
  readonly revision: number;
  readonly digest: string;
  /** Where it came from, for people. */
  readonly source: string;
  /** What somebody said about it. */
  readonly message: string | null;
  /** Milliseconds since the epoch. */
  readonly at: number;
  /** All of its content; shares with the revision before what has not changed. */
  readonly tree: StateTree;
  /**
   * What becomes of leases, as against those of the committed revision; where none was ever committed, as against those of the
   * revision that was desired before. They are the device's only when the revision is committed (LEASE-4).
   */
  readonly leases: Proposal['leases'];
  /**
   * `trying`: it is on trial now. `committed`: it is done with being accepted (taking everything down). `refused`: it ended before it began,
   * as `failure` says: nothing of the device changes.
   */
  readonly standing: 'trying' | 'committed' | 'refused';
  /** Null but for `refused`. */
  readonly failure: TrialFailure | null;
  /** How the revision on trial before it ended, or one before whose end could not be saved; null: there is none. */
  readonly ends: Verdict | null;
}

/**
 * A trial is over. DONE: the revision is the committed one, its leases are the device's. ERROR: it is on trial no more, and its
 * leases are forgotten, unless nothing was ever committed: then it goes on being what is desired (ROLL-5).
 */
export interface VerdictFact {
  readonly type: 'verdict';
  readonly verdict: Verdict;
}

/**
 * A controller has begun to try the revision that is on trial once more: since there is none to go back to (ROLL-5), or since the
 * device was booted for it (ROLL-8).
 */
export interface AttemptFact {
  readonly type: 'attempt';
  readonly revision: number;
  /** Milliseconds since the epoch. */
  readonly at: number;
}

/** The device is booted for the revision on trial (ROLL-8): the next controller goes on with the trial, once. */
export interface RebootFact {
  readonly type: 'reboot';
  readonly revision: number;
  /** Milliseconds since the epoch. */
  readonly at: number;
}

/** What became of a `revision` input. */
export interface RevisionAnswer {
  readonly request: string;
  readonly accepted: boolean;
  readonly unchanged: boolean;
  /** Number of the revision that this became, or, where it became none, of the one that is desired. */
  readonly revision: number;
  readonly digest: string;
  readonly findings: readonly Finding[];
}

/** All that the engine ever asks for, in the order in which it is to be done. */
export type Effect =
  /** Make this durable, then answer with `persisted`; before any effect that comes after it. */
  | { readonly type: 'persist'; readonly fact: Fact }
  | { readonly type: 'answer'; readonly answer: RevisionAnswer }
  | { readonly type: 'step'; readonly id: number; readonly step: Step; readonly cause: Cause }
  /** Observe everything. */
  | { readonly type: 'list' }
  /** Boot the device. */
  | { readonly type: 'reboot' }
  /** Arm `timer`; one that is armed already is replaced. */
  | { readonly type: 'arm'; readonly timer: string; readonly delayMs: number }
  | { readonly type: 'disarm'; readonly timer: string }
  | { readonly type: 'status'; readonly key: Key; readonly status: Status | null }
  | { readonly type: 'event'; readonly event: EventRecord };
