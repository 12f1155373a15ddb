import type { ContainerExit, Recovery } from '../state/resource.ts';

/** No restart waits longer than a day. */
const longestDelayMs = 86_400_000;

/**
 * Whether a container that ended so is started again at all (CTR-8). How it ended may not be known: then it counts as a failure.
 * `unless-stopped` differs from `always` only for those that were stopped by us, which do not count as ended.
 */
export function comesBack(recovery: Recovery | null, exit: ContainerExit | null): boolean {
  if (recovery === null) return true;
  if (recovery.policy === 'no') return false;
  return recovery.policy !== 'on-failure' || exit?.code !== 0;
}

/** It has been started again as often as its manifest allows; `exits` in a row, this one included. */
export function isExhausted({ maxRetries }: Recovery, exits: number): boolean {
  return maxRetries !== null && exits > maxRetries;
}

/** How long to wait before the restart after the `exits`th exit in a row, milliseconds. */
export function restartDelayMs({ retryDelayMs, backoffFactor }: Recovery, exits: number): number {
  return Math.min(longestDelayMs, Math.round(retryDelayMs * backoffFactor ** (exits - 1)));
}
