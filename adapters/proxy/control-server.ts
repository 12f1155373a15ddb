import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import {
  type Controlled,
  type ControlledState,
  controlSocketName,
  protocolHeader,
  type ServeFailure,
} from './control-protocol.ts';
import { ProxyError } from './proxy.ts';

/** A server checks its connections by a timer that never rests (ENG-7); ours are a controller's. */
const neverMs = 2 ** 31 - 1;

/** Takes orders at the control socket in the working directory, whose path may be longer than an address of a socket. */
export function startControlServer<Listener, Traffic>(
  served: Controlled<Listener, Traffic>,
  protocolVersion: string,
  whenReady: () => void,
): void {
  const options = { connectionsCheckingInterval: neverMs, requestTimeout: 0, headersTimeout: 0 };
  const server = createServer(options, (request, response) => {
    answer(served, protocolVersion, request, response).catch((error: Error) => fail(response, error));
  });
  // Nobody else may connect, not even before its mode is set.
  process.umask(0o177);
  server.listen(controlSocketName, whenReady);
}

async function answer<Listener, Traffic>(
  served: Controlled<Listener, Traffic>,
  protocolVersion: string,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  switch (`${request.method} ${request.url}`) {
    case 'GET /state': {
      const state: ControlledState<Listener> = { pid: process.pid, listeners: served.listeners };
      return tell(response, state);
    }
    case 'GET /traffic':
      return tell(response, served.traffic());
    case 'GET /life':
      response.setHeader(protocolHeader, protocolVersion).flushHeaders();
      return;
    case 'PUT /listeners':
      await served.serve(
        JSON.parse(Buffer.concat(await request.toArray()).toString('utf8')) as readonly Listener[],
      );
      response.writeHead(204).end();
      return;
    default:
      throw new ProxyError(
        'ProxyFailed',
        `found ${request.method} ${request.url}, which this process does not know`,
      );
  }
}

function tell(response: ServerResponse, value: unknown): void {
  response.writeHead(200, { 'Content-Type': 'application/json' }).end(JSON.stringify(value));
}

function fail(response: ServerResponse, error: Error): void {
  const known = error instanceof ProxyError ? error : new ProxyError('ProxyFailed', error.message);
  const failure: ServeFailure = { code: known.code, message: known.message, listener: known.listener };
  response.writeHead(409, { 'Content-Type': 'application/json' }).end(JSON.stringify(failure));
}
