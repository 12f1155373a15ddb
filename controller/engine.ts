import type { Conflict, Key } from '../state/resource.ts';
import type { Proposal, TrialFailure, Verdict } from '../state/revision.ts';
import type { Cause, Trigger } from '../state/status.ts';
import type { DesiredStore } from '../state/store.ts';
import { defaultBackoff } from './backoff.ts';
import type { Effect, Fact, Input } from './input.ts';
import { Listing, type ListingOptions, RELIST_TIMER, RESYNC_TIMER } from './listing.ts';
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
}

export const defaultEngineOptions: EngineOptions = Object.freeze({
  backoff: defaultBackoff,
  seed: 'holdfast',
  stableMs: 10_000,
  resyncMs: 600_000,
  commitAfterMs: 10_000,
});

/** What an engine goes on from; what is desired by it is in the store. */
export type EngineStart = Pick<Kept, 'latest' | 'revision' | 'committed' | 'interrupted' | 'sequence'>;

type InputOf<T extends Input['type']> = Extract<Input, { readonly type: T }>;

/** A fact that is on its way to the disk, and what it is for. */
type Pending =
  | {
      readonly type: 'revision';
      readonly input: InputOf<'revision'>;
      readonly proposal: Proposal;
      readonly fact: Extract<Fact, { type: 'revision' }>;
    }
  /** `asker`: the revision that asked for what is committed. */
  | { readonly type: 'verdict'; readonly verdict: Verdict; readonly asker: Asker | null }
  | { readonly type: 'attempt' };

interface Asker {
  readonly input: InputOf<'revision'>;
  readonly proposal: Proposal;
}

/**
 * The heart: a deterministic fold from inputs to effects. No I/O, no clock, no randomness of its own, so the same
 * inputs give the same effects (REPLAY-1). The desired store is its own: nobody else commits to it.
 */
export class Engine {
  readonly #store: DesiredStore;
  readonly #options: EngineOptions;
  readonly #loop: Reconciliation;
  readonly #listing: Listing;
  readonly #rollout: Rollout;
  readonly #interrupted: number | null;
  #latest: number;
  #pending: Pending | null = null;
  /** A verdict that could not be saved: goes with the next revision. */
  #unsaved: Verdict | null = null;

  /** `store` holds what `start` says is to be desired. */
  constructor(store: DesiredStore, start: EngineStart, options: EngineOptions = defaultEngineOptions) {
    this.#store = store;
    this.#options = options;
    const world = new World((key) => store.desired(key), store.keys());
    this.#loop = new Reconciliation(world, options, start.sequence);
    this.#listing = new Listing(this.#loop, options);
    this.#rollout = new Rollout(store, this.#loop, start);
    this.#interrupted = start.interrupted;
    this.#latest = start.latest;
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
    if (!this.listed || this.#pending !== null) return false;
    for (const key of this.board.troubled()) {
      const track = this.#loop.tracker.find(key);
      const moves = (track?.flight ?? null) !== null || this.board.get(key)?.phase === 'Failed';
      if (moves && track?.exhausted !== true && (track?.attempts ?? 0) < giveUpAttempts) return false;
    }
    return true;
  }

  /** One full observation has succeeded: what is not observed is not there. */
  get listed(): boolean {
    return this.#listing.done;
  }

  /** Why the device refuses `key` as it is desired now; null: it does not. */
  refusalOf(key: Key): Conflict | null {
    return this.#loop.tracker.find(key)?.refused ?? null;
  }

  /** Folds one input in. Effects are to be carried out in their order. */
  next(input: Input): readonly Effect[] {
    this.#loop.publisher.begin(input.at);
    this.#take(input);
    this.#rollout.judgeExits(this.#loop.takeExits());
    this.#judge();
    // ENG-4: before one full observation nothing is known to be missing, so nothing is made or removed. Nor is anything done that a
    // fact on its way to the disk may turn round.
    if (this.listed && this.#pending === null && !this.#knowsNothing) this.#loop.work();
    if (this.listed && this.#pending === null) this.#rollout.trial?.review();
    this.#judge();
    return this.#loop.publisher.takeEffects();
  }

  #take(input: Input): void {
    switch (input.type) {
      case 'start':
        return this.#start(input.at);
      case 'revision':
        return this.#propose(input);
      case 'persisted':
        return this.#persisted(input.error);
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
    this.#record('warning', 'LeftAlone', message, this.#cause({ type: 'start' }));
  }

  #cause(trigger: Trigger): Cause {
    return { trigger, via: [] };
  }

  #record(
    severity: 'normal' | 'warning',
    reason: string,
    message: string,
    cause: Cause,
    key: Key | null = null,
  ): void {
    this.#loop.publisher.record({ key, severity, reason, message, cause });
  }

  /** A trial that the last controller did not end counts as failed, where there is something to go back to (ROLL-4). */
  #start(at: number): void {
    for (const key of this.#store.keys()) this.#loop.redirect(key, this.#cause({ type: 'start' }));
    if (this.#interrupted !== null) {
      const message =
        'the controller ended before the trial did: it crashed, was stopped, or the power was cut';
      this.#conclude(this.#interrupted, { code: 'Interrupted', key: null, message, at });
    } else if (this.#rollout.desired > 0 && !this.#rollout.hasFallback) {
      this.#rollout.resume(this.#options.commitAfterMs);
      this.#save({ type: 'attempt', revision: this.#rollout.desired, at }, { type: 'attempt' });
    }
    this.#listing.ask(null);
  }

  #save(fact: Fact, pending: Pending): void {
    this.#pending = pending;
    this.#loop.publisher.emit({ type: 'persist', fact });
  }

