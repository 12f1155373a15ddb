import { comesBack, isExhausted, restartDelayMs } from '../reconcilers/recovery.ts';
import { exitText } from '../state/exit-text.ts';
import type { DesiredResource, ObservedResource, Recovery } from '../state/resource.ts';
import { type BackoffOptions, backoffMs } from './backoff.ts';
import type { Track } from './tracker.ts';

/**
 * A link that held this long has recovered, milliseconds: that its provider makes its socket anew, or its consumer takes it away, is no failure of
 * it, and is followed at once (LINK-10), but for one that does so faster than anybody could use it.
 */
const LINK_STABLE_MS = 200;

/** One that is made anew faster than that waits no longer than this: somebody may need it by then, and a step of it costs a millisecond. */
const LINK_DELAY_MS = 1000;

/** How the engine paces itself; every duration in milliseconds. */
export interface PaceOptions {
  readonly backoff: BackoffOptions;
  /** Makes jitter differ between devices and be the same in replay. */
  readonly seed: string;
  /** A resource that held this long has recovered: what it fails by next is repaired at once again. */
  readonly stableMs: number;
}

/** What is done about a resource that held and holds no more; `message` is for its status. */
export type Repair =
  | { readonly type: 'at-once' }
  | { readonly type: 'after'; readonly delayMs: number; readonly message: string }
  | { readonly type: 'never'; readonly message: string };

/** What is looked at to decide about a repair. */
export interface Relapse {
  readonly desired: DesiredResource | undefined;
  readonly observed: ObservedResource | undefined;
  /** How long it had held, milliseconds. */
  readonly heldMs: number;
}

/**
 * Counts one more relapse of `track`, and says how it is repaired. By its manifest's auto_recovery where it has one (CTR-8); else at
 * once where it had held for a while, and after a growing delay where it falls again and again (ENG-3).
 */
export function relapse(track: Track, what: Relapse, pace: PaceOptions): Repair {
  const recovery = what.desired?.lifecycle?.recovery ?? null;
  const stableMs = what.desired?.kind === 'link' ? LINK_STABLE_MS : pace.stableMs;
  const recoveredMs = recovery?.resetWindowMs ?? stableMs;
  if (what.heldMs >= recoveredMs) [track.attempts, track.relapses] = [0, 0];
  track.attempts += 1;
  track.relapses += 1;
  return recovery === null ? backedOff(track, what, pace) : byManifest(track.relapses, what, recovery, pace);
}

function backedOff({ attempts }: Track, { desired, observed }: Relapse, pace: PaceOptions): Repair {
  if (attempts === 1 || desired === undefined) return { type: 'at-once' };
  const maximumMs = desired.kind === 'link' ? LINK_DELAY_MS : pace.backoff.maximumMs;
  const delayMs = backoffMs({ ...pace.backoff, maximumMs }, pace.seed, desired.key, attempts - 1);
  return {
    type: 'after',
    delayMs,
    message: `does not hold: ${driftText(observed)} (${attempts} times in a row)`,
  };
}

function byManifest(
  exits: number,
  { desired, observed }: Relapse,
  recovery: Recovery,
  pace: PaceOptions,
): Repair {
  const text = driftText(observed);
  if (!comesBack(recovery, exitOf(observed)))
    return { type: 'never', message: `${text}, and its auto_recovery does not start it again` };
  if (isExhausted(recovery, exits)) {
    const message = `${text}; it was started again ${times(exits - 1)}, which is all that its auto_recovery allows`;
    return { type: 'never', message };
  }
  // Where the manifest has no delay, one that falls again and again is not restarted as fast as the device can.
  const isUnpaced = recovery.retryDelayMs === 0 && exits > 1 && desired !== undefined;
  const delayMs = isUnpaced
    ? backoffMs(pace.backoff, pace.seed, desired.key, exits - 1)
    : restartDelayMs(recovery, exits);
  if (delayMs === 0) return { type: 'at-once' };
  const of = recovery.maxRetries === null ? '' : ` of ${recovery.maxRetries}`;
  return {
    type: 'after',
    delayMs,
    message: `${text}; restart ${exits}${of} in ${Math.ceil(delayMs / 100) / 10} s`,
  };
}

function times(count: number): string {
  return count === 1 ? 'once' : `${count} times`;
}

/** How a container that is observed now ended; null: it did not, or nobody knows. */
export function exitOf(observed: ObservedResource | undefined | null): ObservedExit {
  if (observed?.kind !== 'container') return null;
  return (observed as ObservedResource<'container'>).facts.exit;
}

type ObservedExit = ObservedResource<'container'>['facts']['exit'];

/** What of a resource does not hold, in words. */
export function driftText(observed: ObservedResource | undefined | null): string {
  if (observed === undefined || observed === null) return 'it is gone';
  const exit = exitOf(observed);
  return exit === null ? observed.drift.join('; ') : `it ${exitText(exit)}`;
}
