import fastify, { type FastifyInstance } from 'fastify';
import packageJson from '../../package.json' with { type: 'json' };
import { MAX_JSON_BYTES } from '../../state/limits.ts';
import type { Clock } from '../clock.ts';
import { apiCloseGraceMs, longestTimerMs } from '../options.ts';
import type { ControllerService } from './contract.ts';
import { openControlSocket } from './control-socket.ts';
import { ingressRoutes } from './ingress-routes.ts';
import { type LineStreams, lineStreams } from './line-stream.ts';
import { objectRoutes } from './object-routes.ts';
import { problemBody, problemOf } from './problem.ts';
import { parseJsonBody } from './request-bodies.ts';
import { resourceRoutes } from './resource-routes.ts';
import { revisionRoutes } from './revision-routes.ts';

/** What serving the control socket needs. */
export interface ApiOptions {
  /** Absolute path of the unix socket. */
  readonly socket: string;
  readonly clock: Clock;
  /** Told of every error that is not the client's: the place to log it. `request` is method and path. */
  readonly onInternalError: (error: unknown, request: string) => void;
}

/** A control socket that is being served. */
export interface ApiServer {
  /** Ends streams, lets answers under way finish for `apiCloseGraceMs`, and takes the socket away. */
  close(): Promise<void>;
}

const jsonTypes = ['application/json', 'application/json-patch+json', 'application/merge-patch+json'];

/** Every answer that is not a success has the shape of `ProblemBody`. */
function answerProblems(api: FastifyInstance, onInternalError: ApiOptions['onInternalError']): void {
  api.setErrorHandler((error, request, reply) => {
    const { status, body, internal } = problemOf(error);
    if (internal) onInternalError(error, `${request.method} ${request.url}`);
    return reply.code(status).send(body);
  });
  api.setNotFoundHandler((request, reply) =>
    reply
      .code(404)
      .send(
        problemBody('UnknownRoute', `there is no ${request.method} ${request.url} on the control socket`),
      ),
  );
}

function buildApi(service: ControllerService, streams: LineStreams, options: ApiOptions): FastifyInstance {
  const api = fastify({
    bodyLimit: MAX_JSON_BYTES,
    routerOptions: { maxParamLength: 4_096 },
    // Node looks for slow requests every 30 s for as long as a server listens. The only clients are this user's own, and
    // a quiet controller makes no periodic system calls (ENG-7).
    http: { connectionsCheckingInterval: longestTimerMs, requestTimeout: 0, headersTimeout: 0 },
  });
  api.removeAllContentTypeParsers();
  api.addContentTypeParser(jsonTypes, { parseAs: 'string' }, async (_request: unknown, text: string) =>
    parseJsonBody(text),
  );
  answerProblems(api, options.onInternalError);
  api.get('/v1/version', async () => ({
    version: packageJson.version,
    api: 'v1',
    adapter: service.adapter,
    pid: process.pid,
  }));
  objectRoutes(api, service);
  revisionRoutes(api, service, streams);
  resourceRoutes(api, service, streams);
  ingressRoutes(api, service, streams);
  return api;
}

/**
 * Serves `service` on the control socket. Resolves once it can be connected to; rejects with a ControlSocketError where
 * the socket cannot be had (see `openControlSocket`).
 */
export async function serveApi(service: ControllerService, options: ApiOptions): Promise<ApiServer> {
  const streams = lineStreams();
  const api = buildApi(service, streams, options);
  await api.ready();
  const release = await openControlSocket(api.server, options.socket);
  return {
    async close() {
      await release();
      streams.end();
      const stopCutting = options.clock.after(apiCloseGraceMs, () => api.server.closeAllConnections());
      await api.close();
      stopCutting();
    },
  };
}
