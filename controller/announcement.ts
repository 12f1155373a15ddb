import type { DesiredResource, LeaseSpec } from '../state/resource.ts';

/** What the event log says when a resource has come to be as desired. */
export function readyMessage(desired: DesiredResource): string {
  if (desired.kind !== 'lease') return `${desired.key} is ready`;
  const { container, address, pool } = desired.spec as LeaseSpec;
  // Pantavisor's words, which people search their logs for.
  if ((desired.spec as LeaseSpec).static) return `platform '${container}' using static IP ${address}`;
  return `platform '${container}' leases ${address} from pool '${pool}'`;
}
