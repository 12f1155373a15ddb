import type { DatabaseSync, StatementSync } from 'node:sqlite';
import type { EventRecord } from '../state/status.ts';
import { keptEvents } from './options.ts';

/** The last events, at most `keptEvents`. */
export class EventTable {
  readonly #connection: DatabaseSync;
  readonly #put: StatementSync;

  constructor(connection: DatabaseSync) {
    this.#connection = connection;
    this.#put = connection.prepare('INSERT OR REPLACE INTO events (sequence, json) VALUES (?, ?)');
  }

  /** Number of the last one; 0: there is none. */
  get sequence(): number {
    return Number(this.#connection.prepare('SELECT max(sequence) AS last FROM events').get()?.last ?? 0);
  }

  /** Adds events. Adding one twice is harmless. */
  add(events: readonly EventRecord[]): void {
    if (events.length === 0) return;
    for (const event of events) this.#put.run(event.sequence, JSON.stringify(event));
    this.#connection.prepare('DELETE FROM events WHERE sequence <= ?').run(this.sequence - keptEvents);
  }

  /** Oldest first. What the disk has garbled is left out: nothing rests on an event. */
  all(): readonly EventRecord[] {
    return this.#connection
      .prepare('SELECT json FROM events WHERE json_valid(json) ORDER BY sequence')
      .all()
      .map((row): EventRecord => JSON.parse(String(row.json)));
  }
}
