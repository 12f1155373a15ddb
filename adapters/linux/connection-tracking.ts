import { formatAddress } from '../../state/address.ts';
import type { LedConnections } from './forwarding-contents.ts';
import {
  decodeAttributes,
  encodeAttribute,
  encodeMessage,
  type NetlinkAttribute,
  NetlinkError,
  NetlinkSocket,
  netlinkFlags,
} from './netlink.ts';
import { nextTurn } from './next-turn.ts';
import { loadSystemCalls } from './system-calls.ts';

/**
 * Connection tracking of the kernel, asked through netlink (linux/netfilter/nfnetlink_conntrack.h): where a connection is led is decided once and
 * kept there, so that taking a rule away does not end what came through it.
 */

const netfilter = 12;
const subsystem = 1 << 8;
const messages = { get: subsystem | 1, delete: subsystem | 2, statistics: subsystem | 5 } as const;
const attributes = { original: 1, reply: 2, status: 3, id: 12, zone: 18, statusMask: 26 } as const;
const inTuple = { addresses: 1, protocol: 2 } as const;
const inAddresses = { source: 1, destination: 2 } as const;
const inProtocol = { number: 1, sourcePort: 2, destinationPort: 3 } as const;

/** `IPS_DST_NAT`: where it goes was changed. */
const destinationChanged = 1 << 5;
const tcp = 6;
const noSuchEntry = 2;

/** `struct nfgenmsg`: IPv4, version 0. */
const ipv4Header = Buffer.from([2, 0, 0, 0]);

/** One tracked tcp connection over IPv4. */
export interface TrackedConnection {
  /** Where the client meant to go. */
  readonly address: string;
  readonly port: number;
  /** Who answers. */
  readonly toAddress: string;
  readonly toPort: number;
  /** What names it to the kernel, as the kernel spelled it. */
  readonly identity: Buffer;
}

/** Reads one message; null for what is no tcp connection over IPv4 whose destination was changed. */
export function readConnection(payload: Buffer): TrackedConnection | null {
  const all = decodeAttributes(payload.subarray(ipv4Header.length));
  const [original, reply] = [attributes.original, attributes.reply].map((type) => tupleIn(all, type));
  const status = find(all, attributes.status);
  if (original === null || original === undefined || reply === null || reply === undefined) return null;
  if (status === null || (number(status) & destinationChanged) === 0) return null;
  const identity = Buffer.concat(
    [attributes.original, attributes.zone, attributes.id].map((type) => {
      const attribute = find(all, type);
      const nested = type === attributes.original ? 0x8000 : 0;
      return attribute === null ? Buffer.alloc(0) : encodeAttribute(type | nested, attribute);
    }),
  );
  return {
    address: original.destination,
    port: original.destinationPort,
    toAddress: reply.source,
    toPort: reply.sourcePort,
    identity,
  };
}

function find(all: readonly NetlinkAttribute[], type: number): Buffer | null {
  return all.find((attribute) => attribute.type === type)?.payload ?? null;
}

function number(bytes: Buffer): number {
  return bytes.length === 0 ? 0 : bytes.readUIntBE(0, Math.min(bytes.length, 4));
}

interface Tuple {
  readonly source: string;
  readonly destination: string;
  readonly sourcePort: number;
  readonly destinationPort: number;
}

function tupleIn(all: readonly NetlinkAttribute[], type: number): Tuple | null {
  const tuple = find(all, type);
  if (tuple === null) return null;
  const parts = decodeAttributes(tuple);
  const addresses = decodeAttributes(find(parts, inTuple.addresses) ?? Buffer.alloc(0));
  const protocol = decodeAttributes(find(parts, inTuple.protocol) ?? Buffer.alloc(0));
  const [source, destination] = [inAddresses.source, inAddresses.destination].map((each) =>
    find(addresses, each),
  );
  if (source?.length !== 4 || destination?.length !== 4) return null;
  if (number(find(protocol, inProtocol.number) ?? Buffer.alloc(0)) !== tcp) return null;
  return {
    source: formatAddress(number(source)),
    destination: formatAddress(number(destination)),
    sourcePort: number(find(protocol, inProtocol.sourcePort) ?? Buffer.alloc(0)),
    destinationPort: number(find(protocol, inProtocol.destinationPort) ?? Buffer.alloc(0)),
  };
}

function word(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}

/** Asks for changed destinations alone; kernels before 5.15 do not know the question, and tell all. */
const question = encodeMessage(
  messages.get,
  netlinkFlags.dump,
  Buffer.concat([
    ipv4Header,
    encodeAttribute(attributes.status, word(destinationChanged)),
    encodeAttribute(attributes.statusMask, word(destinationChanged)),
  ]),
);

const isLed =
  (connection: TrackedConnection) =>
  (led: LedConnections): boolean =>
    led.port === connection.port &&
    led.toAddress === connection.toAddress &&
    led.toPort === connection.toPort &&
    (led.address === null || led.address === connection.address);

/** What this needs is there: system calls, and a kernel that tells of its connections. Never rejects. */
export async function canForgetConnections(): Promise<boolean> {
  try {
    const socket = new NetlinkSocket(await loadSystemCalls(), netfilter);
    try {
      for (const _ of socket.ask('connection tracking', encodeMessage(messages.statistics, 0, ipv4Header)))
        break;
      return true;
    } finally {
      socket.close();
    }
  } catch {
    return false;
  }
}

/**
 * Makes the kernel forget the connections that were led so, whose next packet is then nobody's: client and server are refused. Resolves with
 * how many there were. Rejects with SystemCallsUnavailable, SystemCallError or NetlinkError.
 */
export async function forgetConnections(led: readonly LedConnections[]): Promise<number> {
  if (led.length === 0) return 0;
  const socket = new NetlinkSocket(await loadSystemCalls(), netfilter);
  try {
    const found: TrackedConnection[] = [];
    for (const batch of socket.ask('connections of the host', question)) {
      const connections = batch.map(({ payload }) => readConnection(payload)).filter((one) => one !== null);
      found.push(...connections.filter((connection) => led.some(isLed(connection))));
      // A host with a million connections is no reason to keep others waiting.
      await nextTurn();
    }
    for (const connection of found) forget(socket, connection);
    return found.length;
  } finally {
    socket.close();
  }
}

/** One that has ended meanwhile is gone already. */
function forget(socket: NetlinkSocket, { identity }: TrackedConnection): void {
  const payload = Buffer.concat([ipv4Header, identity]);
  try {
    for (const _ of socket.ask(
      'forgetting a connection',
      encodeMessage(messages.delete, netlinkFlags.acknowledge, payload),
    )) {
      // Only the acknowledgement is to come.
    }
  } catch (error) {
    if (!(error instanceof NetlinkError) || error.errorCode !== noSuchEntry) throw error;
  }
}
