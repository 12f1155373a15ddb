import type { RevisionOutcome } from '../api/contract.ts';
import type { ControllerClient } from './client.ts';
import type { Context } from './context.ts';
import { Progress } from './progress.ts';

/** How waiting for a revision ended. */
export interface Waited {
  /** `replaced`: it is committed, and a newer one is desired before all of it came to rest. `interrupted`: by the user. */
  readonly end: 'ended' | 'timed-out' | 'interrupted' | 'replaced' | 'not-waited';
  readonly outcome: RevisionOutcome;
}

/** Nothing more will become of a revision, nor of what came after it: after ERROR, the rollback is over too. */
function hasEnded({ phase, settled, desired, revision }: RevisionOutcome): boolean {
  if (phase === 'WONTGO') return true;
  const decided = phase === 'DONE' || phase === 'ERROR';
  // What a newer revision does is told to whoever applied that one.
  return decided && (settled || desired > revision);
}

function ended(outcome: RevisionOutcome): Waited {
  const { phase, settled, desired, revision } = outcome;
  const left = phase === 'DONE' && !settled && desired > revision;
  return { end: left ? 'replaced' : 'ended', outcome };
}

/**
 * Waits until an accepted revision has ended, for `waitSeconds` at most (null: not at all), showing progress where there is a
 * terminal.
 */
export async function untilEnded(
  client: ControllerClient,
  accepted: RevisionOutcome,
  waitSeconds: number | null,
  context: Context,
): Promise<Waited> {
  if (hasEnded(accepted)) return ended(accepted);
  if (waitSeconds === null) return { end: 'not-waited', outcome: accepted };
  if (waitSeconds === 0) return { end: 'timed-out', outcome: accepted };
  const { last, interrupted } = await follow(client, accepted, waitSeconds, context);
  if (hasEnded(last)) return ended(last);
  if (interrupted) return { end: 'interrupted', outcome: last };
  const { resources } = await client.get<RevisionOutcome>(`/v1/outcome?revision=${accepted.revision}`);
  return { end: 'timed-out', outcome: { ...last, resources } };
}

/** The outcome with which the revision ended, or the last one that came in time or before the user had enough. */
async function follow(
  client: ControllerClient,
  accepted: RevisionOutcome,
  waitSeconds: number,
  { clock, terminal, onInterrupt }: Context,
): Promise<{ readonly last: RevisionOutcome; readonly interrupted: boolean }> {
  const enough = new AbortController();
  const cancelDeadline = clock.after(waitSeconds * 1000, () => enough.abort());
  let interrupted = false;
  const listenNoMore = onInterrupt(() => {
    interrupted = true;
    enough.abort();
  });
  using progress = new Progress({ clock, terminal });
  let last = accepted;
  // Progress nobody sees would be sent, woken up for and thrown away for each step.
  const manner = terminal.live === null ? 'rest' : '1';
  const path = `/v1/outcome?revision=${accepted.revision}&follow=${manner}`;
  try {
    for await (const outcome of client.lines<RevisionOutcome>(path, enough.signal)) {
      // What was said on acceptance stays true: later outcomes speak of the trial and of resources alone.
      last = { ...outcome, findings: accepted.findings, unchanged: accepted.unchanged };
      if (hasEnded(last)) break;
      progress.show(last);
    }
  } finally {
    cancelDeadline();
    listenNoMore();
  }
  return { last, interrupted };
}
