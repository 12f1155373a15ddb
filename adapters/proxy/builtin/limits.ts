/** What a connection may take of the proxy: time in milliseconds, size in bytes. A slow or silent peer reaches one of them. */
export interface ProxyLimits {
  /** From its first byte (of a new connection: from its beginning) until the head of a request is complete; then 408. */
  readonly headMs: number;
  /** Request line and headers together; then 431. Those of a provider: 502. */
  readonly headBytes: number;
  /** How long a connection of a client stays open between requests. */
  readonly keepAliveMs: number;
  /** Until a provider has taken a connection; then 503. */
  readonly connectMs: number;
  /** Without a byte of an answer from a provider, or of a body from a client, before there is an answer; then 504 or 408. */
  readonly answerMs: number;
  /** Without a byte either way in a stream that is under way: an answer, an upgraded connection, tcp. Then it is cut. */
  readonly idleMs: number;
  /** Open connections at one address of a listener; what comes beyond is closed at once. */
  readonly connections: number;
}

/**
 * A head is small and comes at once, an answer may take a minute (what nginx gives it, too), and a stream of events may be silent for long: a
 * host that is dead is told by TCP's own probes long before.
 */
export const usualLimits: ProxyLimits = {
  headMs: 10_000,
  headBytes: 32 * 1024,
  keepAliveMs: 60_000,
  connectMs: 5_000,
  answerMs: 60_000,
  idleMs: 3_600_000,
  connections: 10_000,
};

/** After this long of silence TCP asks the other side whether it is still there. */
export const probeAfterMs = 30_000;
