import type { BridgePoolSpec } from '../../state/resource.ts';
import { assertPlain } from './firewall.ts';

/** Built-in chains that lead into chains of ours. */
const hooks = [
  { table: 'nat', from: 'POSTROUTING', to: 'nat' },
  { table: 'filter', from: 'FORWARD', to: 'forward' },
  { table: 'filter', from: 'INPUT', to: 'input' },
] as const;

type Table = (typeof hooks)[number]['table'];
const tables: readonly Table[] = ['nat', 'filter'];

interface Chain {
  readonly table: Table;
  readonly name: string;
  readonly rules: readonly string[];
}

/** Our lines of what `iptables-save` says, by table: the chains with `prefix`, their rules, and the jumps into them. */
export function ownIptablesLines(saved: string, prefix: string): readonly string[] {
  const own: string[] = [];
  let table = '';
  for (const line of saved.split('\n')) {
    if (line.startsWith('*')) table = line.slice(1);
    else if (!line.startsWith('#') && line.includes(`${prefix}-`))
      own.push(`${table} ${line.replace(/ \[\d+:\d+\]$/, '')}`);
  }
  return own.sort((one, other) =>
    tableOf(one) < tableOf(other) ? -1 : tableOf(one) > tableOf(other) ? 1 : 0,
  );
}

function tableOf(line: string): string {
  return line.slice(0, line.indexOf(' '));
}

/**
 * Text for `iptables-restore --noflush` that replaces our rules by those that `pools` need, given our lines of now.
 * Each table changes whole or not at all. Jumps that are there stay, so that none is ever doubled. Throws a RangeError
 * for a pool whose names or addresses could be read as syntax.
 */
export function renderIptablesRules(
  prefix: string,
  pools: readonly BridgePoolSpec[],
  present: readonly string[],
): string {
  for (const pool of pools) assertPlain(pool);
  const chains = chainsFor(prefix, pools);
  return tables.map((table) => renderTable(prefix, table, chains, present)).join('');
}

/** How many rules these pools have, jumps from the built-in chains among them. */
export function countIptablesRules(pools: readonly BridgePoolSpec[]): number {
  const chains = chainsFor('', pools);
  const jumps = hooks.filter(({ to }) => chains.some((chain) => chain.name === `-${to}`));
  return chains.reduce((sum, chain) => sum + chain.rules.length, jumps.length);
}

function renderTable(
  prefix: string,
  table: Table,
  chains: readonly Chain[],
  present: readonly string[],
): string {
  const wanted = chains.filter((chain) => chain.table === table);
  const names = new Set(wanted.map((chain) => chain.name));
  const mine = present
    .filter((line) => line.startsWith(`${table} `))
    .map((line) => line.slice(table.length + 1));
  const declared = mine
    .filter((line) => line.startsWith(':'))
    .map((line) => line.slice(1).split(' ')[0] ?? '');
  const gone = declared.filter((name) => !names.has(name));
  const lines = [
    // Declaring a chain of ours makes it, or empties it.
    ...[...new Set([...names, ...gone])].map((name) => `:${name} - [0:0]`),
    ...jumpChanges(prefix, table, names, mine),
    ...wanted.flatMap((chain) => chain.rules.map((rule) => `-A ${chain.name} ${rule}`)),
    ...gone.map((name) => `-X ${name}`),
  ];
  return lines.length === 0 ? '' : `*${table}\n${lines.join('\n')}\nCOMMIT\n`;
}

/** Exactly one jump into each chain that is wanted and entered from a built-in one; none into any other. */
function jumpChanges(
  prefix: string,
  table: Table,
  names: ReadonlySet<string>,
  mine: readonly string[],
): readonly string[] {
  const jumps = mine.filter((line) => line.startsWith('-A ') && !line.startsWith(`-A ${prefix}-`));
  const right = hooks
    .filter((hook) => hook.table === table && names.has(`${prefix}-${hook.to}`))
    .map((hook) => `-A ${hook.from} -m comment --comment ${prefix} -j ${prefix}-${hook.to}`);
  const surplus = jumps.filter((jump, index) => !right.includes(jump) || jumps.indexOf(jump) !== index);
  return [...surplus.map((jump) => `-D${jump.slice(2)}`), ...right.filter((jump) => !jumps.includes(jump))];
}

function chainsFor(prefix: string, pools: readonly BridgePoolSpec[]): readonly Chain[] {
  const isolated = pools.filter((pool) => pool.isolated);
  const nat = pools.filter((pool) => pool.nat);
  return [
    ...(nat.length === 0 ? [] : [natChain(prefix, nat)]),
    ...(isolated.length === 0 ? [] : isolationChains(prefix, isolated)),
  ];
}

function natChain(prefix: string, pools: readonly BridgePoolSpec[]): Chain {
  const rules = pools.map(
    ({ name, bridge, subnet }) =>
      `-s ${subnet} ! -o ${bridge} -m comment --comment pool/${name} -j MASQUERADE`,
  );
  return { table: 'nat', name: `${prefix}-nat`, rules };
}

/** A connection that the host itself leads to another address than its client named (ING-9) is no way around isolation. */
const ledByHost = '-m conntrack --ctstate DNAT -j RETURN';

/** Two stages keep this O(pools): what leaves its own bridge goes on to the list of all bridges. */
function isolationChains(prefix: string, pools: readonly BridgePoolSpec[]): readonly Chain[] {
  const chain = (name: string, rules: readonly string[]): Chain => ({
    table: 'filter',
    name: `${prefix}-${name}`,
    rules,
  });
  return [
    chain(
      'across',
      pools.map(({ bridge }) => `-o ${bridge} -j DROP`),
    ),
    chain(
      'gateway',
      pools.map(({ gateway }) => `-d ${gateway}/32 -j DROP`),
    ),
    chain('forward', [
      ledByHost,
      ...pools.map(({ bridge }) => `-i ${bridge} ! -o ${bridge} -j ${prefix}-across`),
    ]),
    chain('input', [
      ledByHost,
      ...pools.map(({ bridge, gateway }) => `! -d ${gateway}/32 -i ${bridge} -j ${prefix}-gateway`),
    ]),
  ];
}
