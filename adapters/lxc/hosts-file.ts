import { parseAddress } from '../../state/address.ts';
import type { LeaseSpec } from '../../state/resource.ts';

/** What every hosts(5) file begins with, as Debian's does. */
const loopback = ['127.0.0.1\tlocalhost', '::1\tlocalhost ip6-localhost ip6-loopback'];

/** Names that can stand in a hosts file as one word (RFC 1123, and `_`, which people use). */
const hostName = /^[A-Za-z0-9_]([A-Za-z0-9._-]{0,251}[A-Za-z0-9_])?$/;

/**
 * The hosts file for containers that are in all of `pools` and in no other: the names of every lease of these pools
 * (CTR-5). Names that could not be one word of the file are left out. The same leases give the same text, in whatever order.
 */
export function hostsFile(pools: ReadonlySet<string>, leases: Iterable<LeaseSpec>): string {
  const lines = [...leases]
    .filter((lease) => pools.has(lease.pool))
    .flatMap(({ pool, address, names }) => {
      const number = address === null ? null : parseAddress(address);
      const words = [...new Set(names)].filter((name) => hostName.test(name));
      return number === null || words.length === 0
        ? []
        : [{ pool, number, line: `${address}\t${words.join(' ')}` }];
    })
    .sort((a, b) => a.number - b.number || (a.pool < b.pool ? -1 : 1))
    .map(({ line }) => line);
  return `${[...loopback, ...lines].join('\n')}\n`;
}
