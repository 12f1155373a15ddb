import type { StepError, StepResult } from '../adapters/adapter.ts';
import { holds } from '../reconcilers/holds.ts';
import { plan } from '../reconcilers/index.ts';
import type { Plan } from '../reconcilers/reconciler.ts';
import type { Conflict, Key, ObservedResource } from '../state/resource.ts';
import type { Cause, Phase, Status } from '../state/status.ts';
import { readyMessage } from './announcement.ts';
import { type BackoffOptions, backoffMs } from './backoff.ts';
import { Chronicle, type Happening, through } from './chronicle.ts';
import type { Effect } from './input.ts';
import { SetIndex } from './set-index.ts';
import { StatusBoard } from './status-board.ts';
import { type Flight, type Track, Tracker } from './tracker.ts';
import type { World } from './world.ts';

/** How the engine paces itself; every duration in milliseconds. */
export interface PaceOptions {
  readonly backoff: BackoffOptions;
  /** Makes jitter differ between devices and be the same in replay. */
  readonly seed: string;
  /** A resource that held this long has recovered: what it fails by next is repaired at once again. */
  readonly stableMs: number;
}

/** The timer on which a resource is tried again. */
export const retryTimer = (key: Key): string => `retry:${key}`;

/**
 * Brings every resource from observed to desired: dirty keys are planned one by one, each has at most one step under
 * way, and every outcome is mapped in one place. It holds no clock: `now` comes with each input.
 */
export class Reconciliation {
  readonly world: World;
  readonly board = new StatusBoard();
  readonly tracker = new Tracker();
  readonly #chronicle = new Chronicle();
  readonly #pace: PaceOptions;
  readonly #dirty = new Map<Key, Cause>();
  readonly #waiters = new SetIndex<Key, Key>();
  readonly #refused = new Set<Key>();
  #effects: Effect[] = [];
  #nextStep = 1;
  #input = 0;
  #now = 0;
  #revision = 0;
  #planned = 0;

  constructor(world: World, pace: PaceOptions) {
    this.world = world;
    this.#pace = pace;
  }

  /** Resources planned so far: what ENG-6 is measured by. */
  get planned(): number {
    return this.#planned;
  }

  /** Number of the input being worked on. */
  get input(): number {
    return this.#input;
  }

  /** Begins the work on one input. */
  begin(now: number): void {
    this.#now = now;
    this.#input += 1;
  }

  /** All effects since the last call, in order. */
  takeEffects(): readonly Effect[] {
    const effects = this.#effects;
    this.#effects = [];
    return effects;
  }

  emit(effect: Effect): void {
    this.#effects.push(effect);
  }

