import type { BridgePoolSpec } from '../../state/resource.ts';
import { assertPlain } from './firewall.ts';

/**
 * The whole rule set of one instance as text for `nft -f`, a pure function of its pools. `replace` puts it in place of
 * the table, in one transaction: `add` makes sure that there is one to delete; without any rule the table goes.
 * `create` fails when there is a table; where there is none it takes half the time, since the kernel lets every
 * processor finish with what it deletes.
 *
 * Isolation (POOL-8) costs O(pools) entries and two look-ups a forwarded packet: what comes from one isolated bridge
 * and goes to another is dropped, in either direction and whether or not its connection was there before; so is what
 * comes from one and is for another's gateway address. Traffic within a bridge passes, also where `br_netfilter` shows
 * it to us, and so does what the host's own rules lead elsewhere: ports that are forwarded. Throws a RangeError for a pool whose names or addresses could be read as syntax.
 */
export function renderNftRules(
  table: string,
  pools: readonly BridgePoolSpec[],
  how: 'replace' | 'create' = 'replace',
): string {
  const blocks = blocksFor(pools).map((block) => block.text);
  const start =
    how === 'create'
      ? `create table inet ${table}\n`
      : `add table inet ${table}\ndelete table inet ${table}\n`;
  return blocks.length === 0 ? start : `${start}table inet ${table} {\n${blocks.join('\n')}\n}\n`;
}

/** How many rules and elements of sets these pools have in the rule set. */
export function countNftEntries(pools: readonly BridgePoolSpec[]): number {
  return blocksFor(pools).reduce((sum, block) => sum + block.entries, 0);
}

interface Block {
  readonly text: string;
  readonly entries: number;
}

function blocksFor(pools: readonly BridgePoolSpec[]): readonly Block[] {
  for (const pool of pools) assertPlain(pool);
  const isolated = pools.filter((pool) => pool.isolated);
  const nat = pools.filter((pool) => pool.nat);
  return [
    ...(isolated.length === 0 ? [] : isolationBlocks(isolated)),
    ...(nat.length === 0 ? [] : [natBlock(nat)]),
  ];
}

/** An element that is named twice (two pools that are about to exchange their subnets) is there once. */
function set(name: string, type: string, named: readonly string[]): Block {
  const elements = [...new Set(named)];
  const text = `  set ${name} {\n    type ${type}\n    elements = { ${elements.join(', ')} }\n  }`;
  return { text, entries: elements.length };
}

function chain(name: string, hook: string, rules: readonly string[]): Block {
  const lines = [`type ${hook}; policy accept;`, ...rules].map((line) => `    ${line}`);
  return { text: `  chain ${name} {\n${lines.join('\n')}\n  }`, entries: rules.length };
}

/** A connection that the host itself leads to another address than its client named (ING-9) is no way around isolation. */
const ledByHost = 'ct status dnat return';

function isolationBlocks(pools: readonly BridgePoolSpec[]): readonly Block[] {
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
      ledByHost,
      'iifname @isolated ip daddr @gateways drop',
    ]),
    chain('forward', 'filter hook forward priority filter', [
      'iifname . oifname @within return',
      ledByHost,
      'iifname @isolated oifname @isolated drop',
    ]),
  ];
}

function natBlock(pools: readonly BridgePoolSpec[]): Block {
  const rules = pools.map(
    ({ name, bridge, subnet }) =>
      `ip saddr ${subnet} oifname != "${bridge}" masquerade comment "pool/${name}"`,
  );
  return chain('postrouting', 'nat hook postrouting priority srcnat', rules);
}
