import { from, mergeMap, Observable } from 'rxjs';
import { NetlinkSocket } from './netlink.ts';
import type { After } from './network-monitor.ts';
import { loadSystemCalls, SystemCallError, type SystemCalls } from './system-calls.ts';
import { whenReadable } from './when-readable.ts';

const socketDiagnostics = 4;
/** `SKNLGRP_INET_TCP_DESTROY`, `SKNLGRP_INET6_TCP_DESTROY` (linux/sock_diag.h), as bits. */
const tcpDestroyed = (1 << 0) | (1 << 2);

/** Places in `struct inet_diag_msg` (linux/inet_diag.h); ports are in network order. */
const sourcePort = 4;
const destinationPort = 6;

/** The port of which a socket has gone that listened, or was bound; null: it was a connection. */
export function releasedPort(payload: Buffer): number | null {
  if (payload.length < destinationPort + 2 || payload.readUInt16BE(destinationPort) !== 0) return null;
  return payload.readUInt16BE(sourcePort);
}

/**
 * Whoever held one of these tcp ports of our network namespace may have let go: `findPortOwners` is worth asking. The first event comes when it
 * listens, for what has happened before. While somebody is subscribed, the kernel tells this process of each tcp socket that is closed, and
 * nothing is done in between; nobody subscribed costs nothing. Errors with SystemCallsUnavailable or SystemCallError where that can't be: then a
 * look from time to time is all there is.
 */
export function watchPortRelease(ports: ReadonlySet<number>, after: After): Observable<void> {
  return from(loadSystemCalls()).pipe(mergeMap((calls) => releases(calls, ports, after)));
}

function releases(calls: SystemCalls, ports: ReadonlySet<number>, after: After): Observable<void> {
  return new Observable((subscriber) => {
    const socket = new NetlinkSocket(calls, socketDiagnostics, tcpDestroyed);
    const fire = () => {
      try {
        if (concerns(socket, ports)) subscriber.next();
      } catch (error) {
        subscriber.error(error);
      }
    };
    const stop = whenReadable({ calls, after, descriptor: socket.descriptor, fire });
    subscriber.next();
    return () => {
      stop();
      socket.close();
    };
  });
}

/** Reads all that is there. What the kernel had no room for may have been about any port. */
function concerns(socket: NetlinkSocket, ports: ReadonlySet<number>): boolean {
  let concerned = false;
  for (;;) {
    try {
      const messages = socket.receive();
      if (messages === null) return concerned;
      concerned ||= messages.some(({ payload }) => ports.has(releasedPort(payload) ?? 0));
    } catch (error) {
      if (!(error instanceof SystemCallError) || error.code !== 'ENOBUFS') throw error;
      concerned = true;
    }
  }
}
