import { merge, Observable, type Subscriber } from 'rxjs';
import type { Step, StepResult, WatchEvent } from '../../../adapters/adapter.ts';
import { emptyHost, type HostModel, observeHost } from '../../../adapters/memory/host.ts';
import { pathIn } from '../../../adapters/memory/links.ts';
import { endpointsOf } from '../../../adapters/memory/listeners.ts';
import { MemoryAdapter } from '../../../adapters/memory/memory-adapter.ts';
import type { Effect, Fact, Input } from '../../../controller/input.ts';
import type { Kept } from '../../../controller/restore.ts';
import type { Key, ObservedResource } from '../../../state/resource.ts';
import { Rig, type RigOptions } from '../rig.ts';
import { VirtualClock } from '../virtual-clock.ts';
import { Guests } from './guests.ts';
import { InMemoryLog } from './in-memory-log.ts';
import type { Mishaps } from './mishaps.ts';
import { pick } from './random-choice.ts';
import { foreignBridge, randomObjects } from './random-state.ts';

/** Who is told what happens on a device, as it happens. */
export interface Witness {
  /** A step is sent, while others are under way. */
  readonly sent: (step: Step, underWay: readonly Step[]) => void;
  /** The result of a step was taken in. */
  readonly landed: () => void;
  /** A fact is about to be made durable. */
  readonly stated: (fact: Fact) => void;
  /** The controller threw: it has a bug. */
  readonly threw: (error: unknown) => void;
}

/** Once in how many times each thing goes wrong in foul weather. */
const odds = {
  stepDelay: 3,
  resultDelay: 8,
  stepFailure: 10,
  stepRefusal: 80,
  breakdown: 80,
  listDelay: 3,
  listLoss: 8,
  newsDelay: 4,
  newsTwice: 6,
  newsLoss: 20,
  diskError: 12,
  crash: 40,
  orphanLoss: 2,
} as const;

/** Codes of what goes wrong by itself. */
export const mishapCodes = { failed: 'Broken', conflict: 'HostRefused' } as const;

const broken = { code: mishapCodes.failed, message: 'it broke' } as const;
const refused = { code: mishapCodes.conflict, message: 'not on this device' } as const;

/** A step that was sent and has not begun. */
interface Pending {
  readonly step: Step;
  readonly cancel: () => void;
}

/** What a controller is given of what the disk has. */
function keptOptions(kept: Kept | null): Pick<RigOptions, 'held' | 'state' | 'start'> {
  if (kept === null) return {};
  const { state, leases, ...start } = kept;
  return { held: leases, state, start };
}

const named = ({ action, key }: Step) => `${action} ${key}`;

/** Effects that somebody outside the controller can see: a crash before any other one is a crash before the next of these. */
function visible(effect: Effect): string | null {
  if (effect.type === 'persist') return `persist ${effect.fact.type}`;
  if (effect.type === 'step') return named(effect.step);
  return effect.type === 'answer' ? 'answer' : null;
}

/**
 * A device in virtual time: a modelled host and disk that outlive their controllers, and what goes wrong with them. All that
 * happens on it follows from what is done to it and from its mishaps.
 */
export class SimulatedDevice {
  readonly clock = new VirtualClock();
  readonly host: HostModel = emptyHost();
  readonly log = new InMemoryLog();
  /** Every step that was sent and every fact that was written, with its time. */
  readonly trace: string[] = [];
  readonly mishaps: Mishaps;
  /** What runs in the containers. */
  readonly guests: Guests;
  readonly #witness: Witness;
  /** Carries steps out behind the back of whoever sent them. */
  readonly #hand: MemoryAdapter;
  readonly #underWay = new Set<Step>();
  readonly #pending = new Set<Pending>();
  #rig: Rig;
  #alive = true;
  /** After an error of which it is not known what it left, a disk says nothing until it is opened again. */
  #suspect = false;
  #listed = false;
  /** How steps ended otherwise than well: outcome, key, and what was desired of it when they were sent. */
  readonly #setbacks = new Set<string>();
  readonly #brokenUntil = new Map<Key, number>();

  constructor(mishaps: Mishaps, witness: Witness) {
    this.mishaps = mishaps;
    this.#witness = witness;
    const { name, address } = foreignBridge;
    this.host.bridges.set(name, { mark: null, addresses: new Set([address]), up: true });
    this.#hand = new MemoryAdapter({ host: this.host });
    this.#rig = this.#controller();
    const disturb = (change: (host: HostModel) => void) => this.disturb(change);
    this.guests = new Guests({ host: this.host, clock: this.clock, mishaps, disturb });
  }

  /** The controller that runs now. */
  get rig(): Rig {
    return this.#rig;
  }

  /** The disk is not to be trusted before it is opened again, which a new start of the controller does. */
  get isDiskSuspect(): boolean {
    return this.#suspect;
  }

  /** The controller that runs now has been told once what is there. */
  get isListed(): boolean {
    return this.#listed;
  }

