import type { Lease } from './lease.ts';
import type { PoolBook } from './pool-book.ts';
import type { Key } from './resource.ts';

/** Something that can be taken back and done again, any number of times. */
export interface Deed {
  readonly redo: () => void;
  readonly undo: () => void;
}

/** What one transaction of the ledger has to remember. */
export class LedgerTransaction {
  /** Leases that were changed, as they were before the transaction. */
  readonly before = new Map<Key, Lease | undefined>();
  readonly #candidates = new Set<Key>();
  readonly #disturbed = new Set<PoolBook>();
  readonly #freed = new Map<PoolBook, Set<number>>();
  readonly #kept = new Map<PoolBook, Set<number>>();
  readonly #deeds: Deed[] = [];

  /** Keeps what a lease was before its first change. */
  remember(key: Key, lease: Lease | undefined): void {
    if (!this.before.has(key)) this.before.set(key, lease);
  }

  /** Does something, and keeps how to take it back. */
  carryOut(deed: Deed): void {
    deed.redo();
    this.#deeds.push(deed);
  }

  /** Takes back all that was carried out, the last first. */
  undo(): void {
    for (const deed of this.#deeds.toReversed()) deed.undo();
  }

  /** Carries out again what was taken back: the same things in the same order. */
  redo(): void {
    for (const deed of this.#deeds) deed.redo();
  }

  /** A lease is new, or lost its address: it is to be served. */
  serve(key: Key): void {
    this.#candidates.add(key);
  }

  /** A pool was defined anew: all that wait there are to be served. */
  disturb(book: PoolBook): void {
    this.#disturbed.add(book);
  }

  /** An address may have come free: those that wait for it, or for any, are to be served. */
  free(book: PoolBook, address: number): void {
    addTo(this.#freed, book, address);
  }

  /** An address that the present state holds has come free: it may be wanted back (LEASE-4). */
  keep(book: PoolBook, address: number): void {
    addTo(this.#kept, book, address);
  }

  /** Addresses that may be wanted back, by their pools. */
  kept(): Iterable<readonly [PoolBook, ReadonlySet<number>]> {
    return this.#kept;
  }

  /** Leases to serve, as the books stand by now. Some of them may have an address meanwhile, or be gone. */
  candidates(): ReadonlySet<Key> {
    for (const book of this.#disturbed) {
      for (const key of book.waiting()) this.#candidates.add(key);
    }
    for (const [book, addresses] of this.#freed) {
      for (const address of [null, ...addresses]) {
        for (const key of book.waitingFor(address)) this.#candidates.add(key);
      }
    }
    return this.#candidates;
  }
}

function addTo(addresses: Map<PoolBook, Set<number>>, book: PoolBook, address: number): void {
  addresses.set(book, (addresses.get(book) ?? new Set()).add(address));
}
