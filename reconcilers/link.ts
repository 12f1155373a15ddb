import {
  type Conflict,
  containerKey,
  type Key,
  type LinkEnd,
  type LinkSpec,
  type ObservedResource,
} from '../state/resource.ts';
import { isComplete, runningAsDesired } from './container.ts';
import { holds } from './holds.ts';
import type { Plan, Reconciler, View } from './reconciler.ts';

type ObservedLink = ObservedResource<'link'>;

/** Both ends of a link, its provider first. */
function endsOf({ provider, consumer }: LinkSpec): readonly [provider: Key, consumer: Key] {
  return [containerKey(provider), containerKey(consumer)];
}

/** It was made for this very process. That of an end may not be known (`LinkEnd`): then drift alone tells. */
function isMadeFor({ pid }: LinkEnd, end: Key, view: View): boolean {
  return pid === null || pid === runningAsDesired(end, view)?.pid;
}

/** Both ends have the processes for which it was made (LINK-10). */
function joinsPresentRuns({ spec, facts }: ObservedLink, view: View): boolean {
  const [provider, consumer] = endsOf(spec);
  return isMadeFor(facts.provider, provider, view) && isMadeFor(facts.consumer, consumer, view);
}

function remove(key: Key, spec: LinkSpec): Plan {
  return { type: 'step', step: { action: 'link.remove', key, spec } };
}

/** Nobody is there to serve it, nor will be: that its container has done what it was for is no failure of that. */
function providerComplete({ provider, service }: LinkSpec): Conflict {
  const message = `container '${provider}', which provides '${service}', has ended well, and its auto_recovery does not start it again`;
  return { code: 'ContainerExited', message };
}

/** It gives its consumer another service than the one that is desired at that target now: a link that has left the revision (LINK-3, LINK-10). */
function isOfAnotherService(observed: ObservedLink | undefined, { service }: LinkSpec): boolean {
  return observed !== undefined && observed.spec.service !== service;
}

/**
 * A link stands between two processes: it is made once both containers run as they are desired, and made again when either is another process, its
 * provider has made its socket anew, or its consumer has taken it away (LINK-10). It is changed in place, and goes at once, whatever runs. One
 * whose consumer has done what it was for has nobody to serve, and is done as well.
 */
function plan(key: Key, view: View): Plan {
  const desired = view.desired(key);
  const observed = view.observed(key) as ObservedLink | undefined;
  if (desired === undefined) return observed === undefined ? { type: 'settled' } : remove(key, observed.spec);
  if (desired.conflict !== undefined) return { type: 'blocked', conflict: desired.conflict };
  const spec = desired.spec as LinkSpec;
  const ends = endsOf(spec);
  const absent = ends.filter((end) => runningAsDesired(end, view) === null);
  if (absent.length > 0) {
    if (observed !== undefined && isOfAnotherService(observed, spec)) return remove(key, observed.spec);
    const [provider, consumer] = ends;
    if (isComplete(view.desired(consumer), view.observed(consumer))) return { type: 'settled' };
    if (isComplete(view.desired(provider), view.observed(provider)))
      return { type: 'blocked', conflict: providerComplete(spec), keys: ends };
    return { type: 'wait', keys: absent, message: 'both of its containers have to run' };
  }
  if (!holds(desired, observed) || observed === undefined || !joinsPresentRuns(observed, view))
    return { type: 'step', step: { action: 'link.ensure', key, spec, digest: desired.digest } };
  // Only the watch can tell that its provider has made it: there is nothing to be done until then.
  if (observed.facts.awaits !== null) return { type: 'wait', keys: [], message: observed.facts.awaits };
  return { type: 'settled' };
}

/** Targets are unique by compiling: there is nothing to claim. */
export const linkReconciler: Reconciler<'link'> = {
  kind: 'link',
  plan,
  dependsOn: ({ spec }) => endsOf(spec),
  claims: () => [],
};
