import {
  contains,
  firstHost,
  formatAddress,
  formatSubnet,
  parseAddress,
  parseCidr,
  type Subnet,
} from './address.ts';
import { quote } from './finding.ts';
import type { FindingCode, FindingDetails } from './finding-catalog.ts';
import type { Json } from './json.ts';

/** Reports a finding about one member of what is being read; null: about it as a whole. */
export type Report = (
  code: FindingCode,
  member: string | null,
  details: Omit<FindingDetails, 'pointer'>,
) => void;

/** Prefix lengths that a pool's subnet may have: room for a gateway and a container; no more than a private range. */
const smallestPrefix = 8;
const largestPrefix = 30;

/** Addresses that no interface of a container may have (RFC 6890): this network, loopback, multicast, reserved. */
const reservedBlocks = ['0.0.0.0/8', '127.0.0.0/8', '224.0.0.0/4', '240.0.0.0/4'];

/** The subnet of a pool; null when it has none that could be used, which is reported (POOL-3). */
export function readSubnet(pool: string, value: Json | undefined, report: Report): Subnet | null {
  if (typeof value !== 'string') return null;
  const cidr = parseCidr(value);
  if (cidr === null) {
    const expected = 'an IPv4 subnet in CIDR notation, such as "10.0.5.0/24"';
    const message = `found ${quote(value)} as subnet of pool '${pool}', expected ${expected}`;
    report('SubnetInvalid', 'subnet', { found: value, expected, message, hint: subnetHint(value) });
    return null;
  }
  const { address, subnet } = cidr;
  if (address !== subnet.network) {
    const implied = formatSubnet(subnet);
    const expected = 'a subnet without bits beyond its prefix';
    const message = `found ${quote(value)} as subnet of pool '${pool}', expected ${expected}: it implies the network ${implied}`;
    report('SubnetHostBits', 'subnet', {
      found: value,
      expected,
      message,
      hint: `did you mean '${implied}'?`,
    });
    return null;
  }
  return isUsable(pool, value, subnet, report) ? subnet : null;
}

function isUsable(pool: string, value: string, subnet: Subnet, report: Report): boolean {
  const reserved = reservedBlocks.find((block) => isWithin(subnet, block));
  if (reserved !== undefined) {
    const expected = 'a subnet that hosts can have addresses in';
    const message = `found ${quote(value)} as subnet of pool '${pool}', expected ${expected}: ${reserved} is reserved (RFC 6890)`;
    const hint = 'private ranges are 10.0.0.0/8, 172.16.0.0/12 and 192.168.0.0/16 (RFC 1918)';
    report('SubnetReserved', 'subnet', { found: value, expected, message, hint });
    return false;
  }
  if (subnet.prefix >= smallestPrefix && subnet.prefix <= largestPrefix) return true;
  const expected = `a prefix length from ${smallestPrefix} to ${largestPrefix}`;
  const why =
    subnet.prefix > largestPrefix
      ? `a /${subnet.prefix} has no room for a gateway and a container beside network and broadcast address`
      : `a /${subnet.prefix} would take over most of what the device can reach`;
  const message = `found ${quote(value)} as subnet of pool '${pool}', expected ${expected}: ${why}`;
  report('SubnetSize', 'subnet', { found: value, expected, message });
  return false;
}

function isWithin(subnet: Subnet, block: string): boolean {
  const outer = parseCidr(block)?.subnet;
  return outer !== undefined && contains(outer, subnet.network) && contains(outer, subnet.broadcast);
}

function subnetHint(value: string): string | null {
  if (value.includes(':')) return 'pools are IPv4; `subnet6` is where IPv6 will be';
  return parseAddress(value) === null ? null : `did you mean '${value}/24'?`;
}

/**
 * The gateway of a pool: the first host address where none is given (POOL-2). Null when the one given could not be
 * used, which is reported.
 */
export function readGateway(
  pool: string,
  value: Json | undefined,
  subnet: Subnet,
  report: Report,
): number | null {
  if (value === undefined) return firstHost(subnet);
  if (typeof value !== 'string') return null;
  const gateway = parseAddress(value);
  const reject = (code: FindingCode, expected: string, hint: string | null = null): null => {
    const message = `found ${quote(value)} as gateway of pool '${pool}', expected ${expected}`;
    report(code, 'gateway', { found: value, expected, message, hint });
    return null;
  };
  const first = `did you mean '${formatAddress(firstHost(subnet))}'?`;
  if (gateway === null) return reject('GatewayInvalid', 'an IPv4 address such as "10.0.5.1"');
  if (!contains(subnet, gateway)) {
    return reject('GatewayOutsideSubnet', `an address of its subnet ${formatSubnet(subnet)}`, first);
  }
  if (gateway === subnet.network)
    return reject('GatewayReserved', "a host address, not the network's own", first);
  if (gateway === subnet.broadcast)
    return reject('GatewayReserved', 'a host address, not the broadcast address', first);
  return gateway;
}
