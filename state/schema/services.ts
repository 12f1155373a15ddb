import { type Static, Type } from 'typebox';
import { MAX_SERVICES } from '../limits.ts';

const Service = Type.Object(
  {
    name: Type.String({ minLength: 1, description: 'a name that no other service has' }),
    type: Type.Enum(['unix', 'rest', 'dbus', 'drm', 'wayland', 'tcp', 'http'], {
      description: 'the kind of service',
    }),
    socket: Type.Optional(Type.String({ pattern: '^/', description: 'an absolute path in the container' })),
    port: Type.Optional(Type.Integer({ minimum: 1, maximum: 65_535, description: 'a port from 1 to 65535' })),
  },
  { additionalProperties: false, description: 'an object that describes one service' },
);

const Services = Type.Array(Service, { maxItems: MAX_SERVICES, description: 'an array of services' });

/** `<container>/services.json`, in both its forms (ING-7). */
export const ServicesDocument = Type.Union(
  [
    Services,
    Type.Object(
      {
        '#spec': Type.Optional(Type.String({ description: 'the version of this document' })),
        services: Services,
      },
      { additionalProperties: false, description: 'an object with an array `services`' },
    ),
  ],
  {
    $id: 'services.json',
    title: 'services.json',
    description: 'an array of services, or an object with an array `services`',
  },
);

export type ServicesDocument = Static<typeof ServicesDocument>;