  /** Whether a step of `key` has ever ended so that was sent while `digest` was desired of it; null: nothing was. */
  hasEnded(outcome: 'conflict' | 'failed', key: Key, digest: string | null): boolean {
    return this.#setbacks.has(`${outcome} ${key} ${digest}`);
  }

  async boot(): Promise<void> {
    this.#rig.runner.start();
    await this.settle();
  }

  /** Kills the controller; it starts again `downMs` later. Steps that had not begun go on without it, or are lost. */
  async restart(downMs: number): Promise<void> {
    this.#alive = false;
    await this.#bury();
    await this.#pass(downMs);
    await this.#revive();
  }

  /** Lets everything happen that needs no time. */
  async settle(): Promise<void> {
    do {
      await new Promise((resolve) => setImmediate(resolve));
      this.guests.attend();
      if (!this.#alive) {
        await this.#bury();
        await this.#revive();
      }
    } while (!this.#alive);
  }

  /** Lets `ms` pass, with everything that happens meanwhile. */
  async pass(ms: number): Promise<void> {
    const end = this.clock.now() + ms;
    while (this.clock.step(end - this.clock.now())) await this.settle();
    await this.settle();
  }

  /** Changes the host behind the controller's back; the watch tells. */
  disturb(change: (host: HostModel) => void): void {
    this.#rig.adapter.disturb(change);
  }

  /** The watch tells what is so anyway, also of something that is not there. */
  tell(key: Key): void {
    this.#rig.runner.push({ type: 'observed', key, observed: this.#look(key) });
  }

  /** The code with which this host refuses a step whatever else goes wrong; null: it does not. */
  refusalOf(step: Step): string | null {
    if (step.action === 'listener.ensure') {
      const isOurs = (endpoint: string) => this.host.sockets.get(endpoint) === step.key;
      const isTaken = this.host.foreignPorts.has(step.spec.port) && !endpointsOf(step.spec).every(isOurs);
      return isTaken ? 'PortTaken' : null;
    }
    if (step.action === 'link.ensure') {
      const { consumer, target } = step.spec;
      return this.host.foreignTargets.has(pathIn(consumer, target)) ? 'LinkTargetTaken' : null;
    }
    if (step.action !== 'pool.ensure' || step.spec.type !== 'macvlan') return null;
    return this.host.links.has(step.spec.parent) ? null : 'ParentMissing';
  }

  async #pass(ms: number): Promise<void> {
    const end = this.clock.now() + ms;
    while (this.clock.step(end - this.clock.now())) await new Promise((resolve) => setImmediate(resolve));
  }

