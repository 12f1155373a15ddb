import type { FastifyInstance, FastifyReply } from 'fastify';
import { distinctUntilChanged } from 'rxjs';
import type { Json } from '../../state/json.ts';
import type { StateChange } from '../../state/revision.ts';
import type { ControllerService, RevisionOutcome } from './contract.ts';
import type { LineStreams } from './line-stream.ts';
import { Problem } from './problem.ts';
import { type ProposalQuery, readProposalQuery, readRevisionNumber } from './proposal-options.ts';
import { readChange, readMergePatch, readPatch, readRevision, readRollback } from './request-bodies.ts';

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

/** Leaves out how resources move on the way, for followers that only wait for the end of it. */
const turns = distinctUntilChanged<RevisionOutcome>(
  (before, after) =>
    after.phase === before.phase && after.settled === before.settled && after.desired === before.desired,
);

/** Which outcome is asked for; with `follow`, every change of it, or with `rest` only those of its phase and of coming to rest. */
interface OutcomeQuery {
  readonly revision?: string;
  readonly follow?: string;
}

/** New revisions, those that were before, and going back to them. */
function historyRoutes(api: FastifyInstance, service: ControllerService): void {
  api.post<{ Body: Json }>('/v1/revisions', async (request, reply) => {
    const { state, options } = readRevision(request.body);
    return sendOutcome(reply, await service.apply({ type: 'replace', state }, options));
  });
  api.get('/v1/revisions', async () => ({ items: service.history() }));
  api.get<{ Params: { revision: string } }>('/v1/revisions/:revision', async (request) =>
    service.content(readRevisionNumber(request.params.revision)),
  );
  api.post<{ Body: Json | undefined }>('/v1/rollback', async (request, reply) => {
    const { revision, options } = readRollback(request.body);
    return sendOutcome(reply, await service.rollback(revision, options));
  });
}

/** The desired revision, changes of it, what one would do, and taking everything away. */
function desiredRoutes(api: FastifyInstance, service: ControllerService): void {
  api.get('/v1/revision', async () => service.current());
  api.patch<{ Body: Json; Querystring: ProposalQuery }>('/v1/revision', async (request, reply) => {
    const change = readPatchBody(request.headers['content-type'] ?? '', request.body);
    const options = { source: 'patch', ...readProposalQuery(request.query) };
    return sendOutcome(reply, await service.apply(change, options));
  });
  api.post<{ Body: Json }>('/v1/plan', async (request) => service.plan(readChange(request.body)));
  api.post('/v1/down', async (_request, reply) => sendOutcome(reply, await service.down()));
}

/** How a revision goes, or went; without a number the newest. */
function outcomeRoute(api: FastifyInstance, service: ControllerService, streams: LineStreams): void {
  api.get<{ Querystring: OutcomeQuery }>('/v1/outcome', async (request, reply) => {
    const { follow } = request.query;
    const revision =
      request.query.revision === undefined ? undefined : readRevisionNumber(request.query.revision);
    if (follow === undefined) return service.outcome(revision);
    // An unknown revision is answered as such: nothing of the stream has been sent yet.
    const outcomes = service.outcomes(revision);
    const followed = follow === 'rest' ? outcomes.pipe(turns) : outcomes;
    return streams.answer(reply, (send, fail) => {
      // How it ended may not be told any more, where the database is lost: that must not end the controller.
      const subscription = followed.subscribe({ next: send, error: fail });
      return () => subscription.unsubscribe();
    });
  });
}

/** Everything about revisions. */
export function revisionRoutes(api: FastifyInstance, service: ControllerService, streams: LineStreams): void {
  historyRoutes(api, service);
  desiredRoutes(api, service);
  outcomeRoute(api, service, streams);
}
