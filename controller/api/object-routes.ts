import type { Readable } from 'node:stream';
import type { FastifyInstance } from 'fastify';
import type { Json } from '../../state/json.ts';
import { isSha256 } from '../../state/sha256.ts';
import type { ControllerService } from './contract.ts';
import { Problem } from './problem.ts';
import { readSha256List } from './request-bodies.ts';

/** Takes an object in as it arrives: any size, any content type, never held whole in memory. */
function uploadRoute(api: FastifyInstance, service: ControllerService): void {
  api.removeAllContentTypeParsers();
  api.addContentTypeParser('*', async (_request: unknown, octets: Readable) => octets);
  api.put<{ Params: { sha256: string }; Body: Readable | undefined }>(
    '/v1/objects/:sha256',
    async (request, reply) => {
      const { sha256 } = request.params;
      if (!isSha256(sha256)) {
        throw new Problem(
          400,
          'BadObjectName',
          `found object name '${sha256}', expected 64 lower-case hexadecimal digits: the sha256 of its content`,
        );
      }
      await service.putObject(sha256, request.body ?? request.raw);
      return reply.code(204).send();
    },
  );
}

/** Asking which objects the controller lacks, and giving them to it. */
export function objectRoutes(api: FastifyInstance, service: ControllerService): void {
  api.post<{ Body: Json }>('/v1/objects/missing', async (request) => ({
    missing: await service.missingObjects(readSha256List(request.body)),
  }));
  api.register(async (scope) => uploadRoute(scope, service));
}
