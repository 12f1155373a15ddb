import { listenerCodes } from '../state/catalog/listener-codes.ts';
import type { Finding } from '../state/finding.ts';
import {
  containerKey,
  type DesiredResource,
  type Key,
  type ListenerSpec,
  nameOf,
  type ObservedResource,
  type RouteSpec,
} from '../state/resource.ts';
import type { Status } from '../state/status.ts';
import type { RouteItem } from './api/contract.ts';
import { type StatusLookup, spoken } from './why.ts';

/** A listener as it is desired and observed; one that is not desired is being removed. */
export interface ListenerSight {
  readonly key: Key;
  readonly desired: DesiredResource | undefined;
  readonly observed: ObservedResource | undefined;
  readonly status: Status;
}

/** What else says how a route stands. */
export interface RouteSurroundings {
  readonly statusOf: StatusLookup;
  /** Those of the desired revision: why a rule leads to nothing. */
  readonly findings: readonly Finding[];
}

/** How a route stands. */
type Standing = Pick<RouteItem, 'phase' | 'reason' | 'message'>;

/** The rules of a listener as they stand now, in the order in which they are tried. */
export function routeItems(listener: ListenerSight, surroundings: RouteSurroundings): readonly RouteItem[] {
  const { key, desired, observed } = listener;
  const spec = (desired ?? observed)?.spec as ListenerSpec | undefined;
  return (spec?.routes ?? []).map((route, index) => {
    // A listener is declared by its rules, in the same order.
    const pointer = desired?.pointers[index] ?? null;
    return {
      ...route,
      listener: key,
      type: spec?.type ?? 'tcp',
      pointer,
      ...standingOf(route, pointer, listener, surroundings),
    };
  });
}

/** The worst of what a route needs: never better than its listener, and never better than its provider. */
function standingOf(
  route: RouteSpec,
  pointer: string | null,
  { desired, status }: ListenerSight,
  { statusOf, findings }: RouteSurroundings,
): Standing {
  const { phase, reason, message } = status;
  if (desired === undefined) return { phase, reason, message };
  if (route.backend === null) return unresolved(route.rule, pointer, desired, findings);
  // Blocked by rules that lead to nothing, a listener serves all others (ING-4).
  if (phase !== 'Ready' && status.tolerated !== true) return { phase, reason, message };
  return providerStanding(containerKey(route.provider), statusOf);
}

function unresolved(
  rule: string,
  pointer: string | null,
  { conflict }: DesiredResource,
  findings: readonly Finding[],
): Standing {
  const found = findings.find(
    ({ code, pointer: place }) =>
      pointer !== null && place.startsWith(`${pointer}/`) && Object.hasOwn(listenerCodes, code),
  );
  const { code, message } = found ??
    conflict ?? { code: 'ServiceNotFound', message: 'its service could not be resolved' };
  // Beside the rule its name need not be said again.
  return { phase: 'Blocked', reason: code, message: message.replace(`ingress rule '${rule}'`, 'it') };
}

function providerStanding(provider: Key, statusOf: StatusLookup): Standing {
  const status = statusOf(provider);
  if (status === undefined)
    return { phase: 'Waiting', reason: 'ProviderNotReady', message: `there is no ${spoken(provider)} yet` };
  const { phase, message } = status;
  if (phase === 'Ready') return { phase, reason: 'Serving', message: `${nameOf(provider)} serves it` };
  const why = message.split('\n', 1)[0] ?? message;
  return { phase, reason: 'ProviderNotReady', message: `${spoken(provider)} is ${phase}: ${why}` };
}
