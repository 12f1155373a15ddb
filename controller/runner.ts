import { type Observable, Subject, type Subscription } from 'rxjs';
import type { Adapter, Step, StepResult } from '../adapters/adapter.ts';
import type { Key } from '../state/resource.ts';
import type { EventRecord, Status } from '../state/status.ts';
import type { Clock } from './clock.ts';
import type { Engine } from './engine.ts';
import type { Effect, Fact, Input, RevisionAnswer } from './input.ts';

/** What the runner stands between. */
export interface RunnerParts {
  readonly engine: Pick<Engine, 'next'>;
  readonly adapter: Adapter;
  readonly clock: Clock;
  /** Makes a fact durable before it returns; throws when it can't. */
  readonly persist: (fact: Fact) => void;
  /** Boots the device; rejects when that can't be done. Absent: this device is not booted by us. */
  readonly reboot?: () => Promise<void>;
}

/** A revision as it is proposed. */
export type Submission = Omit<Extract<Input, { readonly type: 'revision' }>, 'type' | 'at' | 'request'>;

type Timeless<T> = T extends unknown ? Omit<T, 'at'> : never;

/**
 * Carries the engine's effects out and brings back what comes of them. All that reaches the engine passes through
 * `push`, so `inputs` is everything there is to record (REPLAY-1).
 */
export class Runner {
  readonly #parts: RunnerParts;
  readonly #queue: Input[] = [];
  readonly #timers = new Map<string, () => void>();
  readonly #answers = new Map<string, (answer: RevisionAnswer) => void>();
  readonly #inputs = new Subject<Input>();
  readonly #events = new Subject<EventRecord>();
  readonly #statuses = new Subject<{ readonly key: Key; readonly status: Status | null }>();
  readonly #settling = new Subject<void>();
  readonly #abort = new AbortController();
  #watch: Subscription | null = null;
  #draining = false;
  #requests = 0;

  constructor(parts: RunnerParts) {
    this.#parts = parts;
  }

  /** Every input just before the engine gets it, in order. */
  get inputs(): Observable<Input> {
    return this.#inputs;
  }

  get events(): Observable<EventRecord> {
    return this.#events;
  }

  get statuses(): Observable<{ readonly key: Key; readonly status: Status | null }> {
    return this.#statuses;
  }

  /** Fires after each burst of inputs: the moment to look at where things stand. */
  get bursts(): Observable<void> {
    return this.#settling;
  }

  /** Watches first and lists then, so that nothing changes unseen in between. */
  start(): void {
    this.#watch = this.#parts.adapter.watch().subscribe((event) => {
      if (event.type === 'relist') this.push({ type: 'relist', reason: event.reason });
      else this.push({ type: 'observed', key: event.key, observed: event.observed });
    });
    this.push({ type: 'start' });
  }

  /** Proposes a revision; resolves when it is accepted and durable, or refused. */
  submit(revision: Submission): Promise<RevisionAnswer> {
    this.#requests += 1;
    const request = `r${this.#requests}`;
    return new Promise((resolve) => {
      this.#answers.set(request, resolve);
      this.push({ type: 'revision', request, ...revision });
    });
  }

  /** Takes an input in at the present time. */
  push(input: Timeless<Input>): void {
    this.#queue.push(this.#stamped(input));
    if (!this.#draining) this.#drain();
  }

  /** Ends watching and timers. Steps under way are left to end by themselves; nothing is undone (CTR-9). */
  async stop(): Promise<void> {
    this.#watch?.unsubscribe();
    this.#abort.abort();
    for (const cancel of this.#timers.values()) cancel();
    this.#timers.clear();
    for (const subject of [this.#inputs, this.#events, this.#statuses, this.#settling]) subject.complete();
    await this.#parts.adapter.close();
  }

  #stamped(input: Timeless<Input>): Input {
    return { ...input, at: this.#parts.clock.now() } as Input;
  }

  #drain(): void {
    this.#draining = true;
    try {
      for (let input = this.#queue.shift(); input !== undefined; input = this.#queue.shift()) {
        this.#inputs.next(input);
        for (const effect of this.#parts.engine.next(input)) this.#carryOut(effect);
      }
    } finally {
      this.#draining = false;
    }
    this.#settling.next();
  }

  #carryOut(effect: Effect): void {
    switch (effect.type) {
      case 'persist':
        return this.#persist(effect.fact);
      case 'answer':
        this.#answers.get(effect.answer.request)?.(effect.answer);
        this.#answers.delete(effect.answer.request);
        return;
      case 'step':
        return this.#step(effect.id, effect.step);
      case 'list':
        return this.#list();
      case 'reboot':
        return this.#reboot();
      case 'arm':
        return this.#arm(effect.timer, effect.delayMs);
      case 'disarm':
        return this.#disarm(effect.timer);
      case 'status':
        return this.#statuses.next({ key: effect.key, status: effect.status });
      case 'event':
        return this.#events.next(effect.event);
    }
  }

  /** The answer goes before whatever else is queued: nothing may come between a fact and what rests on it. */
  #persist(fact: Fact): void {
    let error: string | null = null;
    try {
      this.#parts.persist(fact);
    } catch (reason) {
      error = messageOf(reason);
    }
    this.#queue.unshift(this.#stamped({ type: 'persisted', error }));
  }

  #step(id: number, step: Step): void {
    const land = (result: StepResult) => {
      if (this.#abort.signal.aborted) return;
      this.push({ type: 'step-ended', step: id, key: step.key, result });
    };
    this.#parts.adapter.apply(step).then(land, (reason) => {
      // Adapters never reject; one that does has a bug, which must not leave its resource under way for ever.
      const error = { code: 'AdapterFault', message: `${step.action} on ${step.key}: ${messageOf(reason)}` };
      land({ outcome: 'failed', error, observations: [] });
      // What it has left behind is not known.
      if (!this.#abort.signal.aborted) this.push({ type: 'relist', reason: error.message });
    });
  }

  #list(): void {
    const { signal } = this.#abort;
    this.#parts.adapter.observe(signal).then(
      (resources) => {
        if (!signal.aborted) this.push({ type: 'listed', resources });
      },
      (reason) => {
        if (!signal.aborted) this.push({ type: 'list-failed', message: messageOf(reason) });
      },
    );
  }

  /** A device that boots ends this process: there is no other good answer. */
  #reboot(): void {
    const { reboot = () => Promise.reject(new Error('no command boots this device')) } = this.#parts;
    reboot().catch((reason) => {
      if (!this.#abort.signal.aborted) this.push({ type: 'reboot-failed', message: messageOf(reason) });
    });
  }

  #arm(timer: string, delayMs: number): void {
    this.#disarm(timer);
    const fire = () => {
      this.#timers.delete(timer);
      this.push({ type: 'timer', timer });
    };
    this.#timers.set(timer, this.#parts.clock.after(delayMs, fire));
  }

  #disarm(timer: string): void {
    this.#timers.get(timer)?.();
    this.#timers.delete(timer);
  }
}

function messageOf(reason: unknown): string {
  return reason instanceof Error ? reason.message : String(reason);
}
