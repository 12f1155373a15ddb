import { formatAddress } from './address.ts';
import type { Conflict, Key } from './resource.ts';
import type { HeldLease } from './revision.ts';

/** A lease as the ledger keeps it: what is asked, and what was given. */
export interface Lease {
  readonly key: Key;
  readonly pool: string;
  readonly container: string;
  readonly interface: string;
  /** Place among the container's own interfaces; null: held from an earlier run, nobody has asked for it yet. */
  readonly position: number | null;
  /** As it was written; null: any free address will do. */
  readonly staticAddress: string | null;
  /** The static address as a number; null where there is none, or none that can be read. */
  readonly wanted: number | null;
  readonly address: number | null;
  readonly conflict: Conflict | null;
}

/** A lease that waits for an address, with the place of its container in the revision. */
export interface Turn {
  readonly lease: Lease;
  readonly order: number;
}

/** Statics first (LEASE-2), then as the containers stand in the revision (LEASE-1), then as their interfaces do. */
export function inTurn(one: Turn, other: Turn): number {
  return (
    Number(one.lease.staticAddress === null) - Number(other.lease.staticAddress === null) ||
    one.order - other.order ||
    (one.lease.position ?? 0) - (other.lease.position ?? 0)
  );
}

/** Both say the same, or there is neither. */
export function sameConflict(one: Conflict | null, other: Conflict | null): boolean {
  return one?.code === other?.code && one?.message === other?.message && one?.holder === other?.holder;
}

/** Those of `leases` that have an address, sorted by it, as they are kept across restarts (LEASE-4). */
export function heldLeases(leases: Iterable<Lease>): readonly HeldLease[] {
  return [...leases]
    .flatMap((lease) => (lease.address === null ? [] : [{ ...lease, address: lease.address }]))
    .sort((one, other) => one.address - other.address || (one.key < other.key ? -1 : 1))
    .map(({ pool, container, interface: name, address }) => ({
      pool,
      container,
      interface: name,
      address: formatAddress(address),
    }));
}
