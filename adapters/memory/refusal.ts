import type { Conflict } from '../../state/resource.ts';

/** Thrown by an executor: the device does not allow it (ENG-8), and nothing was disturbed. */
export class Refusal extends Error {
  readonly conflict: Conflict;

  constructor(conflict: Conflict) {
    super(conflict.message);
    this.conflict = conflict;
  }
}
