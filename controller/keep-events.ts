import type { Observable } from 'rxjs';
import type { EventRecord } from '../state/status.ts';
import type { Clock } from './clock.ts';
import type { RevisionLog } from './revision-log.ts';

/** How long an event may be in memory alone, milliseconds: a burst is written once. */
const flushAfterMs = 1_000;

/**
 * Keeps events in the log: with the next fact, or a second after the first of a burst. Nothing is armed while nothing happens (ENG-7).
 * Returns what writes the rest and ends it. `onError` is told what keeps them from being written: control goes on without.
 */
export function keepEvents(
  events: Observable<EventRecord>,
  log: Pick<RevisionLog, 'note' | 'flush'>,
  clock: Clock,
  onError: (error: unknown) => void,
): () => void {
  let cancel: (() => void) | null = null;
  const flush = () => {
    cancel?.();
    cancel = null;
    try {
      log.flush();
    } catch (error) {
      onError(error);
    }
  };
  const subscription = events.subscribe((event) => {
    log.note([event]);
    cancel ??= clock.after(flushAfterMs, flush);
  });
  return () => {
    subscription.unsubscribe();
    flush();
  };
}
