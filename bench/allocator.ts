import { parseCidr } from '../state/address.ts';
import { AddressAllocator } from '../state/allocator.ts';
import { inTurns, type Reading, reading, timed } from './measure.ts';

const sizes = [250, 4_000, 65_000] as const;

function emptyPool(): AddressAllocator {
  const cidr = parseCidr('10.1.0.0/16');
  if (cidr === null) throw new Error('10.1.0.0/16 is a subnet');
  return new AddressAllocator(cidr.subnet, cidr.subnet.network + 1);
}

/** Takes `count` addresses, as a container asks for them: one that is free, then that one. */
function take(pool: AddressAllocator, count: number): readonly number[] {
  return Array.from({ length: count }, () => {
    const address = pool.firstFree();
    if (address === null) throw new Error(`the pool is exhausted, expected ${count} addresses`);
    pool.take(address);
    return address;
  });
}

/** Takes `count`, gives every second one back, and takes as many again; throws unless exactly those come back. */
function retake(count: number): void {
  const pool = emptyPool();
  const released = take(pool, count).filter((_, index) => index % 2 === 0);
  for (const address of released) pool.release(address);
  const again = new Set(take(pool, released.length));
  if (!released.every((address) => again.has(address)))
    throw new Error('a released address was not used again');
}

/** LEASE-8: 65,000 leases of a /16 in little time, and each as cheap as the first. */
export async function allocator(): Promise<readonly Reading[]> {
  take(emptyPool(), 65_000);
  const times = await inTurns(
    7,
    sizes.map((size) => () => timed(() => void take(emptyPool(), size))),
  );
  const [again = 0] = await inTurns(5, [() => timed(() => retake(65_000))]);
  const perLease = sizes.map((size, index) => ((times[index] ?? 0) * 1e6) / size);
  const [first = 0] = perLease;
  return [
    reading(
      { name: '65,000 leases of a /16', unit: 'ms', limit: { of: 'value', atMost: 200 } },
      times[2] ?? 0,
    ),
    ...sizes.map((size, index) => {
      const peer = index === 0 ? {} : { peer: { name: 'one lease of 250', value: first } };
      return reading({ name: `one lease of ${size}`, unit: 'ns', ...peer }, perLease[index] ?? 0);
    }),
    reading({ name: '65,000 leases, half of them released and taken again', unit: 'ms' }, again),
  ];
}
