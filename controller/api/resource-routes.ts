import type { FastifyInstance } from 'fastify';
import { filter } from 'rxjs';
import { meantHint, nearestNames } from '../../state/nearest-name.ts';
import { type Key, type Kind, kinds } from '../../state/resource.ts';
import type { EventRecord } from '../../state/status.ts';
import type { ControllerService, ResourceItem } from './contract.ts';
import { followList } from './follow-list.ts';
import type { LineStreams, Send } from './line-stream.ts';
import { Problem } from './problem.ts';

interface ResourceQuery {
  readonly kind?: string;
  readonly name?: string;
  readonly follow?: string;
}

type Selects = (resource: { readonly key: Key }) => boolean;

/**
 * The resources that a query asks for. A name is the whole name of a resource, or one part of it: leases are found by
 * their pool, container or interface too. Throws a Problem for a kind that does not exist.
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
  return ({ key }) => {
    const [itsKind, ...parts] = key.split('/');
    if (kind !== undefined && itsKind !== kind) return false;
    return name === undefined || parts.join('/') === name || parts.includes(name);
  };
}

/** A Problem (404) for a key that no resource has, with the keys that are most like it. */
function unknownResource(key: string, items: readonly ResourceItem[]): Problem {
  const near = nearestNames(
    key,
    items.map((item) => item.key),
  );
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
    if (request.query.follow === undefined) return { items: service.resources().filter(selects) };
    const changes = service.changes().pipe(filter(selects));
    return streams.answer(reply, (send) =>
      followList(changes, () => service.resources().filter(selects), send),
    );
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
