import type { Step } from '../../../adapters/adapter.ts';
import {
  recreateSocket,
  releaseSocket,
  removeForeign,
  takeTarget,
  unmountLink,
  withholdSocket,
} from '../../../adapters/memory/links.ts';
import { silenceListener, takePort } from '../../../adapters/memory/listeners.ts';
import type { Fact, RevisionAnswer } from '../../../controller/input.ts';
import type { Key } from '../../../state/resource.ts';
import { linkStepFindings } from './link-invariants.ts';
import { Mishaps } from './mishaps.ts';
import { OrderOfGroups } from './order-invariants.ts';
import type { Finding, Findings, Problem } from './problem.ts';
import { changeOf } from './random-changes.ts';
import { type LifeLength, randomLife, usualLength } from './random-life.ts';
import { ownSocket } from './random-links.ts';
import { outsideFindings, restFindings } from './rest-invariants.ts';
import type { Action, Revising, Schedule } from './schedule.ts';
import { SimulatedDevice } from './simulated-device.ts';
import { lastingFindings, resultFindings, stepFindings } from './step-invariants.ts';
import {
  aftermathFindings,
  endFindings,
  snapshotOf,
  trialFindings,
  verdictFindings,
  wishesOf,
} from './trial-invariants.ts';

/** What a simulation did and found. */
export interface SimulationOutcome {
  /** Every step that was sent and every fact that was written, with its time. */
  readonly trace: readonly string[];
  /** What was on disk in the end, fact by fact. */
  readonly facts: readonly Fact[];
  /** All that was done and that went wrong: the same again does the same again. */
  readonly schedule: Schedule;
  /** Empty when every invariant held. Nothing is done after the action that broke one. */
  readonly problems: readonly Problem[];
}

/** What a provider does with its socket. */
const sockets = { anew: recreateSocket, withhold: withholdSocket, make: releaseSocket } as const;

/** Longest pause between retries, and somewhat more: then all that needs no other occasion is as desired. */
const calmMs = 150_000;
/** Past the next full observation, which is an occasion to ask again for what the device has refused. */
const resyncMs = 600_000 + calmMs;
/** No trial lasts longer: it falls back at most 20 times, and each time waits for three groups at most. */
const longestTrialMs = 3_000_000;
const trialSliceMs = 20_000;

/** A random life of a device. */
export function simulateSeed(seed: number, length: LifeLength = usualLength): Promise<SimulationOutcome> {
  return new Simulation(new Mishaps({ seed })).run((device) => randomLife(seed, device, length));
}

/** What was written down, done again. */
export function simulate(schedule: Schedule): Promise<SimulationOutcome> {
  return new Simulation(new Mishaps(schedule)).run(() => schedule.actions);
}

class Simulation {
  readonly #device: SimulatedDevice;
  readonly #order: OrderOfGroups;
  readonly #done: Action[] = [];
  readonly #problems: Problem[] = [];

