import { formatAddress, macOf, parseAddress } from './address.ts';
import type { AddressAllocator } from './allocator.ts';
import { heldLeases, inTurn, type Lease, sameConflict, type Turn } from './lease.ts';
import { LedgerTransaction } from './ledger-transaction.ts';
import { allocatorFor, PoolBook } from './pool-book.ts';
import { Reservations } from './reservations.ts';
import { type Conflict, type Key, leaseKey, type PoolSpec } from './resource.ts';
import type { HeldLease } from './revision.ts';

/** What one interface of a container asks of a pool. */
export interface LeaseRequest {
  readonly pool: string;
  /** Unique in its container. */
  readonly interface: string;
  /** Dotted quad; null: any free address will do. */
  readonly staticAddress: string | null;
}

/** What one container asks. */
export interface ContainerRequests {
  /** One for every interface, in order. */
  readonly leases: readonly LeaseRequest[];
  /** Dotted quads that no other container gets, in whatever pool they are (LEASE-6). */
  readonly reservedAddresses: readonly string[];
}

/** What changes in one transaction. Pools and containers that are not named stay as they are. */
export interface LedgerChange {
  /** Null: the pool is gone. */
  readonly pools: ReadonlyMap<string, PoolSpec | null>;
  /** Null: the container is gone. */
  readonly containers: ReadonlyMap<string, ContainerRequests | null>;
  /** Place of a container in the revision: the smaller one is served first (LEASE-1). */
  readonly orderOf: (container: string) => number;
}

/** How a request was met. `prefix` is that of the pool's subnet, 0 where the pool is unknown. */
export type LeaseGrant =
  | { readonly conflict: null; readonly address: string; readonly mac: string; readonly prefix: number }
  | { readonly conflict: Conflict; readonly prefix: number };

/** What a transaction did. */
export interface LedgerOutcome {
  /** Containers whose grants or conflicts are not as before, named in the change or not. */
  readonly containers: ReadonlySet<string>;
  /** Leases that have an address which they had not before. Sorted by address. */
  readonly held: readonly HeldLease[];
  /** Leases that lost the address they had. Sorted by address. */
  readonly released: readonly HeldLease[];
}

/** A transaction that was carried out, and the way back. */
export interface Transacted {
  readonly outcome: LedgerOutcome;
  /** Makes the ledger what it was before. Only while no later transaction stands. */
  readonly undo: () => void;
  /** After `undo`, and while nothing else was changed: makes it what it was after the transaction. */
  readonly redo: () => void;
}

/**
 * Who holds which address of which pool. A lease that is still asked for and still possible keeps its address,
 * whatever else changes (LEASE-4); of what is new, statics are served before dynamic ones (LEASE-2), and each of them
 * in the order of the revision (LEASE-1). Nobody loses an address to a newcomer (LEASE-5). What can't be served is a
 * conflict of that lease, and is tried again when something of its pool comes free or changes.
 *
 * What a transaction frees is what the state before it would need again, were that to be returned to: a dynamic lease of
 * the same transaction gets it only where nothing else is free (LEASE-4). The next transaction finds it free.
 */
export class Ledger {
  readonly #reservations = new Reservations();
  readonly #books = new Map<string, PoolBook>();
  readonly #leases = new Map<Key, Lease>();
  readonly #leasesOf = new Map<string, Set<Key>>();
  /** Leases of an earlier run, until the first transaction. */
  #unclaimed: ReadonlySet<Key>;
  /** The present transaction, or the last one. */
  #transaction = new LedgerTransaction();

