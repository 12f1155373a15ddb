import type { After } from '../../linux/network-monitor.ts';
import { ProxyError } from '../proxy.ts';

/** How often is looked for what is about to be: a process of HAProxy is there some 20 ms after it was told to be. */
const lookMs = 2;

/** How long anything may take that a process is asked or told. */
const limitMs = 10_000;

/**
 * Resolves with what `look` finds, which is asked again and again while it finds null. Rejects as it does, and with a ProxyError where
 * it finds nothing, or does not even answer, in time.
 */
export async function untilFound<Found>(
  after: After,
  what: string,
  look: () => Promise<Found | null>,
): Promise<Found> {
  const late = Promise.withResolvers<never>();
  const cancel = after(limitMs, () =>
    late.reject(new ProxyError('ProxyFailed', `HAProxy: ${what} did not come within ${limitMs / 1000} s`)),
  );
  try {
    for (;;) {
      const found = await Promise.race([look(), late.promise]);
      if (found !== null) return found;
      await Promise.race([new Promise<void>((resolve) => after(lookMs, resolve)), late.promise]);
    }
  } finally {
    cancel();
  }
}
