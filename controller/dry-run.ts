import type { Step } from '../adapters/adapter.ts';
import { expectation } from '../adapters/expectation.ts';
import { plan } from '../reconcilers/index.ts';
import type { DesiredResource, Key } from '../state/resource.ts';
import type { ObjectFacts, StateChange } from '../state/revision.ts';
import type { DesiredStore } from '../state/store.ts';
import type { PlanOutcome } from './api/contract.ts';
import { SetIndex } from './set-index.ts';
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
  const fork = world.fork(desired);
  const waiters = new SetIndex<Key, Key>();
  const queue = new Set(keys);
  const steps: Step[] = [];
  const taken = new Map<Key, number>();
  const stuck = new Map<Key, string>();
  for (const key of queue) {
    queue.delete(key);
    stuck.delete(key);
    const next = plan(key, fork);
    if (next.type === 'settled') continue;
    if (next.type === 'blocked') stuck.set(key, next.conflict.message);
    else if (next.type === 'wait') {
      stuck.set(key, `${next.message}: waits for ${next.keys.join(', ')}`);
      for (const other of next.keys) waiters.add(other, key);
    } else {
      const count = (taken.get(key) ?? 0) + 1;
      taken.set(key, count);
      if (count > STEPS_PER_RESOURCE)
        throw new Error(`${key} would never settle: ${next.step.action} again and again`);
      steps.push(next.step);
      fork.observe(key, expectation(next.step, fork.observed(key)).observed);
      queue.add(key);
      for (const waiter of waiters.take(key)) queue.add(waiter);
    }
  }
  return { steps, stuck };
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
  const problems = [...stuck].map(([key, reason]) => ({ key, why: `${key}: ${reason}` }));
  return { steps: steps.map((step) => ({ ...step })), findings: proposal.findings, problems };
}
