import type { Lease } from './lease.ts';
import type { PoolBook } from './pool-book.ts';
import type { Key } from './resource.ts';

/** What one transaction of the ledger has to remember. */
export class LedgerTransaction {
  /** Leases that were changed, as they were before the transaction. */
  readonly before = new Map<Key, Lease | undefined>();
  readonly #candidates = new Set<Key>();
  readonly #disturbed = new Set<PoolBook>();
  readonly #freed = new Map<PoolBook, Set<number>>();
  readonly #inverses: (() => void)[] = [];

  /** Keeps what a lease was before its first change. */
  remember(key: Key, lease: Lease | undefined): void {
    if (!this.before.has(key)) this.before.set(key, lease);
  }

  /** Keeps how to take back what was just done. */
  record(inverse: () => void): void {
    this.#inverses.push(inverse);
  }

  /** Runs the inverses, last one first. Once only: a second call does nothing. */
  undo(): void {
    for (let inverse = this.#inverses.pop(); inverse !== undefined; inverse = this.#inverses.pop()) inverse();
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
    const freed = this.#freed.get(book) ?? new Set();
    this.#freed.set(book, freed.add(address));
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
