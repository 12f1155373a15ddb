import { map, type Observable } from 'rxjs';
import type { Json } from '../state/json.ts';
import { type Key, kindOf, nameOf } from '../state/resource.ts';
import type { Phase, Status } from '../state/status.ts';
import type { ResourceChange, ResourceDescription, ResourceItem } from './api/contract.ts';
import type { EventLog } from './event-log.ts';
import { type LinkParts, LinkViews } from './link-views.ts';
import { type RouteParts, RouteViews } from './route-views.ts';
import { why } from './why.ts';

/** What resources are shown from. */
export interface ResourceParts extends RouteParts, LinkParts {
  readonly store: RouteParts['store'] & LinkParts['store'];
  readonly events: Pick<EventLog, 'of'>;
}

/** Resources as the api shows them. */
export class ResourceViews {
  /** Rules of ingress. */
  readonly routes: RouteViews;
  readonly #links: LinkViews;
  readonly #parts: ResourceParts;

  constructor(parts: ResourceParts) {
    this.#parts = parts;
    this.routes = new RouteViews(parts);
    this.#links = new LinkViews(parts);
  }

  all(): readonly ResourceItem[] {
    return [...this.#parts.engine.board.keys()].map((key) => this.#item(key)).filter((item) => item !== null);
  }

  changes(): Observable<ResourceChange> {
    return this.#parts.runner.statuses.pipe(map(({ key }) => ({ key, item: this.#item(key) })));
  }

  /** Null for a key that no resource has. */
  describe(key: Key): ResourceDescription | null {
    const item = this.#item(key);
    const status = this.#status(key);
    if (item === null || status === undefined) return null;
    const { store, engine, events } = this.#parts;
    const desired = store.desired(key);
    return {
      ...item,
      why: why(key, (other) => this.#status(other)),
      status,
      pointers: desired?.pointers ?? [],
      dependsOn: this.#withPhases(desired?.dependsOn ?? []),
      dependents: this.#withPhases([...engine.world.dependents(key)]),
      lifecycle: desired?.lifecycle ?? null,
      ...this.#ofItsKind(key),
      events: events.of(key),
    };
  }

  /** What resources of one kind alone have. */
  #ofItsKind(key: Key): Partial<ResourceDescription> | null {
    switch (kindOf(key)) {
      case 'listener':
        return this.routes.describe(key);
      case 'link':
        return this.#links.describe(key);
      case 'container':
        return { services: this.#links.servicesOf(nameOf(key), this.routes.all()) };
      default:
        return null;
    }
  }

  #status(key: Key): Status | undefined {
    return this.#parts.engine.board.get(key);
  }

  #item(key: Key): ResourceItem | null {
    const status = this.#status(key);
    if (status === undefined) return null;
    const { store, engine } = this.#parts;
    const { phase, reason, message, revision } = status;
    const desired = store.desired(key);
    const spec = (desired?.spec ?? null) as unknown as Json;
    const observed = (engine.world.observed(key) ?? null) as unknown as Json;
    return {
      ...{ key, kind: kindOf(key), name: nameOf(key), phase, reason, message, revision, spec, observed },
      ...(desired?.optional === true ? { optional: true } : {}),
    };
  }

  #withPhases(keys: readonly Key[]): readonly { readonly key: Key; readonly phase: Phase }[] {
    return keys.map((key) => ({ key, phase: this.#status(key)?.phase ?? 'Pending' }));
  }
}
