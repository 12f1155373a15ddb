import { containerKey } from '../../../state/resource.ts';
import { randomNumbers } from '../../state/random.ts';
import { lastingProblems, restProblems, stepProblems } from './invariants.ts';
import { oneIn, type Random, randomChange } from './random-revisions.ts';
import { fairWeather, SimulatedDevice } from './simulated-device.ts';

/** What a simulation did and found. */
export interface SimulationOutcome {
  /** Every step that was sent, with its time. */
  readonly trace: readonly string[];
  /** Every action, with its time: the schedule of a seed that fails. */
  readonly schedule: readonly string[];
  /** Empty when every invariant held. */
  readonly problems: readonly string[];
}

/** Longest pause between retries, and somewhat more: then all that needs no other occasion is as desired. */
const calmMs = 150_000;
/** Past the next full observation, which is an occasion to ask again for what the device has refused. */
const resyncMs = 600_000 + calmMs;

const foulWeather = { failures: 6, refusals: 25, delays: 3, losses: 8 } as const;

/** A device at rest takes no step, but that each full observation is an occasion to ask for what the host refuses. */
function restlessness(device: SimulatedDevice, step: string): readonly string[] {
  const refused = [...device.rig.engine.tracker.keys()].filter(
    (key) => device.rig.engine.refusalOf(key) !== null,
  );
  return refused.some((key) => step.endsWith(` ${key}`)) ? [] : [`a quiet device took a step: ${step}`];
}

/** Containers that run as they are desired now, with their processes. */
function runningContainers({ host, rig }: SimulatedDevice) {
  const running = [...host.containers].filter(
    ([name, { digest }]) => rig.store.desired(containerKey(name))?.digest === digest,
  );
  return new Map(running.map(([name, { digest, pid }]) => [name, { digest, pid }]));
}

/** `actions` random actions on one device, in stretches of foul and fair weather, each followed by rest and judgement. */
export class Simulation {
  readonly #random: Random;
  readonly #device: SimulatedDevice;
  readonly #schedule: string[] = [];
  readonly #problems: string[] = [];

  constructor(seed: number) {
    this.#random = randomNumbers(seed);
    this.#device = new SimulatedDevice(this.#random, (step, underWay) =>
      this.#note(stepProblems(this.#device.host, step, underWay)),
    );
  }

  async run(rounds: number, actionsPerRound: number): Promise<SimulationOutcome> {
    await this.#device.boot();
    for (let round = 0; round < rounds && this.#problems.length === 0; round += 1) {
      this.#device.weather = oneIn(this.#random, 4) ? fairWeather : foulWeather;
      for (let action = 0; action < actionsPerRound; action += 1) await this.#act();
      await this.#rest();
    }
    await this.#device.rig.runner.stop();
    return { trace: this.#device.trace, schedule: this.#schedule, problems: this.#problems };
  }

  async #act(): Promise<void> {
    const kind = this.#random(20);
    if (kind < 8) await this.#revise();
    else if (kind < 11) await this.#do('disturb', () => this.#device.disturb());
    else if (kind < 12) await this.#do('relist', () => this.#relist());
    else if (kind < 13) await this.#do('toggle parent', () => this.#device.toggleParent());
    else if (kind < 14) await this.#do('no news', () => this.#device.tellNoNews());
    else if (kind < 15) await this.#do('restart', () => this.#device.restart());
    else await this.#pass(1 + this.#random(kind < 19 ? 4_000 : 60_000));
  }

  async #revise(): Promise<void> {
    const { rig } = this.#device;
    const change = randomChange(this.#random, rig.store.flat());
    await this.#do(`revise ${JSON.stringify(change)}`, () => rig.change(change));
  }

  #relist(): void {
    this.#device.rig.runner.push({ type: 'relist', reason: 'simulated overflow' });
  }

  async #pass(ms: number): Promise<void> {
    await this.#do(`pass ${ms} ms`, () => this.#device.rig.pass(ms));
  }

  async #do(name: string, action: () => unknown): Promise<void> {
    this.#schedule.push(`${this.#device.clock.now()} ${name}`);
    await action();
    await this.#device.rig.settle();
    this.#note(lastingProblems(this.#device.host));
  }

  /** Nothing goes wrong any more; everything that can be repaired is, and then nothing happens. */
  async #rest(): Promise<void> {
    this.#device.weather = fairWeather;
    if (oneIn(this.#random, 2)) await this.#do('restore parent', () => this.#device.restoreParent());
    await this.#pass(calmMs);
    this.#note(restProblems(this.#device));
    await this.#pass(resyncMs);
    this.#note(restProblems(this.#device, { refusals: false }));
    await this.#isQuiet(() => this.#pass(resyncMs));
    await this.#isQuiet(() => this.#do('restart at rest', () => this.#device.restart()));
    await this.#reviseAtRest();
  }

  /** A controller that looks at a device at rest, again or for the first time, takes no step (CTR-9). */
  async #isQuiet(action: () => Promise<void>): Promise<void> {
    const before = this.#device.trace.length;
    await action();
    this.#note(this.#device.trace.slice(before).flatMap((step) => restlessness(this.#device, step)));
  }

  /** One change of a device at rest restarts what it changes and nothing else (CTR-7). */
  async #reviseAtRest(): Promise<void> {
    const before = runningContainers(this.#device);
    await this.#revise();
    await this.#pass(calmMs);
    this.#note(restProblems(this.#device));
    const after = runningContainers(this.#device);
    for (const [name, { digest, pid }] of before) {
      const now = after.get(name);
      if (now?.digest === digest && now.pid !== pid)
        this.#note([`${name} was restarted and had not changed`]);
    }
  }

  #note(problems: readonly string[]): void {
    const at = this.#device.clock.now();
    this.#problems.push(...problems.map((problem) => `${at} ${problem}`));
  }
}