  record(happening: Happening): void {
    this.emit({ type: 'event', event: this.#chronicle.record(this.#now, happening) });
  }

  /** From now on statuses speak of this revision. */
  adopt(revision: number): void {
    this.#revision = revision;
  }

  /** Plans `key` at the next occasion. The first cause stands: it is the one that led here. */
  wake(key: Key, cause: Cause): void {
    if (!this.#dirty.has(key)) this.#dirty.set(key, cause);
  }

  /** The desired spec of `key` is another one now. */
  redirect(key: Key, cause: Cause): void {
    this.tracker.rebase(key, this.world.desired(key)?.digest ?? null);
    this.#refused.delete(key);
    this.#dirty.delete(key);
    this.wake(key, cause);
    if (this.board.get(key) === undefined) {
      this.#setStatus(key, 'Pending', 'Accepted', 'not looked at yet', cause, []);
    }
    this.#wakeWaiters(key, cause);
  }

  /** Takes in what is seen of `key`, and wakes what it matters to. */
  observe(key: Key, observed: ObservedResource | null, cause: Cause | null): void {
    const before = this.world.observe(key, observed);
    this.#touch(key, cause);
    if (before === undefined && observed === null) return;
    if (before !== undefined && observed !== null && sameObservation(before, observed)) return;
    const why = cause ?? this.tracker.find(key)?.flight?.cause ?? this.#driftOf(key, observed);
    this.wake(key, why);
    this.#wakeWaiters(key, why);
    if (observed === null) this.#wakeRefused(why);
  }

  /** News of a resource that the device refused is worth a new look at it, even when it says nothing else. */
  #touch(key: Key, cause: Cause | null): void {
    const track = this.tracker.get(key);
    track.touched = this.#input;
    if (cause !== null || track.refused === null) return;
    track.refused = null;
    this.#refused.delete(key);
    this.wake(key, { trigger: { type: 'drift', key, detail: 'the device changed' }, via: [] });
  }

  /** Plans all dirty keys; steps and timers come out as effects. */
  work(): void {
    for (const [key, cause] of this.#dirty) {
      this.#dirty.delete(key);
      this.#consider(key, cause);
    }
  }

  /** One step is over. */
  land(key: Key, id: number, result: StepResult): void {
    const flight = this.tracker.land(key, id);
    if (flight === null) return;
    for (const { key: seen, observed } of result.observations) this.observe(seen, observed, flight.cause);
    const track = this.tracker.get(key);
    this.wake(key, flight.cause);
    // What was wanted has changed meanwhile: the result was observed, and decides nothing.
    if (track.wanted !== flight.wanted) return;
    if (result.outcome === 'done') this.#done(key, track, flight);
    else if (result.outcome === 'conflict') this.#refuse(key, track, result.conflict, flight.cause);
    else this.#fail(key, track, result.error, flight.cause);
  }

  /** Tries again what the device refused: it may have changed. */
  wakeAllRefused(cause: Cause): void {
    this.#wakeRefused(cause);
  }

  /** The time of `key` to be tried again has come. */
  retry(key: Key): void {
    const track = this.tracker.find(key);
    if (track === undefined) return;
    track.retryAt = null;
    const trigger = { type: 'retry', key, attempt: track.attempts } as const;
    const before = this.board.get(key)?.cause;
    this.wake(key, before === undefined ? { trigger, via: [] } : before);
  }

  #consider(key: Key, cause: Cause): void {
    const track = this.tracker.rebase(key, this.world.desired(key)?.digest ?? null);
    if (track.flight !== null) return;
    if (track.retryAt !== null && track.retryAt > this.#now) return;
    this.#planned += 1;
    this.#carryOut(key, plan(key, this.world), track, cause);
  }

  #carryOut(key: Key, next: Plan, track: Track, cause: Cause): void {
    switch (next.type) {
      case 'settled':
        return this.#settle(key, track, cause);
      case 'wait': {
        for (const other of next.keys) this.#waiters.add(other, key);
        const phase = this.world.desired(key) === undefined ? 'Removing' : 'Waiting';
        const message = `${next.message}: waits for ${listed(next.keys)}`;
        return this.#setStatus(key, phase, 'WaitingFor', message, cause, next.keys);
      }
      case 'blocked':
        return this.#block(key, next.conflict, cause);
      case 'step':
        return this.#launch(key, next, track, cause);
    }
  }

  #settle(key: Key, track: Track, cause: Cause): void {
    const desired = this.world.desired(key);
    if (desired === undefined) {
      this.tracker.delete(key);
      this.#refused.delete(key);
      if (this.board.get(key) === undefined) return;
      this.board.delete(key);
      this.emit({ type: 'status', key, status: null });
      this.record({ key, severity: 'normal', reason: 'Removed', message: `${key} is gone`, cause });
      return;
    }
    track.settledAt ??= this.#now;
    track.lastDone = null;
    track.refused = null;
    const wasReady = this.board.get(key)?.phase === 'Ready';
    if (track.retryAt !== null) this.emit({ type: 'disarm', timer: retryTimer(key) });
    track.retryAt = null;
    this.#setStatus(key, 'Ready', 'AsDesired', 'as desired', cause, []);
    if (!wasReady) {
      this.record({ key, severity: 'normal', reason: 'Ready', message: readyMessage(desired), cause });
    }
  }

