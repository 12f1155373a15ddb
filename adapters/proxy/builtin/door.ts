import { isIPv6, type Server } from 'node:net';
import { ProxyError } from '../proxy.ts';

/** Where one server listens. */
export interface Door {
  readonly type: 'address';
  readonly listener: string;
  readonly address: string;
  readonly port: number;
  readonly server: Server;
}

/** As many as the kernel lets us (it takes the smaller of this and `net.core.somaxconn`): a burst waits instead of being refused. */
export const backlog = 4096;

/** Listens. Rejects with a ProxyError that says why it can't. IPv6 listens for IPv6 alone; a wildcard of ours and one address of it may both. */
export function openDoor({ listener, address, port, server }: Door): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const refuse = (error: NodeJS.ErrnoException): void =>
    reject(doorError(listener, `${address} port ${port}`, error));
  server.once('error', refuse);
  const options = { host: address, port, backlog, reusePort: true, ipv6Only: isIPv6(address) };
  server.listen(options, () => {
    server.off('error', refuse);
    resolve();
  });
  return promise;
}

/** Stops listening. Connections that were taken stay. */
export function closeDoor({ server }: Door): void {
  server.close();
}

function doorError(listener: string, where: string, error: NodeJS.ErrnoException): ProxyError {
  const refused = (code: string, why: string): ProxyError =>
    new ProxyError(code, `listener '${listener}': ${where} ${why}`, { listener });
  switch (error.code) {
    case 'EADDRINUSE':
      return portTaken(listener, where);
    case 'EADDRNOTAVAIL':
    case 'EAFNOSUPPORT':
      return refused('AddressNotHere', 'is no address of this host');
    case 'EACCES':
      return refused('PortForbidden', 'may not be listened at: it needs CAP_NET_BIND_SERVICE');
    default:
      return refused('ProxyFailed', `can't be listened at: ${error.message}`);
  }
}

/** Somebody else listens there. */
export function portTaken(listener: string, where: string): ProxyError {
  return new ProxyError('PortTaken', `listener '${listener}': another process listens at ${where}`, {
    listener,
  });
}
