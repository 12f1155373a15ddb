import { readdirSync, readlinkSync } from 'node:fs';
import { isIPv6 } from 'node:net';
import { type ListeningSocket, readListeningSockets } from '../../linux/listening-sockets.ts';
import { readIfThere } from '../../linux/read-if-there.ts';

/**
 * Sockets of others that listen where one of ours does too. The kernel lets them where both sides ask for it (SO_REUSEPORT, socket(7)), and then
 * gives connections now to us, now to them.
 */
export function foreignSockets(): readonly ListeningSocket[] {
  const ours = ownInodes();
  // A kernel without IPv6 has no tcp6.
  return ['tcp', 'tcp6']
    .flatMap((table) => readListeningSockets(readIfThere(`/proc/net/${table}`) ?? ''))
    .filter(({ inode }) => !ours.has(inode));
}

/** True where a connection could come to either. */
export function overlap(
  one: { address: string; port: number },
  other: { address: string; port: number },
): boolean {
  if (one.port !== other.port || isIPv6(one.address) !== isIPv6(other.address)) return false;
  return one.address === other.address || isWildcard(one.address) || isWildcard(other.address);
}

function isWildcard(address: string): boolean {
  return address === '0.0.0.0' || address === '::';
}

function ownInodes(): ReadonlySet<number> {
  const inodes = readdirSync('/proc/self/fd').map((descriptor) => {
    try {
      return Number(/^socket:\[(\d+)\]$/.exec(readlinkSync(`/proc/self/fd/${descriptor}`))?.[1] ?? 0);
    } catch (error) {
      // The descriptor with which the directory is read is closed by now.
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return 0;
      throw error;
    }
  });
  return new Set(inodes);
}
