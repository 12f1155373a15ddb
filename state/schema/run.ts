import { type Static, Type } from 'typebox';
import {
  AutoRecovery,
  Name,
  Network,
  Persistence,
  RestartPolicy,
  SchemaReference,
  ServiceUses,
  StatusGoal,
} from './vocabulary.ts';

const Storage = Type.Object(
  {
    persistence: Type.Optional(Persistence),
    disk: Type.Optional(Type.String({ description: 'the name of a disk' })),
  },
  { additionalProperties: false, description: 'an object that says how long a part of the root is kept' },
);

/** `<container>/run.json` (CTR-1). Members without a schema are Pantavisor's, and mean nothing here. */
export const RunDocument = Type.Object(
  {
    $schema: Type.Optional(SchemaReference),
    '#spec': Type.Optional(Type.String({ description: '"service-manifest-run@1"' })),
    name: Type.Optional(Name),
    type: Type.Optional(Type.Literal('lxc', { description: '"lxc"' })),
    config: Type.Optional(
      Type.String({
        minLength: 1,
        description: "a file in the container's directory, such as lxc.container.conf",
      }),
    ),
    'root-volume': Type.String({
      minLength: 1,
      description:
        'a squashfs file in the container\'s directory, or "dir:/absolute" for a directory of the host',
    }),
    volumes: Type.Optional(
      Type.Array(Type.String({ description: 'the name of a volume' }), {
        description: 'an array of further volumes',
      }),
    ),
    network: Type.Optional(Network),
    services: Type.Optional(
      Type.Object(
        { required: Type.Optional(ServiceUses), optional: Type.Optional(ServiceUses) },
        { additionalProperties: false, description: 'an object that names the services it uses' },
      ),
    ),
    group: Type.Optional(Name),
    status_goal: Type.Optional(StatusGoal),
    restart_policy: Type.Optional(RestartPolicy),
    roles: Type.Optional(
      Type.Array(Type.String({ description: 'a role' }), { description: 'an array of roles' }),
    ),
    storage: Type.Optional(
      Type.Record(Type.String(), Storage, {
        description: 'an object from a part of the root to its storage',
      }),
    ),
    auto_recovery: Type.Optional(AutoRecovery),
    conditions: Type.Optional(Type.Unknown()),
    drivers: Type.Optional(Type.Unknown()),
    exports: Type.Optional(Type.Unknown()),
    logs: Type.Optional(Type.Unknown()),
    runlevel: Type.Optional(Type.Unknown()),
    lifecycle_goal: Type.Optional(Type.Unknown()),
  },
  {
    $id: 'run.json',
    title: 'run.json',
    additionalProperties: false,
    description: 'an object that describes a container',
  },
);

export type RunDocument = Static<typeof RunDocument>;
