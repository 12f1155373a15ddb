import type { Catalog } from './entry.ts';

/** Codes about a container's documents (REV-4, REV-5, CTR-1 to CTR-4) and its LXC configuration. */
export const containerCodes = {
  ServiceDuplicate: {
    severity: 'error',
    title: 'A container provides two services of one name.',
    explanation:
      'Rules and links name a service by its container and its name, which would mean two things (LINK-1).',
    remedy: 'Give one of them another name.',
  },
  NameInvalid: {
    severity: 'error',
    title: 'A name is not one that a pool or a container may have.',
    explanation:
      'Names go into paths, host names, rule sets and configurations: 1-64 letters, digits, "_", "." and "-", starting with a letter or a digit.',
    remedy: 'Rename it.',
  },
  NameMismatch: {
    severity: 'error',
    title: 'A container has one name in its run.json and another in its path.',
    explanation: 'The directory in the state is the name of the container; everything else refers to that.',
    remedy: 'Make the two the same, or leave `name` out.',
  },
  ContainerSpecUnknown: {
    severity: 'warning',
    title: 'A run.json is written to a specification that is not known.',
    explanation: 'It is kept untouched, and no container is made from it.',
    remedy: 'Use "service-manifest-run@1" where it is meant to be a container.',
  },
  ConfigWithoutContainer: {
    severity: 'warning',
    title: 'Configuration files name a container that is not in the revision.',
    explanation: 'Files at _config/<container>/… appear in that container; there is none of that name.',
    remedy: 'Correct the name, or remove the files.',
  },
  RootVolumeMissing: {
    severity: 'error',
    title: 'A container has no root volume.',
    explanation: 'Without a root file system there is nothing that could run.',
    remedy:
      'Add `root-volume` with the name of a squashfs file in the container\'s directory, or "dir:/absolute/path".',
  },
  RootVolumeInvalid: {
    severity: 'error',
    title: 'A root volume is neither a file of the container nor a directory of the host.',
    explanation:
      'It is the name of a file in the container\'s directory of the state, or "dir:" and an absolute, normalised path on the host.',
    remedy: 'Write it in one of these forms.',
  },
  FileMissing: {
    severity: 'error',
    title: 'A file that a container names is not in the revision.',
    explanation: 'The file must stand beside run.json, in the directory of the container.',
    remedy: 'Add the file to the revision, or correct the name.',
  },
  ObjectUnusable: {
    severity: 'error',
    title: 'An object is in the object store and cannot be read as a text.',
    explanation:
      'It is larger than any configuration may be, is not UTF-8, or is not what its sha256 says: the disk has lost it.',
    remedy: 'Correct the file. Where it is right, apply its directory or export again.',
  },
  ObjectMissing: {
    severity: 'error',
    title: 'An object that the revision names is not in the object store.',
    explanation: 'Objects are taken in before the revision that needs them; this one never arrived.',
    remedy: 'Apply the directory or export that has the file: it brings its objects with it.',
  },
  ConfigPathsCollide: {
    severity: 'error',
    title: 'One configuration file stands where another needs a directory.',
    explanation: 'A path cannot be a file and a directory at once.',
    remedy: 'Rename or remove one of them.',
  },
  SpellingsDisagree: {
    severity: 'error',
    title: 'One thing is said twice, and differently.',
    explanation:
      'The same value may be written in several places; where these disagree, either could be the one that was meant (REV-5).',
    remedy: 'Keep one of them.',
  },
  AddressInvalid: {
    severity: 'error',
    title: 'A static address is no IPv4 address.',
    explanation: "A dotted quad without leading zeros; a prefix may follow, and the pool's is used.",
    remedy: 'Write the address in this form.',
  },
  PoolMissing: {
    severity: 'error',
    title: 'An interface is wanted in a pool, and none is named.',
    explanation: 'Mode "pool", a static address, a MAC address and interfaces mean something in a pool only.',
    remedy: 'Add `network.pool`, or remove what needs one.',
  },
  NetworkModeConflict: {
    severity: 'error',
    title: 'A network mode contradicts what stands beside it.',
    explanation: 'A container is in a pool, or in the network of the host, or in none; not in two of these.',
    remedy: 'Remove the mode or what contradicts it.',
  },
  PoolWithLxcNet: {
    severity: 'error',
    title: 'A container in a pool has interfaces in its LXC configuration too.',
    explanation: 'Both would make the first interface; lines of yours are never changed silently (CTR-3).',
    remedy: 'Remove the lxc.net.* lines, or the pool.',
  },
  InterfaceDuplicate: {
    severity: 'error',
    title: 'Two interfaces of a container have one name.',
    explanation: 'Names of interfaces are unique in a container.',
    remedy: 'Rename one of them.',
  },
  GroupUnknown: {
    severity: 'error',
    title: 'A container names a group that device.json does not have.',
    explanation: 'The group decides when the container starts; without it there is no right time.',
    remedy: 'Correct the name, or add the group to device.json.',
  },
  GroupNotDefined: {
    severity: 'warning',
    title: 'A container names a group, and device.json has no groups at all.',
    explanation:
      'Groups are what device.json says they are; none are built in. Without them containers start in no particular order.',
    remedy: 'Add the groups to device.json in the order of their start, or remove `group`.',
  },
  PoolNotDefined: {
    severity: 'warning',
    title: 'A container names a pool that device.json does not have.',
    explanation: 'The container is blocked until the pool is there (LEASE-5); the others run.',
    remedy: 'Correct the name, or add the pool to device.json.',
  },
  HostnameShared: {
    severity: 'warning',
    title: 'Two containers of one pool go by one name.',
    explanation: 'Others reach containers by name; this one would lead to either of the two.',
    remedy: 'Give one of them another host name.',
  },
  ConfigLineInvalid: {
    severity: 'error',
    title: 'A line of an LXC configuration cannot be read.',
    explanation: 'Lines are `key = value`, comments that start with #, or empty (lxc.container.conf(5)).',
    remedy: 'Correct the line.',
  },
  ConfigTooLong: {
    severity: 'error',
    title: 'An LXC configuration is too long.',
    explanation: 'Configurations have at most 64 KiB and 1024 lines, lines at most 4096 characters.',
    remedy: 'Shorten it.',
  },
  ConfigKeyUnknown: {
    severity: 'error',
    title: 'A key of an LXC configuration is not known.',
    explanation: 'LXC refuses to start a container whose configuration has a key that it does not know.',
    remedy: 'Correct the key. Keys of LXC before 2.1 have new names since.',
  },
  ConfigKeyRefused: {
    severity: 'error',
    title: 'A key of an LXC configuration is not for a revision to set.',
    explanation:
      'Keys that run programs on the host, read or write its files, weaken what confines the container, or that Holdfast sets itself, are refused; only listed ones are let through.',
    remedy: 'Remove the line; the message says what to use instead, where there is something.',
  },
  ConfigValueRefused: {
    severity: 'error',
    title: 'A key of an LXC configuration has a value that is not let through.',
    explanation: 'The key is allowed, but this value would reach the host or is none that LXC takes.',
    remedy: 'Use a value of the form that the message names.',
  },
  ConfigValueConfined: {
    severity: 'warning',
    title: 'A line of an LXC configuration is left out or confined.',
    explanation:
      "Pantavisor's own template writes lines that reach into the host; Holdfast does that work itself, or confines it, so that such containers run without a change.",
    remedy: 'None is needed. Remove the line to be rid of the warning.',
  },
} as const satisfies Catalog;
