import { parseAddress, parseCidr } from '../../state/address.ts';
import { isInterfaceName, isName } from '../../state/names.ts';
import type { BridgePoolSpec } from '../../state/resource.ts';

/** Rules as a packet filter spells them. */
export interface Listing {
  /** Without what differs between equal rules (handles, counters): equal texts, equal rules. */
  readonly text: string;
  /** Rules and elements of sets in it. */
  readonly entries: number;
}

/** The rules that pools need, kept by one of the kernel's packet filters. */
export interface Firewall {
  readonly name: 'nft' | 'iptables';
  /** True when what it needs is installed and the kernel answers. Never rejects. */
  works(): Promise<boolean>;
  /** Our rules as they are now. Null: there are none. Rejects when it cannot tell. */
  read(): Promise<Listing | null>;
  /**
   * Replaces all rules of ours by those that `pools` need, whole or not at all, and touches no other rule. Rejects with
   * a CommandError, or a RangeError for a pool that could be read as syntax.
   */
  write(pools: readonly BridgePoolSpec[]): Promise<void>;
  /** How many entries the listing has that comes of writing `pools`. */
  count(pools: readonly BridgePoolSpec[]): number;
}

/** True when a pool has any rule: it leaves by masquerade, or is kept apart from others. */
export function needsRules(pool: BridgePoolSpec): boolean {
  return pool.nat || pool.isolated;
}

/**
 * True when the kernel must forward packets for these pools: one of them leaves the host, or some that are open have
 * others to reach.
 */
export function needsForwarding(pools: readonly BridgePoolSpec[]): boolean {
  return pools.some((pool) => pool.nat || (!pool.isolated && pools.length > 1));
}

/**
 * Throws a RangeError for a pool whose names or addresses a packet filter could read as syntax. Nothing else gets into
 * a rule set, so that nothing in it needs escaping.
 */
export function assertPlain(pool: BridgePoolSpec): void {
  const plain =
    isName(pool.name) &&
    isInterfaceName(pool.bridge) &&
    parseCidr(pool.subnet) !== null &&
    parseAddress(pool.gateway) !== null;
  if (plain) return;
  throw new RangeError(
    `found pool ${JSON.stringify(pool)}, expected plain names, a CIDR subnet and an IPv4 gateway: a rule set would read it as syntax`,
  );
}
