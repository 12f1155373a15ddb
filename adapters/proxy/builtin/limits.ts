/**
 * What a connection may take of the proxy: time in milliseconds, size in bytes. A slow or silent peer reaches one of them. All that the
 * process waits for is limited here, and by nothing else.
 */
export interface ProxyLimits {
  /** From its first byte (of a new connection: from its beginning) until the head of a request is complete; then 408. */
  readonly headMs: number;
  /** Request line and headers together; then 431. Those of a provider: 502. */
  readonly headBytes: number;
  /** How long a connection of a client stays open between requests. */
  readonly keepAliveMs: number;
  /** Until a provider has taken a connection; then 503. */
  readonly connectMs: number;
  /** Until the head of an answer, without a byte from a provider, or of a body from a client; then 504 or 408. */
  readonly answerMs: number;
  /** Without a byte from a provider in an answer that has begun; then it is cut. */
  readonly streamMs: number;
  /** The same, where the client has asked for a stream of events (`Accept: text/event-stream`). */
  readonly eventStreamMs: number;
  /** While a client takes nothing of an answer that waits for it; then it is cut. */
  readonly takeMs: number;
  /** Without a byte either way in a connection of tcp, or of a WebSocket; then it is cut. */
  readonly tunnelMs: number;
  /** Open connections at one address of a listener; what comes beyond is closed at once. */
  readonly connections: number;
  /** Of a rest link: nobody shall take what others need. */
  readonly linkConnections: number;
  /** Requests that one connection of a client has answered at the same time; more of them wait, and are not read. */
  readonly requestsAtATime: number;
}

const secondMs = 1000;
const dayMs = 24 * 3600 * secondMs;

/**
 * Those of HAProxy here (adapters/proxy/haproxy/: `usualTimeouts`, shared-rules.ts), so that it makes no difference which one a host has. A test
 * holds them together. Tunnels last until somebody closes them: a host that is dead is told by TCP's own probes. The one that differs is
 * that the head of a stream of events has to come as soon as any other.
 */
export const usualLimits: ProxyLimits = {
  headMs: 10 * secondMs,
  headBytes: 32 * 1024,
  keepAliveMs: 60 * secondMs,
  connectMs: 3 * secondMs,
  answerMs: 60 * secondMs,
  streamMs: 60 * secondMs,
  eventStreamMs: dayMs,
  takeMs: 60 * secondMs,
  tunnelMs: 20 * dayMs,
  connections: 10_000,
  linkConnections: 500,
  requestsAtATime: 4,
};

/** After this long of silence TCP asks the other side whether it is still there (libuv: ten times, a second apart). */
export const probeAfterMs = 60 * secondMs;
