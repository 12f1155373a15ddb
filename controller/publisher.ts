import type { Key } from '../state/resource.ts';
import type { Status } from '../state/status.ts';
import { Chronicle, type Happening } from './chronicle.ts';
import type { Effect } from './input.ts';
import { StatusBoard } from './status-board.ts';

/** What is said of a status; time and revision are the publisher's. */
export type Standpoint = Omit<Status, 'since' | 'revision'>;

/** Collects what the engine asks for and says, in order, stamped with the time and the revision that it speaks of. */
export class Publisher {
  readonly board = new StatusBoard();
  readonly #chronicle: Chronicle;
  #effects: Effect[] = [];
  #now = 0;
  #revision = 0;

  /** `sequence` is the number of the last event that was ever recorded. */
  constructor(sequence: number) {
    this.#chronicle = new Chronicle(sequence);
  }

  /** Time of the input being worked on, milliseconds since the epoch. */
  get now(): number {
    return this.#now;
  }

  /** Begins the work on one input. */
  begin(now: number): void {
    this.#now = now;
  }

  /** From now on statuses speak of this revision. */
  adopt(revision: number): void {
    this.#revision = revision;
  }

  emit(effect: Effect): void {
    this.#effects.push(effect);
  }

  record(happening: Happening): void {
    this.emit({ type: 'event', event: this.#chronicle.record(this.#now, happening) });
  }

  /** Where `key` stands now. Told to others only where it says something new. */
  setStatus(key: Key, standpoint: Standpoint): void {
    const before = this.board.get(key);
    const { phase, reason, message } = standpoint;
    const same = before?.phase === phase && before.reason === reason;
    const status = { ...standpoint, since: same ? before.since : this.#now, revision: this.#revision };
    this.board.set(key, status);
    if (!same || before.message !== message || before.revision !== this.#revision) {
      this.emit({ type: 'status', key, status });
    }
  }

  /** Nobody speaks of `key` any more. False: nobody did before. */
  removeStatus(key: Key): boolean {
    if (this.board.get(key) === undefined) return false;
    this.board.delete(key);
    this.emit({ type: 'status', key, status: null });
    return true;
  }

  /** All effects since the last call, in order. */
  takeEffects(): readonly Effect[] {
    const effects = this.#effects;
    this.#effects = [];
    return effects;
  }
}
