import { type Static, Type } from 'typebox';
import { MAX_SERVICES } from '../limits.ts';
import { ServiceName, ServiceType } from './vocabulary.ts';

const Service = Type.Object(
  {
    name: ServiceName,
    type: ServiceType,
    socket: Type.Optional(
      Type.String({
        pattern: '^/',
        description: 'an absolute path in the container: of a socket, of a device node for type "drm"',
      }),
    ),
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
