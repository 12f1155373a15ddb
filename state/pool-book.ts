import { contains, parseAddress, parseCidr } from './address.ts';
import { AddressAllocator } from './allocator.ts';
import type { Lease } from './lease.ts';
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
  /** Leases without an address, by the one that they want; null: any. */
  readonly #waiting = new Map<number | null, Set<Key>>();
  /** Free, and given to a dynamic lease only where nothing else is (LEASE-4). */
  #withheld: ReadonlySet<number> = new Set();
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
  waiting(): readonly Key[] {
    return [...this.#waiting.values()].flatMap((keys) => [...keys]);
  }

  /** Leases without an address that want this one; null: any. */
  waitingFor(address: number | null): Iterable<Key> {
    return this.#waiting.get(address) ?? [];
  }

  get allocator(): AddressAllocator | null {
    return this.#allocator;
  }

  /** The lease that has `address`. */
  holder(address: number): Key | undefined {
    return this.#holders.get(address);
  }

  enter({ key, address, wanted }: Lease): void {
    this.#leases.add(key);
    if (address === null) {
      this.#waiting.set(wanted, (this.#waiting.get(wanted) ?? new Set()).add(key));
      return;
    }
    this.#holders.set(address, key);
    this.#allocator?.take(address);
  }

  /** Takes out a lease that was entered just so. */
  leave({ key, address, wanted }: Lease): void {
    this.#leases.delete(key);
    if (address === null) {
      const others = this.#waiting.get(wanted);
      others?.delete(key);
      if (others?.size === 0) this.#waiting.delete(wanted);
      return;
    }
    this.#holders.delete(address);
    this.settle(address);
  }

  /** Makes `address` taken or free, as leases and reservations say by now. */
  settle(address: number): void {
    if (!this.#allocator?.allows(address)) return;
    const taken =
      this.#holders.has(address) || this.#reservations.has(address) || this.#withheld.has(address);
    if (taken) this.#allocator.take(address);
    else this.#allocator.release(address);
  }

  /** Defines the pool anew, or not at all. Leases stay as they are: the caller has taken out what `allocator` does not allow. */
  define(allocator: AddressAllocator | null): void {
    this.#allocator = allocator;
    for (const address of this.#holders.keys()) this.settle(address);
    for (const address of this.#reservations.all()) this.settle(address);
  }

  /**
   * Keeps these addresses, instead of those before, for whoever asks for them by name: a dynamic lease is offered one of them
   * only where nothing else is free.
   */
  withhold(addresses: Iterable<number>): void {
    const before = this.#withheld;
    this.#withheld = new Set(addresses);
    for (const address of [...before, ...this.#withheld]) this.settle(address);
  }

  /** What a lease can have. Takes nothing. */
  offer(lease: Lease): Offer {
    if (this.#allocator === null) {
      return { conflict: { code: 'UnknownPool', message: `references unknown pool '${this.#name}'` } };
    }
    if (lease.staticAddress !== null) return this.#offerStatic(this.#allocator, lease);
    const address = this.#allocator.firstFree() ?? this.#firstWithheld(this.#allocator);
    return address === null
      ? { conflict: { code: 'PoolExhausted', message: `pool '${this.#name}' exhausted` } }
      : { address };
  }

  /** Nothing comes free while leases are served: once the rest is taken, there is no more reason to withhold anything. */
  #firstWithheld(allocator: AddressAllocator): number | null {
    if (this.#withheld.size === 0) return null;
    this.withhold([]);
    return allocator.firstFree();
  }

  #offerStatic(allocator: AddressAllocator, { container, staticAddress, wanted }: Lease): Offer {
    const message = `failed to reserve static IP ${staticAddress} (already in use or outside subnet), refusing to start`;
    if (wanted === null || !allocator.allows(wanted)) {
      return { conflict: { code: 'AddressOutsideSubnet', message } };
    }
    const holder = this.#holderBefore(container, wanted);
    return holder === undefined
      ? { address: wanted }
      : { conflict: { code: 'AddressTaken', message, holder } };
  }

  /** What keeps `container` from having an address that the pool allows. */
  #holderBefore(container: string, address: number): Key | undefined {
    const lease = this.#holders.get(address);
    if (lease !== undefined) return lease;
    const [other] = [...this.#reservations.containersOf(address)].filter((name) => name !== container).sort();
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
