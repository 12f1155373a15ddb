import { type Contents, differing, noContents, type SetName, setNames } from './forwarding-contents.ts';

/**
 * The rule set of port forwarding, as text for `nft --file`. Its chains never change; all that changes are elements of sets, so that one
 * forward comes or goes without a packet, a counter or a connection of another noticing, and a packet costs the same few look-ups
 * whether there is one forward or there are thousands.
 */

/** Each set and map of the table with its type. `_any`: at every address of the host; `_exact`: at one of them. */
const sets = {
  to_any: 'inet_service : ipv4_addr . inet_service',
  to_exact: 'ipv4_addr . inet_service : ipv4_addr . inet_service',
  new_any: 'inet_service; counter',
  new_exact: 'ipv4_addr . inet_service; counter',
  in_any: 'inet_service . ipv4_addr . inet_service; counter',
  in_exact: 'ipv4_addr . inet_service . ipv4_addr . inet_service; counter',
  out_any: 'inet_service . ipv4_addr . inet_service; counter',
  out_exact: 'ipv4_addr . inet_service . ipv4_addr . inet_service; counter',
  targets: 'ifname',
  within: 'ifname . ipv4_addr; flags interval',
} as const satisfies Readonly<Record<SetName, string>>;

const keyOfConnection = {
  original: { any: 'ip daddr . tcp dport', set: 'in' },
  reply: { any: 'ip saddr . tcp sport', set: 'out' },
} as const;

/**
 * Only what is for an address of the host itself is led elsewhere. What comes in for 127.0.0.0/8 is not: forwards at such an address are for
 * processes of the host. `new_…` sees the first packet of each connection, `in_…` and `out_…` see all of them.
 */
const chains: readonly (readonly [name: string, hook: string | null, rules: readonly string[]])[] = [
  [
    // With route_localnet, nothing but this keeps a container from 127.0.0.1 of the host, and from speaking as it.
    'guard',
    'filter hook prerouting priority raw',
    ['ip saddr 127.0.0.0/8 iifname @targets drop', 'ip daddr 127.0.0.0/8 iifname @targets drop'],
  ],
  [
    'begin',
    null,
    [
      'ip daddr . tcp dport @new_exact dnat ip to ip daddr . tcp dport map @to_exact',
      'tcp dport @new_any dnat ip to tcp dport map @to_any',
    ],
  ],
  [
    'prerouting',
    'nat hook prerouting priority dstnat',
    ['ip daddr 127.0.0.0/8 return', 'fib daddr type local jump begin'],
  ],
  ['output', 'nat hook output priority -100', ['fib daddr type local jump begin']],
  [
    // Who is on the provider's own bridge, or at 127.0.0.1, would get the answer from a stranger, or not at all.
    'postrouting',
    'nat hook postrouting priority srcnat',
    [
      'ct status dnat oifname . ip saddr @within masquerade',
      'ip saddr 127.0.0.0/8 oifname @targets masquerade',
    ],
  ],
  ['count', null, [...countRules('original'), ...countRules('reply')]],
  ['count_forward', 'filter hook forward priority filter', ['ct status dnat jump count']],
  ['count_output', 'filter hook output priority filter', ['ct status dnat jump count']],
  ['count_input', 'filter hook input priority filter', ['ct status dnat jump count']],
];

function countRules(direction: keyof typeof keyOfConnection): readonly string[] {
  const { any, set } = keyOfConnection[direction];
  const start = `ct direction ${direction} meta l4proto tcp`;
  return [
    `${start} ct original proto-dst . ${any} @${set}_any return`,
    `${start} ct original ip daddr . ct original proto-dst . ${any} @${set}_exact return`,
  ];
}

/**
 * The whole table anew, in one transaction. `create` fails when there is a table; where there is none it takes half the time
 * (see nft-rules.ts).
 */
export function renderForwarding(table: string, contents: Contents, how: 'create' | 'replace'): string {
  const start =
    how === 'create'
      ? `create table inet ${table}\n`
      : `add table inet ${table}\ndelete table inet ${table}\n`;
  const declared = setNames.map((name) => {
    const kind = name.startsWith('to_') ? 'map' : 'set';
    return `  ${kind} ${name} { type ${sets[name]}; }\n`;
  });
  const ruled = chains.map(([name, hook, rules]) => {
    const lines = [...(hook === null ? [] : [`type ${hook}; policy accept;`]), ...rules];
    return `  chain ${name} {\n${lines.map((line) => `    ${line}\n`).join('')}  }\n`;
  });
  const body = `table inet ${table} {\n${declared.join('')}${ruled.join('')}}\n`;
  return `${start}${body}${renderChanges(table, noContents, contents)}`;
}

/** What takes the table and all that is in it away, whether or not it is there. */
export function renderRemoval(table: string): string {
  return `add table inet ${table}\ndelete table inet ${table}\n`;
}

/**
 * The elements that differ, in one transaction, which fails when those that are to go are not there, or those that are to come are. Empty:
 * none differs.
 */
export function renderChanges(table: string, present: Contents, wanted: Contents): string {
  const lines = (verb: 'delete' | 'create', from: Contents, to: Contents): readonly string[] =>
    setNames.flatMap((name) => {
      const elements = differing(from.get(name), to.get(name)).map(([element, comment]) =>
        spelled(name, element, verb === 'create' ? comment : null),
      );
      return elements.length === 0
        ? []
        : [`${verb} element inet ${table} ${name} { ${elements.join(', ')} }\n`];
    });
  return [...lines('delete', present, wanted), ...lines('create', wanted, present)].join('');
}

function spelled(set: SetName, element: string, comment: string | null): string {
  const named = set === 'targets' || set === 'within';
  // A word in quotes is a name, also where nft knows it as a keyword.
  const text = named ? element.replace(/^[^ ]+/, (word) => `"${word}"`) : element;
  return comment === null ? text : `${text} comment "${comment}"`;
}
