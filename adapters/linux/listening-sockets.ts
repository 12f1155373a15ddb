import { endianness } from 'node:os';
import { formatAddress } from '../../state/address.ts';

/** A tcp socket that listens, as the kernel lists it. */
export interface ListeningSocket {
  /** Dotted quad, or IPv6 address as RFC 5952 writes it. A socket of IPv6 that is bound to an IPv4 address has that one. */
  readonly address: string;
  readonly port: number;
  /** Number by which `/proc/<pid>/fd` names it. */
  readonly inode: number;
}

/** `TCP_LISTEN` (include/net/tcp_states.h), as these files spell it. */
const listening = '0A';

/**
 * The listening sockets in the text of `/proc/net/tcp` or `/proc/net/tcp6` (proc(5)); lines of any other shape are left out. Words of an address
 * are in the byte order of the processor.
 */
export function readListeningSockets(text: string): readonly ListeningSocket[] {
  return text.split('\n').flatMap((line) => {
    const [, local = '', , state, , , , , , inode = ''] = line.trim().split(/\s+/);
    const [, hex = '', port = ''] = /^([0-9A-F]{8}|[0-9A-F]{32}):([0-9A-F]{4})$/.exec(local) ?? [];
    if (state !== listening || hex === '' || !/^\d+$/.test(inode)) return [];
    return [{ address: addressOf(hex), port: Number.parseInt(port, 16), inode: Number(inode) }];
  });
}

function addressOf(hex: string): string {
  const words = (hex.match(/.{8}/g) ?? []).map(inNetworkOrder);
  const [first = '', second, third, fourth = ''] = words;
  if (words.length === 1) return formatAddress(Number.parseInt(first, 16));
  // IPv4 in the clothes of IPv6 (RFC 4291, 2.5.5.2).
  if (Number.parseInt(`${first}${second}`, 16) === 0 && third === '0000ffff')
    return formatAddress(Number.parseInt(fourth, 16));
  const groups = words.join('').match(/.{4}/g) ?? [];
  return new URL(`http://[${groups.join(':')}]/`).hostname.slice(1, -1);
}

function inNetworkOrder(word: string): string {
  const bytes = Buffer.from(word, 'hex');
  return (endianness() === 'LE' ? bytes.reverse() : bytes).toString('hex');
}
