import type { ProxyListener } from '../proxy.ts';

/*
 * How controller and proxy process talk: HTTP over a unix socket that only their user can open. `GET /state` (ProxyState), `GET /traffic`
 * (ProxyTraffic[]), `PUT /listeners` (ProxyListener[]; answered by 204, or 409 and a ServeFailure); `GET /life` is answered by a head alone,
 * and ends with the process.
 */

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
