import type { Catalog } from './entry.ts';

/** Codes about `device.json`: pools and groups (POOL-1, POOL-3, CTR-6). */
export const deviceCodes = {
  SubnetInvalid: {
    severity: 'error',
    title: 'A subnet is no IPv4 subnet in CIDR notation.',
    explanation:
      'A subnet is a dotted quad, a slash and a prefix length of 0-32, such as 10.0.5.0/24 (RFC 4632).',
    remedy: 'Write the subnet in this form.',
  },
  SubnetHostBits: {
    severity: 'error',
    title: 'A subnet has bits set beyond its prefix.',
    explanation:
      '10.0.5.7/24 names an address in a network, not a network. Guessing which of the two was meant would hide a mistake.',
    remedy: 'Use the network that the hint names, or another prefix length.',
  },
  SubnetSize: {
    severity: 'error',
    title: 'A subnet is too small or too large for a pool.',
    explanation:
      'A /31 or /32 has no room for a gateway and one container beside network and broadcast address; a subnet of more than 2^24 addresses would take over most of what the device can reach.',
    remedy: 'Use a prefix length from 8 to 30.',
  },
  SubnetReserved: {
    severity: 'error',
    title: 'A subnet lies in addresses that no interface may have.',
    explanation:
      'Loopback, multicast, "this network" and reserved addresses are never routed to a container (RFC 6890).',
    remedy: 'Use a private range: 10.0.0.0/8, 172.16.0.0/12 or 192.168.0.0/16 (RFC 1918).',
  },
  SubnetsOverlap: {
    severity: 'error',
    title: 'Two pools share addresses.',
    explanation:
      'An address would belong to two networks of the device, and packets would go to the wrong one.',
    remedy: 'Give one of the pools another subnet.',
  },
  GatewayInvalid: {
    severity: 'error',
    title: 'A gateway is no IPv4 address.',
    explanation: 'A gateway is a dotted quad without prefix and without leading zeros, such as 10.0.5.1.',
    remedy: "Write the address, or leave the field out: the default is the subnet's first address.",
  },
  GatewayOutsideSubnet: {
    severity: 'error',
    title: "A gateway lies outside its pool's subnet.",
    explanation: 'Containers reach their gateway directly, so it must be in the same subnet.',
    remedy: 'Use an address of the subnet, or leave the field out.',
  },
  GatewayReserved: {
    severity: 'error',
    title: "A gateway is its subnet's network or broadcast address.",
    explanation: 'The first and the last address of a subnet belong to no host.',
    remedy: 'Use another address of the subnet, or leave the field out.',
  },
  MacvlanWithoutParent: {
    severity: 'error',
    title: 'A macvlan pool names no parent interface.',
    explanation:
      'Containers of a macvlan pool get an interface on a physical one; without `parent` there is none.',
    remedy: 'Add `parent` with the name of an interface of the host.',
  },
  BridgeShared: {
    severity: 'error',
    title: 'Two pools name one bridge.',
    explanation: 'Pools on one bridge would see each other, whatever else is configured.',
    remedy: 'Give each pool a bridge of its own, or leave `bridge` out: a name is derived then.',
  },
  GroupDuplicate: {
    severity: 'error',
    title: 'Two groups have one name.',
    explanation: 'A container names its group; which of the two it means cannot be told.',
    remedy: 'Rename or remove one of them.',
  },
  IngressDuplicate: {
    severity: 'error',
    title: 'Two ingress rules have one name.',
    explanation: 'A rule is told, counted and changed by its name (ING-1).',
    remedy: 'Give one of them another name.',
  },
  IngressExternalInvalid: {
    severity: 'error',
    title: 'An ingress rule does not say where it is reached.',
    explanation:
      '`external` is an address and a port, as `0.0.0.0:80`, `:80` or `[::1]:80`; with `type` http a path prefix may follow (ING-2).',
    remedy: 'Write it in this form.',
  },
  IngressHostInvalid: {
    severity: 'error',
    title: 'The host of an ingress rule is no host name, or its type knows none.',
    explanation: 'Only requests of http name a host; `*.example` is every name below example (ING-2).',
    remedy: 'Write a host name, or leave it out.',
  },
  IngressCollision: {
    severity: 'error',
    title: 'Two ingress rules ask for the same.',
    explanation:
      'A port of the host has one owner: a tcp rule has it alone, http rules share it where they differ in host or path. 0.0.0.0 and [::] are every address (ING-3). Which of the two should win is not for us to guess: the whole state is refused.',
    remedy: 'Give one of them another port, host or path, or remove it.',
  },
} as const satisfies Catalog;
