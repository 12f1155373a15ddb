import test from 'ava';
import { type Interest, NftMonitorReader, readIpLine } from '../../../adapters/linux/monitor-lines.ts';
import { OwnWrites } from '../../../adapters/linux/own-writes.ts';

const interest: Interest = {
  bridges: new Map([['br0', '10.0.5.1/24']]),
  parents: new Set(['eth1']),
  unsettled: new Set(['br7']),
  blockedByRoute: false,
  forwarding: true,
  isMember: (name) => name === 'hf0000000000001',
};

/** Lines as `ip -oneline monitor` of iproute2 6.1 prints them, cut where nothing matters. */
const lines: readonly (readonly [line: string, meaning: string | null])[] = [
  ['2: br0: <BROADCAST,MULTICAST> mtu 1500 qdisc noqueue state DOWN group default', 'suspect link br0'],
  [
    '2: br0: <NO-CARRIER,BROADCAST,MULTICAST,UP> mtu 1500 qdisc noqueue state DOWN group default',
    'clear link br0',
  ],
  [
    '2: br0: <BROADCAST,MULTICAST,UP,LOWER_UP> mtu 1500 qdisc noqueue state UP group default',
    'clear link br0',
  ],
  ['Deleted 2: br0: <BROADCAST,MULTICAST> mtu 1500 qdisc noop state DOWN group default', 'look'],
  ['Deleted inet br0 ', 'look'],
  ['Deleted inet6 br0 ', null],
  [
    '2: br0    inet 10.0.5.1/24 brd 10.0.5.255 scope global br0\\       valid_lft forever',
    'clear address br0',
  ],
  ['Deleted 2: br0    inet 10.0.5.1/24 scope global br0\\       valid_lft forever', 'suspect address br0'],
  ['Deleted 2: br0    inet 10.0.6.1/24 scope global br0\\       valid_lft forever', null],
  ['Deleted 2: br0    inet6 fe80::ff:fe01:203/64 scope link tentative \\       valid_lft forever', null],
  ['Deleted 9: br0    inet 10.0.5.1/24 scope global br9\\       valid_lft forever', null],
  ['3: br00: <BROADCAST,MULTICAST> mtu 1500 qdisc noqueue state DOWN group default', null],
  ['7: br7: <BROADCAST,MULTICAST,UP> mtu 1500 qdisc noqueue state UP group default', 'look'],
  ['7: br7    inet 10.0.7.1/24 scope global br7\\       valid_lft forever', 'look'],
  ['Deleted 4: eth1: <BROADCAST,MULTICAST> mtu 1500 qdisc noop state DOWN group default', 'look'],
  ['4: eth1: <BROADCAST,MULTICAST> mtu 1500 qdisc noop state DOWN group default', 'suspect link eth1'],
  ['5: hf0000000000001@if4: <BROADCAST,MULTICAST> mtu 1500 qdisc noop state DOWN group default', null],
  [
    '5: hf0000000000001@if4: <BROADCAST,MULTICAST> mtu 1500 qdisc noop master br0 state DOWN group default',
    null,
  ],
  ['5: hf0000000000001@br0: <BROADCAST,MULTICAST> mtu 1500 master br0 state DOWN', null],
  [
    '5: hf0000000000001@if4: <NO-CARRIER,BROADCAST,MULTICAST,UP> mtu 1500 qdisc noqueue master br0 state LOWERLAYERDOWN',
    'clear member hf0000000000001',
  ],
  [
    '5: hf0000000000001@if4: <BROADCAST,MULTICAST,UP,LOWER_UP> mtu 1500 qdisc noqueue master br0 state UP',
    'clear member hf0000000000001',
  ],
  ['Deleted 5: hf0000000000001@br0: <BROADCAST,MULTICAST,UP,LOWER_UP> mtu 1500 master br0 state UP', null],
  [
    '5: hf0000000000001@if4: <BROADCAST,MULTICAST,UP,LOWER_UP> mtu 1500 qdisc noqueue state UP group default',
    'suspect member hf0000000000001',
  ],
  [
    '5: hf0000000000001@if4: <BROADCAST,MULTICAST> mtu 1500 qdisc noqueue master br0 state DOWN group default',
    'suspect member hf0000000000001',
  ],
  [
    'Deleted 5: hf0000000000001@NONE: <BROADCAST,MULTICAST> mtu 1500 qdisc noop state DOWN',
    'clear member hf0000000000001',
  ],
  ['Deleted inet hf0000000000001 ', 'gone member hf0000000000001'],
  ['5: veth0@if4: <BROADCAST,MULTICAST,UP> mtu 1500 master docker0 state DOWN', null],
  ['inet all forwarding off ', 'suspect forwarding'],
  ['inet all forwarding on ', 'clear forwarding'],
  ['inet br0 forwarding off ', null],
  ['Deleted 10.72.0.0/16 dev eth0 proto kernel scope link src 10.72.0.1 ', null],
  ['fe80::/64 dev br0 proto kernel metric 256 pref medium', null],
  ['multicast ff00::/8 dev br0 table local proto kernel metric 256 pref medium', null],
  ['', null],
];

