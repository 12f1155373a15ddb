import { mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { digestOf } from '../../state/json.ts';
import type { BridgePoolSpec } from '../../state/resource.ts';
import { type Firewall, type Listing, needsForwarding, needsRules } from './firewall.ts';
import type { Forwarding } from './forwarding.ts';
import type { PoolRecord } from './pool-record.ts';

/** What of the rules that pools need does not hold. */
export interface RuleStatus {
  /** Null: every rule is as it was set. */
  readonly rules: string | null;
  readonly forwarding: string | null;
  /** What these pools do without on this host. */
  readonly warnings: readonly string[];
}

/** Names the listing that stood after a set of rules was written: a later listing that differs was changed by others. */
interface Confirmation {
  readonly epoch: string;
  readonly rules: string;
  /** Null: they were written, and not read back yet. */
  readonly listing: string | null;
}

export interface PacketRulesOptions {
  /** In order of preference; the first that works is used, from the first use on. */
  readonly firewalls: readonly Firewall[];
  readonly forwarding: Forwarding;
  /** Where the confirmation is kept, so that a restart finds settled rules settled. */
  readonly file: string;
  readonly epoch: string;
}

/**
 * Masquerade, isolation and forwarding for all pools of one instance. The packet filter spells rules in its own way, so
 * they are not compared with what we wrote but with what it listed after we wrote.
 */
export class PacketRules {
  readonly #options: PacketRulesOptions;
  #firewall: Promise<Firewall | null> | null = null;
  #confirmation: Promise<Confirmation | null> | null = null;
  /** Written, not confirmed yet. */
  #written: readonly BridgePoolSpec[] | null = null;

  constructor(options: PacketRulesOptions) {
    this.#options = options;
  }

  /** How the rules of these pools stand. Rejects when it cannot tell. Without pools it looks at nothing (POOL-10). */
  async status(pools: readonly BridgePoolSpec[]): Promise<RuleStatus> {
    if (pools.length === 0) return { rules: null, forwarding: null, warnings: [] };
    await this.#resume(pools);
    const spoiled = await this.confirm();
    const forwarding =
      needsForwarding(pools) && !this.#options.forwarding.isOn() ? 'IPv4 forwarding is off' : null;
    const firewall = await this.#chosen();
    if (firewall === null) return { rules: null, forwarding, warnings: warningsFor(pools) };
    return { rules: spoiled ?? (await this.#ruleDrift(firewall, pools)), forwarding, warnings: [] };
  }

  /** Finds out which packet filter works, so that `write` need not. */
  async prepare(): Promise<void> {
    await this.#chosen();
  }

  /**
   * Makes the rules those of exactly these pools, in one transaction; forwarding is switched on where it is needed and
   * off. Rejects when either fails. Resolves with the warnings of `status`. `confirm` belongs after it.
   */
  async write(pools: readonly BridgePoolSpec[]): Promise<readonly string[]> {
    if (needsForwarding(pools) && !this.#options.forwarding.isOn()) this.#options.forwarding.switchOn();
    const firewall = await this.#chosen();
    if (firewall === null) return warningsFor(pools);
    const bare = !pools.some(needsRules) && (await this.#confirmed())?.listing === digestOf(undefined);
    if (!bare) await firewall.write(pools);
    if (pools.length === 0) this.#forget();
    else {
      this.#keep({ epoch: this.#options.epoch, rules: digestOf(pools), listing: null });
      this.#written = pools;
    }
    return [];
  }

  /**
   * Keeps how the rules that were written last are listed, as what later listings are compared with. It need not be
   * waited for: `status` does it where it was not done, also in the controller after this one. Resolves
   * with how they differ where others have changed them already, which shows in their number; else with null.
   */
  async confirm(): Promise<string | null> {
    const pools = this.#written;
    const firewall = await this.#chosen();
    if (pools === null || firewall === null) return null;
    const listing = pools.some(needsRules) ? await firewall.read() : null;
    if ((listing?.entries ?? 0) !== firewall.count(pools)) {
      this.#forget();
      return differs(listing);
    }
    this.#written = null;
    const { epoch } = this.#options;
    this.#keep({ epoch, rules: digestOf(pools), listing: digestOf(listing?.text) });
    return null;
  }

  /** Rules that a controller wrote, and was ended before it read them back. */
  async #resume(pools: readonly BridgePoolSpec[]): Promise<void> {
    const confirmation = await this.#confirmed();
    if (confirmation?.listing === null && confirmation.rules === digestOf(pools)) this.#written ??= pools;
  }

  async #ruleDrift(firewall: Firewall, pools: readonly BridgePoolSpec[]): Promise<string | null> {
    const confirmation = await this.#confirmed();
    if (confirmation?.rules !== digestOf(pools)) return 'packet filter rules are not set';
    const listing = await firewall.read();
    if (digestOf(listing?.text) === confirmation.listing) return null;
    return differs(listing);
  }

  /** Once one works it is kept; while none does, each use looks again. */
  async #chosen(): Promise<Firewall | null> {
    this.#firewall ??= firstThatWorks(this.#options.firewalls);
    const chosen = await this.#firewall;
    if (chosen === null) this.#firewall = null;
    return chosen;
  }

  #confirmed(): Promise<Confirmation | null> {
    this.#confirmation ??= this.#readConfirmation();
    return this.#confirmation;
  }

  /** A confirmation that is missing, torn or of another epoch is none: the rules are then written once more. */
  async #readConfirmation(): Promise<Confirmation | null> {
    try {
      const confirmation = JSON.parse(readFileSync(this.#options.file, 'utf8')) as Confirmation;
      return confirmation.epoch === this.#options.epoch ? confirmation : null;
    } catch {
      return null;
    }
  }

  #forget(): void {
    this.#written = null;
    rmSync(this.#options.file, { force: true });
    this.#confirmation = Promise.resolve(null);
  }

  #keep(confirmation: Confirmation): void {
    const { file } = this.#options;
    mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
    writeFileSync(`${file}.new`, `${JSON.stringify(confirmation)}\n`, { mode: 0o600 });
    renameSync(`${file}.new`, file);
    this.#confirmation = Promise.resolve(confirmation);
  }
}

function differs(listing: Listing | null): string {
  return listing === null ? 'packet filter rules are missing' : 'packet filter rules were changed';
}

async function firstThatWorks(firewalls: readonly Firewall[]): Promise<Firewall | null> {
  for (const firewall of firewalls) {
    if (await firewall.works()) return firewall;
  }
  return null;
}

function warningsFor(pools: readonly BridgePoolSpec[]): readonly string[] {
  const lost = [
    ...(pools.some((pool) => pool.nat) ? ['is not masqueraded (no network beyond this host)'] : []),
    ...(pools.some((pool) => pool.isolated) ? ['is not isolated from other pools'] : []),
  ];
  return lost.map((what) => `neither nft nor iptables works on this host: the pool ${what}`);
}

/** The pools that rules are about, in the order in which they stand in a rule set: by name. */
export function bridgePools(records: ReadonlyMap<string, PoolRecord>): readonly BridgePoolSpec[] {
  return [...records.values()]
    .map((record) => record.spec)
    .filter((spec) => spec.type === 'bridge')
    .sort((one, other) => (one.name < other.name ? -1 : 1));
}
