import type { IncomingMessage } from 'node:http';
import type { Answer } from './answer.ts';
import type { ClientConnection } from './client-connection.ts';
import type { ProxyLimits } from './limits.ts';
import type { Provider } from './provider.ts';
import type { RequestHead } from './request-head.ts';
import type { LiveRoute } from './route-table.ts';

/** A request that has found its route, on its way. */
export interface Visit {
  readonly client: ClientConnection;
  readonly request: IncomingMessage;
  readonly answer: Answer;
  readonly head: RequestHead;
  readonly route: LiveRoute;
  readonly provider: Provider;
  /** What the provider is asked for: path without prefix, and query. */
  readonly path: string;
  /** Fields for the provider (name, value …), without framing. */
  readonly fields: string[];
}

/** How long its answer may be silent (ProxyLimits). */
export function silenceMs({ head }: Visit, limits: ProxyLimits): number {
  return head.asksForEvents ? limits.eventStreamMs : limits.streamMs;
}

/** One request and its answer between a client and a provider. */
export interface Exchange {
  readonly route: LiveRoute;
  /** It may well be silent for long (`asksForEvents`). */
  readonly isLasting: boolean;
  /** Ends it at both sides: the client is gone, or its route is. */
  cut(): void;
}
