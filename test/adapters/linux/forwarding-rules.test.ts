import test from 'ava';
import { contentsFor, ledNoMore, noContents, setNames } from '../../../adapters/linux/forwarding-contents.ts';
import { readForwardingListing } from '../../../adapters/linux/forwarding-listing.ts';
import { renderChanges, renderForwarding, renderRemoval } from '../../../adapters/linux/forwarding-rules.ts';
import type { Forward, ForwardBridge } from '../../../adapters/linux/port-forwarding.ts';

const table = 'holdfast-0123abcd_ingress';
const bridges: readonly ForwardBridge[] = [
  { bridge: 'br0', subnet: '10.0.5.0/24' },
  { bridge: 'tcp', subnet: '10.0.6.0/24' },
];
const web: Forward = { rule: 'web', address: '0.0.0.0', port: 80, toAddress: '10.0.5.2', toPort: 8080 };
const tls: Forward = { rule: 'tls', address: '192.0.2.1', port: 443, toAddress: '10.0.6.3', toPort: 443 };

const elements = (forwards: readonly Forward[]) =>
  Object.fromEntries(
    [...contentsFor(forwards, bridges)]
      .filter(([, entries]) => entries.size > 0)
      .map(([set, entries]) => [set, [...entries].map(([name, comment]) => [name, comment])]),
  );

test('[ING-9] a forward at every address is named by its port, one at an address by both', (t) => {
  t.deepEqual(elements([web]), {
    to_any: [['80 : 10.0.5.2 . 8080', null]],
    new_any: [['80', 'web to 10.0.5.2:8080']],
    in_any: [['80 . 10.0.5.2 . 8080', 'web to 10.0.5.2:8080']],
    out_any: [['80 . 10.0.5.2 . 8080', 'web to 10.0.5.2:8080']],
    targets: [['br0', null]],
    within: [['br0 . 10.0.5.0/24', null]],
  });
  t.deepEqual(elements([tls]), {
    to_exact: [['192.0.2.1 . 443 : 10.0.6.3 . 443', null]],
    new_exact: [['192.0.2.1 . 443', 'tls to 10.0.6.3:443']],
    in_exact: [['192.0.2.1 . 443 . 10.0.6.3 . 443', 'tls to 10.0.6.3:443']],
    out_exact: [['192.0.2.1 . 443 . 10.0.6.3 . 443', 'tls to 10.0.6.3:443']],
    targets: [['tcp', null]],
    within: [['tcp . 10.0.6.0/24', null]],
  });
  t.deepEqual(elements([]), {});
});

test('[ENG-6] a packet costs as many rules, however many forwards there are', (t) => {
  const many = Array.from({ length: 1000 }, (_, index) => ({
    ...web,
    rule: `r${index}`,
    port: 1000 + index,
  }));
  const chains = (forwards: readonly Forward[]) =>
    renderForwarding(table, contentsFor(forwards, bridges), 'create').split('create element')[0];
  t.is(chains(many), chains([web]));
});

test('[ING-10] a change is the elements that differ, and none of any other forward', (t) => {
  const present = contentsFor([web, tls], bridges);
  t.is(renderChanges(table, present, contentsFor([tls, web], bridges)), '');
  t.deepEqual(
    renderChanges(table, present, contentsFor([tls, { ...web, toPort: 81 }], bridges)).split('\n'),
    [
      `delete element inet ${table} to_any { 80 : 10.0.5.2 . 8080 }`,
      `delete element inet ${table} new_any { 80 }`,
      `delete element inet ${table} in_any { 80 . 10.0.5.2 . 8080 }`,
      `delete element inet ${table} out_any { 80 . 10.0.5.2 . 8080 }`,
      `create element inet ${table} to_any { 80 : 10.0.5.2 . 81 }`,
      `create element inet ${table} new_any { 80 comment "web to 10.0.5.2:81" }`,
      `create element inet ${table} in_any { 80 . 10.0.5.2 . 81 comment "web to 10.0.5.2:81" }`,
      `create element inet ${table} out_any { 80 . 10.0.5.2 . 81 comment "web to 10.0.5.2:81" }`,
      '',
    ],
  );
});

test('[ING-9] the table is made, replaced or removed in one transaction', (t) => {
  const contents = contentsFor([web], bridges);
  t.true(renderForwarding(table, contents, 'create').startsWith(`create table inet ${table}\ntable inet`));
  t.true(
    renderForwarding(table, contents, 'replace').startsWith(
      `${renderRemoval(table)}table inet ${table} {\n  map to_any {`,
    ),
  );
  t.true(renderForwarding(table, contentsFor([tls], bridges), 'create').includes('targets { "tcp" }'));
});

const led = { address: null, port: 80, toAddress: '10.0.5.2', toPort: 8080 };

