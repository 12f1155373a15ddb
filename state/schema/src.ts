import { type Static, Type } from 'typebox';
import { ArgsDocument } from './args.ts';

/**
 * `<container>/src.json`: where a container was made from. Only its `args` mean something here (REV-4); the rest is
 * the record of the tool that made it, and open.
 */
export const SrcDocument = Type.Object(
  {
    args: Type.Optional(
      Type.Object(ArgsDocument.properties, {
        additionalProperties: true,
        description: 'an object of arguments',
      }),
    ),
  },
  {
    $id: 'src.json',
    title: 'src.json',
    additionalProperties: true,
    description: 'an object that says where the container comes from',
  },
);

export type SrcDocument = Static<typeof SrcDocument>;
