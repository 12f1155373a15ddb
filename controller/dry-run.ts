import type { Step } from '../adapters/adapter.ts';
import { expectation } from '../adapters/expectation.ts';
import { plan } from '../reconcilers/index.ts';
import type { DesiredResource, Key } from '../state/resource.ts';
import type { ObjectFacts, StateChange } from '../state/revision.ts';
import type { Phase } from '../state/status.ts';
import type { DesiredStore } from '../state/store.ts';
import type { PlanOutcome } from './api/contract.ts';
import { SetIndex } from './set-index.ts';
import { spoken } from './why.ts';
import type { World } from './world.ts';

/** What a dry run found. */
export interface DryRun {
  /** In the order in which they would be taken, if each does what it says. */
  readonly steps: readonly Step[];
  /** Resources that would not become ready: what they wait for or are blocked by. */
  readonly stuck: ReadonlyMap<Key, string>;
}

/** Pool, lease and container: what one resource may take at most before something is wrong with its reconciler. */
const STEPS_PER_RESOURCE = 8;

/**
 * The steps that would bring `world` to `desired` (ENG-5), found by the same reconcilers on a copy of what is observed:
 * nothing is touched, and no adapter is asked. `keys` are planned in their order.
 */
export function dryRun(
  world: World,
  desired: (key: Key) => DesiredResource | undefined,
  keys: Iterable<Key>,
): DryRun {
  const rehearsal = new Rehearsal(world.fork(desired));
  for (const key of keys) rehearsal.wake(key);
  rehearsal.run();
  return rehearsal;
}

/** Steps land in the order in which they were sent, each as it is expected to: the engine's loop without its time. */
class Rehearsal implements DryRun {
  readonly steps: Step[] = [];
  readonly stuck = new Map<Key, string>();
  readonly #world: World;
  readonly #dirty = new Set<Key>();
  readonly #inFlight = new Map<Key, Step>();
  readonly #waiters = new SetIndex<Key, Key>();
  readonly #taken = new Map<Key, number>();

  constructor(world: World) {
    this.#world = world;
  }

  wake(key: Key): void {
    this.#dirty.add(key);
  }

  run(): void {
    this.#plan();
    for (const [key, step] of this.#inFlight) {
      this.#inFlight.delete(key);
      this.#world.observe(key, expectation(step, this.#world.observed(key)).observed);
      this.wake(key);
      for (const waiter of this.#waiters.take(key)) this.wake(waiter);
      this.#plan();
    }
  }

  #plan(): void {
    for (const key of this.#dirty) {
      this.#dirty.delete(key);
      if (!this.#inFlight.has(key)) this.#consider(key);
    }
  }

  #consider(key: Key): void {
    this.stuck.delete(key);
    const next = plan(key, this.#world);
    if (next.type === 'blocked') this.#stick(key, 'Blocked', next.conflict.message);
    else if (next.type === 'wait') {
      this.#stick(key, 'Waiting', `${next.message}: waits for ${next.keys.join(', ')}`);
      for (const other of next.keys) this.#waiters.add(other, key);
    } else if (next.type === 'step') this.#send(next.step);
  }

  #stick(key: Key, phase: Phase, message: string): void {
    this.stuck.set(key, `${spoken(key)} would be ${phase}: ${message}`);
  }

  #send(step: Step): void {
    const count = (this.#taken.get(step.key) ?? 0) + 1;
    this.#taken.set(step.key, count);
    if (count > STEPS_PER_RESOURCE) {
      throw new Error(`${step.key} would never settle: ${step.action} again and again`);
    }
    this.steps.push(step);
    this.#inFlight.set(step.key, step);
  }
}

/** The plan of a proposed change: over what it changes, what is not as desired already, and what is left over. */
export function planOf(
  store: DesiredStore,
  world: World,
  change: StateChange,
  facts: ObjectFacts,
  troubled: Iterable<Key>,
): PlanOutcome {
  const proposal = store.propose(change, facts);
  if (!proposal.accepted) return { steps: [], findings: proposal.findings, problems: [] };
  const { changes } = proposal;
  const desired = (key: Key) => (changes.has(key) ? (changes.get(key) ?? undefined) : store.desired(key));
  const { steps, stuck } = dryRun(world, desired, [...changes.keys(), ...troubled]);
  const problems = [...stuck].map(([key, why]) => ({ key, why }));
  return { steps: steps.map((step) => ({ ...step })), findings: proposal.findings, problems };
}
