import type { ProxyListener } from '../proxy.ts';

/*
 * How controller and proxy process talk: HTTP over a unix socket that only their user can open. `GET /state` (ProxyState), `GET /traffic`
 * (ProxyTraffic[]), `PUT /listeners` (ProxyListener[]; answered by 204, or 409 and a ServeFailure); `GET /life` is answered by a head alone,
 * and ends with the process: a controller's first question, whose answer says in `protocolHeader` which version of all this the process speaks.
 */

/** Grows with every change of what is said, or of what a process does with it that a controller builds on. A process of another is replaced. */
export const protocolVersion = '2';

export const protocolHeader = 'holdfast-proxy-protocol';

/** Name of the socket below the directory of the process. */
export const controlSocketName = 'control.sock';

export interface ProxyState {
  readonly pid: number;
  readonly listeners: readonly ProxyListener[];
}

/** Why listeners are not served. */
export interface ServeFailure {
  readonly code: string;
  readonly message: string;
  readonly listener: string | null;
}
