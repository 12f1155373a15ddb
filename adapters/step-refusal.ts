import type { Conflict } from '../state/resource.ts';
import type { StepError } from './adapter.ts';

/** Thrown by an executor before it has disturbed anything: this device does not allow the step (ENG-8). */
export class StepConflict extends Error {
  override readonly name = 'StepConflict';
  readonly conflict: Conflict;

  constructor(conflict: Conflict) {
    super(conflict.message);
    this.conflict = conflict;
  }
}

/** Thrown by an executor with everything that is known of why it failed. */
export class StepFailure extends Error {
  override readonly name = 'StepFailure';
  readonly failure: StepError;

  constructor(failure: StepError) {
    super(failure.message);
    this.failure = failure;
  }
}
