import { Type } from 'typebox';
import { MAX_SERVICES } from '../limits.ts';
import {
  hostnamePattern,
  interfaceNamePattern,
  longestHostname,
  longestName,
  longestServiceName,
  macAddressPattern,
  nameDescription,
  namePattern,
  serviceNamePattern,
} from '../names.ts';
import { serviceTypes } from '../service-types.ts';

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

/** Names of services (LINK-1). */
export const ServiceName = Type.String({
  minLength: 1,
  maxLength: longestServiceName,
  pattern: serviceNamePattern.source,
  description: `the name of a service: at most ${longestServiceName} characters, none of them a control character`,
});

/** What a service is (LINK-1). */
export const ServiceType = Type.Enum([...serviceTypes], { description: 'the kind of service' });

/** One service that a container uses (LINK-1). What is said of its members beyond their shape is checked by the reader. */
const ServiceUse = Type.Object(
  {
    name: ServiceName,
    target: Type.Optional(
      Type.String({
        pattern: '^/',
        description:
          'an absolute, normalised path in the container where the service appears; by default /run/pv/services/<name>.sock, for a device where its provider has it',
      }),
    ),
    type: Type.Optional(ServiceType),
    interface: Type.Optional(
      Type.String({
        description: 'the D-Bus name or interface that the container may call, such as "org.example.Clock"',
      }),
    ),
    role: Type.Optional(
      Type.String({
        description:
          'the role in which the container calls the service: 1-256 printable ASCII characters; by default "any"',
      }),
    ),
  },
  { additionalProperties: false, description: 'an object that names a service' },
);

export const ServiceUses = Type.Array(ServiceUse, {
  maxItems: MAX_SERVICES,
  description: `an array of at most ${MAX_SERVICES} services`,
});
