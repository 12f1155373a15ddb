import type { FactsByKind, ListenerSpec } from '../../../state/resource.ts';
import type { Condition, ResourceDescription } from '../../api/contract.ts';
import type { Ingress } from '../ingress.ts';
import type { Style, Terminal } from '../terminal.ts';
import { endpointsOf } from './listener-fields.ts';
import { RouteListing } from './route-table.ts';
import { printable, wrapped } from './text.ts';
import { trafficText } from './traffic-text.ts';

type Facts = FactsByKind['listener'];

/** What there is to say of a listener besides what every resource has: label and text. */
export function listenerLines(
  { key, spec, observed }: Pick<ResourceDescription, 'key' | 'spec' | 'observed'>,
  ingress: Ingress,
): readonly (readonly [label: string, text: string])[] {
  const made = observed as unknown as { readonly spec: ListenerSpec; readonly facts: Facts } | null;
  const desired = (spec as unknown as ListenerSpec | null) ?? made?.spec ?? null;
  const sum = ingress.sumOf(key);
  const warnings = made?.facts.warnings ?? [];
  return [
    ...(desired === null ? [] : [['Listens at', endpointsOf(desired).join(', ')] as const]),
    ['Carried by', made === null ? 'nobody' : carriersText(made)],
    ...(ingress.proxy !== null && made?.facts.carriers.includes(ingress.proxy.name) === true
      ? [['Proxy', proxyText(ingress.proxy)] as const]
      : []),
    ...warnings.map((warning) => ['Warning', warning] as const),
    ['Carried', sum === null || desired === null ? '-' : trafficText(desired.type, sum)],
  ];
}

/** A provider that restarts makes it read nothing anew (ING-10): that can be seen by its count. */
function proxyText({ name, pid, reloads }: NonNullable<Ingress['proxy']>): string {
  return `${name}, process ${pid}, ${reloads === 1 ? '1 reload' : `${reloads} reloads`} since it was started`;
}

/** Each address with who carries it; in one word where that is the same for all. */
function carriersText({
  spec,
  facts: { carriers },
}: {
  readonly spec: ListenerSpec;
  readonly facts: Facts;
}): string {
  const [only, ...others] = new Set(carriers);
  if (only === undefined) return 'nobody';
  if (others.length === 0) return only;
  return endpointsOf(spec)
    .map((endpoint, index) => `${endpoint} ${carriers[index] ?? '-'}`)
    .join(', ');
}

const statusStyles: Readonly<Record<Condition['status'], Style>> = {
  True: 'good',
  False: 'bad',
  Unknown: 'busy',
};

/** A condition in a line, and below it why it is so. */
function conditionText(
  { type, status, reason, revision, message }: Condition,
  { width, paint }: Pick<Terminal, 'width' | 'paint'>,
): string {
  const padding = ' '.repeat(longestStatus - status.length);
  const heading = `${type.padEnd(longestType)}  ${paint(statusStyles[status], status)}${padding}  ${printable(reason)}`;
  return `${indent}${heading}, revision ${revision}\n${wrapped(message, width, `${indent}${indent}`)}`;
}

const [longestType, longestStatus] = ['ResolvedRefs'.length, 'Unknown'.length];

/** The rules of a listener and its conditions, each under its heading. */
export function listenerTables(
  { key, conditions = [] }: Pick<ResourceDescription, 'key' | 'conditions'>,
  ingress: Ingress,
  { width, paint }: Pick<Terminal, 'width' | 'paint'>,
): string {
  const narrower = { width: width - indent.length, paint };
  const routes = new RouteListing(ingress.routesOf(key), false, narrower).text(ingress);
  const lines = conditions.map((condition) => conditionText(condition, { width, paint }));
  return `Routes:\n${routes.replace(/^(?=.)/gm, indent)}Conditions:\n${lines.join('')}`;
}

const indent = '  ';
