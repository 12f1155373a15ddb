import { type Static, Type } from 'typebox';
import { MAX_GROUPS, MAX_INGRESS_RULES, MAX_POOLS } from '../limits.ts';
import {
  Address,
  AutoRecovery,
  InterfaceName,
  Name,
  RestartPolicy,
  SchemaReference,
  StatusGoal,
} from './vocabulary.ts';

const Pool = Type.Object(
  {
    type: Type.Optional(
      Type.Enum(['bridge', 'macvlan'], { description: 'the kind of pool', default: 'bridge' }),
    ),
    bridge: Type.Optional(InterfaceName),
    parent: Type.Optional(InterfaceName),
    subnet: Type.String({ description: 'a subnet in CIDR notation, such as "10.0.5.0/24"' }),
    gateway: Type.Optional(Address),
    nat: Type.Optional(
      Type.Boolean({ description: 'true or false: masquerade what leaves the subnet', default: false }),
    ),
    subnet6: Type.Optional(Type.String({ description: 'an IPv6 subnet in CIDR notation' })),
    gateway6: Type.Optional(Type.String({ description: 'an IPv6 address' })),
  },
  { additionalProperties: false, description: 'an object that describes one address pool' },
);

const Group = Type.Object(
  {
    name: Name,
    description: Type.Optional(Type.String({ description: 'a text for people' })),
    restart_policy: Type.Optional(RestartPolicy),
    status_goal: Type.Optional(StatusGoal),
    timeout: Type.Optional(
      Type.Number({
        exclusiveMinimum: 0,
        maximum: 86_400,
        default: 30,
        description: 'a number of seconds in which the group reaches its goal, more than 0 and at most 86400',
      }),
    ),
    auto_recovery: Type.Optional(AutoRecovery),
  },
  { additionalProperties: false, description: 'an object that describes one group' },
);

/** Only the shape: what a rule means is checked where listeners are made (ING-1). */
const IngressRule = Type.Object(
  {
    name: Type.String({ minLength: 1, description: 'a name that no other rule has' }),
    type: Type.Enum(['tcp', 'http'], { description: 'the protocol that the rule carries' }),
    external: Type.String({ description: 'an address and port such as "0.0.0.0:80", with a path for http' }),
    provider: Name,
    service: Type.String({ minLength: 1, description: "a service in the provider's services.json" }),
    host: Type.Optional(Type.String({ description: 'a host name such as "a.example" or "*.example"' })),
    keepPrefix: Type.Optional(Type.Boolean({ description: 'true or false: pass the path prefix on' })),
  },
  { additionalProperties: false, description: 'an object that describes one ingress rule' },
);

/** `device.json` (POOL-1, CTR-6, ING-1). */
export const DeviceDocument = Type.Object(
  {
    $schema: Type.Optional(SchemaReference),
    '#spec': Type.Optional(Type.String({ description: 'the version of this document' })),
    network: Type.Optional(
      Type.Object(
        {
          pools: Type.Optional(
            Type.Record(Type.String(), Pool, {
              maxProperties: MAX_POOLS,
              description: `an object from pool name to pool, at most ${MAX_POOLS}`,
            }),
          ),
          isolation: Type.Optional(
            Type.Enum(['none', 'pool'], {
              description: 'whether pools reach each other: "none" opens them, "pool" keeps them apart',
              default: 'pool',
            }),
          ),
        },
        { additionalProperties: false, description: "an object that describes the device's network" },
      ),
    ),
    groups: Type.Optional(
      Type.Array(Group, {
        maxItems: MAX_GROUPS,
        description: 'an array of groups, in the order of their start',
      }),
    ),
    ingress: Type.Optional(
      Type.Array(IngressRule, {
        maxItems: MAX_INGRESS_RULES,
        description: `an array of at most ${MAX_INGRESS_RULES} ingress rules`,
      }),
    ),
    disks: Type.Optional(Type.Array(Type.Unknown(), { description: 'an array of disks' })),
  },
  {
    $id: 'device.json',
    title: 'device.json',
    additionalProperties: false,
    description: 'an object that describes the device',
  },
);

export type DeviceDocument = Static<typeof DeviceDocument>;
