import type { ContainerServices, ProvidedService, ServiceUse } from '../../api/contract.ts';
import type { Terminal } from '../terminal.ts';
import { type Field, tableOf } from './fields.ts';
import { needText } from './link-fields.ts';
import { phaseStyle } from './phase-style.ts';
import { tableText } from './table.ts';
import { indent, indented, wrapped } from './text.ts';

type Paper = Pick<Terminal, 'width' | 'paint'>;

/** A service, and one of those who use it; null: nobody does. */
interface ShownService {
  readonly service: Omit<ProvidedService, 'users'>;
  readonly use: ServiceUse | null;
}

const path = { flexible: true, least: 14, keeps: 'end' } as const;

/** Why it is not Ready. */
const messageOf = (use: ServiceUse | null): string | null =>
  use === null || use.phase === 'Ready' ? null : use.message;

const providedFields: readonly Field<ShownService>[] = [
  { title: 'SERVICE', flexible: 'last', show: ({ service }) => service.name },
  { title: 'TYPE', show: ({ service }) => service.type },
  {
    title: 'AT',
    ...path,
    show: ({ service }) => service.socket ?? (service.port === null ? null : `:${service.port}`),
  },
  { title: 'USED BY', flexible: 'last', keeps: 'end', show: ({ use }) => use?.consumer ?? null },
  { title: 'TARGET', ...path, show: ({ use }) => use?.target ?? null },
  {
    title: 'PHASE',
    show: ({ use }) => use?.phase ?? null,
    style: ({ use }) => phaseStyle(use?.phase ?? 'Ready'),
  },
  { title: 'MESSAGE', flexible: 'first', show: ({ use }) => messageOf(use) },
];

const usedFields: readonly Field<ServiceUse>[] = [
  { title: 'SERVICE', flexible: 'last', show: ({ service }) => service },
  { title: 'TYPE', show: ({ type }) => type },
  { title: 'PROVIDER', flexible: 'last', keeps: 'end', show: ({ provider }) => provider },
  { title: 'TARGET', ...path, show: ({ target }) => target },
  { title: 'ROLE', flexible: true, least: 6, show: ({ role }) => role },
  { title: 'NEED', show: ({ optional }) => needText(optional) },
  { title: 'PHASE', show: ({ phase }) => phase, style: ({ phase }) => phaseStyle(phase) },
  { title: 'MESSAGE', flexible: 'first', show: messageOf },
];

/**
 * What a container provides and to whom, what it uses of whom, and what it lacks; each with how that stands. Nothing where it has to do with no
 * service.
 */
export function serviceTables({ provides, uses, lacks }: ContainerServices, paper: Paper): string {
  const shown = provides.flatMap(({ users, ...service }): readonly ShownService[] =>
    users.length === 0 ? [{ service, use: null }] : users.map((use) => ({ service, use })),
  );
  return [
    section('Provides', providedFields, shown, paper),
    section('Uses', usedFields, uses, paper),
    lacks.length === 0 ? '' : 'Lacks:\n',
    ...lacks.map(({ message }) => wrapped(message, paper.width, indent)),
  ].join('');
}

/** A table under its heading, without columns in which nothing stands. */
function section<Shown>(
  heading: string,
  fields: readonly Field<Shown>[],
  rows: readonly Shown[],
  { width, paint }: Paper,
): string {
  if (rows.length === 0) return '';
  const filled = fields.filter(({ show }) => rows.some((row) => show(row) !== null));
  const { columns, row } = tableOf(filled, false);
  return `${heading}:\n${indented(tableText(columns, rows.map(row), width - indent.length, paint))}`;
}
