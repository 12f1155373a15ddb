import type { StepError } from '../adapter.ts';

/** Thrown by an executor: it can't be done now, and may well be later. Nothing was disturbed. */
export class Failure extends Error {
  readonly error: StepError;

  constructor(error: StepError) {
    super(error.message);
    this.error = error;
  }
}
