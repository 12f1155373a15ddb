import type { After } from '../../linux/network-monitor.ts';

export interface QuietWorkOptions {
  /** How long nothing may have been asked before. */
  readonly quietMs: number;
  readonly after: After;
  readonly work: () => Promise<void>;
}

/** Does what can wait until nobody else is at work. */
export class QuietWork {
  readonly #options: QuietWorkOptions;
  #disarm: () => void = () => undefined;
  #underWay: Promise<void> | null = null;

  constructor(options: QuietWorkOptions) {
    this.#options = options;
  }

  /** It is done after `quietMs`, unless it is cancelled before. */
  arm(): void {
    this.#disarm();
    this.#disarm = this.#options.after(this.#options.quietMs, () => {
      // What it could not do is tried by whoever needs it, and told then.
      this.#underWay = this.#options.work().catch(() => undefined);
    });
  }

  /** Resolves when it is not under way, and will not be. */
  async cancel(): Promise<void> {
    this.#disarm();
    await this.#underWay;
  }

  /** Resolves when it is not under way. */
  async settled(): Promise<void> {
    await this.#underWay;
  }
}