for (const [line, meaning] of lines) {
  test(`[ENG-2] [ENG-7] of '${line}' is taken: ${meaning ?? 'nothing'}`, (t) => {
    const news = readIpLine(line, interest);
    t.is(news === null ? null : news.type === 'look' ? 'look' : `${news.type} ${news.what}`, meaning);
  });
}

test('[POOL-3] while a pool is blocked, a route that goes counts', (t) => {
  const blocked = { ...interest, blockedByRoute: true };
  t.deepEqual(readIpLine('Deleted 10.72.0.0/16 dev eth0 proto kernel scope link ', blocked), {
    type: 'look',
  });
  t.deepEqual(readIpLine('Deleted blackhole 10.72.0.0/16 ', blocked), { type: 'look' });
  t.is(readIpLine('10.72.0.0/16 dev eth0 proto kernel scope link ', blocked), null);
  t.is(readIpLine('Deleted broadcast 10.72.255.255 dev eth0 table local proto kernel ', blocked), null);
});

const mine = 'inet holdfast-0123abcd';
const end = '# new generation 7 by process 14536 (nft)';

const transactions: readonly (readonly [what: string, lines: readonly string[], counts: boolean])[] = [
  ['a deleted rule of ours', [`delete rule ${mine} forward handle 11`], true],
  ['a deleted table of ours', [`delete table ${mine}`], true],
  ['an element taken from a set of ours', [`delete element ${mine} isolated { "br0" }`], true],
  ['a rule of others', ['add rule inet others forward drop'], false],
  ['a table whose name begins as ours', [`add table ${mine}0`], false],
  ['a table of another family', ['delete table ip holdfast-0123abcd'], false],
  ['nothing', [], false],
];

for (const [what, changed, counts] of transactions) {
  test(`[ENG-2] a transaction with ${what} ${counts ? 'counts' : 'does not count'}`, (t) => {
    const reader = new NftMonitorReader('holdfast-0123abcd', new OwnWrites());
    for (const line of changed) t.false(reader.take(line));
    t.is(reader.take(end), counts);
    t.false(reader.take(end), 'the next transaction begins anew');
  });
}

test('[ENG-7] the replacement that we wrote ourselves does not count; the next one does', (t) => {
  const own = new OwnWrites();
  const reader = new NftMonitorReader('holdfast-0123abcd', own);
  const replace = (): boolean => {
    for (const line of [`add table ${mine}`, `delete table ${mine}`, `add table ${mine}`]) reader.take(line);
    return reader.take(end);
  };
  own.begin();
  t.false(replace());
  t.true(replace());
  own.begin();
  own.failed();
  t.true(replace());
});

for (const verb of ['create', 'delete']) {
  test(`[ENG-7] our own '${verb} table' does not count; the next one does`, (t) => {
    const own = new OwnWrites();
    const reader = new NftMonitorReader('holdfast-0123abcd', own);
    const transact = (): boolean => {
      reader.take(`${verb} table ${mine}`);
      return reader.take(end);
    };
    own.begin();
    t.false(transact());
    t.true(transact());
  });
}

test('[ENG-7] a write that failed is not due', (t) => {
  const own = new OwnWrites();
  const reader = new NftMonitorReader('holdfast-0123abcd', own);
  own.begin();
  own.failed();
  reader.take(`create table ${mine}`);
  t.true(reader.take(end));
});

test('[ENG-2] while a write of ours is due, a change of others counts all the same', (t) => {
  const own = new OwnWrites();
  const reader = new NftMonitorReader('holdfast-0123abcd', own);
  own.begin();
  reader.take(`delete rule ${mine} forward handle 11`);
  t.true(reader.take(end));
});

test('[ENG-2] events that were lost count, and nothing of ours is due after them', (t) => {
  const own = new OwnWrites();
  own.begin();
  t.true(new NftMonitorReader('holdfast-0123abcd', own).take('# ERROR: We lost some netlink events!'));
  t.false(own.claim());
});
