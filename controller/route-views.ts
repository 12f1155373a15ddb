import { defer, from, mergeMap, type Observable } from 'rxjs';
import { type Key, kindOf, type ListenerSpec, nameOf } from '../state/resource.ts';
import type { DesiredStore } from '../state/store.ts';
import type { Condition, RouteChange, RouteItem } from './api/contract.ts';
import type { Engine } from './engine.ts';
import { listenerConditions } from './listener-conditions.ts';
import { type ListenerSight, routeItems } from './route-items.ts';
import type { Runner } from './runner.ts';

/** What routes are shown from. */
export interface RouteParts {
  readonly engine: Pick<Engine, 'board' | 'world'>;
  readonly runner: Pick<Runner, 'statuses'>;
  readonly store: Pick<DesiredStore, 'desired' | 'keys' | 'digest' | 'findings'>;
}

/** Listeners by the containers that they lead to, in one revision. */
interface Consumers {
  readonly digest: string;
  readonly of: ReadonlyMap<string, ReadonlySet<Key>>;
}

/** Rules of ingress, and listeners by their conditions, as the api shows them. */
export class RouteViews {
  readonly #parts: RouteParts;
  #consumers: Consumers = { digest: '', of: new Map() };

  constructor(parts: RouteParts) {
    this.#parts = parts;
  }

  all(): readonly RouteItem[] {
    const keys = [...this.#parts.engine.board.keys()];
    return keys.filter((key) => kindOf(key) === 'listener').flatMap((key) => this.of(key));
  }

  /** Of one listener; none where there is no such. */
  of(listener: Key): readonly RouteItem[] {
    const sight = this.#sight(listener);
    return sight === null ? [] : this.#routesOf(sight);
  }

  /** Null for a key that no listener has. */
  describe(
    listener: Key,
  ): { readonly routes: readonly RouteItem[]; readonly conditions: readonly Condition[] } | null {
    const sight = this.#sight(listener);
    if (sight === null) return null;
    const routes = this.#routesOf(sight);
    return { routes, conditions: listenerConditions(sight, routes) };
  }

  /** What differs from when it was subscribed to, and then each time that something does: told by listeners and by their providers. */
  changes(): Observable<RouteChange> {
    return defer(() => {
      const told = new ToldRoutes(this.all());
      return this.#parts.runner.statuses.pipe(
        mergeMap(({ key }) => from(this.#concerned(key))),
        mergeMap((listener) => from(told.tell(listener, this.of(listener)))),
      );
    });
  }

  /** The listeners of which a route may stand otherwise, now that `key` does. */
  #concerned(key: Key): Iterable<Key> {
    if (kindOf(key) === 'listener') return [key];
    return kindOf(key) === 'container' ? (this.#consumersNow().get(nameOf(key)) ?? []) : [];
  }

  #consumersNow(): Consumers['of'] {
    const { store } = this.#parts;
    if (this.#consumers.digest !== store.digest) {
      const of = new Map<string, Set<Key>>();
      for (const key of store.keys()) {
        if (kindOf(key) !== 'listener') continue;
        const spec = store.desired(key)?.spec as ListenerSpec | undefined;
        for (const { provider } of spec?.routes ?? [])
          of.set(provider, (of.get(provider) ?? new Set()).add(key));
      }
      this.#consumers = { digest: store.digest, of };
    }
    return this.#consumers.of;
  }

  #sight(key: Key): ListenerSight | null {
    const { engine, store } = this.#parts;
    const status = engine.board.get(key);
    if (status === undefined || kindOf(key) !== 'listener') return null;
    return { key, desired: store.desired(key), observed: engine.world.observed(key), status };
  }

  #routesOf(sight: ListenerSight): readonly RouteItem[] {
    const { engine, store } = this.#parts;
    return routeItems(sight, { statusOf: (key) => engine.board.get(key), findings: store.findings });
  }
}

/** What one follower has been told, so that nothing is told twice. */
class ToldRoutes {
  readonly #told = new Map<Key, ReadonlyMap<string, string>>();

  constructor(routes: readonly RouteItem[]) {
    for (const [listener, items] of Map.groupBy(routes, ({ listener }) => listener))
      this.tell(listener, items);
  }

  /** The changes from what was told of `listener` to `routes`, those that are gone first. */
  tell(listener: Key, routes: readonly RouteItem[]): readonly RouteChange[] {
    const before = this.#told.get(listener) ?? new Map<string, string>();
    const now = new Map(routes.map((item) => [item.rule, JSON.stringify(item)]));
    if (now.size === 0) this.#told.delete(listener);
    else this.#told.set(listener, now);
    const gone = [...before.keys()].filter((rule) => !now.has(rule));
    const changed = routes.filter(({ rule }) => before.get(rule) !== now.get(rule));
    return [
      ...gone.map((rule): RouteChange => ({ listener, rule, item: null })),
      ...changed.map((item): RouteChange => ({ listener, rule: item.rule, item })),
    ];
  }
}
