import test from 'ava';
import {
  contains,
  firstHost,
  formatAddress,
  formatSubnet,
  lastHost,
  macOf,
  overlaps,
  parseAddress,
  parseCidr,
  subnetOf,
} from '../../state/address.ts';

for (const text of ['0.0.0.0', '10.0.5.1', '127.255.0.1', '128.0.0.0', '192.168.1.100', '255.255.255.255']) {
  test(`${text} is an address and is written the same again`, (t) => {
    const address = parseAddress(text);
    t.true(address !== null && address >= 0);
    t.is(formatAddress(address ?? -1), text);
  });
}

for (const text of [
  '',
  '10',
  '10.1',
  '10.0.5',
  '10.0.5.256',
  '10.0.5.-1',
  '010.0.5.1',
  '0x0a.0.5.1',
  '10.0.5.1 ',
  '10.0.5.1\n',
  '::1',
  'a',
]) {
  test(`${JSON.stringify(text)} is no address`, (t) => t.is(parseAddress(text), null));
}

const subnets = [
  { cidr: '10.0.5.0/24', first: '10.0.5.1', last: '10.0.5.254' },
  { cidr: '10.0.0.0/8', first: '10.0.0.1', last: '10.255.255.254' },
  { cidr: '192.168.0.128/30', first: '192.168.0.129', last: '192.168.0.130' },
  { cidr: '10.0.0.4/31', first: '10.0.0.4', last: '10.0.0.5' },
  { cidr: '10.0.0.7/32', first: '10.0.0.7', last: '10.0.0.7' },
  { cidr: '0.0.0.0/0', first: '0.0.0.1', last: '255.255.255.254' },
];
for (const { cidr, first, last } of subnets) {
  test(`the hosts of ${cidr} are ${first} to ${last}`, (t) => {
    const { subnet } = parseCidr(cidr) ?? t.fail();
    t.is(formatSubnet(subnet), cidr);
    t.is(formatAddress(firstHost(subnet)), first);
    t.is(formatAddress(lastHost(subnet)), last);
  });
}

for (const text of [
  '10.0.0.0',
  '10.0.0.0/',
  '10.0.0.0/33',
  '10.0.0.0/abc',
  '10.0.0/24',
  '10.0.0.0/-1',
  '/24',
]) {
  test(`${text} is no subnet`, (t) => t.is(parseCidr(text), null));
}

test('host bits of a CIDR text stay in the address and are not in the subnet', (t) => {
  const cidr = parseCidr('10.0.5.7/24');
  t.is(cidr && formatAddress(cidr.address), '10.0.5.7');
  t.is(cidr && formatSubnet(cidr.subnet), '10.0.5.0/24');
});

test('a subnet contains its own addresses and no others', (t) => {
  const subnet = subnetOf(parseAddress('192.168.1.77') ?? 0, 24);
  for (const inside of ['192.168.1.0', '192.168.1.255']) t.true(contains(subnet, parseAddress(inside) ?? -1));
  for (const outside of ['192.168.0.255', '192.168.2.0'])
    t.false(contains(subnet, parseAddress(outside) ?? -1));
});

test('subnets overlap when one lies in the other, and neighbours do not', (t) => {
  const at = (text: string) => parseCidr(text)?.subnet ?? subnetOf(0, 32);
  t.true(overlaps(at('10.0.0.0/8'), at('10.9.0.0/16')));
  t.true(overlaps(at('10.9.0.0/16'), at('10.0.0.0/8')));
  t.false(overlaps(at('10.0.0.0/24'), at('10.0.1.0/24')));
});

for (const [text, mac] of [
  ['10.0.5.2', '02:00:0a:00:05:02'],
  ['10.0.5.3', '02:00:0a:00:05:03'],
  ['192.168.1.100', '02:00:c0:a8:01:64'],
  ['255.254.253.252', '02:00:ff:fe:fd:fc'],
] as const) {
  test(`[LEASE-3] the MAC of ${text} is ${mac}`, (t) => t.is(macOf(parseAddress(text) ?? 0), mac));
}