  #block(key: Key, conflict: Conflict, cause: Cause): void {
    const waitsFor = conflict.holder === undefined ? [] : [conflict.holder];
    const known = this.board.get(key);
    for (const other of [...(this.world.desired(key)?.dependsOn ?? []), ...waitsFor])
      this.#waiters.add(other, key);
    this.#setStatus(key, 'Blocked', conflict.code, conflict.message, cause, waitsFor);
    if (known?.phase === 'Blocked' && known.message === conflict.message) return;
    this.record({ key, severity: 'warning', reason: conflict.code, message: conflict.message, cause });
  }

  #launch(key: Key, next: Extract<Plan, { type: 'step' }>, track: Track, cause: Cause): void {
    if (track.refused !== null) return this.#block(key, track.refused, cause);
    const { step } = next;
    if (track.settledAt !== null && this.#relapse(key, track, cause)) return;
    if (track.lastDone === step.action) {
      track.lastDone = null;
      const message = `${step.action} was done, and ${key} is still not as desired`;
      return this.#fail(key, track, { code: 'StepWithoutEffect', message }, cause);
    }
    const id = this.#nextStep++;
    this.tracker.launch(key, { id, wanted: track.wanted, action: step.action, cause });
    const phase = this.world.desired(key) === undefined ? 'Removing' : 'Progressing';
    this.#setStatus(key, phase, 'StepUnderWay', step.action, cause, []);
    this.emit({ type: 'step', id, step, cause });
  }

  /**
   * A resource that held and holds no more. Repaired at once where it had held for a while; where it falls again and
   * again, each repair waits longer. True when it has to wait.
   */
  #relapse(key: Key, track: Track, cause: Cause): boolean {
    const held = this.#now - (track.settledAt ?? this.#now);
    track.settledAt = null;
    if (held >= this.#pace.stableMs) track.attempts = 0;
    track.attempts += 1;
    if (track.attempts === 1) return false;
    const message = `does not hold: ${this.#driftText(key)} (${track.attempts} times in a row)`;
    this.#setStatus(key, 'Failed', 'Relapsed', message, cause, []);
    this.#delay(key, track, track.attempts - 1);
    return true;
  }

  #delay(key: Key, track: Track, attempt: number): void {
    const delayMs = backoffMs(this.#pace.backoff, this.#pace.seed, key, attempt);
    track.retryAt = this.#now + delayMs;
    this.emit({ type: 'arm', timer: retryTimer(key), delayMs });
  }

  #done(key: Key, track: Track, flight: Flight): void {
    track.lastDone = flight.action;
    this.record({ key, severity: 'normal', reason: 'StepDone', message: flight.action, cause: flight.cause });
  }

  #fail(key: Key, track: Track, error: StepError, cause: Cause): void {
    track.attempts += 1;
    track.lastDone = null;
    this.#delay(key, track, track.attempts);
    const message = [error.message, ...(error.log ?? [])].join('\n');
    this.#setStatus(key, 'Failed', error.code, message, cause, []);
    this.record({ key, severity: 'warning', reason: error.code, message, cause });
  }

  #refuse(key: Key, track: Track, conflict: Conflict, cause: Cause): void {
    track.refused = conflict;
    this.#refused.add(key);
    this.#block(key, conflict, cause);
    this.#dirty.delete(key);
  }

  #wakeRefused(cause: Cause): void {
    for (const key of this.#refused) {
      this.tracker.get(key).refused = null;
      this.wake(key, cause);
    }
    this.#refused.clear();
  }

  #wakeWaiters(key: Key, cause: Cause): void {
    for (const waiter of this.#waiters.take(key)) this.wake(waiter, through(cause, key));
  }

  #driftText(key: Key): string {
    return this.world.observed(key)?.drift.join('; ') ?? 'it is gone';
  }

  /** A change that none of our steps made. Said in the event log where it undoes what held. */
  #driftOf(key: Key, observed: ObservedResource | null): Cause {
    const detail = observed === null ? 'it is gone' : observed.drift.join('; ');
    const known = this.board.get(key)?.cause;
    if (detail === '' && known !== undefined) return known;
    const cause: Cause = { trigger: { type: 'drift', key, detail }, via: [] };
    const desired = this.world.desired(key);
    const held = (this.tracker.find(key)?.settledAt ?? null) !== null;
    if (desired !== undefined && held && !holds(desired, observed ?? undefined)) {
      this.record({ key, severity: 'warning', reason: 'DriftDetected', message: `${key}: ${detail}`, cause });
    }
    return cause;
  }

  #setStatus(
    key: Key,
    phase: Phase,
    reason: string,
    message: string,
    cause: Cause,
    waitsFor: readonly Key[],
  ): void {
    const before = this.board.get(key);
    const attempts = this.tracker.get(key).attempts;
    const same = before?.phase === phase && before.reason === reason;
    const since = same ? before.since : this.#now;
    const status: Status = {
      phase,
      reason,
      message,
      since,
      attempts,
      revision: this.#revision,
      cause,
      waitsFor,
    };
    this.board.set(key, status);
    if (!same || before.message !== message) this.emit({ type: 'status', key, status });
  }
}

function sameObservation(a: ObservedResource, b: ObservedResource): boolean {
  return a === b || (a.digest === b.digest && JSON.stringify(a) === JSON.stringify(b));
}

/** At most three names, so that a message stays a message. */
function listed(keys: readonly Key[]): string {
  const more = keys.length > 3 ? ` and ${keys.length - 3} more` : '';
  return `${keys.slice(0, 3).join(', ')}${more}`;
}
