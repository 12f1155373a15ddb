import type { Json, JsonObject } from '../../state/json.ts';
import { type Key, type LinkType, linkKey } from '../../state/resource.ts';
import type { FlatState } from '../../state/revision.ts';
import { runOf } from '../state/revisions.ts';

/** What a container of a revision with services says. */
export interface Serving {
  /** Its network: where `hostname` differs it is another container. */
  readonly hostname?: string;
  /** Names of services that it provides, by type; each at `/run/<name>.sock`. */
  readonly provides?: Readonly<Record<string, LinkType>>;
  /** Names of services that it requires, or whole requirements. */
  readonly requires?: readonly Json[];
  readonly optional?: readonly Json[];
  /** More members of its run.json. */
  readonly more?: JsonObject;
}

const named = (requirement: Json): Json =>
  typeof requirement === 'string' ? { name: requirement } : requirement;

function documentsOf(name: string, serving: Serving): readonly (readonly [string, Json])[] {
  const { hostname = name, provides = {}, requires = [], optional = [], more = {} } = serving;
  const services = { required: requires.map(named), optional: optional.map(named) };
  const provided = Object.entries(provides).map(([service, type]) => ({
    name: service,
    type,
    socket: `/run/${service}.sock`,
  }));
  return [
    [`${name}/run.json`, runOf(name, { mode: 'none', hostname }, { services, ...more })],
    ...(provided.length === 0 ? [] : [[`${name}/services.json`, provided] as const]),
  ];
}

/** A revision of containers that provide services and require them. */
export function servingRevision(
  containers: Readonly<Record<string, Serving>>,
  groups: readonly Json[] = [],
): FlatState {
  const documents = Object.entries(containers).flatMap(([name, serving]) => documentsOf(name, serving));
  return {
    '#spec': 'pantavisor-service-system@1',
    ...(groups.length === 0 ? {} : { 'device.json': { groups } }),
    ...Object.fromEntries(documents),
  };
}

/** The link of `consumer` to `service`, where its requirement says no target. */
export const linkOf = (consumer: string, service: string): Key =>
  linkKey(consumer, `/run/pv/services/${service}.sock`);
