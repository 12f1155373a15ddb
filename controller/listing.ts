import { holds } from '../reconcilers/holds.ts';
import type { Key, ObservedResource } from '../state/resource.ts';
import type { Cause, Trigger } from '../state/status.ts';
import { type BackoffOptions, backoffMs } from './backoff.ts';
import type { Reconciliation } from './reconciliation.ts';

/** Timers of full observations. */
export const RESYNC_TIMER = 'resync';
export const RELIST_TIMER = 'relist';

export interface ListingOptions {
  readonly backoff: BackoffOptions;
  readonly seed: string;
  /** Between two full observations of a quiet device, milliseconds; the only timer there is then (ENG-7). */
  readonly resyncMs: number;
}

const cause = (trigger: Trigger): Cause => ({ trigger, via: [] });

/** Full observations: when they are asked for, and what they tell. */
export class Listing {
  readonly #loop: Reconciliation;
  readonly #options: ListingOptions;
  #done = false;
  #running = false;
  #again = false;
  #failures = 0;

  constructor(loop: Reconciliation, options: ListingOptions) {
    this.#loop = loop;
    this.#options = options;
  }

  /** One has succeeded: what is not observed is not there (ENG-4). */
  get done(): boolean {
    return this.#done;
  }

  /** Asks for one; `reason` is said in the event log, null: it is a matter of course. */
  ask(reason: string | null): void {
    // The list under way may have begun before the change that this one is for.
    this.#again = this.#running;
    if (this.#again) return;
    this.#running = true;
    this.#loop.listen();
    this.#loop.publisher.emit({ type: 'list' });
    if (reason === null) return;
    this.#loop.publisher.record({
      key: null,
      severity: 'normal',
      reason: 'Relisting',
      message: reason,
      cause: cause({ type: 'resync' }),
    });
  }

  /**
   * A full observation replaces what was known, but for resources that were heard of while it was taken: a step or
   * watch told newer news of those.
   */
  take(resources: readonly ObservedResource[]): void {
    const heard = this.#loop.heard();
    const isOlderNews = (key: Key) =>
      heard.has(key) || (this.#loop.tracker.find(key)?.flight ?? null) !== null;
    const first = !this.#done;
    this.#running = false;
    this.#failures = 0;
    this.#done = true;
    const seen = new Set<Key>();
    for (const resource of resources) {
      seen.add(resource.key);
      if (isOlderNews(resource.key)) continue;
      this.#loop.observe(resource.key, resource, first ? this.#firstCause(resource) : null);
    }
    for (const key of [...this.#loop.world.observedKeys()]) {
      if (!seen.has(key) && !isOlderNews(key))
        this.#loop.observe(key, null, first ? cause({ type: 'start' }) : null);
    }
    if (!first) this.#loop.wakeAllRefused(cause({ type: 'resync' }));
    this.#loop.publisher.emit({ type: 'arm', timer: RESYNC_TIMER, delayMs: this.#options.resyncMs });
    if (this.#again) this.ask(null);
  }

  /** One could not be taken: tried again later, with growing delays. */
  fail(message: string): void {
    this.#running = false;
    this.#failures += 1;
    const { backoff, seed } = this.#options;
    const delayMs = backoffMs(backoff, seed, RELIST_TIMER, this.#failures);
    this.#loop.publisher.emit({ type: 'arm', timer: RELIST_TIMER, delayMs });
    this.#loop.publisher.record({
      key: null,
      severity: 'warning',
      reason: 'ObserveFailed',
      message,
      cause: cause({ type: 'resync' }),
    });
  }

  /** What is found broken at the start drifted while nobody looked. */
  #firstCause(resource: ObservedResource): Cause {
    const desired = this.#loop.world.desired(resource.key);
    const intact = desired === undefined || holds(desired, resource) || resource.drift.length === 0;
    if (intact) return cause({ type: 'start' });
    return cause({ type: 'drift', key: resource.key, detail: resource.drift.join('; ') });
  }
}
