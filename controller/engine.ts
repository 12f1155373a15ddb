import { isAtGoal } from '../reconcilers/container.ts';
import { holds } from '../reconcilers/holds.ts';
import { type Conflict, type Key, kindOf } from '../state/resource.ts';
import type { Proposal } from '../state/revision.ts';
import type { Cause } from '../state/status.ts';
import type { DesiredStore } from '../state/store.ts';
import { defaultBackoff } from './backoff.ts';
import { Decisions, type TrialStart } from './decisions.ts';
import type { ForeseenFailure } from './foreseen-failure.ts';
import type { Effect, Input } from './input.ts';
import { Listing, type ListingOptions, RELIST_TIMER, RESYNC_TIMER } from './listing.ts';
import { REBOOT_TIMER } from './reboot.ts';
import { Reconciliation } from './reconciliation.ts';
import type { PaceOptions } from './relapse.ts';
import type { Kept } from './restore.ts';
import { Rollout } from './rollout.ts';
import type { RolloutView } from './rollout-view.ts';
import { STAGE_TIMER } from './trial.ts';
import { World } from './world.ts';

/** Everything that tunes the engine; durations in milliseconds. */
export interface EngineOptions extends PaceOptions, ListingOptions {
  /** How long a trial lasts once everything is ready, where the revision does not say (ROLL-2). */
  readonly commitAfterMs: number;
  /** The device is booted for system transitions (ROLL-8). */
  readonly reboots: boolean;
}

export const defaultEngineOptions: EngineOptions = Object.freeze({
  backoff: defaultBackoff,
  seed: 'holdfast',
  stableMs: 10_000,
  resyncMs: 600_000,
  commitAfterMs: 10_000,
  reboots: false,
});

/** What an engine goes on from; what is desired by it is in the store. */
export type EngineStart = Pick<Kept, 'latest' | 'revision' | 'committed' | 'sequence'> & TrialStart;

type InputOf<T extends Input['type']> = Extract<Input, { readonly type: T }>;

const atStart: Cause = { trigger: { type: 'start' }, via: [] };

/**
 * The heart: a deterministic fold from inputs to effects. No I/O, no clock, no randomness of its own, so the same
 * inputs give the same effects (REPLAY-1). The desired store is its own: nobody else commits to it.
 */
export class Engine {
  readonly #store: DesiredStore;
  readonly #loop: Reconciliation;
  readonly #listing: Listing;
  readonly #rollout: Rollout;
  readonly #decisions: Decisions;
  readonly #begun: EngineStart;

