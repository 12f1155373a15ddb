import type { Finding } from '../state/finding.ts';
import type { ServiceManifest } from '../state/manifest.ts';
import { readServices } from '../state/read-services.ts';
import { containerKey, type Key, kindOf } from '../state/resource.ts';
import type { DesiredStore } from '../state/store.ts';
import type {
  ContainerServices,
  ProvidedService,
  ResourceDescription,
  RouteItem,
  ServiceUse,
} from './api/contract.ts';
import type { Engine } from './engine.ts';
import { external, targetOf } from './graph.ts';
import { linkConditions } from './link-conditions.ts';
import { type LinkSight, linkEnds, linkSpecOf } from './link-sight.ts';

/** What links are shown from. */
export interface LinkParts {
  readonly engine: Pick<Engine, 'board' | 'world'>;
  readonly store: Pick<DesiredStore, 'desired' | 'tree' | 'findings'>;
}

/** Links by their ends and conditions, and containers by the services that they provide and use, as the api shows them. */
export class LinkViews {
  readonly #parts: LinkParts;

  constructor(parts: LinkParts) {
    this.#parts = parts;
  }

  /** Null for a key that no link has. */
  describe(key: Key): Required<Pick<ResourceDescription, 'ends' | 'conditions'>> | null {
    const sight = this.#sight(key);
    const spec = sight === null ? null : linkSpecOf(sight);
    if (sight === null || spec === null) return null;
    const ends = linkEnds(sight, spec, (container) => this.#parts.engine.world.observed(container));
    return { ends, conditions: linkConditions(sight, ends) };
  }

  /** What a container has to do with services, `routes` being every rule of ingress. Looks at every link: asked for by people, one container at a time. */
  servicesOf(container: string, routes: readonly RouteItem[]): ContainerServices {
    const links = [...this.#parts.engine.board.keys()]
      .filter((key) => kindOf(key) === 'link')
      .sort()
      .flatMap((key) => this.#use(key) ?? []);
    const users = [...links, ...routes.map(routeUse)].filter(({ provider }) => provider === container);
    return {
      provides: provided(this.#declared(container), users),
      uses: links.filter(({ consumer }) => consumer === container),
      lacks: this.#parts.store.findings.filter((finding) => isLackOf(container, finding)),
    };
  }

  /** What its services.json lists, as long as it is desired. */
  #declared(container: string): readonly ServiceManifest[] {
    const { store } = this.#parts;
    if (store.desired(containerKey(container)) === undefined) return [];
    const path = `${container}/services.json`;
    return readServices(path, store.tree.document(path)).services;
  }

  #use(key: Key): ServiceUse | null {
    const sight = this.#sight(key);
    const spec = sight === null ? null : linkSpecOf(sight);
    if (sight === null || spec === null) return null;
    const { service, type, consumer, provider, target, role } = spec;
    const { phase, reason, message } = sight.status;
    const optional = sight.desired?.optional === true;
    return { key, service, type, consumer, provider, target, role, optional, phase, reason, message };
  }

  #sight(key: Key): LinkSight | null {
    const { engine, store } = this.#parts;
    const status = engine.board.get(key);
    if (status === undefined || kindOf(key) !== 'link') return null;
    return { key, desired: store.desired(key), observed: engine.world.observed(key), status };
  }
}

/** Names of containers have nothing in them that a pointer would escape, and a slash behind them is `~1`. */
function isLackOf(container: string, { code, pointer }: Finding): boolean {
  return lackingCodes.has(code) && pointer.startsWith(`/${container}~1`);
}

/** Codes of services that a container would use and has no link for. */
const lackingCodes: ReadonlySet<string> = new Set(['ServiceOptionalMissing', 'ServiceNotLinked']);

function routeUse(route: RouteItem): ServiceUse {
  const { listener, service, type, provider, phase, reason, message } = route;
  return {
    key: listener,
    ...{ service, type, consumer: external, provider },
    target: targetOf(listener, route),
    ...{ role: 'any', optional: false, phase, reason, message },
  };
}

/** Services that are declared, then those that only users still know. */
function provided(
  declared: readonly ServiceManifest[],
  users: readonly ServiceUse[],
): readonly ProvidedService[] {
  const byName = Map.groupBy(users, ({ service }) => service);
  const names = new Set(declared.map(({ name }) => name));
  const left = [...byName].filter(
    ([name, uses]) => !names.has(name) && uses.some(({ phase }) => phase === 'Removing'),
  );
  return [
    ...declared.map(({ name, type, socket, port }) => ({
      ...{ name, type, socket, port },
      users: byName.get(name) ?? [],
    })),
    ...left.map(([name, uses]) => ({
      name,
      type: uses[0]?.type ?? 'unix',
      socket: null,
      port: null,
      users: uses,
    })),
  ];
}
