/**
 * Addresses that stand in containers' own configuration and are therefore given to nobody else (LEASE-6). One
 * address may be reserved for several containers: then no lease gets it.
 */
export class Reservations {
  readonly #containers = new Map<number, ReadonlySet<string>>();
  readonly #addresses = new Map<string, readonly number[]>();

  /** Every address that is reserved for anyone. */
  all(): Iterable<number> {
    return this.#containers.keys();
  }

  has(address: number): boolean {
    return this.#containers.has(address);
  }

  /** The containers for which `address` is reserved. */
  containersOf(address: number): ReadonlySet<string> {
    return this.#containers.get(address) ?? nobody;
  }

  addressesOf(container: string): readonly number[] {
    return this.#addresses.get(container) ?? [];
  }

  /** Reserves exactly these addresses for a container; returns what was reserved for it before. */
  set(container: string, addresses: readonly number[]): readonly number[] {
    const before = this.addressesOf(container);
    for (const address of before) this.#withdraw(address, container);
    for (const address of addresses) {
      this.#containers.set(address, new Set(this.containersOf(address)).add(container));
    }
    if (addresses.length === 0) this.#addresses.delete(container);
    else this.#addresses.set(container, addresses);
    return before;
  }

  #withdraw(address: number, container: string): void {
    const rest = new Set(this.containersOf(address));
    rest.delete(container);
    if (rest.size === 0) this.#containers.delete(address);
    else this.#containers.set(address, rest);
  }
}

const nobody: ReadonlySet<string> = new Set();
