import test from 'ava';
import { formatAddress, parseAddress, parseCidr } from '../../state/address.ts';
import { AddressAllocator } from '../../state/allocator.ts';
import { randomNumbers } from './random.ts';

function at(text: string): number {
  const address = parseAddress(text);
  if (address === null) throw new Error(`${text} is no address`);
  return address;
}

function pool(cidr: string, gateway: string): AddressAllocator {
  const parsed = parseCidr(cidr);
  if (parsed === null) throw new Error(`${cidr} is no subnet`);
  return new AddressAllocator(parsed.subnet, at(gateway));
}

/** Takes up to `count` addresses as they come. */
function take(allocator: AddressAllocator, count: number): string[] {
  const taken: string[] = [];
  while (taken.length < count) {
    const address = allocator.firstFree();
    if (address === null) break;
    allocator.take(address);
    taken.push(formatAddress(address));
  }
  return taken;
}

const sequences = [
  { cidr: '10.0.5.0/29', gateway: '10.0.5.1', hosts: [2, 3, 4, 5, 6] },
  { cidr: '10.0.5.0/29', gateway: '10.0.5.4', hosts: [5, 6, 1, 2, 3] },
  { cidr: '10.0.5.0/29', gateway: '10.0.5.6', hosts: [1, 2, 3, 4, 5] },
  { cidr: '10.0.5.0/30', gateway: '10.0.5.2', hosts: [1] },
  { cidr: '10.0.5.4/31', gateway: '10.0.5.4', hosts: [5] },
  { cidr: '10.0.5.4/31', gateway: '10.0.5.5', hosts: [4] },
  { cidr: '10.0.5.4/32', gateway: '10.0.5.4', hosts: [] },
];
for (const { cidr, gateway, hosts } of sequences) {
  test(`[LEASE-1] ${cidr} with gateway ${gateway} gives hosts ${hosts.join(', ') || 'none'} and is exhausted`, (t) => {
    t.deepEqual(
      take(pool(cidr, gateway), 100),
      hosts.map((host) => `10.0.5.${host}`),
    );
  });
}

test('[LEASE-1] a released address is the next one to be given when it is the first free', (t) => {
  const allocator = pool('10.0.5.0/24', '10.0.5.1');
  take(allocator, 10);
  allocator.release(at('10.0.5.4'));
  allocator.release(at('10.0.5.9'));
  t.deepEqual(take(allocator, 3), ['10.0.5.4', '10.0.5.9', '10.0.5.12']);
});

test('[LEASE-1] network, broadcast, gateway and addresses elsewhere are allowed to nobody', (t) => {
  const allocator = pool('10.0.5.0/24', '10.0.5.1');
  for (const text of ['10.0.5.0', '10.0.5.255', '10.0.5.1', '10.0.4.9', '10.0.6.9', '192.168.0.1']) {
    t.false(allocator.allows(at(text)), text);
  }
  t.true(allocator.allows(at('10.0.5.2')));
  t.true(allocator.allows(at('10.0.5.254')));
});

test('[LEASE-8] 65,000 leases of a /16 are all different, and half of them can be released and taken again', (t) => {
  const allocator = pool('10.1.0.0/16', '10.1.0.1');
  const all = take(allocator, 65_000);
  t.is(new Set(all).size, 65_000);
  const half = all.filter((_, index) => index % 2 === 0);
  for (const address of half) allocator.release(at(address));
  t.deepEqual(take(allocator, half.length), half);
  t.is(take(allocator, 1_000).length, 65_533 - 65_000);
});

test('[LEASE-8] a /8 costs nothing until its addresses are taken, at both of its ends', (t) => {
  const allocator = pool('10.0.0.0/8', '10.255.255.250');
  t.deepEqual(take(allocator, 6), [
    ...['10.255.255.251', '10.255.255.252', '10.255.255.253', '10.255.255.254'],
    ...['10.0.0.1', '10.0.0.2'],
  ]);
});

test('[LEASE-1] whatever is taken and released, the first free address is the one that counting finds', (t) => {
  const random = randomNumbers(1);
  const allocator = pool('10.0.4.0/22', '10.0.5.3');
  const order = [...range('10.0.5.4', '10.0.7.254'), ...range('10.0.4.1', '10.0.5.2')];
  const taken = new Set<number>();
  for (let round = 0; round < 20_000; round += 1) {
    const expected = round % 16 === 0 ? order.find((address) => !taken.has(address)) : undefined;
    if (round % 16 === 0) t.is(allocator.firstFree(), expected ?? null);
    const address = order[random(order.length)] ?? 0;
    const release = random(100) < (round % 4_000 < 3_000 ? 10 : 80);
    if (release) taken.delete(address);
    else taken.add(address);
    if (release) allocator.release(address);
    else allocator.take(address);
  }
});

function range(from: string, to: string): readonly number[] {
  return Array.from({ length: at(to) - at(from) + 1 }, (_, index) => at(from) + index);
}
