/*
 * How controller and proxy process talk: HTTP over a unix socket that only their user can open. `GET /state` (ControlledState), `GET /traffic`
 * (an array), `PUT /listeners` (an array; answered by 204, or 409 and a ServeFailure); `GET /life` is answered by a head alone,
 * and ends with the process: a controller's first question, whose answer says in `protocolHeader` which version of all this the process speaks.
 * What is in the arrays is for each kind of process to say, and its version with it.
 */

export const protocolHeader = 'holdfast-proxy-protocol';

/** Name of the socket below the directory of the process. */
export const controlSocketName = 'control.sock';

export interface ControlledState<Listener> {
  readonly pid: number;
  readonly listeners: readonly Listener[];
}

/** What a process serves, and is told to by a controller. */
export interface Controlled<Listener, Traffic> {
  /** As they were given to `serve`. */
  readonly listeners: readonly Listener[];
  /** Serves exactly these, whole or not at all. Rejects with a ProxyError. Calls must not overlap. */
  serve(listeners: readonly Listener[]): Promise<void>;
  traffic(): readonly Traffic[];
}

/** Why listeners are not served. */
export interface ServeFailure {
  readonly code: string;
  readonly message: string;
  readonly listener: string | null;
}
