import type { Json } from '../../../state/json.ts';
import { oneIn, type Random, randomOf } from './random-choice.ts';
import type { Schedule } from './schedule.ts';

/** A new run of a seed, or a run of what is written down. */
export type MishapSource = { readonly seed: number } | Pick<Schedule, 'mishaps'>;

/**
 * What goes wrong. Whether it does on an occasion follows from the seed and the occasion's name alone, or from what is written
 * down: taking one action out of a schedule leaves everything that went wrong elsewhere as it was.
 */
export class Mishaps {
  readonly #source: MishapSource;
  readonly #times = new Map<string, number>();
  readonly #happened: Record<string, Json> = {};
  /** Nothing goes wrong while this is false. */
  foul = false;

  constructor(source: MishapSource) {
    this.#source = source;
  }

  /** All that went wrong so far, by occasion. */
  get happened(): Readonly<Record<string, Json>> {
    return this.#happened;
  }

  /**
   * What goes wrong on the next occasion of `subject`: null mostly, else, once in `odds` times, what `choose` says. A written
   * schedule is read back as it was chosen.
   */
  befall<What extends Json>(subject: string, odds: number, choose: (random: Random) => What): What | null {
    const time = (this.#times.get(subject) ?? 0) + 1;
    this.#times.set(subject, time);
    if (!this.foul) return null;
    const occasion = `${subject} #${time}`;
    const what = this.#draw(occasion, odds, choose);
    if (what !== null) this.#happened[occasion] = what;
    return what;
  }

  #draw<What extends Json>(occasion: string, odds: number, choose: (random: Random) => What): What | null {
    if ('mishaps' in this.#source) return (this.#source.mishaps[occasion] as What | undefined) ?? null;
    const random = randomOf(this.#source.seed, occasion);
    return oneIn(random, odds) ? choose(random) : null;
  }
}
