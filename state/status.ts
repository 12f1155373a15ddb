import type { Key } from './resource.ts';

/** ENG-9. A resource is Ready only when it is observed exactly as its newest desired spec says. */
export type Phase = 'Pending' | 'Waiting' | 'Progressing' | 'Ready' | 'Blocked' | 'Failed' | 'Removing';

/** The input that started a chain of effects. */
export type Trigger =
  | { readonly type: 'start' }
  | { readonly type: 'revision'; readonly revision: number }
  /** Something changed on the device behind our back. */
  | { readonly type: 'drift'; readonly key: Key; readonly detail: string }
  | { readonly type: 'retry'; readonly key: Key; readonly attempt: number }
  | { readonly type: 'resync' }
  | { readonly type: 'down' }
  /** Revision `from` did not hold: `to` is desired again (ROLL-1). */
  | { readonly type: 'rollback'; readonly from: number; readonly to: number };

/** Why something happens: the root, and the resources through which it came, root side first. */
export interface Cause {
  readonly trigger: Trigger;
  readonly via: readonly Key[];
}

/** Status of one resource; kept beside the desired state, never inside it (ENG-9). */
export interface Status {
  readonly phase: Phase;
  /** UpperCamelCase code, e.g. `AsDesired`, `WaitingFor`, `AddressTaken`. */
  readonly reason: string;
  /** One sentence for a person. */
  readonly message: string;
  /** Milliseconds since the epoch at which this phase and reason began. */
  readonly since: number;
  /** Attempts that failed in a row for the present spec. */
  readonly attempts: number;
  /** Number of the newest revision that this status speaks of. */
  readonly revision: number;
  readonly cause: Cause;
  /** The resources that this one waits for or is held up by. */
  readonly waitsFor: readonly Key[];
  /** A trial neither fails by it nor waits for it: blocked by what is tolerated (see Conflict), or a link that its consumer can do without. */
  readonly tolerated?: true;
}

/** One entry of the event log. Ordered by `sequence`, not by clock. */
export interface EventRecord {
  readonly sequence: number;
  /** Milliseconds since the epoch. */
  readonly at: number;
  /** Null for what concerns the controller or a whole revision. */
  readonly key: Key | null;
  readonly severity: 'normal' | 'warning';
  /** UpperCamelCase, e.g. `RevisionAccepted`, `DriftDetected`, `StepSucceeded`. */
  readonly reason: string;
  readonly message: string;
  readonly cause: Cause;
}
