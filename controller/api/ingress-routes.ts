import type { FastifyInstance } from 'fastify';
import type { Traffic } from '../../adapters/adapter.ts';
import type { ControllerService } from './contract.ts';
import { followList } from './follow-list.ts';
import type { LineStreams } from './line-stream.ts';
import { Problem } from './problem.ts';

/** What was carried; a Problem (503) where the adapter cannot tell, with its reason. */
async function trafficOf(service: ControllerService): Promise<Traffic> {
  try {
    return await service.traffic();
  } catch (error) {
    throw new Problem(503, 'TrafficUnknown', error instanceof Error ? error.message : String(error));
  }
}

/** What comes in from outside, where it goes, what goes over links, and how much; and who is connected to what. */
export function ingressRoutes(api: FastifyInstance, service: ControllerService, streams: LineStreams): void {
  api.get<{ Querystring: { follow?: string } }>('/v1/routes', async (request, reply) => {
    if (request.query.follow === undefined) return { items: service.routes() };
    return streams.answer(reply, (send) => followList(service.routeChanges(), () => service.routes(), send));
  });
  api.get('/v1/traffic', async () => {
    const { rules, links, proxy } = await trafficOf(service);
    return { items: rules, links, proxy };
  });
  // The second is what Pantavisor's own programs ask for (LINK-9).
  for (const path of ['/v1/graph', '/xconnect-graph']) api.get(path, async () => service.graph());
}
