import type { Observation, Step, StepResult } from '../../../adapters/adapter.ts';
import { emptyHost, type HostModel, observeHost } from '../../../adapters/memory/host.ts';
import { MemoryAdapter } from '../../../adapters/memory/memory-adapter.ts';
import type { RevisionFact } from '../../../controller/input.ts';
import { type Key, leaseKey, type ObservedResource } from '../../../state/resource.ts';
import type { FlatState, HeldLease } from '../../../state/revision.ts';
import { Rig } from '../rig.ts';
import { VirtualClock } from '../virtual-clock.ts';
import { foreignBridge, oneIn, pick, type Random, randomObjects } from './random-revisions.ts';

/** What goes wrong, each once in so many times; null: never. */
export interface Weather {
  /** A step ends without effect, or with all of its effect and an error none the less. */
  readonly failures: number | null;
  /** The device refuses a step. */
  readonly refusals: number | null;
  /** Steps and lists take their time. */
  readonly delays: number | null;
  /** A list can't be taken, a revision can't be saved. */
  readonly losses: number | null;
}

export const fairWeather: Weather = { failures: null, refusals: null, delays: null, losses: null };

/** A step that was sent and has not begun. */
interface Pending {
  readonly step: Step;
  readonly cancel: () => void;
}

const broken = { code: 'Broken', message: 'it broke' } as const;
const refused = { code: 'HostRefused', message: 'not on this device' } as const;

/**
 * A device in virtual time: a modelled host that outlives its controllers, what they keep on disk, and the weather.
 * Everything that happens on it follows from `random`.
 */
export class SimulatedDevice {
  readonly clock = new VirtualClock();
  readonly host: HostModel = emptyHost();
  /** `at action key` of every step that was sent, by whichever controller. */
  readonly trace: string[] = [];
  weather: Weather = fairWeather;
  #rig: Rig;
  readonly #random: Random;
  /** Carries steps out behind the back of whoever sent them. */
  readonly #hand: MemoryAdapter;
  readonly #check: (step: Step, underWay: readonly Step[]) => void;
  readonly #underWay = new Set<Step>();
  readonly #pending = new Set<Pending>();
  #kept: { readonly revision: number; readonly state: FlatState } | null = null;
  readonly #leases = new Map<Key, HeldLease>();

  /** `check` is called with each step when it is sent, and with those that are under way then. */
  constructor(random: Random, check: (step: Step, underWay: readonly Step[]) => void) {
    this.#random = random;
    this.#check = check;
    this.host.bridges.set(foreignBridge.name, {
      mark: null,
      addresses: new Set([foreignBridge.address]),
      up: true,
    });
    this.#hand = new MemoryAdapter({ host: this.host });
    this.#rig = this.#controller();
  }

  /** The controller that runs now. */
  get rig(): Rig {
    return this.#rig;
  }

