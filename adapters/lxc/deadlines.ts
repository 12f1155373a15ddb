import type { Key } from '../../state/resource.ts';
import type { StepResult } from '../adapter.ts';
import type { After } from '../linux/network-monitor.ts';

/** How long what a late step has begun may take to end once its processes are killed. */
const graceMs = 2000;

/** A step, and how long it may take. */
export interface TimedStep {
  readonly key: Key;
  /** What it does, for people: `container.start of container/web`. */
  readonly what: string;
  readonly limitMs: number;
  /** Does it; never rejects. Aborting ends its processes. */
  readonly work: (signal: AbortSignal) => Promise<StepResult>;
}

/**
 * Every step ends: one that takes longer than it may ends as failed, with the code StepTimedOut, and its processes are killed. What can't be
 * killed (a process in an uninterruptible sleep) goes on, and the next step of its key waits for it, for as long as that one may take.
 */
export class Deadlines {
  readonly #after: After;
  /** The end of the work that is under way, by key. */
  readonly #busy = new Map<Key, Promise<unknown>>();

  constructor(after: After) {
    this.#after = after;
  }

  async run(step: TimedStep): Promise<StepResult> {
    const abort = new AbortController();
    const late = Promise.withResolvers<StepResult>();
    const timedOut = this.#timedOut(step);
    let cancel = this.#after(step.limitMs, () => {
      abort.abort(new Error(timedOut.error.message));
      cancel = this.#after(graceMs, () => late.resolve(timedOut));
    });
    const before = this.#busy.get(step.key) ?? Promise.resolve();
    const work = before.then(() => (abort.signal.aborted ? timedOut : step.work(abort.signal)));
    this.#busy.set(step.key, work);
    void work.then(() => {
      if (this.#busy.get(step.key) === work) this.#busy.delete(step.key);
    });
    const result = await Promise.race([work, late.promise]);
    cancel();
    if (!abort.signal.aborted || result.outcome !== 'failed') return result;
    return { ...timedOut, observations: result.observations };
  }

  #timedOut({ what, limitMs }: TimedStep) {
    const message = `${what} did not end within ${limitMs / 1000} s; what it had started was killed`;
    return { outcome: 'failed', error: { code: 'StepTimedOut', message }, observations: [] } as const;
  }
}
