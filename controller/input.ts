import type { Observation, Step, StepResult } from '../adapters/adapter.ts';
import type { Finding } from '../state/finding.ts';
import type { Key, ObservedResource } from '../state/resource.ts';
import type { ObjectFacts, Proposal, StateChange } from '../state/revision.ts';
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
);

/** A revision as it is made durable before anything of it is carried out. */
export interface RevisionFact {
  readonly revision: number;
  readonly digest: string;
  readonly source: string;
  /** Milliseconds since the epoch. */
  readonly at: number;
  /** All of its content; shares with the revision before what has not changed. */
  readonly tree: StateTree;
  readonly leases: Proposal['leases'];
}

/** What became of a `revision` input. */
export interface RevisionAnswer {
  readonly request: string;
  readonly accepted: boolean;
  readonly unchanged: boolean;
  /** Number of the revision that is current after it. */
  readonly revision: number;
  readonly digest: string;
  readonly findings: readonly Finding[];
}

/** All that the engine ever asks for, in the order in which it is to be done. */
export type Effect =
  /** Make this durable, then answer with `persisted`; before any effect that comes after it. */
  | { readonly type: 'persist'; readonly fact: RevisionFact }
  | { readonly type: 'answer'; readonly answer: RevisionAnswer }
  | { readonly type: 'step'; readonly id: number; readonly step: Step; readonly cause: Cause }
  /** Observe everything. */
  | { readonly type: 'list' }
  /** Arm `timer`; one that is armed already is replaced. */
  | { readonly type: 'arm'; readonly timer: string; readonly delayMs: number }
  | { readonly type: 'disarm'; readonly timer: string }
  | { readonly type: 'status'; readonly key: Key; readonly status: Status | null }
  | { readonly type: 'event'; readonly event: EventRecord };