  #propose(input: InputOf<'revision'>): void {
    if (this.#pending !== null) throw new Error('a revision came before the fact before it was persisted');
    const proposal = this.#store.propose(input.change, input.facts);
    const isCleanUp = input.unconditional && this.#knowsNothing && this.#hasLeftovers;
    if (!proposal.accepted || (proposal.unchanged && !isCleanUp))
      return this.#answer(input, proposal, this.#rollout.desired);
    if (this.#store.onTrial && proposal.digest === this.#store.baseDigest)
      return this.#cancel(input, proposal);
    const { digest, leases } = proposal;
    const { source, message, at, unconditional } = input;
    const failure = unconditional ? null : this.#rollout.foreseenFailure(proposal, at);
    const standing = failure !== null ? 'refused' : unconditional ? 'committed' : 'trying';
    const tree = this.#store.treeOf(proposal);
    const revision = this.#latest + 1;
    const ends = standing === 'refused' ? this.#unsaved : (this.#superseded(revision, at) ?? this.#unsaved);
    const fact = {
      type: 'revision',
      revision,
      digest,
      source,
      message,
      at,
      tree,
      leases,
      standing,
      failure,
      ends,
    } as const;
    this.#save(fact, { type: 'revision', input, proposal, fact });
  }

  /** How the trial under way ends when `revision` takes its place; null: there is none, or it has its verdict. */
  #superseded(revision: number, at: number): Verdict | null {
    const { trial } = this.#rollout;
    if (trial === null || trial.failure !== null) return null;
    const message = `revision ${revision} took its place before it was committed`;
    const failure = { code: 'Superseded', key: null, message, at };
    return { revision: trial.revision, phase: 'ERROR', at, failure };
  }

