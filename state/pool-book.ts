import { contains, parseAddress, parseCidr } from './address.ts';
import { AddressAllocator } from './allocator.ts';
import type { Reservations } from './reservations.ts';
import { type Conflict, containerKey, type Key, type PoolSpec } from './resource.ts';

/** An address for a lease, or why there is none. */
export type Offer = { readonly address: number } | { readonly conflict: Conflict };

/**
 * The leases of one pool. An address is free when the pool allows it, no lease has it and it is reserved for nobody.
 * A pool that is not defined has leases too: all of them wait.
 */
export class PoolBook {
  readonly #name: string;
  readonly #reservations: Reservations;
  readonly #leases = new Set<Key>();
  readonly #holders = new Map<number, Key>();
  readonly #waiting = new Set<Key>();
  #allocator: AddressAllocator | null = null;

  constructor(name: string, reservations: Reservations) {
    this.#name = name;
    this.#reservations = reservations;
  }

  /** Prefix length of the subnet; 0 while the pool is not defined. */
  get prefix(): number {
    return this.#allocator?.subnet.prefix ?? 0;
  }

  /** Every lease of the pool. */
  get leases(): ReadonlySet<Key> {
    return this.#leases;
  }

  /** Leases without an address. */
  get waiting(): ReadonlySet<Key> {
    return this.#waiting;
  }

  get allocator(): AddressAllocator | null {
    return this.#allocator;
  }

  /** The lease that has `address`. */
  holder(address: number): Key | undefined {
    return this.#holders.get(address);
  }

  /** Enters a lease that holds `address`, or that waits for one. */
  enter(key: Key, address: number | null): void {
    this.#leases.add(key);
    if (address === null) {
      this.#waiting.add(key);
      return;
    }
    this.#holders.set(address, key);
    this.#allocator?.take(address);
  }

  /** Takes a lease out that was entered with `address`. */
  leave(key: Key, address: number | null): void {
    this.#leases.delete(key);
    this.#waiting.delete(key);
    if (address === null) return;
    this.#holders.delete(address);
    this.settle(address);
  }

  /** Makes `address` taken or free, as leases and reservations say by now. */
  settle(address: number): void {
    if (!this.#allocator?.allows(address)) return;
    if (this.#holders.has(address) || this.#reservations.has(address)) this.#allocator.take(address);
    else this.#allocator.release(address);
  }

  /** Defines the pool anew, or not at all. Leases stay as they are: the caller has taken out what `allocator` does not allow. */
  define(allocator: AddressAllocator | null): void {
    this.#allocator = allocator;
    for (const address of this.#holders.keys()) this.settle(address);
    for (const address of this.#reservations.all()) this.settle(address);
  }

  /** What a lease of `container` can have. Takes nothing. `staticAddress` null: whatever comes first (LEASE-1). */
  offer(container: string, staticAddress: string | null): Offer {
    if (this.#allocator === null) {
      return { conflict: { code: 'UnknownPool', message: `references unknown pool '${this.#name}'` } };
    }
    if (staticAddress !== null) return this.#offerStatic(this.#allocator, container, staticAddress);
    const address = this.#allocator.firstFree();
    return address === null
      ? {
          conflict: { code: 'PoolExhausted', message: `pool '${this.#name}' exhausted` },
        }
      : { address };
  }

  #offerStatic(allocator: AddressAllocator, container: string, text: string): Offer {
    const message = `failed to reserve static IP ${text} (already in use or outside subnet), refusing to start`;
    const address = parseAddress(text);
    if (address === null || !allocator.allows(address)) {
      return { conflict: { code: 'AddressOutsideSubnet', message } };
    }
    const holder = this.#holderBefore(container, address);
    return holder === undefined ? { address } : { conflict: { code: 'AddressTaken', message, holder } };
  }

  /** What keeps `container` from having an address that the pool allows. */
  #holderBefore(container: string, address: number): Key | undefined {
    const lease = this.#holders.get(address);
    if (lease !== undefined) return lease;
    const other = [...this.#reservations.containersOf(address)].find((name) => name !== container);
    return other === undefined ? undefined : containerKey(other);
  }
}

/** Allocator for what a pool says of its subnet; null when that is no IPv4 subnet (which reading it has reported). */
export function allocatorFor(spec: PoolSpec): AddressAllocator | null {
  const cidr = parseCidr(spec.subnet);
  const gateway = parseAddress(spec.gateway);
  return cidr === null || gateway === null || !contains(cidr.subnet, gateway)
    ? null
    : new AddressAllocator(cidr.subnet, gateway);
}
