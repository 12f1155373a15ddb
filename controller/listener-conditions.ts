import { holds } from '../reconcilers/holds.ts';
import { listenText } from '../state/ingress.ts';
import type { ListenerSpec } from '../state/resource.ts';
import type { Condition, RouteItem } from './api/contract.ts';
import { type Aspect, conditionsOf, isFalse, isTrue, isUnknown, reasonOf, removing } from './conditions.ts';
import type { ListenerSight } from './route-items.ts';

/** The conditions of a listener with these `routes` (see Condition), each once, in the order in which they come about. */
export function listenerConditions(
  listener: ListenerSight,
  routes: readonly RouteItem[],
): readonly Condition[] {
  return conditionsOf(
    {
      Accepted: accepted(listener),
      ResolvedRefs: resolvedRefs(listener, routes),
      Programmed: programmed(listener),
    },
    listener.status.revision,
  );
}

function accepted({ desired, observed, status }: ListenerSight): Aspect {
  if (desired === undefined) return removing;
  // What is tolerated is wrong with its rules, not with the host.
  if (status.phase === 'Blocked' && status.tolerated !== true) return isFalse(status.reason, status.message);
  if (observed === undefined) return isUnknown('Pending', 'the host has not been seen to have it yet');
  return isTrue('Accepted', 'the host has its addresses and its port');
}

function resolvedRefs({ desired }: ListenerSight, routes: readonly RouteItem[]): Aspect {
  if (desired === undefined) return removing;
  const unresolved = routes.filter(({ backend }) => backend === null);
  const [first] = unresolved;
  if (first === undefined) return isTrue('ResolvedRefs', 'every rule of it leads to a service');
  return isFalse(first.reason, unresolved.map(({ message }) => message).join('; '));
}

function programmed({ desired, observed, status }: ListenerSight): Aspect {
  if (desired === undefined) return removing;
  if (holds(desired, observed)) return isTrue('Programmed', `it listens at ${endpoints(desired.spec)}`);
  if (observed === undefined) return isFalse(reasonOf(status), status.message);
  if (observed.drift.length > 0) return isFalse('Drifted', observed.drift.join('; '));
  return isFalse(reasonOf(status), `it still serves as it was before: ${status.message}`);
}

function endpoints(spec: unknown): string {
  const { addresses, port } = spec as ListenerSpec;
  return addresses.map((host) => listenText({ host, port })).join(', ');
}
