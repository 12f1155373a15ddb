import { holds } from '../reconcilers/holds.ts';
import type { Conflict, Key, ObservedResource } from '../state/resource.ts';
import type { Proposal } from '../state/revision.ts';
import type { Cause, Trigger } from '../state/status.ts';
import type { DesiredStore } from '../state/store.ts';
import { type BackoffOptions, backoffMs, defaultBackoff } from './backoff.ts';
import { through } from './chronicle.ts';
import type { Effect, Input } from './input.ts';
import { Reconciliation } from './reconciliation.ts';
import { World } from './world.ts';

/** Everything that tunes the engine; durations in milliseconds. */
export interface EngineOptions {
  readonly backoff: BackoffOptions;
  readonly seed: string;
  readonly stableMs: number;
  /** Between two full observations of a quiet device; the only timer there is then (ENG-7). */
  readonly resyncMs: number;
}

export const defaultEngineOptions: EngineOptions = Object.freeze({
  backoff: defaultBackoff,
  seed: 'holdfast',
  stableMs: 10_000,
  resyncMs: 600_000,
});

const RESYNC = 'resync';
const RELIST = 'relist';

type InputOf<T extends Input['type']> = Extract<Input, { readonly type: T }>;

/**
 * The heart: a deterministic fold from inputs to effects. No I/O, no clock, no randomness of its own, so the same
 * inputs give the same effects (REPLAY-1). The desired store is its own: nobody else commits to it.
 */
export class Engine {
  readonly #store: DesiredStore;
  readonly #options: EngineOptions;
  readonly #loop: Reconciliation;
  #revision: number;
  #pending: { readonly input: InputOf<'revision'>; readonly proposal: Proposal } | null = null;
  #listed = false;
  #listing = false;
  #listFailures = 0;
  #listAgain = false;

  /** `revision` is the number of what `store` holds already; 0 for nothing. */
  constructor(store: DesiredStore, revision: number, options: EngineOptions = defaultEngineOptions) {
    this.#store = store;
    this.#revision = revision;
    this.#options = options;
    const world = new World((key) => store.desired(key));
    this.#loop = new Reconciliation(world, options);
    this.#loop.publisher.adopt(revision);
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

  get revision(): number {
    return this.#revision;
  }

  /** Resources planned since the engine began (ENG-6). */
  get planned(): number {
    return this.#loop.planned;
  }

  /**
   * Nothing moves any more by itself: observed once, no revision on its way to the disk, and steps are under way or due
   * only for what has failed `giveUpAttempts` times in a row, which is not waited for: it may go on failing for ever.
   */
  atRest(giveUpAttempts: number): boolean {
    if (!this.#listed || this.#pending !== null) return false;
    for (const key of this.board.troubled()) {
      const track = this.#loop.tracker.find(key);
      const moves = (track?.flight ?? null) !== null || this.board.get(key)?.phase === 'Failed';
      if (moves && (track?.attempts ?? 0) < giveUpAttempts) return false;
    }
    return true;
  }

  /** One full observation has succeeded: what is not observed is not there. */
  get listed(): boolean {
    return this.#listed;
  }

  /** Why the device refuses `key` as it is desired now; null: it does not. */
  refusalOf(key: Key): Conflict | null {
    return this.#loop.tracker.find(key)?.refused ?? null;
  }

  /** Folds one input in. Effects are to be carried out in their order. */
  next(input: Input): readonly Effect[] {
    this.#loop.publisher.begin(input.at);
    this.#take(input);
    // ENG-4: before one full observation nothing is known to be missing, so nothing is made or removed.
    if (this.#listed) this.#loop.work();
    return this.#loop.publisher.takeEffects();
  }

  #take(input: Input): void {
    switch (input.type) {
      case 'start':
        return this.#start();
      case 'revision':
        return this.#propose(input);
      case 'persisted':
        return this.#persisted(input.error);
      case 'listed':
        return this.#relisted(input.resources);
      case 'list-failed':
        return this.#listFailed(input.message);
      case 'observed':
        return this.#loop.observe(input.key, input.observed, null);
      case 'relist':
        return this.#list(input.reason);
      case 'step-ended':
        return this.#loop.land(input.key, input.step, input.result);
      case 'timer':
        return this.#timer(input.timer);
    }
  }

  #cause(trigger: Trigger): Cause {
    return { trigger, via: [] };
  }

  #start(): void {
    for (const key of this.#store.keys()) this.#loop.redirect(key, this.#cause({ type: 'start' }));
    this.#list('start');
  }

  #propose(input: InputOf<'revision'>): void {
    if (this.#pending !== null) throw new Error('a revision came before the one before it was persisted');
    const proposal = this.#store.propose(input.change, input.facts);
    if (!proposal.accepted || proposal.unchanged) return this.#answer(input, proposal);
    this.#pending = { input, proposal };
    const { digest, leases } = proposal;
    const { source, at } = input;
    const tree = this.#store.treeOf(proposal);
    this.#loop.publisher.emit({
      type: 'persist',
      fact: { revision: this.#revision + 1, digest, source, at, tree, leases },
    });
  }

