import { Type } from 'typebox';
import {
  hostnamePattern,
  interfaceNamePattern,
  longestHostname,
  longestName,
  macAddressPattern,
  nameDescription,
  namePattern,
} from '../names.ts';

/**
 * The words that several documents share. Descriptions are written for people: editors show them, and findings quote
 * them as what was expected, so they start with a noun.
 */

/** Names of pools, groups and containers: safe in paths, keys, rule sets and LXC configurations. */
export const Name = Type.String({
  pattern: namePattern.source,
  maxLength: longestName,
  description: nameDescription,
});

/** Names of network interfaces; IFNAMSIZ of Linux leaves 15 bytes. */
export const InterfaceName = Type.String({
  pattern: interfaceNamePattern.source,
  description:
    'an interface name of 1-15 bytes: letters, digits, "_", "." and "-", not starting with "-", and not "lo", "all" or "default"',
});

/** RFC 1123 host name of one or more labels; Linux takes 63 bytes in all. */
export const Hostname = Type.String({
  pattern: hostnamePattern.source,
  maxLength: longestHostname,
  description:
    'a host name of at most 63 characters (RFC 1123): letters, digits and "-", in labels parted by "."',
});

/** Lets an editor find the schema of the document it stands in. */
export const SchemaReference = Type.String({ description: 'the address of a JSON Schema' });

/** Checked further by the readers, which say what is wrong with it. */
export const Address = Type.String({ description: 'an IPv4 address such as "10.0.5.2"' });

export const MacAddress = Type.String({
  pattern: macAddressPattern.source,
  description: 'a MAC address of one host, such as "02:00:0a:00:05:02"',
});

export const RestartPolicy = Type.Enum(['system', 'container'], {
  description: 'what a change restarts: the whole system, or this container alone',
});

export const StatusGoal = Type.Enum(['MOUNTED', 'STARTED', 'READY'], {
  description: 'the state in which a container counts as up',
});

export const Persistence = Type.Enum(['permanent', 'revision', 'boot'], {
  description:
    'how long what is written is kept: always, until the container changes, or until the host boots',
});

/** A week: far below what timers can hold, also when a delay grows. */
const longestSeconds = 604_800;

function seconds(description: string) {
  return Type.Number({
    minimum: 0,
    maximum: longestSeconds,
    description: `a number of seconds ${description}, at most ${longestSeconds}`,
  });
}

/** What happens when a container exits by itself (CTR-8). Durations are seconds. */
export const AutoRecovery = Type.Object(
  {
    policy: Type.Optional(
      Type.Enum(['no', 'always', 'on-failure', 'unless-stopped'], {
        description: 'when to start a container again that has exited',
      }),
    ),
    max_retries: Type.Optional(
      Type.Integer({ minimum: 0, description: 'a number of restarts; 0: no limit' }),
    ),
    retry_delay: Type.Optional(seconds('before the first restart')),
    backoff_factor: Type.Optional(
      Type.Number({
        minimum: 1,
        maximum: 100,
        description: 'a factor by which the delay grows with each restart, from 1 to 100',
      }),
    ),
    reset_window: Type.Optional(
      seconds('of running after which restarts count from 0; 0: they are never forgotten'),
    ),
    stable_timeout: Type.Optional(seconds('of running after which the container counts as stable')),
    backoff_policy: Type.Optional(
      Type.String({ description: '"reboot", "never" or a duration: what follows the last restart' }),
    ),
  },
  { additionalProperties: false, description: 'an object that says how a container is started again' },
);

/** How a container is connected (CTR-2); the same object in run.json, args.json and src.json (REV-4). */
export const Network = Type.Object(
  {
    mode: Type.Optional(
      Type.Enum(['pool', 'host', 'none'], {
        description: 'how the container is connected; "pool" is implied by `pool`',
      }),
    ),
    pool: Type.Optional(Name),
    hostname: Type.Optional(Hostname),
    static_ip: Type.Optional(Address),
    ip: Type.Optional(Address),
    mac: Type.Optional(MacAddress),
    interfaces: Type.Optional(
      Type.Array(
        Type.Object(
          {
            name: Type.Optional(InterfaceName),
            pool: Type.Optional(Name),
            ipv4_address: Type.Optional(Address),
            mac_address: Type.Optional(MacAddress),
          },
          { additionalProperties: false, description: 'an object that describes one interface' },
        ),
        { maxItems: 32, description: 'an array of at most 32 interfaces' },
      ),
    ),
  },
  { additionalProperties: false, description: 'an object that says how the container is connected' },
);

/** One service that a container uses (LINK-1). */
const ServiceUse = Type.Object(
  {
    name: Type.String({ minLength: 1, description: 'the name of a service that some container provides' }),
    target: Type.Optional(
      Type.String({
        pattern: '^/',
        description: 'an absolute path in the container where the service appears',
      }),
    ),
    type: Type.Optional(
      Type.Enum(['unix', 'rest', 'dbus', 'drm', 'wayland', 'tcp'], { description: 'the kind of service' }),
    ),
    interface: Type.Optional(Type.String({ description: 'a D-Bus name or interface' })),
    role: Type.Optional(Type.String({ description: 'the role in which the container calls the service' })),
  },
  { additionalProperties: false, description: 'an object that names a service' },
);

export const ServiceUses = Type.Array(ServiceUse, {
  maxItems: 1024,
  description: 'an array of services',
});
