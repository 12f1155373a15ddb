import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import type { EventRecord } from '../../state/status.ts';
import { holdfast, type RunningController } from '../controller.ts';

/** The event log of a controller, followed. */
export interface FollowedEvents {
  /** Resolves with the first event from now on, or not yet asked for, that `wanted` says yes to. Rejects when the log ends. */
  next(wanted: (event: EventRecord) => boolean): Promise<EventRecord>;
  stop(): void;
}

/** Follows `holdfast events -f`; events of before are passed over unread only when nobody wants them. */
export function followEvents(controller: RunningController): FollowedEvents {
  const { program, arguments: words, environment } = holdfast(controller, 'events', '-f', '-o', 'json');
  const env = { ...process.env, ...environment };
  const child = spawn(program, words, { stdio: ['ignore', 'pipe', 'inherit'], env });
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  return {
    next: async (wanted) => {
      for (;;) {
        const { value, done } = await lines.next();
        if (done === true) throw new Error('the event log ended before what was waited for happened');
        const event = JSON.parse(value) as EventRecord;
        if (wanted(event)) return event;
      }
    },
    stop: () => void child.kill(),
  };
}
