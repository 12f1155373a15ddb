import type { Step } from '../../../adapters/adapter.ts';
import {
  type ContainerSpec,
  type DesiredResource,
  type Key,
  kindOf,
  type ObservedResource,
} from '../../../state/resource.ts';
import type { StateTree } from '../../../state/tree.ts';
import type { Rig } from '../rig.ts';
import type { Findings } from './problem.ts';
import type { SimulatedDevice } from './simulated-device.ts';

type ObservedContainer = ObservedResource<'container'>;

/**
 * The order of groups (CTR-6), judged by what the controller knows when it sends a step: news of what happened since may still be
 * on its way.
 */
export class OrderOfGroups {
  readonly #device: SimulatedDevice;
  /** Places of containers, also of those that are desired no more; a new controller knows only what is desired. */
  readonly #ranks = new Map<Key, number>();
  #controller: Rig | null = null;
  #tree: StateTree | null = null;

  constructor(device: SimulatedDevice) {
    this.#device = device;
  }

  /** Call it often enough: before what is desired changes, and after. */
  learn(): void {
    const { rig } = this.#device;
    if (this.#controller === rig && this.#tree === rig.store.tree) return;
    if (this.#controller !== rig) this.#ranks.clear();
    // What it has not seen yet it has no memory of.
    if (!this.#device.isListed) return;
    this.#controller = rig;
    this.#tree = rig.store.tree;
    for (const key of rig.store.keys()) {
      const rank = rig.store.desired(key)?.lifecycle?.rank;
      if (rank !== undefined) this.#ranks.set(key, rank);
    }
  }

  findings(step: Step): Findings {
    if (step.action !== 'container.start' && step.action !== 'container.stop') return [];
    this.learn();
    const rank = this.#ranks.get(step.key);
    if (rank === undefined) return [];
    if (step.action === 'container.stop')
      return [...this.#needless(step.key), ...this.#tooEarly(step.key, rank)];
    const late = [...this.#ranks].filter(([key, place]) => place < rank && this.#isAwaited(key));
    if (late.length === 0) return [];
    const rule = 'a group starts when those before it have reached their goal';
    return [{ rule, detail: `${step.key} was started before ${late.map(([key]) => key).join(', ')}` }];
  }

  /** It stops for a reason. */
  #needless(key: Key): Findings {
    const { rig } = this.#device;
    const [desired, observed] = [rig.store.desired(key), this.#observed(key)];
    if (desired === undefined || desired.digest !== observed?.digest) return [];
    return [{ rule: 'nothing is stopped that runs as desired', detail: `${key} was` }];
  }

  #tooEarly(key: Key, rank: number): Findings {
    const first = [...this.#ranks].filter(([other, place]) => place > rank && this.#hasToStop(other));
    if (first.length === 0) return [];
    const rule = 'a group stops when those after it have stopped';
    return [{ rule, detail: `${key} was stopped before ${first.map(([other]) => other).join(', ')}` }];
  }

  #observed(key: Key): ObservedContainer | undefined {
    return this.#device.rig.engine.world.observed(key) as ObservedContainer | undefined;
  }

  /** It has yet to reach its goal, and can. */
  #isAwaited(key: Key): boolean {
    const desired = this.#device.rig.store.desired(key);
    if (desired === undefined || this.#isStuck(desired)) return false;
    return !hasReachedGoal(desired, this.#observed(key));
  }

  /** It stays down, or is not there and needs what stays down. */
  #isStuck(desired: DesiredResource): boolean {
    const { store, engine } = this.#device.rig;
    if (desired.conflict !== undefined) return true;
    if (engine.refusalOf(desired.key)?.code === 'RetriesExhausted') return true;
    const observed = this.#observed(desired.key);
    if (observed?.digest === desired.digest && !observed.facts.running && isOver(desired, observed))
      return true;
    if (observed?.digest === desired.digest && observed.drift.length === 0) return false;
    return desired.dependsOn.some((key) => {
      const provider = kindOf(key) === 'container' ? store.desired(key) : undefined;
      return provider !== undefined && !isComplete(provider, this.#observed(key)) && this.#isStuck(provider);
    });
  }

  #hasToStop(key: Key): boolean {
    const [desired, observed] = [this.#device.rig.store.desired(key), this.#observed(key)];
    if (observed?.facts.running !== true) return false;
    if (desired === undefined) return true;
    return desired.conflict === undefined && desired.digest !== observed.digest && !this.#isKept(desired);
  }

  /** It goes on as it runs, since the device refuses what it is to stand on, or what it requires has a conflict. */
  #isKept({ dependsOn }: DesiredResource): boolean {
    const { store, engine } = this.#device.rig;
    return dependsOn.some(
      (key) => engine.world.refusal(key) !== null || store.desired(key)?.conflict !== undefined,
    );
  }
}

/** It is as far as it is to come (CTR-6), or has done what it was for. */
export function hasReachedGoal(
  desired: DesiredResource | undefined,
  observed: ObservedContainer | undefined,
): boolean {
  if (desired === undefined || observed === undefined || observed.digest !== desired.digest) return false;
  const { goal } = desired.spec as ContainerSpec;
  if (goal === 'MOUNTED') return observed.drift.length === 0;
  if (!observed.facts.running) return isComplete(desired, observed);
  return goal !== 'READY' || observed.facts.ready;
}

/** It has done what it was for. */
function isComplete(desired: DesiredResource, observed: ObservedContainer | undefined): boolean {
  return observed?.digest === desired.digest && observed.facts.exit?.code === 0 && isOver(desired, observed);
}

/** It ended by itself, and its manifest does not want it to be started again: it is done, or down for good (CTR-8). */
function isOver({ lifecycle }: DesiredResource, { facts }: ObservedContainer): boolean {
  const policy = lifecycle?.recovery?.policy;
  if (facts.exit === null) return false;
  return policy === 'no' || (policy === 'on-failure' && facts.exit.code === 0);
}
