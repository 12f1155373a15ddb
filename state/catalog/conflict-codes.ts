import type { Catalog } from './entry.ts';

/** Codes of conflicts: wrong only against this device or other resources (ENG-8, LEASE-5). */
export const conflictCodes = {
  AddressTaken: {
    severity: 'conflict',
    title: 'A static address belongs to another container.',
    explanation:
      'The holder that came first keeps it, and keeps running; the other is not started (LEASE-5).',
    remedy: 'Give one of the two another address, or leave one to be chosen.',
  },
  AddressOutsideSubnet: {
    severity: 'conflict',
    title: 'A static address is none that the pool can give.',
    explanation:
      "It lies outside the subnet, or is the network's, the broadcast or the gateway's address (LEASE-5).",
    remedy: 'Use a free host address of the subnet, or leave it out.',
  },
  PoolExhausted: {
    severity: 'conflict',
    title: 'A pool has no free address left.',
    explanation: 'Every host address of the subnet is held by an interface or reserved (LEASE-1).',
    remedy: 'Give the pool a larger subnet, or remove containers from it.',
  },
  UnknownPool: {
    severity: 'conflict',
    title: 'A container refers to a pool that is not there.',
    explanation: 'Without the pool there is no address; the container is not started (LEASE-5).',
    remedy: 'Correct the name, or add the pool to device.json.',
  },
  ObjectMissing: {
    severity: 'conflict',
    title: 'An object that the revision names is not in the object store.',
    explanation: 'Objects are taken in before the revision that needs them; this one never arrived.',
    remedy: 'Apply the directory or export that has the file, or put the object in and apply again.',
  },
  DependencyBlocked: {
    severity: 'conflict',
    title: 'Something that this resource stands on is blocked.',
    explanation: 'The root cause is the conflict of the other resource; the message names it.',
    remedy: 'Resolve the conflict of the other resource.',
  },
  SubnetOverlapsHost: {
    severity: 'conflict',
    title: "A pool's subnet overlaps a network that the host is in already.",
    explanation: 'The host would lose its way to one of the two networks.',
    remedy: 'Give the pool another subnet.',
  },
  ParentMissing: {
    severity: 'conflict',
    title: 'The parent interface of a macvlan pool does not exist on this host.',
    explanation: 'Containers of the pool get their interface on it; the pool waits until it appears.',
    remedy: 'Correct `parent`, or bring the interface up.',
  },
  UnusableName: {
    severity: 'conflict',
    title: 'A name cannot be used on this host.',
    explanation: 'Names go into rule sets and commands: what is no plain name is never passed on.',
    remedy: "Use letters, digits, '_', '.' and '-'; at most 15 of them for an interface.",
  },
  InterfaceTaken: {
    severity: 'conflict',
    title: 'An interface of this name exists and is not one that can be used.',
    explanation: 'An interface that is no bridge, or that something else owns, is never changed or removed.',
    remedy: 'Use another name for the bridge, or remove the interface by hand.',
  },
} as const satisfies Catalog;
