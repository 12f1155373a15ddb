import { GroupIndex } from '../../../controller/group-index.ts';
import { Listing } from '../../../controller/listing.ts';
import { type Flight, Tracker } from '../../../controller/tracker.ts';
import { leaseReconciler } from '../../../reconcilers/lease.ts';
import { listenerReconciler } from '../../../reconcilers/listener.ts';
import type { Reconciler } from '../../../reconcilers/reconciler.ts';
import { AddressAllocator } from '../../../state/allocator.ts';
import type { Key } from '../../../state/resource.ts';

/** Puts another function in the place of one of the project's, in this thread; `make` gets the one that was there. */
function replace<Owner extends object, Name extends keyof Owner>(
  owner: Owner,
  name: Name,
  make: (original: Owner[Name]) => Owner[Name],
): void {
  Object.defineProperty(owner, name, { value: make(owner[name]), configurable: true });
}

/** Faults that the simulation has to find: each is planted in a thread of its own, and is nowhere in the project. */
const bugs = {
  /** A lease that nobody wants any more is taken for settled, and never released. */
  'leaked lease': () =>
    replace(leaseReconciler as Reconciler<'lease'>, 'plan', (plan) => (key, view) => {
      const next = plan(key, view);
      return next.type === 'step' && next.step.action === 'lease.release' ? { type: 'settled' } : next;
    }),

  /** The first full observation is not waited for: what has not been told yet counts as not there. */
  'prune before observation': () =>
    Object.defineProperty(Listing.prototype, 'done', { get: () => true, configurable: true }),

  /** A result counts for whatever is desired when it comes, and not for what was when its step was sent. */
  'stale result applied': () =>
    replace(
      Tracker.prototype,
      'land',
      (land) =>
        function (this: Tracker, key: Key, id: number): Flight | null {
          const flight = land.call(this, key, id);
          return flight === null ? null : { ...flight, wanted: this.get(key).wanted };
        },
    ),

  /** No group waits for those before it. */
  'wrong group order': () => replace(GroupIndex.prototype, 'awaitedBefore', () => () => null),

  /** A listener takes an address and port while another one still has it. */
  'port taken from another listener': () =>
    replace(listenerReconciler as Reconciler<'listener'>, 'claims', () => () => []),

  /** A listener that nobody wants any more is taken for settled, and goes on. */
  'leaked listener': () =>
    replace(listenerReconciler as Reconciler<'listener'>, 'plan', (plan) => (key, view) => {
      const next = plan(key, view);
      return next.type === 'step' && next.step.action === 'listener.remove' ? { type: 'settled' } : next;
    }),

  /** One address in four that is given away still counts as free. */
  'double allocation': () =>
    replace(
      AddressAllocator.prototype,
      'take',
      (take) =>
        function (this: AddressAllocator, address: number): void {
          if (address % 4 !== 0) take.call(this, address);
        },
    ),
} as const satisfies Record<string, () => void>;

export type PlantedBug = keyof typeof bugs;

/** All of them, by name. */
export const plantedBugs = Object.keys(bugs) as readonly PlantedBug[];

/** Plants a bug in this thread, for good. */
export function plant(name: PlantedBug): void {
  bugs[name]();
}
