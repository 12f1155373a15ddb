import type { BridgePoolSpec } from '../../state/resource.ts';
import { assertPlain } from './firewall.ts';

/**
 * The whole rule set of one instance as text for `nft -f`, a pure function of its pools. It replaces the table in one
 * transaction: `add` makes sure that there is one to delete. Without any rule the table goes.
 *
 * Isolation (POOL-8) costs O(pools) entries and two look-ups a forwarded packet: what comes from one isolated bridge
 * and goes to another is dropped, in either direction and whether or not its connection was there before; so is what
 * comes from one and is for another's gateway address. Traffic within a bridge passes, also where `br_netfilter` shows
 * it to us. Throws a RangeError for a pool whose names or addresses could be read as syntax.
 */
export function renderNftRules(table: string, pools: readonly BridgePoolSpec[]): string {
  for (const pool of pools) assertPlain(pool);
  const isolated = pools.filter((pool) => pool.isolated);
  const nat = pools.filter((pool) => pool.nat);
  const blocks = [
    ...(isolated.length === 0 ? [] : isolationBlocks(isolated)),
    ...(nat.length === 0 ? [] : [natBlock(nat)]),
  ];
  const replace = `add table inet ${table}\ndelete table inet ${table}\n`;
  return blocks.length === 0 ? replace : `${replace}table inet ${table} {\n${blocks.join('\n')}\n}\n`;
}

function set(name: string, type: string, elements: readonly string[]): string {
  return `  set ${name} {\n    type ${type}\n    elements = { ${elements.join(', ')} }\n  }`;
}

function chain(name: string, hook: string, rules: readonly string[]): string {
  const lines = [`type ${hook}; policy accept;`, ...rules];
  return `  chain ${name} {\n${lines.map((line) => `    ${line}`).join('\n')}\n  }`;
}

function isolationBlocks(pools: readonly BridgePoolSpec[]): readonly string[] {
  return [
    set(
      'isolated',
      'ifname',
      pools.map(({ bridge }) => `"${bridge}"`),
    ),
    set(
      'within',
      'ifname . ifname',
      pools.map(({ bridge }) => `"${bridge}" . "${bridge}"`),
    ),
    set(
      'gateways',
      'ipv4_addr',
      pools.map(({ gateway }) => gateway),
    ),
    set(
      'own_gateway',
      'ifname . ipv4_addr',
      pools.map(({ bridge, gateway }) => `"${bridge}" . ${gateway}`),
    ),
    chain('input', 'filter hook input priority filter', [
      'iifname . ip daddr @own_gateway return',
      'iifname @isolated ip daddr @gateways drop',
    ]),
    chain('forward', 'filter hook forward priority filter', [
      'iifname . oifname @within return',
      'iifname @isolated oifname @isolated drop',
    ]),
  ];
}

function natBlock(pools: readonly BridgePoolSpec[]): string {
  const rules = pools.map(
    ({ name, bridge, subnet }) =>
      `ip saddr ${subnet} oifname != "${bridge}" masquerade comment "pool/${name}"`,
  );
  return chain('postrouting', 'nat hook postrouting priority srcnat', rules);
}
