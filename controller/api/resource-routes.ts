import type { FastifyInstance } from 'fastify';
import { filter } from 'rxjs';
import { meantHint, nearestNames } from '../../state/nearest-name.ts';
import { type Key, type Kind, kindOf, kinds } from '../../state/resource.ts';
import type { EventRecord } from '../../state/status.ts';
import { namesOf } from '../resource-names.ts';
import type { ControllerService, ResourceChange, ResourceItem } from './contract.ts';
import { followList } from './follow-list.ts';
import type { LineStreams, Send } from './line-stream.ts';
import { Problem } from './problem.ts';

interface ResourceQuery {
  readonly kind?: string;
  readonly name?: string;
  readonly follow?: string;
}

/** Whether something is told to one asker. */
type Selects = (change: ResourceChange) => boolean;

/**
 * The resources that a query asks for, for one asker. A name is any that a person may call a resource by (see namesOf); what was told is
 * told of again when it is gone. Throws a Problem for a kind that does not exist.
 */
function selection({ kind, name }: ResourceQuery): Selects {
  if (kind !== undefined && !kinds.includes(kind as Kind)) {
    throw new Problem(
      400,
      'UnknownKind',
      `found kind '${kind}', expected one of ${kinds.join(', ')}`,
      meantHint(kind, kinds) ?? undefined,
    );
  }
  const told = new Set<Key>();
  return ({ key, item }) => {
    if (kind !== undefined && kindOf(key) !== kind) return false;
    if (name === undefined) return true;
    if (item === null) return told.delete(key);
    if (namesOf(item).includes(name)) told.add(key);
    return told.has(key);
  };
}

/** The present resources of a selection. */
function selected(service: ControllerService, selects: Selects): readonly ResourceItem[] {
  return service.resources().filter((item) => selects({ key: item.key, item }));
}

/** A Problem (404) for a key that no resource has, with those that are most like it. */
function unknownResource(key: string, items: readonly ResourceItem[]): Problem {
  const known = new Set(items.flatMap((item) => namesOf(item).map((name) => `${item.kind}/${name}`)));
  const near = nearestNames(key, known);
  return new Problem(
    404,
    'UnknownResource',
    `there is no resource '${key}'`,
    near.length === 0 ? undefined : `did you mean ${near.map((name) => `'${name}'`).join(' or ')}?`,
  );
}

/** The events that are kept, then every new one; each once, in the order of their sequence numbers. */
function followEvents(service: ControllerService, send: Send): () => void {
  let last = -1;
  const sendNew = (event: EventRecord): void => {
    if (event.sequence <= last) return;
    last = event.sequence;
    send(event);
  };
  for (const event of service.events()) sendNew(event);
  const subscription = service.eventStream().subscribe(sendNew);
  return () => subscription.unsubscribe();
}

/** What is there, what is wrong with it, and what has happened. */
export function resourceRoutes(api: FastifyInstance, service: ControllerService, streams: LineStreams): void {
  api.get<{ Querystring: ResourceQuery }>('/v1/resources', async (request, reply) => {
    const selects = selection(request.query);
    if (request.query.follow === undefined) return { items: selected(service, selects) };
    const changes = service.changes().pipe(filter(selects));
    return streams.answer(reply, (send) => followList(changes, () => selected(service, selects), send));
  });
  // A wildcard, so that a key may be given as it is or with its slashes encoded.
  api.get<{ Params: { '*': string } }>('/v1/resources/*', async (request) => {
    const key = request.params['*'];
    const description = service.describe(key as Key);
    if (description === null) throw unknownResource(key, service.resources());
    return description;
  });
  api.get<{ Querystring: { follow?: string } }>('/v1/events', async (request, reply) => {
    if (request.query.follow === undefined) return { items: service.events() };
    return streams.answer(reply, (send) => followEvents(service, send));
  });
}
