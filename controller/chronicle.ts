import type { Key } from '../state/resource.ts';
import type { Cause, EventRecord } from '../state/status.ts';

/** What is said of an event; number and time are the chronicle's. */
export type Happening = Omit<EventRecord, 'sequence' | 'at'>;

/** Numbers events in the order in which they happen. */
export class Chronicle {
  #sequence: number;

  /** `sequence` is the number of the last event before. */
  constructor(sequence: number) {
    this.#sequence = sequence;
  }

  record(at: number, happening: Happening): EventRecord {
    this.#sequence += 1;
    return { sequence: this.#sequence, at, ...happening };
  }
}

/** The cause of what happens to `next` because `key` changed for `cause`. */
export function through(cause: Cause, key: Key): Cause {
  return cause.via.includes(key) ? cause : { ...cause, via: [...cause.via, key] };
}
