import type { StepError, StepResult } from '../adapters/adapter.ts';
import { expectation } from '../adapters/expectation.ts';
import { holds } from '../reconcilers/holds.ts';
import { plan } from '../reconcilers/index.ts';
import type { Plan } from '../reconcilers/reconciler.ts';
import {
  type Conflict,
  containerKey,
  type DesiredResource,
  type Key,
  type Kind,
  kindOf,
  type ObservedResource,
} from '../state/resource.ts';
import type { Cause } from '../state/status.ts';
import { readyMessage, settledMessage } from './announcement.ts';
import { backoffMs } from './backoff.ts';
import { Bystander } from './bystander.ts';
import { through } from './chronicle.ts';
import { DesiredLinks } from './desired-links.ts';
import { exitAfter, isAnotherRun } from './exit.ts';
import { Publisher, type Standpoint } from './publisher.ts';
import { type PaceOptions, relapse } from './relapse.ts';
import { SetIndex } from './set-index.ts';
import { isRed, type StatusBoard } from './status-board.ts';
import { type Flight, type Track, Tracker } from './tracker.ts';
import { exchangesClaims, sameObservation, type World } from './world.ts';

type PlanOf<T extends Plan['type']> = Extract<Plan, { readonly type: T }>;

/** The timer on which a resource is tried again. */
export const retryTimer = (key: Key): string => `retry:${key}`;

/**
 * Brings every resource from observed to desired: dirty keys are planned one by one, each has at most one step under
 * way, and every outcome is mapped in one place. It holds no clock: `now` comes with each input.
 */
export class Reconciliation {
  readonly world: World;
  readonly publisher: Publisher;
  readonly tracker = new Tracker();
  readonly bystander: Bystander;
  readonly #pace: PaceOptions;
  readonly #dirty = new Map<Key, Cause>();
  readonly #waiters = new SetIndex<Key, Key>();
  readonly #links = new DesiredLinks();
  /** Keys of which news came since the running list was asked for; null: none runs. */
  #heard: Set<Key> | null = null;
  #nextStep = 1;
  #planned = 0;

  /** `sequence` is the number of the last event that was ever recorded. */
  constructor(world: World, pace: PaceOptions, sequence: number) {
    this.world = world;
    this.publisher = new Publisher(sequence);
    this.bystander = new Bystander(world, this.tracker, this.publisher);
    this.#pace = pace;
  }

  get board(): StatusBoard {
    return this.publisher.board;
  }

  /** Resources planned so far: what ENG-6 is measured by. */
  get planned(): number {
    return this.#planned;
  }

  /** From now on it is noted of which keys there is news. */
  listen(): void {
    this.#heard = new Set();
  }

  /** Ends noting; the keys of which something was told since, by a watch or by a step. */
  heard(): ReadonlySet<Key> {
    const heard = this.#heard ?? new Set();
    this.#heard = null;
    return heard;
  }

  /** Plans `key` at the next occasion. The first cause stands: it is the one that led here. */
  wake(key: Key, cause: Cause): void {
    if (!this.#dirty.has(key)) this.#dirty.set(key, cause);
  }

  /** The desired spec of `key` is another one now. */
  redirect(key: Key, cause: Cause): void {
    this.#wakeAll(this.world.redirect(key), through(cause, key));
    const track = this.#rebase(key);
    this.world.forgive(key);
    // Another policy may have been given to what is made of the same.
    this.#restore(key, track, cause);
    this.#dirty.delete(key);
    this.wake(key, cause);
    if (this.board.get(key) === undefined) {
      this.#setStatus(key, { phase: 'Pending', reason: 'Accepted', message: 'not looked at yet', cause });
    }
    this.#wakeWaiters(key, cause);
  }

  /** Takes in what is seen of `key`, and wakes what it matters to. */
  observe(key: Key, observed: ObservedResource | null, cause: Cause | null): void {
    const { before, groups } = this.world.observe(key, observed);
    this.#heard?.add(key);
    if (cause === null) this.#touch(key);
    if (before === undefined && observed === null) return;
    if (before !== undefined && observed !== null && sameObservation(before, observed)) return;
    const why = cause ?? this.tracker.find(key)?.flight?.cause ?? this.bystander.causeOf(key, observed);
    this.wake(key, why);
    if (cause === null) this.bystander.noteExit(key, before, observed, why);
    this.#wakeAll(groups, through(why, key));
    if (isAnotherRun(before, observed)) this.#outrunLinks(key);
    if (observed?.kind === 'link') this.#tellConsumer(observed as ObservedResource<'link'>, why);
    this.#wakeWaiters(key, why);
    if (exchangesClaims(before, observed)) this.#wakeRefused(why, kindOf(key));
  }

  /** What was refused to the links of this container, and what has failed with them, was about a process that it is not any more. */
  #outrunLinks(container: Key): void {
    for (const link of this.#links.at(container)) {
      this.world.forgive(link);
      if (this.tracker.outrun(link)) this.publisher.emit({ type: 'disarm', timer: retryTimer(link) });
    }
  }

