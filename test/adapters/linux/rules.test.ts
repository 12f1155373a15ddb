import test from 'ava';
import {
  countIptablesRules,
  ownIptablesLines,
  renderIptablesRules,
} from '../../../adapters/linux/iptables-rules.ts';
import { canonicalListing } from '../../../adapters/linux/nft-firewall.ts';
import { countNftEntries, renderNftRules } from '../../../adapters/linux/nft-rules.ts';
import { bridgePool } from './network-bench.ts';

const table = 'holdfast-0123abcd';
const plain = bridgePool('plain', '10.0.1.0/24', { isolated: false });
const nat = bridgePool('nat', '10.0.2.0/24', { nat: true, isolated: false });
const one = bridgePool('one', '10.0.3.0/24');
const two = bridgePool('two', '10.0.4.0/24', { nat: true });

const count = (text: string, word: string): number => text.split(word).length - 1;

test('[POOL-6] without rules the table goes', (t) => {
  const replace = `add table inet ${table}\ndelete table inet ${table}\n`;
  t.is(renderNftRules(table, []), replace);
  t.is(renderNftRules(table, [plain]), replace);
});

test('[POOL-5] each pool is masqueraded by its own flag alone', (t) => {
  const text = renderNftRules(table, [plain, nat, one, two]);
  t.is(count(text, 'masquerade'), 2);
  t.true(text.includes('    ip saddr 10.0.2.0/24 oifname != "br-nat" masquerade comment "pool/nat"\n'));
  t.true(text.includes('    ip saddr 10.0.4.0/24 oifname != "br-two" masquerade comment "pool/two"\n'));
  t.false(renderNftRules(table, [one]).includes('postrouting'));
});

test('[POOL-8] isolated pools, and no others, are in the sets', (t) => {
  const text = renderNftRules(table, [plain, nat, one, two]);
  t.true(text.includes('elements = { "br-one", "br-two" }'));
  t.true(text.includes('elements = { "br-one" . "br-one", "br-two" . "br-two" }'));
  t.true(text.includes('elements = { "br-one" . 10.0.3.1, "br-two" . 10.0.4.1 }'));
  t.false(renderNftRules(table, [plain, nat]).includes('forward'));
});

test('[POOL-6] as many entries are counted as are written; an element that is named twice counts once', (t) => {
  t.is(countNftEntries([plain, nat, one, two]), 2 + 6 + 2 * 4);
  t.is(countNftEntries([one, { ...two, gateway: one.gateway }]), 1 + 6 + 7);
  t.is(countNftEntries([plain]), 0);
  t.is(countIptablesRules([plain, nat, one, two]), 2 + 2 + 2 * 4 + 3);
  t.is(countIptablesRules([plain]), 0);
});

test('[POOL-8] the rule set grows with the pools, not with their pairs', (t) => {
  const pools = Array.from({ length: 200 }, (_, index) => bridgePool(`p${index}`, `10.${index}.0.0/24`));
  t.is(count(renderNftRules(table, pools), ' drop'), 2);
  t.true(renderNftRules(table, pools).length < 200 * 150);
  const iptables = renderIptablesRules(table, pools, []);
  t.true(iptables.split('\n').length < 200 * 4 + 20);
});

const hostile: readonly (readonly [string, Parameters<typeof bridgePool>[2]])[] = [
  ['a bridge with a quote', { bridge: 'a"; drop #' }],
  ['a bridge with a wildcard', { bridge: 'br*' }],
  ['a bridge that iptables reads as an option', { bridge: '-j' }],
  ['a bridge of two lines', { bridge: 'a\nb' }],
  ['a name with a quote', { name: 'a" accept comment "b' }],
  ['a name of two lines', { name: 'a\nflush ruleset' }],
  ['a name of 4 KiB', { name: 'a'.repeat(4096) }],
  ['a subnet that is none', { subnet: '0.0.0.0/0 accept' }],
  ['a gateway that is none', { gateway: '10.0.0.1 }' }],
];

for (const [what, more] of hostile) {
  test(`[REV-8] ${what} gets into no rule set`, (t) => {
    const pool = { ...bridgePool('a', '10.0.5.0/24', { nat: true }), ...more };
    t.throws(() => renderNftRules(table, [pool]), { instanceOf: RangeError });
    t.throws(() => renderIptablesRules(table, [pool], []), { instanceOf: RangeError });
  });
}

test('[ENG-2] two listings of the same rules are equal, whatever their handles and the order of sets', (t) => {
  const listing = (handle: number, elements: readonly string[], verdict: object) =>
    JSON.stringify({
      nftables: [
        { metainfo: { version: `1.${handle}` } },
        { set: { name: 'isolated', handle, elem: elements } },
        {
          rule: { chain: 'forward', handle: handle + 1, expr: [{ match: { right: '@isolated' } }, verdict] },
        },
      ],
    });
  const drop = listing(4, ['a', 'b'], { drop: null });
  t.deepEqual(canonicalListing(listing(9, ['b', 'a'], { drop: null })), canonicalListing(drop));
  t.not(canonicalListing(listing(4, ['a'], { drop: null })).text, canonicalListing(drop).text);
  t.not(canonicalListing(listing(4, ['a', 'b'], { accept: null })).text, canonicalListing(drop).text);
  t.is(canonicalListing(drop).entries, 3);
});

test('[ENG-4] only our own lines of iptables are ours, and their counters do not matter', (t) => {
  const saved = [
    '*nat',
    ':POSTROUTING ACCEPT [3:180]',
    `:${table}-nat - [0:0]`,
    '-A POSTROUTING -j DOCKER',
    `-A POSTROUTING -m comment --comment ${table} -j ${table}-nat`,
    'COMMIT',
    '# holdfast-0123abcd-nat in a comment',
  ].join('\n');
  t.deepEqual(ownIptablesLines(saved, table), [
    `nat :${table}-nat -`,
    `nat -A POSTROUTING -m comment --comment ${table} -j ${table}-nat`,
  ]);
  t.deepEqual(ownIptablesLines(saved, 'holdfast-ffffffff'), []);
});

test('[POOL-6] a jump that is there is not added again, doubled ones are thinned out, and unused chains go', (t) => {
  const jump = `-A POSTROUTING -m comment --comment ${table} -j ${table}-nat`;
  const present = [`nat :${table}-nat -`, `nat ${jump}`];
  t.is(count(renderIptablesRules(table, [nat], []), jump), 1);
  t.is(count(renderIptablesRules(table, [nat], present), 'POSTROUTING'), 0);
  const doubled = renderIptablesRules(table, [nat], [...present, `nat ${jump}`]);
  t.is(count(doubled, `-D${jump.slice(2)}`), 1);
  t.is(count(doubled, jump), 0);
  const gone = renderIptablesRules(table, [], present);
  t.deepEqual(gone.split('\n'), [
    '*nat',
    `:${table}-nat - [0:0]`,
    `-D${jump.slice(2)}`,
    `-X ${table}-nat`,
    'COMMIT',
    '',
  ]);
  t.is(renderIptablesRules(table, [], []), '');
});
