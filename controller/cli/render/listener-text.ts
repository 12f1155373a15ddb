import type { FactsByKind, ListenerSpec } from '../../../state/resource.ts';
import type { ResourceDescription } from '../../api/contract.ts';
import type { DataPlane } from '../data-plane.ts';
import type { Terminal } from '../terminal.ts';
import { conditionsText } from './condition-text.ts';
import { endpointsOf } from './listener-fields.ts';
import { RouteListing } from './route-table.ts';
import { indent, indented } from './text.ts';
import { trafficText } from './traffic-text.ts';

type Facts = FactsByKind['listener'];

/** What there is to say of a listener besides what every resource has: label and text. */
export function listenerLines(
  { key, spec, observed }: Pick<ResourceDescription, 'key' | 'spec' | 'observed'>,
  plane: DataPlane,
): readonly (readonly [label: string, text: string])[] {
  const made = observed as unknown as { readonly spec: ListenerSpec; readonly facts: Facts } | null;
  const desired = (spec as unknown as ListenerSpec | null) ?? made?.spec ?? null;
  const sum = plane.sumOf(key);
  const warnings = made?.facts.warnings ?? [];
  return [
    ...(desired === null ? [] : [['Listens at', endpointsOf(desired).join(', ')] as const]),
    ['Carried by', made === null ? 'nobody' : carriersText(made)],
    ...(plane.proxy !== null && made?.facts.carriers.includes(plane.proxy.name) === true
      ? [['Proxy', proxyText(plane.proxy)] as const]
      : []),
    ...warnings.map((warning) => ['Warning', warning] as const),
    ['Carried', sum === null || desired === null ? '-' : trafficText(desired.type, sum)],
  ];
}

/** A provider that restarts makes it read nothing anew (ING-10): that can be seen by its count. */
function proxyText({ name, pid, reloads }: NonNullable<DataPlane['proxy']>): string {
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

/** The rules of a listener and its conditions, each under its heading. */
export function listenerTables(
  { key, conditions = [] }: Pick<ResourceDescription, 'key' | 'conditions'>,
  plane: DataPlane,
  { width, paint }: Pick<Terminal, 'width' | 'paint'>,
): string {
  const narrower = { width: width - indent.length, paint };
  const routes = new RouteListing(plane.routesOf(key), false, narrower).text(plane);
  return `Routes:\n${indented(routes)}${conditionsText(conditions, { width, paint })}`;
}
