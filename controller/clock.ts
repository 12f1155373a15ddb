/** The only place that knows the time of day and arms timers; everything else is told (REPLAY-1). */
export interface Clock {
  /** Milliseconds since the epoch, never running backwards within one clock. */
  now(): number;
  /** Calls `fire` once, `delayMs` from now at the earliest. Returns what cancels it. */
  after(delayMs: number, fire: () => void): () => void;
}

/**
 * The system's clock. It is anchored to the time of day once and then runs on monotonic time, so that a clock that is
 * set by ten years moves no backoff and no window.
 */
export function systemClock(): Clock {
  const anchorMs = Date.now() - performance.now();
  return {
    now: () => Math.round(anchorMs + performance.now()),
    after: (delayMs, fire) => {
      const timer = setTimeout(fire, delayMs);
      return () => clearTimeout(timer);
    },
  };
}
