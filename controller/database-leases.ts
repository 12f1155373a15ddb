import type { DatabaseSync, StatementSync } from 'node:sqlite';
import type { HeldLease, Proposal } from '../state/revision.ts';

/** What becomes of leases: new ones (or ones with another address), and ones that end. */
type LeaseChange = Proposal['leases'];

/**
 * Who holds which address (LEASE-4): the leases of the committed revision, and beside them what the revision on trial would
 * change. A change without an address is a lease that ends.
 */
export class LeaseTable {
  readonly #connection: DatabaseSync;
  readonly #putTrial: StatementSync;
  readonly #removeTrial: StatementSync;

  constructor(connection: DatabaseSync) {
    this.#connection = connection;
    this.#putTrial = connection.prepare(
      `INSERT INTO trial_leases VALUES (?, ?, ?, ?)
       ON CONFLICT (pool, container, interface) DO UPDATE SET address = excluded.address`,
    );
    this.#removeTrial = connection.prepare(
      'DELETE FROM trial_leases WHERE pool = ? AND container = ? AND interface = ?',
    );
  }

  /** Those of the committed revision, sorted by pool, container, interface. */
  committed(): readonly HeldLease[] {
    return this.#read('leases');
  }

  /** Those that the trial adds or moves, in the same order: all there are as long as nothing was ever committed. */
  onTrial(): readonly HeldLease[] {
    return this.#read('trial_leases');
  }

  /** The change of a new trial, as against the committed revision, in place of that of the trial before. */
  propose(change: LeaseChange): void {
    this.forgetTrial();
    this.#stage(change, change.released);
  }

  /** The change of a new trial, as against the trial before, where nothing was ever committed. */
  extend(change: LeaseChange): void {
    this.#stage(change, []);
  }

  /** Makes what the trial changes the device's. */
  settle(): void {
    this.#connection.exec(
      `DELETE FROM leases WHERE (pool, container, interface) IN (SELECT pool, container, interface FROM trial_leases);
       INSERT INTO leases SELECT pool, container, interface, address FROM trial_leases WHERE address IS NOT NULL;
       DELETE FROM trial_leases;`,
    );
  }

  forgetTrial(): void {
    this.#connection.exec('DELETE FROM trial_leases');
  }

  /** All that end or change go first: two containers may exchange their addresses. */
  #stage({ held, released }: LeaseChange, ending: readonly HeldLease[]): void {
    for (const lease of [...released, ...held])
      this.#removeTrial.run(lease.pool, lease.container, lease.interface);
    for (const lease of ending) this.#put(lease, null);
    // One that moves is told as a lease that ends and one that begins.
    for (const lease of held) this.#put(lease, lease.address);
  }

  #put(lease: HeldLease, address: string | null): void {
    this.#putTrial.run(lease.pool, lease.container, lease.interface, address);
  }

  #read(table: 'leases' | 'trial_leases'): readonly HeldLease[] {
    return this.#connection
      .prepare(
        `SELECT pool, container, interface, address FROM ${table} WHERE address IS NOT NULL
         ORDER BY pool, container, interface`,
      )
      .all()
      .map((row) => ({
        pool: String(row.pool),
        container: String(row.container),
        interface: String(row.interface),
        address: String(row.address),
      }));
  }
}
