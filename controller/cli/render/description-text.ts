import type { Json } from '../../../state/json.ts';
import type { ResourceDescription } from '../../api/contract.ts';
import type { DataPlane } from '../data-plane.ts';
import type { Terminal } from '../terminal.ts';
import { conditionsText } from './condition-text.ts';
import { containerFields } from './container-fields.ts';
import { causeText, eventLine } from './event-text.ts';
import { linkLines } from './link-text.ts';
import { listenerLines, listenerTables } from './listener-text.ts';
import { phaseStyle } from './phase-style.ts';
import { serviceTables } from './service-text.ts';
import { count, instant, printable, wrapped } from './text.ts';

type Paper = Pick<Terminal, 'width' | 'paint'>;

/** Width of the names on the left. */
const labelWidth = 14;

function field(label: string, value: string): string {
  return `${`${label}:`.padEnd(labelWidth)}${value}\n`;
}

function wrappedField(label: string, text: string, width: number): string {
  return field(label, wrapped(text, width, ' '.repeat(labelWidth)).trim());
}

function keysField(label: string, keys: ResourceDescription['dependsOn'], paint: Terminal['paint']): string {
  const lines = keys.map(({ key, phase }) => `${printable(key)} ${paint(phaseStyle(phase), phase)}`);
  return field(label, lines.length === 0 ? '-' : lines.join(`\n${' '.repeat(labelWidth)}`));
}

/** JSON, indented under its heading; what a terminal would obey is escaped. */
function document(label: string, value: Json): string {
  if (value === null) return field(label, '-');
  const lines = JSON.stringify(value, null, 2).split('\n').map(printable);
  return `${label}:\n${lines.map((line) => `  ${line}\n`).join('')}`;
}

/** What only resources of its kind have: label and text. */
function ownFields(
  description: ResourceDescription,
  plane: DataPlane,
): readonly (readonly [label: string, text: string])[] {
  switch (description.kind) {
    case 'container':
      return containerFields(description);
    case 'listener':
      return listenerLines(description, plane);
    case 'link':
      return linkLines(description, plane);
    default:
      return [];
  }
}

/** The same, for what is a table. */
function ownTables(description: ResourceDescription, plane: DataPlane, paper: Paper): string {
  const { kind, conditions = [], services } = description;
  if (kind === 'listener') return listenerTables(description, plane, paper);
  if (kind === 'link') return conditionsText(conditions, paper);
  return services === undefined ? '' : serviceTables(services, paper);
}

/** Everything about one resource; `plane` has the rules of a listener and the sessions of a link. The first line says why it is in its phase, down to the root cause. */
export function descriptionText(
  description: ResourceDescription,
  plane: DataPlane,
  { width, paint }: Paper,
): string {
  const { key, phase, reason, why, status, pointers, events } = description;
  const attempts = status.attempts === 0 ? '' : `, ${count(status.attempts, 'failed attempt')}`;
  return [
    `${printable(why)}\n\n`,
    field('Key', printable(key)),
    field(
      'Phase',
      `${paint(phaseStyle(phase), phase)} (${reason}) since ${instant(status.since)}, revision ${status.revision}${attempts}`,
    ),
    wrappedField('Message', status.message, width),
    ...ownFields(description, plane).map(([label, text]) => wrappedField(label, text, width)),
    field('Cause', printable(causeText(status.cause))),
    field(
      'Declared at',
      pointers.length === 0 ? '-' : pointers.map(printable).join(`\n${' '.repeat(labelWidth)}`),
    ),
    field('Waits for', status.waitsFor.length === 0 ? '-' : status.waitsFor.map(printable).join(', ')),
    keysField('Depends on', description.dependsOn, paint),
    keysField('Needed by', description.dependents, paint),
    ownTables(description, plane, { width, paint }),
    document('Spec', description.spec),
    document('Observed', description.observed),
    events.length === 0 ? field('Events', '-') : 'Events:\n',
    ...events.map((event) => `  ${eventLine(event, paint)}`),
  ].join('');
}