  /** Leases as the disk has them, sorted by key. */
  get savedLeases(): readonly HeldLease[] {
    return [...this.#leases].sort(([one], [other]) => (one < other ? -1 : 1)).map(([, lease]) => lease);
  }

  async boot(): Promise<void> {
    await this.#rig.start();
  }

  /** Kills the controller. Each step that it had sent and that has not begun goes on without it, or is lost. */
  async restart(): Promise<void> {
    await this.#rig.runner.stop();
    for (const { step, cancel } of this.#pending) {
      cancel();
      if (oneIn(this.#random, 2)) await this.#hand.apply(step);
    }
    this.#pending.clear();
    this.#underWay.clear();
    this.#rig = this.#controller();
    await this.#rig.start();
  }

  #controller(): Rig {
    const rig = new Rig({
      host: this.host,
      clock: this.clock,
      facts: randomObjects,
      held: this.savedLeases,
      fault: (step) => this.#fault(step),
      persist: (fact) => this.#persist(fact),
      ...(this.#kept === null ? {} : this.#kept),
    });
    rig.adapter.observe = () => this.#observe();
    return rig;
  }

  #persist({ revision, tree, leases }: RevisionFact): void {
    if (this.#happens(this.weather.losses)) throw new Error('ENOSPC: no space left on device');
    this.#kept = { revision, state: tree.toFlat() };
    for (const lease of leases.released) this.#leases.delete(leaseOf(lease));
    for (const lease of leases.held) this.#leases.set(leaseOf(lease), lease);
  }

  #happens(onceIn: number | null): boolean {
    return onceIn !== null && oneIn(this.#random, onceIn);
  }

  async #fault(step: Step): Promise<StepResult | null> {
    this.trace.push(`${this.clock.now()} ${step.action} ${step.key}`);
    this.#check(step, [...this.#underWay]);
    this.#underWay.add(step);
    const result = await this.#weathered(step);
    this.#underWay.delete(step);
    return result;
  }

  async #weathered(step: Step): Promise<StepResult | null> {
    if (this.#happens(this.weather.delays)) await this.#delayed(step);
    if (this.#happens(this.weather.refusals))
      return { outcome: 'conflict', conflict: refused, observations: [] };
    if (!this.#happens(this.weather.failures)) return null;
    if (oneIn(this.#random, 2)) return { outcome: 'failed', error: broken, observations: [] };
    const { observations } = await this.#hand.apply(step);
    return { outcome: 'failed', error: broken, observations };
  }

  #delayed(step: Step): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const pending = { step, cancel: this.clock.after(1 + this.#random(3000), () => begin()) };
    const begin = () => {
      this.#pending.delete(pending);
      resolve();
    };
    this.#pending.add(pending);
    return promise;
  }

  /** A list is of the moment at which it was asked for, however late it comes. */
  async #observe(): Promise<readonly ObservedResource[]> {
    if (this.#happens(this.weather.losses)) throw new Error('no list');
    const resources = observeHost(this.host);
    if (this.#happens(this.weather.delays)) {
      await new Promise<void>((resolve) => this.clock.after(1 + this.#random(500), resolve));
    }
    return resources;
  }

  /** Somebody or something changes the host behind our back. What is not ours stays as it is. */
  disturb(): void {
    const { host } = this;
    const change = pick(this.#random, [
      () => this.#eachBridge((name) => host.bridges.delete(name)),
      () => this.#eachBridge((name) => Object.assign(host.bridges.get(name) ?? {}, { up: false })),
      () => this.#eachBridge((name) => host.bridges.get(name)?.addresses.clear()),
      () => host.masquerade.clear(),
      () => this.#eachProcess((pid) => host.processes.delete(pid)),
      () => this.#eachProcess((pid) => host.processes.delete(pid)),
    ]);
    this.#rig.adapter.disturb(change);
  }

  /** The interface that some pools want as their parent appears or goes: told of pools that are there, of no other. */
  toggleParent(): void {
    this.#rig.adapter.disturb(({ links }) => {
      if (!links.delete('eth1')) links.add('eth1');
    });
  }

  /** The code with which this host refuses a step whatever the weather; null: it does not. */
  refusalOf(step: Step): string | null {
    if (step.action !== 'pool.ensure' || step.spec.type !== 'macvlan') return null;
    return this.host.links.has(step.spec.parent) ? null : 'ParentMissing';
  }

  restoreParent(): void {
    this.#rig.adapter.disturb(({ links }) => links.add('eth1'));
  }

  /** The watch tells what is so anyway, of something that is there or was never there. */
  tellNoNews(): void {
    const all: readonly Observation[] = [
      ...observeHost(this.host).map((observed) => ({ key: observed.key, observed })),
      { key: 'container/never-there', observed: null },
      { key: 'lease/a/never-there/eth0', observed: null },
    ];
    const [news] = all.slice(this.#random(all.length));
    if (news !== undefined) this.#rig.runner.push({ type: 'observed', ...news });
  }

  #eachBridge(change: (name: string) => void): void {
    for (const [name, { mark }] of this.host.bridges)
      if (mark !== null && oneIn(this.#random, 2)) change(name);
  }

  #eachProcess(change: (pid: number) => void): void {
    for (const pid of this.host.processes.keys()) if (oneIn(this.#random, 3)) change(pid);
  }
}

function leaseOf(lease: HeldLease): Key {
  return leaseKey(lease.pool, lease.container, lease.interface);
}