  /**
   * `held` are the leases of an earlier run: they come first. Those that the first transaction does not ask for are
   * released by it. Entries that are no IPv4 address, or name an address that an earlier entry has, are passed over.
   */
  constructor(held: readonly HeldLease[] = []) {
    for (const { pool, container, interface: name, address: text } of held) {
      const key = leaseKey(pool, container, name);
      const address = parseAddress(text);
      if (address === null || this.#leases.has(key) || this.#book(pool).holder(address) !== undefined)
        continue;
      const request = { key, pool, container, interface: name, position: null };
      this.#exchange(key, { ...request, staticAddress: null, wanted: null, address, conflict: null });
    }
    this.#unclaimed = new Set(this.#leases.keys());
  }

  /** Carries out a change. When it throws, nothing was changed. */
  transact(change: LedgerChange): Transacted {
    const transaction = new LedgerTransaction();
    this.#transaction = transaction;
    try {
      for (const [name, spec] of change.pools) this.#define(name, spec === null ? null : allocatorFor(spec));
      for (const [name, asked] of change.containers) this.#reserve(name, asked?.reservedAddresses ?? []);
      for (const [name, asked] of change.containers) this.#request(name, asked?.leases ?? []);
      this.#dropUnclaimed();
      this.#serve(change.orderOf);
      return {
        outcome: this.#outcome(),
        undo: () => transaction.undo(),
        redo: () => transaction.redo(),
      };
    } catch (error) {
      transaction.undo();
      throw error;
    }
  }

  /** How the request of this lease was met; undefined when there is no such lease. */
  grant(key: Key): LeaseGrant | undefined {
    const lease = this.#leases.get(key);
    if (lease === undefined) return undefined;
    const prefix = this.#book(lease.pool).prefix;
    if (lease.conflict !== null) return { conflict: lease.conflict, prefix };
    if (lease.address === null) return undefined;
    return { conflict: null, address: formatAddress(lease.address), mac: macOf(lease.address), prefix };
  }

  /** An address reserved for this container that another one has leased; null when there is none. */
  reservationConflict(container: string): Conflict | null {
    for (const address of this.#reservations.addressesOf(container)) {
      for (const book of this.#books.values()) {
        const holder = book.holder(address);
        if (holder === undefined || this.#leases.get(holder)?.container === container) continue;
        const message = `address ${formatAddress(address)} in its lxc.container.conf is already in use`;
        return { code: 'AddressTaken', message, holder };
      }
    }
    return null;
  }

  /** Every lease that has an address, sorted by address. */
  held(): readonly HeldLease[] {
    return heldLeases(this.#leases.values());
  }

  #book(pool: string): PoolBook {
    const known = this.#books.get(pool);
    if (known !== undefined) return known;
    const book = new PoolBook(pool, this.#reservations);
    this.#books.set(pool, book);
    return book;
  }

  /** Leases that are still possible under the new definition keep their address, the others wait. */
  #define(pool: string, allocator: AddressAllocator | null): void {
    const book = this.#book(pool);
    const before = book.allocator;
    if (sameRange(before, allocator)) return;
    for (const key of [...book.leases]) {
      const lease = this.#leases.get(key);
      if (lease === undefined || lease.address === null || allocator?.allows(lease.address)) continue;
      this.#put(key, { ...lease, address: null });
    }
    this.#transaction.carryOut({ redo: () => book.define(allocator), undo: () => book.define(before) });
    this.#transaction.disturb(book);
  }

  #reserve(container: string, texts: readonly string[]): void {
    const addresses = texts.map(parseAddress).filter((address) => address !== null);
    const before = this.#reservations.addressesOf(container);
    if (before.length === 0 && addresses.length === 0) return;
    const touched = [...before, ...addresses];
    this.#transaction.carryOut({
      redo: () => this.#setReserved(container, addresses, touched),
      undo: () => this.#setReserved(container, before, touched),
    });
    for (const book of this.#books.values()) {
      for (const address of before) {
        this.#transaction.free(book, address);
        this.#transaction.keep(book, address);
      }
      // Those that are refused an address have another holder of it to name, perhaps.
      for (const address of addresses) {
        for (const key of book.waitingFor(address)) this.#transaction.serve(key);
      }
    }
  }

  #setReserved(container: string, addresses: readonly number[], touched: readonly number[]): void {
    this.#reservations.set(container, addresses);
    for (const book of this.#books.values()) {
      for (const address of touched) book.settle(address);
    }
  }

  /** Makes the leases of a container those of `requests`: what goes is released, what can't stay as it is waits. */
  #request(container: string, requests: readonly LeaseRequest[]): void {
    const gone = new Set(this.#leasesOf.get(container));
    for (const [position, request] of requests.entries()) {
      const key = leaseKey(request.pool, container, request.interface);
      gone.delete(key);
      const before = this.#leases.get(key);
      const address = this.#keeps(before, request) ? (before?.address ?? null) : null;
      const conflict = address === null ? (before?.conflict ?? null) : null;
      const wanted = request.staticAddress === null ? null : parseAddress(request.staticAddress);
      this.#put(key, { ...request, key, container, position, wanted, address, conflict });
      if (address === null) this.#transaction.serve(key);
    }
    for (const key of gone) this.#put(key, undefined);
  }

  /** The address that a lease has is one that the request can go on with (LEASE-7: its own is no collision). */
  #keeps(lease: Lease | undefined, request: LeaseRequest): boolean {
    if (lease === undefined || lease.address === null || this.#book(lease.pool).allocator === null)
      return false;
    return request.staticAddress === null || request.staticAddress === formatAddress(lease.address);
  }

  #dropUnclaimed(): void {
    const unclaimed = this.#unclaimed;
    if (unclaimed.size === 0) return;
    for (const key of unclaimed) {
      if (this.#leases.get(key)?.position === null) this.#put(key, undefined);
    }
    this.#transaction.carryOut({
      redo: () => {
        this.#unclaimed = new Set();
      },
      undo: () => {
        this.#unclaimed = unclaimed;
      },
    });
  }

  /** Gives addresses to those that wait, if they are new or there is something new for them. */
  #serve(orderOf: (container: string) => number): void {
    const queue: Turn[] = [];
    for (const key of this.#transaction.candidates()) {
      const lease = this.#leases.get(key);
      if (lease?.address === null) queue.push({ lease, order: orderOf(lease.container) });
    }
    const kept = [...this.#transaction.kept()];
    for (const [book, addresses] of kept) book.withhold(addresses);
    try {
      for (const { lease } of queue.sort(inTurn)) this.#offer(lease);
    } finally {
      for (const [book] of kept) book.withhold([]);
    }
  }

  #offer(lease: Lease): void {
    const offer = this.#book(lease.pool).offer(lease);
    if ('address' in offer) this.#put(lease.key, { ...lease, address: offer.address, conflict: null });
    else if (!sameConflict(lease.conflict, offer.conflict)) this.#put(lease.key, { ...lease, ...offer });
  }

  /** The one place where leases change during a transaction. */
  #put(key: Key, lease: Lease | undefined): void {
    const before = this.#leases.get(key);
    this.#transaction.remember(key, before);
    this.#transaction.carryOut({
      redo: () => this.#exchange(key, lease),
      undo: () => this.#exchange(key, before),
    });
    if (before === undefined || before.address === null || before.address === lease?.address) return;
    const book = this.#book(before.pool);
    this.#transaction.free(book, before.address);
    if (before.position !== null) this.#transaction.keep(book, before.address);
  }

  #exchange(key: Key, lease: Lease | undefined): void {
    const before = this.#leases.get(key);
    if (before !== undefined) this.#book(before.pool).leave(before);
    if (lease !== undefined) {
      this.#book(lease.pool).enter(lease);
      this.#leases.set(key, lease);
      if (before === undefined) this.#file(lease.container).add(key);
    } else if (before !== undefined) {
      this.#leases.delete(key);
      this.#file(before.container).delete(key);
      if (this.#file(before.container).size === 0) this.#leasesOf.delete(before.container);
    }
  }

  /** The keys of a container's leases. */
  #file(container: string): Set<Key> {
    const known = this.#leasesOf.get(container);
    if (known !== undefined) return known;
    const keys = new Set<Key>();
    this.#leasesOf.set(container, keys);
    return keys;
  }

  #outcome(): LedgerOutcome {
    const containers = new Set<string>();
    const held: Lease[] = [];
    const released: Lease[] = [];
    for (const [key, before] of this.#transaction.before) {
      const after = this.#leases.get(key);
      const moved = before?.address !== after?.address;
      if (!moved && sameConflict(before?.conflict ?? null, after?.conflict ?? null)) continue;
      for (const lease of [before, after]) {
        if (lease === undefined) continue;
        containers.add(lease.container);
        for (const name of this.#reservedFor(lease.address)) containers.add(name);
      }
      if (moved && before !== undefined) released.push(before);
      if (moved && after !== undefined) held.push(after);
    }
    return { containers, held: heldLeases(held), released: heldLeases(released) };
  }

  #reservedFor(address: number | null): Iterable<string> {
    return address === null ? [] : this.#reservations.containersOf(address);
  }
}

function sameRange(one: AddressAllocator | null, other: AddressAllocator | null): boolean {
  if (one === null || other === null) return one === other;
  return (
    one.subnet.network === other.subnet.network &&
    one.subnet.prefix === other.subnet.prefix &&
    one.gateway === other.gateway
  );
}
