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
  ContainerExited: {
    severity: 'conflict',
    title: 'A container ended by itself, and is not started again.',
    explanation:
      'Its `auto_recovery` does not want it to be, or has started it as often as it may. On trial, a container that ends fails the revision (ROLL-3).',
    remedy:
      'Look at how it ended and at what it said last; change its `auto_recovery`, or apply a revision that holds.',
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
  RootMissing: {
    severity: 'conflict',
    title: 'The root directory of a container does not exist on this host.',
    explanation: '`root-volume` names a directory of the host with "dir:", which is for development.',
    remedy: 'Create the directory, or correct the path.',
  },
  RootUnusable: {
    severity: 'conflict',
    title: 'The root directory of a container has a path that cannot be mounted.',
    explanation:
      "Paths are absolute, and have no ':', ',', quotes or '\\', which overlayfs and LXC read as something else.",
    remedy: 'Rename the directory.',
  },
  ContainerExists: {
    severity: 'conflict',
    title: 'A container of this name exists that Holdfast did not make.',
    explanation: 'What is not ours is never changed or removed (ENG-4).',
    remedy: 'Remove it by hand, or give the container another name.',
  },
} as const satisfies Catalog;
