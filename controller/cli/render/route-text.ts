import { nameOf } from '../../../state/resource.ts';
import type { RouteItem } from '../../api/contract.ts';
import type { DataPlane } from '../data-plane.ts';
import type { Terminal } from '../terminal.ts';
import { phaseStyle } from './phase-style.ts';
import { backendText, pathText } from './route-table.ts';
import { printable, wrapped } from './text.ts';
import { trafficText } from './traffic-text.ts';

/** Width of the names on the left, as in the description of a resource. */
const labelWidth = 14;

/** One sentence: how a rule stands, and why. */
export function routeSentence({ rule, phase, message }: RouteItem): string {
  return `rule '${rule}' is ${phase}: ${message}`;
}

/** What is for which host and path: `a.example/api`, every host where none is named. */
function matchText(item: RouteItem): string {
  const path = pathText(item);
  if (path === null) return 'every connection';
  const kept = item.keepPrefix || item.path === '' ? '' : ', which the provider does not see';
  return `host ${item.host ?? '*'}, path ${path}${kept}`;
}

/** Everything about one rule of ingress. The first line says how it stands. */
export function routeText(
  item: RouteItem,
  plane: DataPlane,
  { width, paint }: Pick<Terminal, 'width' | 'paint'>,
): string {
  const { listener, type, provider, service, backend, phase, reason, pointer } = item;
  const traffic = plane.trafficOf(listener, item.rule);
  const field = (label: string, text: string) =>
    `${`${label}:`.padEnd(labelWidth)}${wrapped(text, width, ' '.repeat(labelWidth)).trimStart()}`;
  return [
    wrapped(routeSentence(item), width),
    '\n',
    `${'Phase:'.padEnd(labelWidth)}${paint(phaseStyle(phase), phase)} (${printable(reason)})\n`,
    field('Listener', `${nameOf(listener)} (${type})`),
    field('For', matchText(item)),
    field('Provider', `container ${provider}, service ${service}`),
    field('Backend', backend === null ? '-' : backendText(backend)),
    field('Carried', traffic === null ? '-' : trafficText(type, traffic)),
    field('Declared at', pointer ?? '-'),
  ].join('');
}
