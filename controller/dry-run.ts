import type { Step } from '../adapters/adapter.ts';
import { expectation } from '../adapters/expectation.ts';
import { plan } from '../reconcilers/index.ts';
import { type Conflict, type Key, type Kind, kindOf } from '../state/resource.ts';
import type { ObjectFacts, Proposal, StateChange } from '../state/revision.ts';
import type { Phase } from '../state/status.ts';
import type { DesiredStore } from '../state/store.ts';
import type { PlanOutcome } from './api/contract.ts';
import type { ForeseenFailure } from './foreseen-failure.ts';
import { SetIndex } from './set-index.ts';
import { spoken } from './why.ts';
import { exchangesClaims, type World } from './world.ts';

/** What a dry run found. */
export interface DryRun {
  /** In the order in which they would be taken, if each does what it says. */
  readonly steps: readonly Step[];
  /** Resources that would not become ready: what they wait for or are blocked by. */
  readonly stuck: ReadonlyMap<Key, string>;
}

/** Pool, lease and container: what one resource may take at most before something is wrong with its reconciler. */
const STEPS_PER_RESOURCE = 8;

/** What a dry run starts from. */
interface Scene {
  /** Where steps may do as they say: a copy. */
  readonly world: World;
  /** Resources that the device has refused to make as they are desired, and why. */
  readonly refused: ReadonlyMap<Key, Conflict>;
}

/**
 * The steps that would bring a world to what is desired (ENG-5), found by the same reconcilers on a copy of what is
 * observed: nothing is touched, and no adapter is asked. `keys` are planned in their order.
 */
function dryRun(scene: Scene, keys: Iterable<Key>): DryRun {
  const rehearsal = new Rehearsal(scene);
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
  readonly #refused: Map<Key, Conflict>;

  constructor({ world, refused }: Scene) {
    this.#world = world;
    this.#refused = new Map(refused);
  }

  wake(key: Key): void {
    this.#dirty.add(key);
  }

  run(): void {
    this.#plan();
    for (const [key, step] of this.#inFlight) {
      this.#inFlight.delete(key);
      const { observed } = expectation(step, this.#world.observed(key));
      const { before, groups } = this.#world.observe(key, observed);
      for (const group of groups) this.wake(group);
      if (exchangesClaims(before, observed)) this.#forgive(kindOf(key));
      this.wake(key);
      this.#wakeWaiters(key);
      this.#wakeLinks(key);
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
      this.#stick(
        key,
        'Waiting',
        `${next.message}${next.keys.length === 0 ? '' : `: waits for ${next.keys.join(', ')}`}`,
      );
      for (const other of next.keys) this.#waiters.add(other, key);
    } else if (next.type === 'settled' && kindOf(key) === 'group') {
      this.#wakeWaiters(key);
    } else if (next.type === 'step') {
      const conflict = this.#refused.get(key);
      if (conflict === undefined) this.#send(next.step);
      else this.#stick(key, 'Blocked', conflict.message);
    }
  }

  #wakeWaiters(key: Key): void {
    for (const waiter of this.#waiters.take(key)) this.wake(waiter);
  }

  /** Links that were made for the process that a container was before. */
  #wakeLinks(key: Key): void {
    if (kindOf(key) !== 'container') return;
    for (const link of this.#world.dependents(key)) this.wake(link);
  }

  /** The engine asks the device again then. */
  #forgive(kind: Kind): void {
    for (const key of [...this.#refused.keys()]) {
      if (kindOf(key) === kind && this.#refused.delete(key)) this.wake(key);
    }
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

/** Where things stand before a change. */
export interface Standing {
  readonly store: DesiredStore;
  readonly world: World;
  /** What is not as desired, and what is left over. */
  readonly troubled: Iterable<Key>;
  /** Why the device refuses a resource as it is desired now; null: it does not. */
  readonly refusalOf: (key: Key) => Conflict | null;
  /** Why a trial of these changes would fail before it begins (ENG-8). */
  readonly foreseen: (changes: Proposal['changes']) => readonly ForeseenFailure[];
}

/** The plan of a proposed change: over what it changes, what is not as desired already, and what is left over. */
export function planOf(
  { store, world, troubled, refusalOf, foreseen }: Standing,
  change: StateChange,
  facts: ObjectFacts,
): PlanOutcome {
  const proposal = store.propose(change, facts);
  if (!proposal.accepted) return { steps: [], findings: proposal.findings, problems: [] };
  const { changes } = proposal;
  const failures = foreseen(changes).map(({ key, message }) => ({
    key,
    why: `${spoken(key)}: ${message}; the revision would not be begun`,
  }));
  if (failures.length > 0) return { steps: [], findings: proposal.findings, problems: failures };
  const desired = (key: Key) => (changes.has(key) ? (changes.get(key) ?? undefined) : store.desired(key));
  const keys = [...changes.keys(), ...troubled];
  const refused = new Map<Key, Conflict>();
  for (const key of keys) {
    const refusal = changes.has(key) ? null : refusalOf(key);
    if (refusal !== null) refused.set(key, refusal);
  }
  const { steps, stuck } = dryRun({ world: world.fork(desired, changes.keys()), refused }, keys);
  const problems = [...stuck].map(([key, why]) => ({ key, why }));
  return { steps: steps.map((step) => ({ ...step })), findings: proposal.findings, problems };
}
