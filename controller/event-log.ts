import type { Key } from '../state/resource.ts';
import type { EventRecord } from '../state/status.ts';

/** The newest events, up to a limit; older ones are forgotten first. */
export class EventLog {
  readonly #limit: number;
  #events: EventRecord[];

  /** `limit`: how many events are kept at least; `events`: those of before, oldest first. */
  constructor(limit: number, events: readonly EventRecord[] = []) {
    this.#limit = limit;
    this.#events = [...events];
  }

  add(event: EventRecord): void {
    this.#events.push(event);
    // Cut in bulk: dropping one from the front of a long array for each event would copy it each time.
    if (this.#events.length > 2 * this.#limit) this.#events = this.#events.slice(-this.#limit);
  }

  /** Oldest first. */
  all(): readonly EventRecord[] {
    return this.#events.slice(-this.#limit);
  }

  /** Those about `key` or caused through it. */
  of(key: Key): readonly EventRecord[] {
    return this.all().filter((event) => event.key === key || event.cause.via.includes(key));
  }
}