  /** `store` holds what `start` says is to be desired. */
  constructor(store: DesiredStore, start: EngineStart, options: EngineOptions = defaultEngineOptions) {
    this.#store = store;
    const world = new World((key) => store.desired(key), store.keys());
    this.#loop = new Reconciliation(world, options, start.sequence);
    this.#listing = new Listing(this.#loop, options);
    this.#rollout = new Rollout(store, this.#loop, start, options.reboots);
    this.#begun = start;
    const { latest } = start;
    const { commitAfterMs } = options;
    this.#decisions = new Decisions({
      store,
      loop: this.#loop,
      rollout: this.#rollout,
      latest,
      commitAfterMs,
    });
  }

  get world(): World {
    return this.#loop.world;
  }

  get board(): Reconciliation['board'] {
    return this.#loop.board;
  }

  /** What is remembered of each resource besides its status. */
  get tracker(): Reconciliation['tracker'] {
    return this.#loop.tracker;
  }

  /** Number of the revision that is desired now; 0: none. */
  get revision(): number {
    return this.#rollout.desired;
  }

  get rollout(): RolloutView {
    return this.#rollout.view;
  }

  /** Resources planned since the engine began (ENG-6). */
  get planned(): number {
    return this.#loop.planned;
  }

  /**
   * Nothing moves any more by itself: observed once, nothing on its way to the disk, and steps are under way or due
   * only for what has failed `giveUpAttempts` times in a row, which is not waited for: it may go on failing for ever.
   */
  atRest(giveUpAttempts: number): boolean {
    if (!this.listed || this.#decisions.isPending) return false;
    for (const key of this.board.troubled()) {
      const track = this.#loop.tracker.find(key);
      const moves = (track?.flight ?? null) !== null || this.board.get(key)?.phase === 'Failed';
      if (this.#isAwaited(key)) return false;
      if (moves && (track?.exhausted ?? null) === null && (track?.attempts ?? 0) < giveUpAttempts)
        return false;
    }
    return true;
  }

  /** It runs, and has yet to signal that it is ready: a device that has a trial that failed does not wait for that. */
  #isAwaited(key: Key): boolean {
    if (this.#rollout.trial !== null && this.#rollout.trial.failure !== null) return false;
    const [desired, observed] = [this.world.desired(key), this.world.observed(key)];
    if (desired === undefined || kindOf(key) !== 'container') return false;
    return holds(desired, observed) && !isAtGoal(desired, observed);
  }

  /** One full observation has succeeded: what is not observed is not there. */
  get listed(): boolean {
    return this.#listing.done;
  }

  /** Why nothing is done for `key` as it is desired now, though a step is planned: the device refuses it; null: there is no reason. */
  refusalOf(key: Key): Conflict | null {
    return this.#loop.refusalOf(key);
  }

  /** Why a trial of these changes would fail before it begins (ENG-8). */
  foreseenFailures(changes: Proposal['changes']): readonly ForeseenFailure[] {
    return this.#rollout.foreseenFailures(changes);
  }

  /** Folds one input in. Effects are to be carried out in their order. */
  next(input: Input): readonly Effect[] {
    this.#loop.publisher.begin(input.at);
    this.#take(input);
    this.#rollout.judgeExits(this.#loop.bystander.takeExits());
    this.#decisions.judge();
    // ENG-4: before one full observation nothing is known to be missing, so nothing is made or removed. Nor is anything done that a
    // fact on its way to the disk may turn round.
    if (this.listed && !this.#decisions.isPending && !this.#knowsNothing) this.#loop.work();
    if (this.listed && !this.#decisions.isPending) this.#rollout.trial?.review();
    this.#decisions.judge();
    this.#decisions.judgeReboot();
    return this.#loop.publisher.takeEffects();
  }

  #take(input: Input): void {
    switch (input.type) {
      case 'start':
        return this.#start(input.at);
      case 'revision':
        return this.#decisions.propose(input);
      case 'persisted':
        return this.#decisions.persisted(input.error);
      case 'listed':
        return this.#listed(input);
      case 'list-failed':
        return this.#listing.fail(input.message);
      case 'observed':
        return this.#loop.observe(input.key, input.observed, null);
      case 'relist':
        return this.#listing.ask(input.reason);
      case 'step-ended':
        return this.#loop.land(input.key, input.step, input.result);
      case 'timer':
        return this.#timer(input.timer);
      case 'reboot-failed':
        return this.#decisions.rebootFailed(input.message);
    }
  }

  /** No revision was ever accepted here. What there is of ours all the same belongs to one that this controller was not told of. */
  get #knowsNothing(): boolean {
    return this.#rollout.desired === 0;
  }

  get #hasLeftovers(): boolean {
    return !this.world.observedKeys().next().done;
  }

  /** Without its database a controller takes nothing down: what runs goes on until it is told what is wanted. */
  #listed({ resources }: InputOf<'listed'>): void {
    const first = !this.listed;
    this.#listing.take(resources);
    if (!first || !this.#knowsNothing || !this.#hasLeftovers) return;
    const message =
      `found ${resources.length} resources of ours, and no revision: they are left as they are until one is ` +
      'applied, which may adopt them; `holdfast down` removes them';
    this.#loop.publisher.record({
      key: null,
      severity: 'warning',
      reason: 'LeftAlone',
      message,
      cause: atStart,
    });
  }

  #start(at: number): void {
    for (const key of this.#store.keys()) this.#loop.redirect(key, atStart);
    this.#decisions.begin(this.#begun, at);
    this.#listing.ask(null);
  }

  #timer(timer: string): void {
    if (timer === RESYNC_TIMER || timer === RELIST_TIMER) this.#listing.ask(null);
    else if (timer.startsWith('retry:')) this.#loop.retry(timer.slice('retry:'.length) as Key);
    else if (timer.startsWith(STAGE_TIMER)) this.#rollout.trial?.expire(timer);
    else if (timer === REBOOT_TIMER)
      this.#decisions.rebootFailed('it still ran minutes after it was told to');
    else throw new Error(`found timer '${timer}', which nobody has armed`);
  }
}
