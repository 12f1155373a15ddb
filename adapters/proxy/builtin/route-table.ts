import { forwardedPath, inMatchingOrder, matchRoute } from '../../../state/routes.ts';
import type { ProxyRoute, ProxyTraffic } from '../proxy.ts';
import { backendKey, type Provider } from './provider.ts';

/** What one rule has carried. */
export interface RuleCount {
  connections: number;
  bytesIn: number;
  bytesOut: number;
}

/** A route that is served. */
export interface LiveRoute extends ProxyRoute {
  /** Null: it leads nowhere. */
  readonly provider: Provider | null;
  readonly count: RuleCount;
}

/** The routes of one listener, as they are now, with what each rule has carried since it came. */
export class RouteTable {
  #routes: readonly LiveRoute[] = [];

  /** Replaces all routes. A rule that stays keeps its counts. */
  set(routes: readonly ProxyRoute[], providerOf: (route: ProxyRoute) => Provider | null): void {
    const counts = new Map(this.#routes.map(({ rule, count }) => [rule, count]));
    const fresh = (): RuleCount => ({ connections: 0, bytesIn: 0, bytesOut: 0 });
    this.#routes = inMatchingOrder(routes).map((route) => ({
      ...route,
      provider: providerOf(route),
      count: counts.get(route.rule) ?? fresh(),
    }));
  }

  /** The route for a request; null: there is none. */
  match(host: string, path: string): LiveRoute | null {
    return matchRoute(this.#routes, host, path);
  }

  /** The only route, of a tcp listener. */
  first(): LiveRoute | null {
    return this.#routes[0] ?? null;
  }

  /** Whether what goes on by `route` may go on: its rule is there, and leads where it did. */
  stillHas(route: LiveRoute): boolean {
    return this.#routes.some(({ rule, provider }) => rule === route.rule && provider === route.provider);
  }

  traffic(listener: string): readonly ProxyTraffic[] {
    return this.#routes.map(({ rule, count }) => ({ listener, rule, ...count }));
  }
}

/** What a provider is called where something is said of it. */
export function providerName({ rule }: LiveRoute): string {
  return rule === '' ? 'the provider' : `the provider of '${rule}'`;
}

/** What the provider is asked for. */
export function providerPath(route: LiveRoute, path: string, query: string): string {
  const forwarded = forwardedPath(route, path);
  return query === '' ? forwarded : forwarded + query;
}

/** Providers by what leads to them: routes to the same backend share one, and so its connections. */
export class Providers {
  readonly #create: (backend: NonNullable<ProxyRoute['backend']>) => Provider;
  readonly #byKey = new Map<string, Provider>();

  constructor(create: (backend: NonNullable<ProxyRoute['backend']>) => Provider) {
    this.#create = create;
  }

  of({ backend }: ProxyRoute): Provider | null {
    if (backend === null) return null;
    const key = backendKey(backend);
    const provider = this.#byKey.get(key) ?? this.#create(backend);
    this.#byKey.set(key, provider);
    return provider;
  }

  /** Closes those to which none of these routes leads. */
  keep(routes: readonly ProxyRoute[]): void {
    const wanted = new Set(routes.flatMap(({ backend }) => (backend === null ? [] : [backendKey(backend)])));
    for (const [key, provider] of this.#byKey) {
      if (wanted.has(key)) continue;
      this.#byKey.delete(key);
      provider.close();
    }
  }
}
