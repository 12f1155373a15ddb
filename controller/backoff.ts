import { createHash } from 'node:crypto';

/** How retries of one resource are spaced (ENG-3). */
export interface BackoffOptions {
  /** Before the first retry, milliseconds. */
  readonly initialMs: number;
  /** Upper bound, milliseconds. */
  readonly maximumMs: number;
  /** Share of the delay that is taken off at random so that resources do not retry in step: 0 … 1. */
  readonly jitter: number;
}

/** 100 ms doubling to 60 s (ENG-3), up to a fifth earlier. */
export const defaultBackoff: BackoffOptions = Object.freeze({
  initialMs: 100,
  maximumMs: 60_000,
  jitter: 0.2,
});

/** A number in [0, 1) that depends on nothing but its arguments: the engine has no randomness of its own. */
function fraction(seed: string, key: string, attempt: number): number {
  const hash = createHash('sha256').update(`${seed}\0${key}\0${attempt}`).digest();
  return hash.readUInt32BE(0) / 2 ** 32;
}

/** Milliseconds to wait after the `attempt`-th failure in a row (1 is the first). */
export function backoffMs(options: BackoffOptions, seed: string, key: string, attempt: number): number {
  // 2 ** 30 is past any maximum; without the bound the power would overflow after a thousand failures.
  const full = Math.min(options.maximumMs, options.initialMs * 2 ** Math.min(attempt - 1, 30));
  return Math.round(full * (1 - options.jitter * fraction(seed, key, attempt)));
}
