import type { TrialFailure, Verdict } from '../state/revision.ts';

/** A revision on trial. */
export interface TrialView {
  readonly revision: number;
  /** ERROR only where nothing was ever committed: it goes on being what is desired (ROLL-5). */
  readonly phase: 'INPROGRESS' | 'TESTING' | 'ERROR';
  /** When it will have lasted long enough, milliseconds since the epoch; null: not TESTING. */
  readonly commitAt: number | null;
  /** Null but for ERROR. */
  readonly failure: TrialFailure | null;
}

/** Where the rollout stands, for whoever asks (ROLL-1). */
export interface RolloutView {
  /** Number of the last revision that was DONE; null: none ever was. */
  readonly committed: number | null;
  /** Null: nothing is on trial. */
  readonly trial: TrialView | null;
  /** The last verdict of this controller; null: it has given none. */
  readonly ended: Verdict | null;
}
