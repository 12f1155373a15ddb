import { GroupIndex } from '../../../controller/group-index.ts';
import { Listing } from '../../../controller/listing.ts';
import { type Flight, Tracker } from '../../../controller/tracker.ts';
import { containerReconciler } from '../../../reconcilers/container.ts';
import { leaseReconciler } from '../../../reconcilers/lease.ts';
import { linkReconciler } from '../../../reconcilers/link.ts';
import { listenerReconciler } from '../../../reconcilers/listener.ts';
import type { Reconciler, View } from '../../../reconcilers/reconciler.ts';
import { AddressAllocator } from '../../../state/allocator.ts';
import { type Key, kindOf, type LinkSpec } from '../../../state/resource.ts';

/** Puts another function in the place of one of the project's, in this thread; `make` gets the one that was there. */
function replace<Owner extends object, Name extends keyof Owner>(
  owner: Owner,
  name: Name,
  make: (original: Owner[Name]) => Owner[Name],
): void {
  Object.defineProperty(owner, name, { value: make(owner[name]), configurable: true });
}

/** The same view of things, in which no container stands on another one. */
function withoutProviders(view: View): View {
  const desired: View['desired'] = (key) => {
    const resource = view.desired(key);
    if (resource === undefined) return undefined;
    return { ...resource, dependsOn: resource.dependsOn.filter((other) => kindOf(other) !== 'container') };
  };
  return new Proxy(view, {
    get: (target, name: keyof View) => (name === 'desired' ? desired : target[name].bind(target)),
  });
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

  /** Nothing waits for the containers whose services it requires. */
  'start before what is required': () =>
    replace(
      containerReconciler as Reconciler<'container'>,
      'plan',
      (plan) => (key, view) => plan(key, withoutProviders(view)),
    ),

  /** A link that has left the revision is taken for settled, and its consumer keeps it. */
  'leaked link': () =>
    replace(linkReconciler as Reconciler<'link'>, 'plan', (plan) => (key, view) => {
      const next = plan(key, view);
      return next.type === 'step' && next.step.action === 'link.remove' ? { type: 'settled' } : next;
    }),

  /** A link that was made once is good for ever, whoever its containers are by now. */
  'link of a run that is over': () =>
    replace(linkReconciler as Reconciler<'link'>, 'plan', (plan) => (key, view) => {
      const next = plan(key, view);
      const isMade = view.observed(key)?.digest === view.desired(key)?.digest;
      return isMade && next.type === 'step' ? { type: 'settled' } : next;
    }),

  /** A link is made whether its containers run or not. */
  'link to nobody': () =>
    replace(linkReconciler as Reconciler<'link'>, 'plan', (plan) => (key, view) => {
      const [next, desired] = [plan(key, view), view.desired(key)];
      if (desired === undefined || next.type !== 'wait' || next.keys.length === 0) return next;
      const { digest } = desired;
      const spec = desired.spec as LinkSpec;
      return { type: 'step', step: { action: 'link.ensure', key, spec, digest } };
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
