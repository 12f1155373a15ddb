import type { ResourceItem } from '../../api/contract.ts';
import type { Field } from './fields.ts';
import { phase, revision, type ShownResource } from './resource-fields.ts';

type Shown = ShownResource<'link'>;

/** What is as desired needs no words: a path has the room. */
function messageText({ phase, message }: ResourceItem): string | null {
  return phase === 'Ready' ? null : message;
}

/** Names that are alike differ at their ends more often than not. */
const name = { flexible: 'last', least: 9, keeps: 'end' } as const;
const path = { flexible: true, least: 14, keeps: 'end' } as const;

/** Whether the consumer can do without it (LINK-1). */
export const needText = (optional: boolean): string => (optional ? 'optional' : 'required');

const numberText = (number: number | undefined): string | null => number?.toString() ?? null;

/** Columns of links: who uses what of whom, and where. */
export const linkFields: readonly Field<Shown>[] = [
  { title: 'CONSUMER', ...name, show: ({ spec }) => spec?.consumer ?? null },
  { title: 'SERVICE', ...name, show: ({ spec }) => spec?.service ?? null },
  { title: 'TYPE', show: ({ spec }) => spec?.type ?? null },
  { title: 'PROVIDER', ...name, show: ({ spec }) => spec?.provider ?? null },
  { title: 'TARGET', ...path, show: ({ spec }) => spec?.target ?? null },
  { title: 'SOCKET', wide: true, show: ({ spec }) => spec?.socket ?? null },
  { title: 'ROLE', wide: true, show: ({ spec }) => spec?.role ?? null },
  { title: 'INTERFACE', wide: true, show: ({ spec }) => spec?.interface ?? null },
  { title: 'NEED', wide: true, show: ({ item }) => needText(item.optional === true) },
  { title: 'CARRIER', wide: true, show: ({ facts }) => facts?.carrier ?? null },
  {
    title: 'SESSIONS',
    wide: true,
    show: ({ item, plane }) => numberText(plane.linkTraffic(item.key)?.sessions),
  },
  {
    title: 'CONNECTIONS',
    wide: true,
    show: ({ item, plane }) => numberText(plane.linkTraffic(item.key)?.connections),
  },
  phase,
  revision,
  { title: 'MESSAGE', flexible: 'first', show: ({ item }) => messageText(item) },
];