  async #bury(): Promise<void> {
    this.trace.push(`${this.clock.now()} the controller is gone`);
    await this.#rig.runner.stop();
    for (const { step, cancel } of this.#pending) {
      cancel();
      const lost = this.mishaps.befall(`loss of ${named(step)}`, odds.orphanLoss, () => true);
      if (lost === null) await this.#hand.apply(step);
    }
    this.#pending.clear();
    this.#underWay.clear();
  }

  async #revive(): Promise<void> {
    this.#suspect = false;
    this.#listed = false;
    this.#alive = true;
    this.#rig = this.#controller();
    await this.boot();
  }

  #controller(): Rig {
    const rig = new Rig({
      host: this.host,
      clock: this.clock,
      facts: randomObjects,
      ...keptOptions(this.log.load()),
      fault: (step) => this.#fault(step),
      persist: (fact) => this.#persist(fact),
    });
    const { adapter, engine } = rig;
    adapter.observe = () => this.#observe();
    const watched = merge(adapter.watch(), this.#hand.watch());
    adapter.watch = () =>
      new Observable((subscriber) => watched.subscribe((event) => this.#tell(event, subscriber)));
    const next = engine.next.bind(engine);
    engine.next = (input) => this.#fold(input, next);
    return rig;
  }

  /** The controller may die before or after anything that it does; what it had yet to do is not done then. */
  #fold(input: Input, next: (input: Input) => readonly Effect[]): readonly Effect[] {
    if (!this.#alive) return [];
    if (input.type === 'listed') this.#listed = true;
    try {
      const effects = next(input);
      if (input.type === 'step-ended') this.#witness.landed();
      return this.#untilCrash(effects);
    } catch (error) {
      this.#witness.threw(error);
      this.#alive = false;
      return [];
    }
  }

  #untilCrash(effects: readonly Effect[]): readonly Effect[] {
    for (const [index, effect] of effects.entries()) {
      const name = visible(effect);
      if (name === null) continue;
      const where = this.mishaps.befall(`crash at ${name}`, odds.crash, (random) =>
        pick(random, ['before', 'after']),
      );
      if (where === null) continue;
      this.#alive = false;
      return effects.slice(0, where === 'before' ? index : index + 1);
    }
    return effects;
  }

  #persist(fact: Fact): void {
    const name = fact.type === 'verdict' ? `verdict ${fact.verdict.phase}` : fact.type;
    const revision = fact.type === 'verdict' ? fact.verdict.revision : fact.revision;
    if (this.#suspect) throw new Error('the database is suspect after an error');
    const error = this.mishaps.befall(`disk error at ${fact.type}`, odds.diskError, (random) =>
      pick(random, ['full', 'lost', 'kept']),
    );
    this.trace.push(`${this.clock.now()} persist ${revision} ${name} ${error ?? 'durable'}`);
    this.#witness.stated(fact);
    this.#suspect = error === 'lost' || error === 'kept';
    if (error === null || error === 'kept') this.log.persist(fact);
    if (error !== null)
      throw new Error(error === 'full' ? 'ENOSPC: no space left on device' : 'EIO: suspect');
  }

  async #fault(step: Step): Promise<StepResult> {
    this.trace.push(`${this.clock.now()} ${named(step)}`);
    this.#witness.sent(step, [...this.#underWay]);
    this.#underWay.add(step);
    const wanted = this.#rig.store.desired(step.key)?.digest ?? null;
    const result = await this.#carriedOut(step);
    this.#underWay.delete(step);
    if (result.outcome !== 'done') this.#setbacks.add(`${result.outcome} ${step.key} ${wanted}`);
    return result;
  }

  async #carriedOut(step: Step): Promise<StepResult> {
    const { mishaps } = this;
    const delay = mishaps.befall(`delay of ${named(step)}`, odds.stepDelay, (random) => 1 + random(3_000));
    if (delay !== null) await this.#delayed(step, delay);
    if (mishaps.befall(`refusal of ${named(step)}`, odds.stepRefusal, () => true) !== null)
      return { outcome: 'conflict', conflict: refused, observations: [] };
    if (this.#isBrokenDown(step.key)) return { outcome: 'failed', error: broken, observations: [] };
    const failure = mishaps.befall(`failure of ${named(step)}`, odds.stepFailure, (random) =>
      pick(random, ['before', 'after']),
    );
    if (failure === 'before') return { outcome: 'failed', error: broken, observations: [] };
    if (step.action === 'container.start') this.guests.expect(step.spec);
    const result = await this.#hand.apply(step);
    this.guests.attend();
    const late = mishaps.befall(
      `late result of ${named(step)}`,
      odds.resultDelay,
      (random) => 1 + random(800),
    );
    if (late !== null) await this.#after(late);
    const observations = [{ key: step.key, observed: this.#look(step.key) }];
    return failure === null
      ? { ...result, observations }
      : { outcome: 'failed', error: broken, observations };
  }

  /** Nothing that is tried with it succeeds for a while. */
  #isBrokenDown(key: Key): boolean {
    const now = this.clock.now();
    const ms = this.mishaps.befall(`breakdown of ${key}`, odds.breakdown, (random) => 1 + random(20_000));
    if (ms !== null) this.#brokenUntil.set(key, now + ms);
    return this.mishaps.foul && (this.#brokenUntil.get(key) ?? 0) > now;
  }

  #after(ms: number): Promise<void> {
    return new Promise((resolve) => this.clock.after(ms, resolve));
  }

  #delayed(step: Step, ms: number): Promise<void> {
    return new Promise((resolve) => {
      const begin = () => {
        this.#pending.delete(pending);
        resolve();
      };
      const pending = { step, cancel: this.clock.after(ms, begin) };
      this.#pending.add(pending);
    });
  }

  #look(key: Key): ObservedResource | null {
    return observeHost(this.host).find((resource) => resource.key === key) ?? null;
  }

  /** A list is of the moment at which it was asked for, however late it comes. */
  async #observe(): Promise<readonly ObservedResource[]> {
    if (this.mishaps.befall('loss of a list', odds.listLoss, () => true) !== null) throw new Error('no list');
    const resources = observeHost(this.host);
    const delay = this.mishaps.befall('delay of a list', odds.listDelay, (random) => 1 + random(500));
    if (delay !== null) await this.#after(delay);
    return resources;
  }

  /** News comes late, twice or not at all; what comes is what is so when it comes. */
  #tell(event: WatchEvent, subscriber: Subscriber<WatchEvent>): void {
    if (event.type === 'relist') return subscriber.next(event);
    const { key } = event;
    const tell = () => subscriber.next({ type: 'observation', key, observed: this.#look(key) });
    const lost = this.mishaps.befall(`loss of news of ${key}`, odds.newsLoss, () => true);
    if (lost !== null) return subscriber.next({ type: 'relist', reason: 'news was lost' });
    const delay = this.mishaps.befall(`delay of news of ${key}`, odds.newsDelay, (random) => 1 + random(500));
    if (delay === null) tell();
    else this.clock.after(delay, tell);
    const again = this.mishaps.befall(`news of ${key} twice`, odds.newsTwice, (random) => 1 + random(500));
    if (again !== null) this.clock.after(again, tell);
  }
}