  #answer({ request }: InputOf<'revision'>, { accepted, unchanged, digest, findings }: Proposal): void {
    this.#loop.publisher.emit({
      type: 'answer',
      answer: { request, accepted, unchanged, digest, findings, revision: this.#revision },
    });
    if (accepted && !unchanged) return;
    const errors = findings.filter((finding) => finding.severity === 'error').length;
    this.#loop.publisher.record({
      key: null,
      severity: accepted ? 'normal' : 'warning',
      reason: accepted ? 'RevisionUnchanged' : 'RevisionRefused',
      message: accepted
        ? `revision ${this.#revision} has this content already`
        : `refused with ${errors} ${errors === 1 ? 'error' : 'errors'}; revision ${this.#revision} stays`,
      cause: this.#cause({ type: 'revision', revision: this.#revision }),
    });
  }

  #persisted(error: string | null): void {
    const pending = this.#pending;
    this.#pending = null;
    if (pending === null) return;
    if (error !== null) return this.#notDurable(pending.input, pending.proposal, error);
    this.#store.commit(pending.proposal);
    this.#revision += 1;
    this.#loop.publisher.adopt(this.#revision);
    this.#answer(pending.input, pending.proposal);
    const cause = this.#cause({ type: 'revision', revision: this.#revision });
    const size = pending.proposal.changes.size;
    const message = `revision ${this.#revision} from ${pending.input.source}: ${size} resources change`;
    this.#loop.publisher.record({
      key: null,
      severity: 'normal',
      reason: 'RevisionAccepted',
      message,
      cause,
    });
    this.#redirect(pending.proposal, cause);
  }

  /** What could not be made durable is refused: a device must come back from a power cut to what it was told. */
  #notDurable(input: InputOf<'revision'>, proposal: Proposal, error: string): void {
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
    this.#answer(input, { ...proposal, accepted: false, findings });
  }

  #redirect(proposal: Proposal, cause: Cause): void {
    for (const [key, desired] of proposal.changes) {
      // A resource that was there before and changes with what it stands on, changes because of that.
      const moved = desired?.dependsOn.find((other) => proposal.changes.get(other) !== undefined);
      const known = this.world.observed(key) !== undefined;
      this.#loop.redirect(key, known && moved !== undefined ? through(cause, moved) : cause);
    }
  }

  #list(reason: string): void {
    // The list under way may have begun before the change that this one is for.
    this.#listAgain = this.#listing;
    if (this.#listAgain) return;
    this.#listing = true;
    this.#loop.listen();
    this.#loop.publisher.emit({ type: 'list' });
    if (reason === 'start' || reason === RESYNC) return;
    const cause = this.#cause({ type: 'resync' });
    this.#loop.publisher.record({
      key: null,
      severity: 'normal',
      reason: 'Relisting',
      message: reason,
      cause,
    });
  }

  /**
   * A full observation replaces what was known, but for resources that were heard of while it was taken: a step or
   * watch told newer news of those.
   */
  #relisted(resources: readonly ObservedResource[]): void {
    const heard = this.#loop.heard();
    const isOlderNews = (key: Key) =>
      heard.has(key) || (this.#loop.tracker.find(key)?.flight ?? null) !== null;
    const first = !this.#listed;
    this.#listing = false;
    this.#listFailures = 0;
    this.#listed = true;
    const cause = first ? this.#cause({ type: 'start' }) : null;
    const seen = new Set<Key>();
    for (const resource of resources) {
      seen.add(resource.key);
      if (isOlderNews(resource.key)) continue;
      this.#loop.observe(resource.key, resource, first ? this.#firstCause(resource) : null);
    }
    for (const key of [...this.world.observedKeys()]) {
      if (!seen.has(key) && !isOlderNews(key)) this.#loop.observe(key, null, cause);
    }
    if (!first) this.#loop.wakeAllRefused(this.#cause({ type: 'resync' }));
    this.#loop.publisher.emit({ type: 'arm', timer: RESYNC, delayMs: this.#options.resyncMs });
    if (this.#listAgain) this.#list(RESYNC);
  }

  /** What is found broken at the start drifted while nobody looked. */
  #firstCause(resource: ObservedResource): Cause {
    const desired = this.#store.desired(resource.key);
    const intact = desired === undefined || holds(desired, resource) || resource.drift.length === 0;
    if (intact) return this.#cause({ type: 'start' });
    return this.#cause({ type: 'drift', key: resource.key, detail: resource.drift.join('; ') });
  }

  #listFailed(message: string): void {
    this.#listing = false;
    this.#listFailures += 1;
    const { backoff, seed } = this.#options;
    const delayMs = backoffMs(backoff, seed, RELIST, this.#listFailures);
    this.#loop.publisher.emit({ type: 'arm', timer: RELIST, delayMs });
    const cause = this.#cause({ type: 'resync' });
    this.#loop.publisher.record({ key: null, severity: 'warning', reason: 'ObserveFailed', message, cause });
  }

  #timer(timer: string): void {
    if (timer === RESYNC || timer === RELIST) this.#list(RESYNC);
    else if (timer.startsWith('retry:')) this.#loop.retry(timer.slice('retry:'.length) as Key);
  }
}
