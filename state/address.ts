/**
 * IPv4 addresses as unsigned 32-bit numbers, so that pools can do arithmetic on them. Text is parsed strictly: four
 * decimal parts without leading zeros, as `inet_pton(3)` takes them; `10.1`, `0x0a.0.0.1` and `010.0.0.1` are no addresses.
 */

/** A block of addresses, as CIDR notation names it (RFC 4632). Addresses are unsigned 32-bit numbers. */
export interface Subnet {
  /** First address: no host bit is set. */
  readonly network: number;
  /** Last address. The same as `network` for a /32. */
  readonly broadcast: number;
  /** 0-32. */
  readonly prefix: number;
}

/** What a CIDR text says: the block, and the address as it was written, which may have host bits set. */
export interface Cidr {
  readonly address: number;
  readonly subnet: Subnet;
}

const dottedQuad = /^(0|[1-9]\d{0,2})\.(0|[1-9]\d{0,2})\.(0|[1-9]\d{0,2})\.(0|[1-9]\d{0,2})$/;

/** The address that a dotted quad names; null when `text` is none. */
export function parseAddress(text: string): number | null {
  const octets = dottedQuad.exec(text)?.slice(1).map(Number);
  if (octets === undefined || octets.some((octet) => octet > 255)) return null;
  return octets.reduce((address, octet) => address * 256 + octet, 0);
}

/** Dotted quad of an unsigned 32-bit number. */
export function formatAddress(address: number): string {
  return octetsOf(address).join('.');
}

/** What `10.0.5.0/24` says; null when `text` is no IPv4 CIDR with a prefix of 0-32. */
export function parseCidr(text: string): Cidr | null {
  const [quad = '', length = '', ...rest] = text.split('/');
  const address = parseAddress(quad);
  if (address === null || rest.length > 0 || !/^(?:0|[1-9]\d?)$/.test(length)) return null;
  const prefix = Number(length);
  return prefix > 32 ? null : { address, subnet: subnetOf(address, prefix) };
}

/** CIDR text of a block. */
export function formatSubnet(subnet: Subnet): string {
  return `${formatAddress(subnet.network)}/${subnet.prefix}`;
}

/** The block of size `prefix` (0-32) in which `address` lies. */
export function subnetOf(address: number, prefix: number): Subnet {
  const size = 2 ** (32 - prefix);
  const network = address - (address % size);
  return { network, broadcast: network + size - 1, prefix };
}

/** `address` lies in the block; network and broadcast address do too. */
export function contains(subnet: Subnet, address: number): boolean {
  return address >= subnet.network && address <= subnet.broadcast;
}

/** The blocks share an address. */
export function overlaps(one: Subnet, other: Subnet): boolean {
  return one.network <= other.broadcast && other.network <= one.broadcast;
}

/** Lowest address that an interface may have. In a /31 (RFC 3021) and a /32 that is the network address itself. */
export function firstHost(subnet: Subnet): number {
  return subnet.prefix >= 31 ? subnet.network : subnet.network + 1;
}

/** Highest address that an interface may have. In a /31 (RFC 3021) and a /32 that is the last address itself. */
export function lastHost(subnet: Subnet): number {
  return subnet.prefix >= 31 ? subnet.broadcast : subnet.broadcast - 1;
}

/** The MAC of an address: `02:00:` and its octets in hex, so 192.168.1.100 has `02:00:c0:a8:01:64` (LEASE-3). */
export function macOf(address: number): string {
  const octets = octetsOf(address).map((octet) => octet.toString(16).padStart(2, '0'));
  return `02:00:${octets.join(':')}`;
}

function octetsOf(address: number): readonly number[] {
  return [address >>> 24, (address >>> 16) & 0xff, (address >>> 8) & 0xff, address & 0xff];
}
