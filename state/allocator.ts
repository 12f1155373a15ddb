import { contains, firstHost, lastHost, type Subnet } from './address.ts';

const bitsPerWord = 32;

/**
 * A set of numbers from 0 to `size - 1` that finds its first gap at or after a position in time that depends on the
 * size alone (at most seven words are looked at for 2^32 numbers). A bit on level 0 stands for a member; one on level
 * k+1 for a word of level k that is full. Words without a bit are not stored, so that an empty /8 costs nothing.
 */
class GapFinder {
  readonly #size: number;
  readonly #levels: readonly Map<number, number>[];

  constructor(size: number) {
    this.#size = size;
    const levels: Map<number, number>[] = [];
    for (let words = size; levels.length === 0 || words > 1; words = Math.ceil(words / bitsPerWord)) {
      levels.push(new Map());
    }
    this.#levels = levels;
  }

  add(member: number): void {
    let index = member;
    for (const level of this.#levels) {
      const position = Math.floor(index / bitsPerWord);
      const word = ((level.get(position) ?? 0) | (1 << (index % bitsPerWord))) >>> 0;
      level.set(position, word);
      if (word !== 0xffffffff) return;
      index = position;
    }
  }

  delete(member: number): void {
    let index = member;
    for (const level of this.#levels) {
      const position = Math.floor(index / bitsPerWord);
      const before = level.get(position) ?? 0;
      const word = (before & ~(1 << (index % bitsPerWord))) >>> 0;
      if (word === 0) level.delete(position);
      else level.set(position, word);
      if (before !== 0xffffffff) return;
      index = position;
    }
  }

  /** The smallest number ≥ `from` that is no member; null when there is none. */
  firstGap(from: number): number | null {
    let index = from;
    for (const [height, level] of this.#levels.entries()) {
      const position = Math.floor(index / bitsPerWord);
      const gaps = ~(level.get(position) ?? 0) & (0xffffffff << (index % bitsPerWord));
      if (gaps !== 0) return this.#descend(position * bitsPerWord + lowestBit(gaps), height);
      index = position + 1;
    }
    return null;
  }

  #descend(start: number, height: number): number | null {
    let index = start;
    for (let below = height - 1; below >= 0; below -= 1) {
      index = index * bitsPerWord + lowestBit(~(this.#levels[below]?.get(index) ?? 0));
    }
    return index < this.#size ? index : null;
  }
}

/** Position of the lowest bit that is set; `word` is not 0. */
function lowestBit(word: number): number {
  return 31 - Math.clz32(word & -word);
}

/**
 * Which addresses of one pool are taken. Network, broadcast and gateway never come free. Every operation takes
 * constant time, however many leases there are (LEASE-8); memory follows what is taken, not the size of the subnet.
 */
export class AddressAllocator {
  readonly subnet: Subnet;
  readonly gateway: number;
  readonly #taken: GapFinder;

  constructor(subnet: Subnet, gateway: number) {
    this.subnet = subnet;
    this.gateway = gateway;
    this.#taken = new GapFinder(subnet.broadcast - subnet.network + 1);
    if (contains(subnet, gateway)) this.#taken.add(gateway - subnet.network);
  }

  /** An interface may have this address: a host of the subnet, and not the gateway. Says nothing of its being free. */
  allows(address: number): boolean {
    return address >= firstHost(this.subnet) && address <= lastHost(this.subnet) && address !== this.gateway;
  }

  /** The first free address above the gateway, else the first one below it (LEASE-1); null: exhausted. Takes nothing. */
  firstFree(): number | null {
    return (
      this.#freeBetween(this.gateway + 1, lastHost(this.subnet)) ?? this.#freeBetween(0, this.gateway - 1)
    );
  }

  /** Marks an address that `allows` lets through as taken. Taking it twice is the same as once. */
  take(address: number): void {
    this.#taken.add(address - this.subnet.network);
  }

  /** Makes an address that was taken free again. */
  release(address: number): void {
    this.#taken.delete(address - this.subnet.network);
  }

  #freeBetween(from: number, to: number): number | null {
    const gap = this.#taken.firstGap(Math.max(from, firstHost(this.subnet)) - this.subnet.network);
    if (gap === null) return null;
    const address = this.subnet.network + gap;
    return address <= to ? address : null;
  }
}
