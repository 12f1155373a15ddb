import type { Clock } from '../../controller/clock.ts';

interface Alarm {
  readonly at: number;
  readonly order: number;
  readonly fire: () => void;
}

/** A clock that stands still until it is told to move; timers fire in order of time, then of arming. */
export class VirtualClock implements Clock {
  #now = 1_000_000;
  #order = 0;
  readonly #alarms = new Set<Alarm>();

  now(): number {
    return this.#now;
  }

  after(delayMs: number, fire: () => void): () => void {
    const alarm = { at: this.#now + delayMs, order: this.#order++, fire };
    this.#alarms.add(alarm);
    return () => this.#alarms.delete(alarm);
  }

  /** Milliseconds until the next timer; null: none is armed. */
  nextInMs(): number | null {
    const next = this.#next();
    return next === undefined ? null : next.at - this.#now;
  }

  /** Moves to the next timer that is due within `withinMs` and fires it. False: there is none; all of it has passed. */
  step(withinMs: number): boolean {
    const next = this.#next();
    if (next === undefined || next.at > this.#now + withinMs) {
      this.#now += withinMs;
      return false;
    }
    this.#alarms.delete(next);
    this.#now = next.at;
    next.fire();
    return true;
  }

  #next(): Alarm | undefined {
    return [...this.#alarms].sort((a, b) => a.at - b.at || a.order - b.order)[0];
  }
}
