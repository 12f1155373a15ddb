import { holds } from '../reconcilers/holds.ts';
import { exitText } from '../state/exit-text.ts';
import type { DesiredResource, LeaseSpec, ObservedResource } from '../state/resource.ts';
import { exitOf } from './relapse.ts';

/** What the status of a settled resource says: a container may be as desired by having done what it was for. */
export function settledMessage(desired: DesiredResource, observed: ObservedResource | undefined): string {
  const exit = exitOf(observed);
  if (exit === null || holds(desired, observed)) return 'as desired';
  return `complete: it ${exitText(exit)}`;
}

/** What the event log says when a resource has come to be as desired. */
export function readyMessage(desired: DesiredResource): string {
  if (desired.kind !== 'lease') return `${desired.key} is ready`;
  const { container, address, pool } = desired.spec as LeaseSpec;
  // Pantavisor's words, which people search their logs for.
  if ((desired.spec as LeaseSpec).static) return `platform '${container}' using static IP ${address}`;
  return `platform '${container}' leases ${address} from pool '${pool}'`;
}
