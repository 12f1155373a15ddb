import { listenText } from '../../../state/ingress.ts';
import type { FactsByKind, ListenerSpec } from '../../../state/resource.ts';
import type { RouteItem } from '../../api/contract.ts';
import type { Field } from './fields.ts';
import { worstStyle } from './phase-style.ts';
import { revision, type ShownResource } from './resource-fields.ts';
import { count } from './text.ts';
import { bytesText, carriedText } from './traffic-text.ts';

type Shown = ShownResource<'listener'>;

const routesOf = ({ item, plane }: Shown): readonly RouteItem[] => plane.routesOf(item.key);
const unserved = (shown: Shown): readonly RouteItem[] =>
  routesOf(shown).filter(({ phase }) => phase !== 'Ready');

/** Where the host listens: `0.0.0.0:80`, `[::]:80`. */
export function endpointsOf({ addresses, port }: ListenerSpec): readonly string[] {
  return addresses.map((host) => listenText({ host, port }));
}

/** Who carries what comes in, each once; null: nobody does. */
function carriersText(facts: FactsByKind['listener'] | null): string | null {
  return facts === null ? null : [...new Set(facts.carriers)].join('+');
}

/** How many of its rules are served: `1/2`. */
function servesText(shown: Shown): string | null {
  const all = routesOf(shown).length;
  return all === 0 ? null : `${all - unserved(shown).length}/${all}`;
}

/** What a listener that is Ready itself does without. */
function messageText(shown: Shown): string {
  const { item, facts } = shown;
  const [first] = unserved(shown);
  if (item.phase !== 'Ready') return item.message;
  if (first !== undefined)
    return `${count(unserved(shown).length, 'rule')} not served: ${first.rule}: ${first.message}`;
  return facts?.warnings?.join('; ') ?? item.message;
}

/** Columns of listeners. A phase is never shown as good where one of its rules is not served. */
export const listenerFields: readonly Field<Shown>[] = [
  { title: 'NAME', show: ({ item }) => item.name },
  { title: 'TYPE', show: ({ spec }) => spec?.type ?? null },
  { title: 'CARRIER', show: ({ facts }) => carriersText(facts) },
  { title: 'SERVES', show: servesText },
  {
    title: 'ADDRESSES',
    wide: true,
    show: ({ spec }) => (spec === null ? null : endpointsOf(spec).join(',')),
  },
  {
    title: 'CARRIED',
    wide: true,
    show: ({ item, spec, plane }) => {
      const sum = plane.sumOf(item.key);
      return sum === null || spec === null ? null : carriedText(spec.type, sum);
    },
  },
  { title: 'IN', wide: true, show: ({ item, plane }) => sizeText(plane.sumOf(item.key)?.bytesIn) },
  { title: 'OUT', wide: true, show: ({ item, plane }) => sizeText(plane.sumOf(item.key)?.bytesOut) },
  {
    title: 'PHASE',
    show: ({ item }) => item.phase,
    style: (shown) => worstStyle([shown.item.phase, ...routesOf(shown).map(({ phase }) => phase)]),
  },
  revision,
  {
    title: 'RULES',
    flexible: true,
    show: ({ spec }) => spec?.routes.map(({ rule }) => rule).join(',') ?? null,
  },
  { title: 'MESSAGE', flexible: true, show: messageText },
];

function sizeText(bytes: number | undefined): string | null {
  return bytes === undefined ? null : bytesText(bytes);
}