test('[ING-9] connections that led where nothing leads now are known, also from before', (t) => {
  const present = contentsFor([web, tls], bridges);
  t.deepEqual(ledNoMore(present, present), []);
  t.deepEqual(ledNoMore(present, contentsFor([tls], bridges)), [led]);
  t.deepEqual(ledNoMore(present, contentsFor([web], bridges)), [
    { address: '192.0.2.1', port: 443, toAddress: '10.0.6.3', toPort: 443 },
  ]);
  t.deepEqual(ledNoMore(present, contentsFor([tls, { ...web, address: '192.0.2.9' }], bridges)), [led]);
  t.deepEqual(ledNoMore(contentsFor([tls], bridges), noContents, [led]).length, 2);
  t.deepEqual(ledNoMore(noContents, present, [led]), [], 'what is wanted again goes on');
});

const hostile: readonly (readonly [string, Partial<Forward>])[] = [
  ['a rule with a quote', { rule: 'a" } flush ruleset' }],
  ['a rule of two lines', { rule: 'a\nflush ruleset' }],
  ['a rule without a name', { rule: '' }],
  ['a rule of 4 KiB', { rule: 'a'.repeat(4096) }],
  ['an address that is none', { address: '0.0.0.0 : 1.2.3.4' }],
  ['an address of IPv6', { address: '::' }],
  ['an octal address', { address: '010.0.0.1' }],
  ['a target that is none', { toAddress: '10.0.5.2 }' }],
  ['a target of no bridge', { toAddress: '10.0.7.2' }],
  ['port 0', { port: 0 }],
  ['port 65536', { toPort: 65_536 }],
  ['a port that is no number', { port: Number.NaN }],
  ['half a port', { toPort: 80.5 }],
];

for (const [what, more] of hostile) {
  test(`[REV-8] ${what} gets into no forwarding rule`, (t) => {
    t.throws(() => contentsFor([{ ...web, ...more }], bridges), { instanceOf: RangeError });
  });
}

test('[REV-8] a bridge that could be read as syntax, and two forwards at one place, are refused', (t) => {
  for (const bridge of ['br0"', 'br 0', '-j', 'br*', ''])
    t.throws(() => contentsFor([web], [{ bridge, subnet: '10.0.5.0/24' }]), { instanceOf: RangeError });
  t.throws(() => contentsFor([web], [{ bridge: 'br0', subnet: '10.0.5.0' }]), { instanceOf: RangeError });
  t.throws(() => contentsFor([web, { ...web, rule: 'other' }], bridges), {
    message: /second forward.*'other'/,
  });
});

/** As nft 1.0.6 lists it, cut where nothing matters. */
const listed = (more: readonly object[] = []) =>
  JSON.stringify({
    nftables: [
      { metainfo: { version: '1.0.6' } },
      { table: { family: 'inet', name: table, handle: 7 } },
      { map: { name: 'to_any', handle: 1, elem: [[80, { concat: ['10.0.5.2', 8080] }]] } },
      {
        set: {
          name: 'new_any',
          handle: 3,
          elem: [{ elem: { val: 80, comment: 'web to 10.0.5.2:8080', counter: { packets: 3, bytes: 180 } } }],
          stmt: [{ counter: null }],
        },
      },
      ...['in_any', 'out_any'].map((name, index) => ({
        set: {
          name,
          elem: [
            {
              elem: {
                val: { concat: [80, '10.0.5.2', 8080] },
                comment: 'web to 10.0.5.2:8080',
                counter: { packets: 9, bytes: 900 + index },
              },
            },
          ],
        },
      })),
      { set: { name: 'targets', elem: ['br0'] } },
      {
        set: {
          name: 'within',
          elem: [{ concat: ['br0', { prefix: { addr: '10.0.5.0', len: 24 } }] }],
        },
      },
      { chain: { name: 'begin', handle: 12 } },
      ...more,
    ],
  });

test('[ENG-2] a listing holds what was written', (t) => {
  const { contents } = readForwardingListing(listed());
  t.is(renderChanges(table, contents, contentsFor([web], bridges)), '');
  t.deepEqual([...contents.keys()], [...setNames]);
});

test('[ING-9] a listing tells the traffic of each rule, summed over its elements', (t) => {
  t.deepEqual(readForwardingListing(listed()).traffic, [
    { rule: 'web', connections: 3, bytesIn: 900, bytesOut: 901 },
  ]);
  const at = { val: { concat: ['192.0.2.1', 80] }, comment: 'web to 10.0.5.2:8080', counter: { packets: 2 } };
  const more = [{ set: { name: 'new_exact', elem: [{ elem: at }] } }];
  t.is(readForwardingListing(listed(more)).traffic[0]?.connections, 5);
});

test('[ENG-2] elements and handles make no difference to the frame, rules, sets and strange elements do', (t) => {
  const { frame } = readForwardingListing(listed());
  const counted = listed().replace('"packets":3', '"packets":4').replace('"handle":12', '"handle":99');
  t.is(readForwardingListing(counted).frame, frame);
  t.is(readForwardingListing(listed().replace('"br0"]', '"br1"]')).frame, frame);
  t.not(readForwardingListing(listed([{ rule: { chain: 'begin', expr: [{ accept: null }] } }])).frame, frame);
  t.not(readForwardingListing(listed([{ set: { name: 'other' } }])).frame, frame);
  t.not(readForwardingListing(listed().replace('"br0"]', '"br0\\"; flush ruleset"]')).frame, frame);
});
