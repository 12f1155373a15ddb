import { createServer } from 'node:net';
import { ProxyError, type ProxyListener } from '../proxy.ts';

const codes: Readonly<Record<string, readonly [code: string, reason: string]>> = {
  EADDRINUSE: ['PortTaken', 'somebody listens there'],
  EADDRNOTAVAIL: ['AddressNotHere', 'the host does not have this address'],
  EACCES: ['PortForbidden', 'listening there is not permitted'],
};

/**
 * Rejects with a ProxyError where one of these can't be listened at. A process of HAProxy that finds that out by itself has all others stop
 * listening meanwhile, for two seconds. A port that `served` has already is ours: another address of it is for HAProxy to try.
 */
export async function requireFree(
  listeners: readonly ProxyListener[],
  served: readonly ProxyListener[],
): Promise<void> {
  const ours = new Set(served.map(({ port }) => port));
  for (const listener of listeners.filter(({ port }) => !ours.has(port))) {
    for (const address of listener.addresses) await requireOne(listener, address);
  }
}

/** Listens for an instant. Wildcards and addresses of one port are tried one after the other, so they are not in each other's way. */
function requireOne({ name, port }: ProxyListener, address: string): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const server = createServer((socket) => socket.destroy());
  server.once('error', (error: NodeJS.ErrnoException) => {
    const [code, reason] = codes[error.code ?? ''] ?? ['ProxyFailed', error.message];
    const message = `listener '${name}' can't be had at ${address} port ${port}: ${reason}`;
    reject(new ProxyError(code, message, { listener: name }));
  });
  server.listen({ host: address, port, ipv6Only: true, exclusive: true, backlog: 1 }, () =>
    server.close(() => resolve()),
  );
  return promise;
}
