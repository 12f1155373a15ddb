import type { Clock } from '../clock.ts';
import { ControllerClient } from './client.ts';
import { socketPath } from './socket-path.ts';
import type { Terminal } from './terminal.ts';

/** What a verb has of the world. */
export interface Context {
  readonly terminal: Terminal;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Effective user id; -1 where there is none. */
  readonly uid: number;
  readonly clock: Clock;
  /** Calls `stop` when the user interrupts (SIGINT), which then does not end the process. Returns what gives that up. */
  onInterrupt(stop: () => void): () => void;
}

/** Options of every verb that talks to a controller. */
export interface SocketOption {
  readonly socket?: string;
}

/** A client of the controller that the options name; the caller disposes of it. */
export function clientFor({ socket }: SocketOption, { env, uid }: Context): ControllerClient {
  return new ControllerClient(socketPath(socket, env, uid));
}
