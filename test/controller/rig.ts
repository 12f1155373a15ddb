import type { Step } from '../../adapters/adapter.ts';
import { emptyHost, type HostModel } from '../../adapters/memory/host.ts';
import { type FaultInjection, MemoryAdapter } from '../../adapters/memory/memory-adapter.ts';
import type { Standing } from '../../controller/dry-run.ts';
import {
  defaultEngineOptions,
  Engine,
  type EngineOptions,
  type EngineStart,
} from '../../controller/engine.ts';
import type { Fact, RevisionAnswer } from '../../controller/input.ts';
import { Runner, type Submission } from '../../controller/runner.ts';
import type { Json } from '../../state/json.ts';
import type { Key } from '../../state/resource.ts';
import type { FlatState, HeldLease, ObjectFacts, StateChange } from '../../state/revision.ts';
import type { EventRecord } from '../../state/status.ts';
import { DesiredStore } from '../../state/store.ts';
import { VirtualClock } from './virtual-clock.ts';

export interface RigOptions {
  readonly host?: HostModel;
  readonly fault?: FaultInjection;
  readonly engine?: Partial<EngineOptions>;
  readonly persist?: (fact: Fact) => void;
  readonly held?: readonly HeldLease[];
  /** What a database would give back at the start. */
  readonly state?: FlatState;
  /** The rest of what it would give back; a first revision, committed, where there is a state. */
  readonly start?: Partial<EngineStart>;
  /** What the object store has for every revision; nothing when absent. */
  readonly facts?: ObjectFacts;
  /** What boots the device; with it, system transitions do. */
  readonly reboot?: () => Promise<void>;
  /** Shared with a controller before this one; a new one when absent. */
  readonly clock?: VirtualClock;
}

/** A whole controller on a modelled host, in virtual time. */
export class Rig {
  readonly clock: VirtualClock;
  readonly host: HostModel;
  readonly adapter: MemoryAdapter;
  readonly store: DesiredStore;
  readonly engine: Engine;
  readonly runner: Runner;
  readonly steps: Step[] = [];
  readonly events: EventRecord[] = [];
  readonly facts: Fact[] = [];
  readonly #objects: ObjectFacts;

  constructor(options: RigOptions = {}) {
    this.clock = options.clock ?? new VirtualClock();
    this.#objects = options.facts ?? noFacts;
    this.host = options.host ?? emptyHost();
    const fault: FaultInjection = (step) => {
      this.steps.push(step);
      return options.fault?.(step) ?? null;
    };
    this.adapter = new MemoryAdapter({ host: this.host, fault });
    this.store = new DesiredStore(options.held === undefined ? {} : { held: options.held });
    if (options.state !== undefined) {
      this.store.commit(this.store.propose({ type: 'replace', state: options.state }, this.#objects));
    }
    const revision = options.state === undefined ? 0 : 1;
    const kept = { latest: revision, revision, committed: revision > 0, interrupted: null, sequence: 0 };
    this.engine = new Engine(
      this.store,
      { ...kept, ...options.start },
      {
        ...defaultEngineOptions,
        reboots: options.reboot !== undefined,
        ...options.engine,
      },
    );
    const persist = (fact: Fact) => {
      options.persist?.(fact);
      this.facts.push(fact);
    };
    const { reboot } = options;
    this.runner = new Runner({
      engine: this.engine,
      adapter: this.adapter,
      clock: this.clock,
      persist,
      ...(reboot === undefined ? {} : { reboot }),
    });
    this.runner.events.subscribe((event) => this.events.push(event));
  }

  async start(): Promise<this> {
    this.runner.start();
    await this.settle();
    return this;
  }

  /** Lets everything happen that needs no time. */
  async settle(): Promise<void> {
    await new Promise((resolve) => setImmediate(resolve));
  }

  async apply(state: FlatState): Promise<RevisionAnswer> {
    return this.change({ type: 'replace', state });
  }

  /** Applies a revision and lets its trial pass. */
  async commit(state: FlatState): Promise<RevisionAnswer> {
    const answer = await this.apply(state);
    await this.pass(defaultEngineOptions.commitAfterMs);
    return answer;
  }

  async change(change: StateChange, more: Partial<Submission> = {}): Promise<RevisionAnswer> {
    const answer = await this.runner.submit({
      change,
      facts: this.#objects,
      source: 'test',
      message: null,
      commitAfterMs: null,
      unconditional: false,
      ...more,
    });
    await this.settle();
    return answer;
  }

  /** Lets `ms` pass, with everything that happens meanwhile. */
  async pass(ms: number): Promise<void> {
    const end = this.clock.now() + ms;
    while (this.clock.step(end - this.clock.now())) await this.settle();
    await this.settle();
  }

  /** What a plan starts from. */
  standing(): Standing {
    const { store, engine } = this;
    const refusalOf = (key: Key) => engine.refusalOf(key);
    const foreseen: Standing['foreseen'] = (changes) => engine.foreseenFailures(changes);
    return { store, world: engine.world, troubled: engine.board.troubled(), refusalOf, foreseen };
  }

  phase(key: Key): string | undefined {
    return this.engine.board.get(key)?.phase;
  }

  /** `action key` of every step since the last call. */
  takeSteps(): readonly string[] {
    return this.steps.splice(0).map((step) => `${step.action} ${step.key}`);
  }
}

const noFacts = Object.freeze({ texts: {}, missing: [] });

/** A revision in short: pools by subnet, containers by pool, or by pool and static address. */
export function revisionOf(
  pools: Readonly<Record<string, Json>>,
  containers: Readonly<Record<string, Json>> = {},
): FlatState {
  const state: Record<string, Json> = {
    '#spec': 'pantavisor-service-system@1',
    'device.json': { network: { pools: pools as Json } } as Json,
  };
  for (const [name, network] of Object.entries(containers)) {
    state[`${name}/run.json`] = {
      '#spec': 'service-manifest-run@1',
      name,
      type: 'lxc',
      'root-volume': 'dir:/srv/root',
      ...(network === null ? {} : { network }),
    } as Json;
  }
  return state;
}
