import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { isIPv4 } from 'node:net';
import { type ListeningSocket, readListeningSockets } from './listening-sockets.ts';
import { nextTurn } from './next-turn.ts';
import { readIfThere } from './read-if-there.ts';

/** A process of the host that listens. */
export interface PortOwner {
  readonly address: string;
  readonly port: number;
  /** Null: it could not be found out (another pid namespace, a process that has just ended). */
  readonly pid: number | null;
  /** Its name (`/proc/<pid>/comm`), in ASCII, whatever is not escaped as `\xNN`; null where the pid is. */
  readonly command: string | null;
}

/**
 * Who listens on these tcp ports in our network namespace, one entry for each socket. Of processes that share a socket it is the one with the
 * lowest id: the master, not its workers. Without a listener the processes of the host are not looked at. Rejects when the kernel's list
 * cannot be read.
 */
export async function findPortOwners(ports: ReadonlySet<number>): Promise<readonly PortOwner[]> {
  if (ports.size === 0) return [];
  // A kernel without IPv6 has no tcp6.
  const text = `${readFileSync('/proc/net/tcp', 'utf8')}\n${readIfThere('/proc/net/tcp6') ?? ''}`;
  const sockets = readListeningSockets(text).filter(({ port }) => ports.has(port));
  const pids = await holders(sockets);
  return sockets.map(({ address, port, inode }) => {
    const pid = pids.get(inode) ?? null;
    const name = pid === null ? null : nameOf(pid);
    return { address, port, pid: name === null ? null : pid, command: name };
  });
}

/** From inode to process. */
async function holders(sockets: readonly ListeningSocket[]): Promise<ReadonlyMap<number, number>> {
  const wanted = new Set(sockets.map(({ inode }) => inode));
  const found = new Map<number, number>();
  if (wanted.size === 0) return found;
  for (const pid of processes()) {
    for (const inode of socketsOf(pid)) {
      if (wanted.delete(inode)) found.set(inode, pid);
    }
    if (wanted.size === 0) break;
    // A host with thousands of processes is no reason to keep others waiting.
    await nextTurn();
  }
  return found;
}

function processes(): readonly number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .sort((one, other) => one - other);
}

/** Inodes of the sockets that a process holds; none where it has ended, or may not be looked at. */
function socketsOf(pid: number): readonly number[] {
  const directory = `/proc/${pid}/fd`;
  const links = orGone(() => readdirSync(directory)) ?? [];
  return links.flatMap((link) => {
    const target = orGone(() => readlinkSync(`${directory}/${link}`)) ?? '';
    const [, inode] = /^socket:\[(\d+)\]$/.exec(target) ?? [];
    return inode === undefined ? [] : [Number(inode)];
  });
}

const gone: ReadonlySet<string | undefined> = new Set(['ENOENT', 'ESRCH', 'EACCES', 'EPERM']);

function orGone<T>(read: () => T): T | null {
  try {
    return read();
  } catch (error) {
    if (gone.has((error as NodeJS.ErrnoException).code)) return null;
    throw error;
  }
}

function nameOf(pid: number): string | null {
  const bytes = orGone(() => readFileSync(`/proc/${pid}/comm`));
  return bytes === null ? null : plainCommand(bytes);
}

/** The name that a process has given itself, up to 15 bytes of any kind, so that it can be shown between single quotes. */
export function plainCommand(comm: Buffer): string {
  const bytes = comm.at(-1) === 0x0a ? comm.subarray(0, -1) : comm;
  const isPlain = (byte: number) => byte >= 0x20 && byte < 0x7f && byte !== 0x27 && byte !== 0x5c;
  return [...bytes]
    .map((byte) => (isPlain(byte) ? String.fromCharCode(byte) : `\\x${byte.toString(16).padStart(2, '0')}`))
    .join('');
}

/**
 * Whether somebody who listens so is in the way of listening at `port` of any of `addresses`: dotted quads, or IPv6 addresses as RFC 5952
 * writes them. `0.0.0.0` is every address of IPv4. Listening at `::` is taken for every address of both families, since a socket of IPv6
 * takes connections of IPv4, too, unless it was told not to (ipv6(7), IPV6_V6ONLY), and /proc does not tell whether it was. In
 * `addresses`, `::` is every address of IPv6 alone.
 */
export function conflictsWith(
  addresses: readonly string[],
  port: number,
  owner: Pick<PortOwner, 'address' | 'port'>,
): boolean {
  if (owner.port !== port) return false;
  if (owner.address === '::') return addresses.length > 0;
  const wildcard = isIPv4(owner.address) ? '0.0.0.0' : '::';
  return addresses.some(
    (address) =>
      address === owner.address ||
      address === wildcard ||
      (owner.address === wildcard && isIPv4(address) === isIPv4(owner.address)),
  );
}