  /** A container that is not ready, for want of this service perhaps, says so. */
  #tellConsumer({ key, spec }: ObservedResource<'link'>, cause: Cause): void {
    const consumer = containerKey(spec.consumer);
    if (this.board.get(consumer)?.phase === 'Waiting') this.wake(consumer, through(cause, key));
  }

  #wakeAll(keys: Iterable<Key>, cause: Cause): void {
    for (const key of keys) this.wake(key, cause);
  }

  /** News of a resource that the device refused is worth a new look at it, even when it says nothing else. */
  #touch(key: Key): void {
    if (!this.world.forgive(key)) return;
    this.wake(key, { trigger: { type: 'drift', key, detail: 'the device changed' }, via: [] });
  }

  /** Forgets what belonged to another spec, its retry included. */
  #rebase(key: Key): Track {
    const waited = (this.tracker.find(key)?.retryAt ?? null) !== null;
    const wanted = this.world.desired(key)?.digest ?? null;
    if (this.tracker.find(key)?.wanted !== wanted) {
      this.world.forgive(key);
      this.world.setSpent(key, false);
    }
    const track = this.tracker.rebase(key, wanted);
    if (waited && track.retryAt === null) this.publisher.emit({ type: 'disarm', timer: retryTimer(key) });
    return track;
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
    const awaited = this.world.withdraw(key);
    const track = this.tracker.get(key);
    this.wake(key, flight.cause);
    if (awaited) this.#wakeWaiters(key, flight.cause);
    // What was wanted, or what it was about, has changed meanwhile: the result was observed, and decides nothing.
    if (track.wanted !== flight.wanted || flight.isOutrun === true) return;
    if (result.outcome === 'done') this.#done(key, track, flight);
    else if (result.outcome === 'conflict') this.world.refuse(key, result.conflict);
    else this.#fail(key, track, result.error, flight.cause);
  }

  /** The device refuses `key`, or its restarts are used up; null: neither. */
  refusalOf(key: Key): Conflict | null {
    const track = this.tracker.find(key);
    if (track === undefined || track.exhausted === null) return this.world.refusal(key);
    return { code: 'RetriesExhausted', message: track.exhausted };
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
    const track = this.#rebase(key);
    if (kindOf(key) === 'link') this.#links.refresh(key, this.world.desired(key));
    if (track.flight !== null) return;
    this.#planned += 1;
    const next = plan(key, this.world);
    if (holds(this.world.desired(key), this.world.observed(key))) this.#hold(key, track, cause);
    // What came right by itself needs no retry; anything else has to wait for it.
    const retries = track.retryAt !== null && track.retryAt > this.publisher.now;
    if (!retries || next.type === 'settled') this.#carryOut(key, next, track, cause);
  }

  #carryOut(key: Key, next: Plan, track: Track, cause: Cause): void {
    switch (next.type) {
      case 'settled':
        return this.#settle(key, track, cause);
      case 'wait':
        return this.#await(key, next, cause);
      case 'blocked':
        return this.#block(key, next, cause);
      case 'step':
        return this.#launch(key, next, track, cause);
    }
  }

  /** It is made as desired, though it may have yet to say that it is ready. */
  #hold(key: Key, track: Track, cause: Cause): void {
    track.settledAt ??= this.publisher.now;
    track.lastDone = null;
    track.failedSteps = 0;
    // Somebody else may have started it.
    this.#restore(key, track, cause);
  }

  #settle(key: Key, track: Track, cause: Cause): void {
    this.world.forgive(key);
    if (track.retryAt !== null) this.publisher.emit({ type: 'disarm', timer: retryTimer(key) });
    track.retryAt = null;
    const desired = this.world.desired(key);
    if (desired === undefined) return this.#forget(key, cause);
    this.#hold(key, track, cause);
    const troubled = desired.dependsOn.filter((other) => this.#isShadowed(desired, other));
    if (troubled.length > 0) {
      return this.#await(key, { keys: troubled, message: 'as desired, but what it stands on is not' }, cause);
    }
    const wasReady = this.board.get(key)?.phase === 'Ready';
    const message = settledMessage(desired, this.world.observed(key));
    this.#setStatus(key, { phase: 'Ready', reason: 'AsDesired', message, cause });
    if (wasReady) return;
    this.publisher.record({
      key,
      severity: 'normal',
      reason: 'Ready',
      message: readyMessage(desired),
      cause,
    });
    this.#wakeWaiters(key, cause);
  }

  /** Gone, and nobody wants it. */
  #forget(key: Key, cause: Cause): void {
    this.tracker.delete(key);
    if (!this.publisher.removeStatus(key)) return;
    this.publisher.record({ key, severity: 'normal', reason: 'Removed', message: `${key} is gone`, cause });
  }

  /**
   * Nothing is Ready on something that is blocked or fails, nor while that is tried again; a link only while both of its containers are. A
   * container goes on without the others that it requires: the links between them say what is amiss.
   */
  #isShadowed({ kind }: DesiredResource, key: Key): boolean {
    const phase = this.board.get(key)?.phase;
    if (kind === 'link') return phase !== 'Ready';
    if (kind === 'container' && kindOf(key) === 'container') return false;
    if (isRed(phase)) return true;
    return phase !== undefined && phase !== 'Ready' && (this.tracker.find(key)?.attempts ?? 0) > 0;
  }

  #await(key: Key, { keys, message }: Pick<PlanOf<'wait'>, 'keys' | 'message'>, cause: Cause): void {
    for (const other of keys) this.#waiters.add(other, key);
    const phase = this.world.desired(key) === undefined ? 'Removing' : 'Waiting';
    this.#setStatus(key, {
      phase,
      reason: 'WaitingFor',
      message: keys.length === 0 ? message : `${message}: waits for ${listed(keys)}`,
      cause,
      waitsFor: keys,
    });
    // What is not reached may be waited for by nobody any more: what can run runs (ROLL-5).
    if (kindOf(key) === 'group' && !this.world.isAwaited(key)) this.#wakeWaiters(key, cause);
  }

  #block(
    key: Key,
    { conflict, keys = [] }: Pick<PlanOf<'blocked'>, 'conflict' | 'keys'>,
    cause: Cause,
  ): void {
    const waitsFor = conflict.holder === undefined ? [] : [conflict.holder];
    const known = this.board.get(key);
    for (const other of [...(this.world.desired(key)?.dependsOn ?? []), ...waitsFor, ...keys])
      this.#waiters.add(other, key);
    const { code: reason, message } = conflict;
    const tolerated = conflict.tolerated === true ? { tolerated: conflict.tolerated } : {};
    this.#setStatus(key, { phase: 'Blocked', reason, message, cause, waitsFor, ...tolerated });
    if (known?.phase === 'Blocked' && known.message === conflict.message) return;
    // It goes on as it is: what waits for it to change has another reason to look for now.
    this.#wakeWaiters(key, cause);
    this.publisher.record({
      key,
      severity: 'warning',
      reason: conflict.code,
      message: conflict.message,
      cause,
    });
  }

  #launch(key: Key, next: PlanOf<'step'>, track: Track, cause: Cause): void {
    const refusal = this.world.refusal(key);
    if (refusal !== null) return this.#block(key, { conflict: refusal }, cause);
    const { step } = next;
    if (track.exhausted === null && track.settledAt !== null && this.#relapse(key, track, cause)) return;
    if (track.exhausted !== null) return this.#exhaust(key, track.exhausted, cause);
    if (track.lastDone === step.action) {
      track.lastDone = null;
      const message = `${step.action} was done, and ${key} is still not as desired`;
      return this.#fail(key, track, { code: 'StepWithoutEffect', message }, cause);
    }
    const id = this.#nextStep++;
    this.tracker.launch(key, { id, wanted: track.wanted, action: step.action, cause });
    const phase = this.world.desired(key) === undefined ? 'Removing' : 'Progressing';
    this.#setStatus(key, { phase, reason: 'StepUnderWay', message: step.action, cause });
    const { observed } = expectation(step, this.world.observed(key));
    if (observed === null) this.world.expectGone(key);
    else this.world.expect(observed);
    this.publisher.emit({ type: 'step', id, step, cause });
  }

  /** A resource that held and holds no more. True when it has to wait. */
  #relapse(key: Key, track: Track, cause: Cause): boolean {
    const heldMs = this.publisher.now - (track.settledAt ?? this.publisher.now);
    track.settledAt = null;
    const [desired, observed] = [this.world.desired(key), this.world.observed(key)];
    const repair = relapse(track, { desired, observed, heldMs }, this.#pace);
    if (repair.type === 'at-once') return false;
    if (repair.type === 'never') {
      track.exhausted = repair.message;
      return false;
    }
    this.#setStatus(key, { phase: 'Failed', reason: 'Relapsed', message: repair.message, cause });
    this.#delay(key, track, repair.delayMs);
    return true;
  }

  /** It has all of its restarts again, where they were used up. */
  #restore(key: Key, track: Track, cause: Cause): void {
    this.tracker.restore(track);
    this.#wakeAll(this.world.setSpent(key, false), through(cause, key));
  }

  /** It stays down. */
  #exhaust(key: Key, message: string, cause: Cause): void {
    this.#wakeAll(this.world.setSpent(key, true), through(cause, key));
    this.#setStatus(key, { phase: 'Failed', reason: 'RetriesExhausted', message, cause });
  }

  #delay(key: Key, track: Track, delayMs: number): void {
    track.retryAt = this.publisher.now + delayMs;
    this.publisher.emit({ type: 'arm', timer: retryTimer(key), delayMs });
  }

  #done(key: Key, track: Track, flight: Flight): void {
    const exit = flight.action === 'container.start' ? exitAfter(this.world.observed(key)) : null;
    // It ran, and had ended before anybody saw it run: it did not hold, and the step was not without effect.
    if (exit !== null) {
      track.settledAt = this.publisher.now;
      this.bystander.report(exit, flight.cause);
    } else track.lastDone = flight.action;
    this.publisher.record({
      key,
      severity: 'normal',
      reason: 'StepDone',
      message: flight.action,
      cause: flight.cause,
    });
  }

  #fail(key: Key, track: Track, error: StepError, cause: Cause): void {
    track.attempts += 1;
    track.failedSteps += 1;
    track.lastDone = null;
    this.#delay(key, track, backoffMs(this.#pace.backoff, this.#pace.seed, key, track.attempts));
    const message = [error.message, ...(error.log ?? [])].join('\n');
    this.#setStatus(key, { phase: 'Failed', reason: error.code, message, cause });
    this.publisher.record({ key, severity: 'warning', reason: error.code, message, cause });
  }

  /** What was refused may be possible now, since another one of its kind has taken or let go what only one can have. */
  #wakeRefused(cause: Cause, kind?: Kind): void {
    for (const key of [...this.world.refused()]) {
      if (kind !== undefined && kindOf(key) !== kind) continue;
      this.world.forgive(key);
      this.wake(key, cause);
    }
  }

  #wakeWaiters(key: Key, cause: Cause): void {
    for (const waiter of this.#waiters.take(key)) this.wake(waiter, this.#causeFor(waiter, key, cause));
    for (const link of this.#links.at(key)) this.wake(link, this.#causeFor(link, key, cause));
  }

  /** Of what waits for `key` and may go on: that it had to wait for its turn is no reason for what it does, nor is it one itself. */
  #causeFor(waiter: Key, key: Key, cause: Cause): Cause {
    const isTurn = kindOf(key) === 'group' || (kindOf(key) === 'container' && kindOf(waiter) === 'container');
    const own = this.board.get(waiter)?.cause;
    const next = through(cause, key);
    return own !== undefined && (isTurn || next.via.includes(waiter)) ? own : next;
  }

  #setStatus(
    key: Key,
    standpoint: Pick<Standpoint, 'phase' | 'reason' | 'message' | 'cause'> & Partial<Standpoint>,
  ): void {
    const before = this.board.get(key)?.phase;
    const wasRed = isRed(before);
    const attempts = this.tracker.get(key).attempts;
    const isTolerated = standpoint.phase !== 'Ready' && this.world.desired(key)?.optional === true;
    const tolerated = isTolerated ? { tolerated: true as const } : {};
    this.publisher.setStatus(key, { waitsFor: [], ...tolerated, ...standpoint, attempts });
    if (before === 'Ready' && standpoint.phase !== 'Ready')
      this.#wakeAll(this.#links.at(key), through(standpoint.cause, key));
    if (!isRed(standpoint.phase) || wasRed) return;
    for (const other of this.world.dependents(key)) this.wake(other, through(standpoint.cause, key));
  }
}

/** At most three names, so that a message stays a message. */
function listed(keys: readonly Key[]): string {
  const more = keys.length > 3 ? ' and others' : '';
  return `${keys.slice(0, 3).join(', ')}${more}`;
}
