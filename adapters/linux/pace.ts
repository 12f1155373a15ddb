import type { After } from './network-monitor.ts';

export interface PaceOptions {
  /** The clock's. */
  readonly after: After;
  readonly windowMs: number;
  /** What may be spent in each window; what follows is refused until it ends. */
  readonly budget: () => number;
  /** A window has ended in which something was refused. */
  readonly rested: () => void;
}

/**
 * Bounds what others can make us do: so much in each window of time, then nothing until it ends. The first window begins with what is spent
 * first, so that it costs nothing while nothing happens.
 */
export class Pace {
  readonly #options: PaceOptions;
  #spent = 0;
  #end: (() => void) | null = null;

  constructor(options: PaceOptions) {
    this.#options = options;
  }

  /** The budget of this window is used up. */
  get isTired(): boolean {
    return this.#spent > this.#options.budget();
  }

  /** False: it is too much for this window. */
  spend(cost: number): boolean {
    const { after, windowMs } = this.#options;
    this.#end ??= after(windowMs, () => this.#rest());
    this.#spent += cost;
    return !this.isTired;
  }

  close(): void {
    this.#end?.();
    this.#end = null;
    this.#spent = 0;
  }

  #rest(): void {
    const wasTired = this.isTired;
    this.#end = null;
    this.#spent = 0;
    if (wasTired) this.#options.rested();
  }
}