  /** What is committed was asked for again: the trial ends, and there is no new revision. */
  #cancel(input: InputOf<'revision'>, proposal: Proposal): void {
    const { trial } = this.#rollout;
    if (trial === null) throw new Error('the store is on trial and the rollout is not');
    const message = `the committed revision was asked for again (${input.source})`;
    this.#conclude(
      trial.revision,
      { code: 'Cancelled', key: null, message, at: input.at },
      { input, proposal },
    );
  }

  #answer({ request }: InputOf<'revision'>, proposal: Proposal, revision: number): void {
    const { accepted, unchanged, digest, findings } = proposal;
    this.#loop.publisher.emit({
      type: 'answer',
      answer: { request, accepted, unchanged, digest, findings, revision },
    });
    if (accepted && !unchanged) return;
    const { desired } = this.#rollout;
    const errors = findings.filter((finding) => finding.severity === 'error').length;
    const cause = this.#cause({ type: 'revision', revision: desired });
    if (accepted)
      this.#record('normal', 'RevisionUnchanged', `revision ${desired} has this content already`, cause);
    else {
      const message = `refused with ${errors} ${errors === 1 ? 'error' : 'errors'}; revision ${desired} stays`;
      this.#record('warning', 'RevisionRefused', message, cause);
    }
  }

  #persisted(error: string | null): void {
    const pending = this.#pending;
    this.#pending = null;
    switch (pending?.type) {
      case 'revision':
        return error === null ? this.#accepted(pending) : this.#notDurable(pending, error);
      case 'verdict':
        return this.#judged(pending, error);
      case 'attempt':
        return error === null
          ? undefined
          : this.#notSaved(`attempt of revision ${this.#rollout.desired}`, error);
    }
  }

  #accepted({ input, proposal, fact }: Extract<Pending, { type: 'revision' }>): void {
    const { revision, standing, ends } = fact;
    this.#latest = revision;
    this.#unsaved = null;
    const cause = this.#cause({ type: 'revision', revision });
    if (ends !== null) this.#report(ends);
    const message = `revision ${revision} from ${input.source}: ${proposal.changes.size} resources change`;
    this.#record('normal', 'RevisionAccepted', message, cause);
    if (standing === 'refused') {
      const verdict = { revision, phase: 'ERROR', at: input.at, failure: fact.failure } as const;
      this.#rollout.note(verdict);
      this.#report(verdict);
    } else if (standing === 'committed') this.#rollout.settle(revision, proposal, cause);
    else {
      const commitAfterMs = input.commitAfterMs ?? this.#options.commitAfterMs;
      this.#rollout.begin(revision, proposal, commitAfterMs, cause);
    }
    this.#answer(input, proposal, revision);
  }

  /** What could not be made durable is refused: a device must come back from a power cut to what it was told. */
  #notDurable({ input, proposal }: Extract<Pending, { type: 'revision' }>, error: string): void {
    const message = `the revision could not be saved: ${error}`;
    const hint = 'free disk space or repair the disk under --root, then apply again';
    const finding = {
      severity: 'error',
      code: 'NotDurable',
      pointer: '',
      found: error,
      message,
      hint,
    } as const;
    const findings = [...proposal.findings, { ...finding, expected: 'a disk that takes the revision' }];
    this.#answer(input, { ...proposal, accepted: false, findings }, this.#rollout.desired);
  }

  /** Ends the trial where it has to: what it failed by counts before what it has held. */
  #judge(): void {
    const { trial } = this.#rollout;
    if (trial === null || this.#pending !== null) return;
    const alreadyTold = this.#rollout.view.ended?.revision === trial.revision;
    if (trial.failure !== null && !alreadyTold) this.#conclude(trial.revision, trial.failure);
    else if (trial.hasHeld) this.#conclude(trial.revision, null);
  }

  /** Has a verdict made durable; nothing rests on it before. */
  #conclude(revision: number, failure: TrialFailure | null, asker: Asker | null = null): void {
    const at = this.#loop.publisher.now;
    const phase = failure === null ? 'DONE' : 'ERROR';
    const verdict: Verdict = { revision, phase, at, failure };
    this.#save({ type: 'verdict', verdict }, { type: 'verdict', verdict, asker });
  }

  #judged({ verdict, asker }: Extract<Pending, { type: 'verdict' }>, error: string | null): void {
    if (error !== null && verdict.phase === 'DONE') return this.#notCommitted(verdict, error);
    if (error !== null) {
      this.#unsaved = verdict;
      this.#notSaved(`end of revision ${verdict.revision}`, error);
    }
    this.#report(verdict);
    const isOnTrial = this.#rollout.trial?.revision === verdict.revision;
    if (!isOnTrial) this.#rollout.note(verdict);
    else if (verdict.phase === 'DONE') this.#rollout.commit(verdict);
    else this.#rollout.abandon(verdict);
    if (asker !== null) this.#answer(asker.input, asker.proposal, this.#rollout.desired);
  }

  /** A commit that is not on disk is none: a power cut would undo it. */
  #notCommitted(verdict: Verdict, error: string): void {
    const message = `it held, and that could not be saved: ${error}`;
    this.#rollout.trial?.postpone();
    this.#conclude(verdict.revision, { code: 'NotDurable', key: null, message, at: verdict.at });
  }

  #notSaved(what: string, error: string): void {
    this.#record(
      'warning',
      'NotDurable',
      `the ${what} could not be saved: ${error}`,
      this.#cause({ type: 'resync' }),
    );
  }

  #report({ revision, phase, failure }: Verdict): void {
    const cause = this.#cause({ type: 'revision', revision });
    if (failure === null)
      return this.#record('normal', 'RevisionDone', `revision ${revision} is ${phase}`, cause);
    const message = `revision ${revision} is ${phase}: ${failure.code}: ${failure.message}`;
    this.#record('warning', 'RevisionFailed', message, cause, failure.key);
  }

  #timer(timer: string): void {
    if (timer === RESYNC_TIMER || timer === RELIST_TIMER) this.#listing.ask(null);
    else if (timer.startsWith('retry:')) this.#loop.retry(timer.slice('retry:'.length) as Key);
    else if (timer.startsWith(STAGE_TIMER)) this.#rollout.trial?.expire(timer);
    else throw new Error(`found timer '${timer}', which nobody has armed`);
  }
}
