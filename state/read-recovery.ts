import { isJsonObject, type Json } from './json.ts';
import type { Recovery } from './resource.ts';

/** A window that no container ever runs through. */
const never = Number.MAX_SAFE_INTEGER;

/**
 * What counts where an `auto_recovery` leaves something out: Pantavisor's own defaults, as its reference of the state format
 * gives them under "Auto-Recovery Object". 0 restarts stand for no limit there, and a window of 0 s for one that never ends.
 */
const defaults: Recovery = {
  policy: 'no',
  maxRetries: null,
  retryDelayMs: 0,
  backoffFactor: 1,
  resetWindowMs: never,
  stableTimeoutMs: 0,
};

const policies: readonly Recovery['policy'][] = ['no', 'always', 'on-failure', 'unless-stopped'];

/**
 * `auto_recovery` of a container or a group (CTR-8): what it says, and nothing else; null where it says nothing. Seconds become
 * whole milliseconds. Its shape is reported elsewhere: what is of a wrong one is passed over here.
 */
export function readRecovery(document: Json | undefined): Partial<Recovery> | null {
  if (!isJsonObject(document)) return null;
  const policy = policies.find((known) => known === document.policy);
  const retries = numberOf(document.max_retries);
  const retryDelay = numberOf(document.retry_delay);
  const factor = numberOf(document.backoff_factor);
  const window = numberOf(document.reset_window);
  const stable = numberOf(document.stable_timeout);
  const said: Partial<Recovery> = {
    ...(policy === undefined ? {} : { policy }),
    ...(retries === null ? {} : { maxRetries: retries === 0 ? null : retries }),
    ...(retryDelay === null ? {} : { retryDelayMs: milliseconds(retryDelay) }),
    ...(factor === null ? {} : { backoffFactor: factor }),
    ...(window === null ? {} : { resetWindowMs: window === 0 ? never : milliseconds(window) }),
    ...(stable === null ? {} : { stableTimeoutMs: milliseconds(stable) }),
  };
  return Object.keys(said).length === 0 ? null : said;
}

/** What a container says itself, over what its group says, over what is usual; null where neither says anything. */
export function mergeRecovery(
  own: Partial<Recovery> | null,
  inherited: Partial<Recovery> | null,
): Recovery | null {
  return own === null && inherited === null ? null : { ...defaults, ...inherited, ...own };
}

function numberOf(value: Json | undefined): number | null {
  return typeof value === 'number' ? value : null;
}

function milliseconds(seconds: number): number {
  return Math.round(seconds * 1000);
}
