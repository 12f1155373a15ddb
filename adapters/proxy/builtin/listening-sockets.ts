import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { isIPv6, SocketAddress } from 'node:net';

/** A socket of this network namespace that listens for tcp. */
export interface ListeningSocket {
  readonly address: string;
  readonly port: number;
  readonly inode: string;
}

/** State of a socket that listens, in `/proc/net/tcp` (proc_net_tcp in the kernel's documentation of networking). */
const listening = '0A';

/** Reads `/proc/net/tcp` or `/proc/net/tcp6`: those that listen. Words of 32 bits are in the byte order of the machine, which is little-endian. */
export function readListeningSockets(text: string): readonly ListeningSocket[] {
  return text.split('\n').flatMap((line) => {
    const [, local = '', , state, , , , , , inode = ''] = line.trim().split(/\s+/);
    if (state !== listening) return [];
    const [address = '', port = ''] = local.split(':');
    return [{ address: readAddress(address), port: Number.parseInt(port, 16), inode }];
  });
}

function readAddress(hex: string): string {
  const bytes = Buffer.from(hex, 'hex');
  bytes.swap32();
  if (bytes.length === 4) return bytes.join('.');
  const groups = Array.from({ length: 8 }, (_, group) => bytes.readUInt16BE(group * 2).toString(16));
  return new SocketAddress({ address: groups.join(':'), family: 'ipv6' }).address;
}

/**
 * Sockets of others that listen where one of ours does too. The kernel lets them where both sides ask for it (SO_REUSEPORT, socket(7)), and then
 * gives connections now to us, now to them.
 */
export function foreignSockets(): readonly ListeningSocket[] {
  const ours = ownInodes();
  return ['tcp', 'tcp6']
    .flatMap((table) => readListeningSockets(readTable(table)))
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

/** Empty where the kernel has no such family. */
function readTable(table: string): string {
  try {
    return readFileSync(`/proc/net/${table}`, 'latin1');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return '';
    throw error;
  }
}

function ownInodes(): ReadonlySet<string> {
  const inodes = readdirSync('/proc/self/fd').map((descriptor) => {
    try {
      return /^socket:\[(\d+)\]$/.exec(readlinkSync(`/proc/self/fd/${descriptor}`))?.[1] ?? '';
    } catch (error) {
      // The descriptor with which the directory is read is closed by now.
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return '';
      throw error;
    }
  });
  return new Set(inodes);
}