  constructor(mishaps: Mishaps) {
    this.#device = new SimulatedDevice(mishaps, {
      sent: (step, underWay) => this.#judgeStep(step, underWay),
      landed: () => this.#note(resultFindings(this.#device)),
      stated: (fact) => this.#note(verdictFindings(this.#device, fact)),
      threw: (error) => this.#noteError(error),
    });
    this.#order = new OrderOfGroups(this.#device);
  }

  async run(actions: (device: SimulatedDevice) => Iterable<Action>): Promise<SimulationOutcome> {
    await this.#device.boot();
    for (const action of actions(this.#device)) {
      this.#done.push(action);
      await this.#attempt(action);
      if (this.#problems.length > 0) break;
    }
    await this.#device.rig.runner.stop();
    const { trace, mishaps, log } = this.#device;
    const schedule = { actions: this.#done, mishaps: mishaps.happened };
    return { trace, facts: log.facts, schedule, problems: this.#problems };
  }

  async #attempt(action: Action): Promise<void> {
    try {
      await this.#perform(action);
      await this.#device.settle();
      this.#order.learn();
      this.#note(lastingFindings(this.#device.host));
      this.#note(trialFindings(this.#device));
    } catch (error) {
      this.#noteError(error);
    }
  }

  #judgeStep(step: Step, underWay: readonly Step[]): void {
    this.#note(stepFindings(this.#device.host, step, underWay));
    this.#note(this.#order.findings(step));
    this.#note(linkStepFindings(this.#device, step));
    if (this.#device.isListed) return;
    const rule = 'nothing is made or removed before it is known what is there';
    this.#note([{ rule, detail: `${step.action} ${step.key}` }]);
  }

  #perform(action: Action): void | Promise<void> {
    const device = this.#device;
    switch (action.do) {
      case 'revise':
        return this.#submit(action);
      case 'down':
        return this.#submit({ state: {}, form: 'replace', commitAfterMs: null }, true);
      case 'roll back':
        return this.#rollBack(action.to);
      case 'pass':
        return device.pass(action.ms);
      case 'exit':
        return device.guests.exit(action.container, action);
      case 'harm':
        return this.#harm(action);
      case 'flush rules':
        return device.disturb(({ masquerade }) => masquerade.clear());
      case 'link':
        return device.disturb(({ links }) =>
          action.present ? void links.add(action.name) : void links.delete(action.name),
        );
      case 'port':
        return device.disturb((host) => {
          if (action.taken) takePort(host, action.port, 'stranger');
          else host.foreignPorts.delete(action.port);
        });
      case 'silence':
        return device.disturb((host) => silenceListener(host, action.listener));
      case 'socket':
        return device.disturb((host) => sockets[action.how](host, action.container, ownSocket));
      case 'unmount':
        return device.disturb((host) => unmountLink(host, action.container, action.target));
      case 'file':
        return device.disturb((host) => {
          if (!action.present) removeForeign(host, action.container, action.target);
          else if (host.containers.has(action.container))
            takeTarget(host, action.container, action.target, 'a file');
        });
      case 'relist':
        return device.rig.runner.push({ type: 'relist', reason: 'simulated overflow' });
      case 'tell':
        return device.tell(action.key as Key);
      case 'restart':
        return device.restart(action.downMs);
      case 'weather':
        device.mishaps.foul = action.foul;
        return;
      case 'rest':
        return this.#rest(action.afterwards);
    }
  }

  async #submit(revising: Revising, unconditional = false): Promise<void> {
    const { state, form, commitAfterMs } = revising;
    const { rig } = this.#device;
    this.#order.learn();
    // It is not waited for: the controller may be gone before it answers.
    rig
      .change(changeOf(form, rig.store.flat(), state), { commitAfterMs, unconditional })
      .then((answer) => this.#judgeAnswer(answer));
    await this.#device.settle();
  }

  /** What is acknowledged is on disk. */
  #judgeAnswer({ accepted, revision, digest }: RevisionAnswer): void {
    // Content that is there already, and be it nothing at all, makes no new one.
    if (!accepted || revision === 0) return;
    const record = this.#device.log.revisions().find((known) => known.revision === revision);
    if (record?.digest === digest) return;
    const rule = 'what is acknowledged is on disk';
    this.#note([{ rule, detail: `revision ${revision} is ${record === undefined ? 'not' : 'another one'}` }]);
  }

  async #rollBack(to: number): Promise<void> {
    const state = this.#device.log.stateOf(to);
    if (state !== null) await this.#submit({ state, form: 'replace', commitAfterMs: null });
  }

  #harm({ bridge, how }: Extract<Action, { readonly do: 'harm' }>): void {
    this.#device.disturb(({ bridges }) => {
      const model = bridges.get(bridge);
      // What is not ours stays as it is, and so does what is not there.
      if (model === undefined || model.mark === null) return;
      if (how === 'delete') bridges.delete(bridge);
      else if (how === 'down') model.up = false;
      else model.addresses.clear();
    });
  }

  /** Everything that can be repaired is, and then nothing happens. */
  async #rest(afterwards: Revising | null): Promise<void> {
    const device = this.#device;
    device.mishaps.foul = false;
    await device.settle();
    if (device.isDiskSuspect) await device.restart(0);
    await this.#untilEnded();
    await this.#comeToRest();
    await device.pass(resyncMs);
    this.#note(restFindings(device, { refusals: false }));
    await this.#isQuiet('a quiet device takes no step', () => device.pass(resyncMs));
    await this.#isQuiet('a restart at rest takes no step', () => device.restart(0));
    if (afterwards !== null && this.#problems.length === 0) await this.#tryAtRest(afterwards);
    device.guests.fallIll();
  }

  /** Nobody ends by himself any more, and whoever is to be ready is. */
  async #comeToRest(): Promise<void> {
    this.#device.guests.heal();
    await this.#device.pass(calmMs);
    this.#note(restFindings(this.#device));
    this.#note(outsideFindings(this.#device));
  }

  /** Containers go on ending by themselves, and being silent: the trial ends none the less. */
  async #untilEnded(): Promise<void> {
    const { rig, clock } = this.#device;
    const latest = clock.now() + longestTrialMs;
    const lasts = () => rig.engine.rollout.trial?.failure === null;
    while (lasts() && clock.now() < latest && this.#problems.length === 0)
      await this.#device.pass(trialSliceMs);
    this.#note(endFindings(this.#device));
  }

  /** A controller that looks at a device at rest, again or for the first time, takes no step (CTR-9). */
  async #isQuiet(rule: string, action: () => Promise<void>): Promise<void> {
    const allowed = this.#givenUp();
    const before = this.#device.trace.length;
    await action();
    const steps = this.#device.trace.slice(before).filter((line) => / [a-z]+\.[a-z]+ /.test(line));
    const unexpected = steps.filter(
      (step) => ![...allowed, ...this.#givenUp()].some((key) => step.endsWith(` ${key}`)),
    );
    this.#note(unexpected.map((detail) => ({ rule, detail })));
  }

  /**
   * What the host refuses is asked for at each full observation. A new controller begins to count anew how often a container was
   * started, for which others may wait, and knows no place among the groups of what is desired no more.
   */
  #givenUp(): readonly Key[] {
    const { engine } = this.#device.rig;
    const keys = [...engine.tracker.keys()];
    const spent = keys.some((key) => (engine.tracker.find(key)?.exhausted ?? null) !== null);
    return keys.filter((key) => {
      const phase = engine.board.get(key)?.phase;
      return engine.refusalOf(key) !== null || phase === 'Removing' || (spent && phase !== 'Ready');
    });
  }

  /** A trial that begins at rest changes what it has to and nothing else, and leaves nothing when it does not hold (CTR-7, ROLL-7). */
  async #tryAtRest(revising: Revising): Promise<void> {
    const device = this.#device;
    const before = snapshotOf(device);
    const tried = wishesOf(device.rig, changeOf(revising.form, device.rig.store.flat(), revising.state));
    device.guests.fallIll();
    await this.#submit(revising);
    await this.#untilEnded();
    await this.#comeToRest();
    this.#note(aftermathFindings(before, tried, device));
  }

  #noteError(error: unknown): void {
    const detail = error instanceof Error ? (error.stack ?? error.message) : String(error);
    this.#note([{ rule: 'nothing throws', detail }]);
  }

  #note(findings: Findings): void {
    const at = this.#device.clock.now();
    this.#problems.push(...findings.map((finding: Finding) => ({ at, ...finding })));
  }
}
