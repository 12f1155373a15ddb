import { chmodSync } from 'node:fs';
import type { Server } from 'node:net';
import { ProxyError } from '../proxy.ts';
import type { ShownSockets } from '../shown-sockets.ts';
import { backlog } from './door.ts';

/** Name of the directory, below that of the process, with the sockets of links. */
export const linkSocketsName = 'at';

/** Where one server listens for a rest link. */
export interface LinkDoor {
  readonly type: 'link';
  readonly listener: string;
  readonly path: string;
  /** Of the socket among those of the process; no other ever has the same. */
  readonly name: string;
  readonly sockets: ShownSockets;
  readonly server: Server;
}

/** Listens, where nobody comes yet. Rejects with a ProxyError that says why it can't. */
export function openLinkDoor({ listener, path, name, sockets, server }: LinkDoor): Promise<void> {
  sockets.prepare();
  sockets.requirePlace(path, listener);
  const own = sockets.ownPath(name);
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const refuse = (error: Error): void => reject(cannotListen(listener, path, error));
  server.once('error', refuse);
  server.listen({ path: own, backlog }, () => {
    server.off('error', refuse);
    chmodSync(own, 0o666);
    resolve();
  });
  return promise;
}

/** Its client reaches it from now on. Rejects with a ProxyError. */
export function showLinkDoor({ listener, path, name, sockets }: LinkDoor): void {
  try {
    sockets.show(name, path);
  } catch (error) {
    throw cannotListen(listener, path, error as Error);
  }
}

/** Nobody reaches it any more, whoever has kept the socket. Connections that were taken stay. */
export function closeLinkDoor({ name, path, sockets, server }: LinkDoor): void {
  sockets.hide(name, path);
  server.close();
}

function cannotListen(listener: string, path: string, error: Error): ProxyError {
  return new ProxyError('ProxyFailed', `link '${listener}' can't be had at ${path}: ${error.message}`, {
    listener,
  });
}
