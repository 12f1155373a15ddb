import { createServer as createHttpServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { createServer, type Server, type Socket } from 'node:net';
import type { ListenerSpec, RouteSpec } from '../../state/resource.ts';
import type { ProviderSocket } from '../linux/provider-sockets.ts';

/** What of a request's headers is told back: what a proxy sets, and whom the client asked for. */
const echoedHeaders = ['host', 'x-forwarded-for', 'x-forwarded-host', 'x-forwarded-proto'] as const;

/** The spec with a socket of an echo server in the place of each backend: `/<type>/<service>`, which is how `startEcho` knows what it is. */
export function leadingToEchoes(spec: ListenerSpec): ListenerSpec {
  const routes = spec.routes.map((route): RouteSpec => {
    const { backend, provider: container, service } = route;
    return backend === null
      ? route
      : { ...route, backend: { type: 'socket', container, socket: `/${spec.type}/${service}` } };
  });
  return { ...spec, routes };
}

/** What an echo server is for. */
interface Service {
  readonly container: string;
  readonly service: string;
  /** How its listener speaks to it. */
  readonly type: string;
}

function serviceOf({ container, socket }: ProviderSocket): Service {
  const [, type = '', ...service] = socket.split('/');
  return { container, type, service: service.join('/') };
}

/** An echo server that listens. */
export interface Echo {
  /** Ends it, with its open connections. */
  end(): Promise<void>;
}

/**
 * Stands for a program in a container that is only modelled. For http it answers every request with JSON: whose service it is, and what
 * came. For tcp it says one line, `<container> <service>`, and then sends back what comes. Rejects where it can't listen at `path`.
 */
export async function startEcho(path: string, socket: ProviderSocket): Promise<Echo> {
  const service = serviceOf(socket);
  const server =
    service.type === 'tcp'
      ? createServer({ allowHalfOpen: true }, (client) => echoBytes(client, service))
      : createHttpServer((request, response) => echoRequest(request, response, service));
  const connections = new Set<Socket>();
  server.on('connection', (client: Socket) => {
    connections.add(client);
    client.once('close', () => connections.delete(client));
  });
  await listening(server, path);
  return {
    end: () => {
      for (const client of connections) client.destroy();
      return new Promise((resolve) => server.close(() => resolve()));
    },
  };
}

function listening(server: Server, path: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject).listen(path, () => {
      server.off('error', reject);
      resolve();
    });
  });
}

function echoBytes(client: Socket, { container, service }: Service): void {
  // A client that hangs up while it is answered is no error of ours.
  client.on('error', () => client.destroy());
  client.write(`${container} ${service}\n`);
  client.pipe(client);
}

function echoRequest(
  request: IncomingMessage,
  response: ServerResponse,
  { container, service }: Service,
): void {
  let received = 0;
  request.on('data', (part: Buffer) => {
    received += part.length;
  });
  request.on('end', () => {
    const { method, url: path } = request;
    const headers = Object.fromEntries(
      echoedHeaders.flatMap((name) => (name in request.headers ? [[name, request.headers[name]]] : [])),
    );
    response.setHeader('content-type', 'application/json');
    response.end(`${JSON.stringify({ container, service, method, path, headers, received })}\n`);
  });
}
