import type { FastifyInstance, FastifyReply } from 'fastify';
import { distinctUntilChanged } from 'rxjs';
import type { Json } from '../../state/json.ts';
import type { StateChange } from '../../state/revision.ts';
import type { ControllerService, RevisionOutcome } from './contract.ts';
import type { LineStreams } from './line-stream.ts';
import { Problem } from './problem.ts';
import { readChange, readMergePatch, readPatch, readRevision } from './request-bodies.ts';

const patchType = 'application/json-patch+json';
const mergeType = 'application/merge-patch+json';

/** A refused revision is answered with its outcome too, under 422: its findings say what is wrong. */
function sendOutcome(reply: FastifyReply, outcome: RevisionOutcome): FastifyReply {
  return reply.code(outcome.phase === 'WONTGO' ? 422 : 200).send(outcome);
}

/** The change that a PATCH asks for; its content type says how the body is meant (RFC 5789). */
function readPatchBody(contentType: string, body: Json): StateChange {
  const mediaType = contentType.split(';', 1)[0]?.trim().toLowerCase();
  if (mediaType === patchType) return readPatch(body);
  if (mediaType === mergeType) return readMergePatch(body);
  throw new Problem(
    415,
    'UnsupportedMediaType',
    `found content-type '${contentType}', expected ${patchType} (RFC 6902) or ${mergeType} (RFC 7396)`,
  );
}

/** Leaves out how a revision moves on its way, for followers that only wait for the end of it. */
const restsAndSuccessors = distinctUntilChanged<RevisionOutcome>(
  (before, after) => after.phase === 'INPROGRESS' && after.revision === before.revision,
);

/** New revisions, the current one, how it goes, what one would do, and taking everything away. */
export function revisionRoutes(api: FastifyInstance, service: ControllerService, streams: LineStreams): void {
  api.post<{ Body: Json }>('/v1/revisions', async (request, reply) => {
    const { state, source } = readRevision(request.body);
    return sendOutcome(reply, await service.apply({ type: 'replace', state }, source));
  });
  api.patch<{ Body: Json }>('/v1/revision', async (request, reply) => {
    const change = readPatchBody(request.headers['content-type'] ?? '', request.body);
    return sendOutcome(reply, await service.apply(change, 'patch'));
  });
  api.get('/v1/revision', async () => service.current());
  api.get<{ Querystring: { follow?: string } }>('/v1/outcome', async (request, reply) => {
    const { follow } = request.query;
    if (follow === undefined) return service.outcome();
    const outcomes = follow === 'rest' ? service.outcomes().pipe(restsAndSuccessors) : service.outcomes();
    return streams.answer(reply, (send) => {
      const subscription = outcomes.subscribe(send);
      return () => subscription.unsubscribe();
    });
  });
  api.post<{ Body: Json }>('/v1/plan', async (request) => service.plan(readChange(request.body)));
  api.post('/v1/down', async (_request, reply) => sendOutcome(reply, await service.down()));
}
