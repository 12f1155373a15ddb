import type { ResourceItem, RevisionOutcome } from '../api/contract.ts';
import type { ControllerClient } from './client.ts';
import type { Context } from './context.ts';
import { exitCodes } from './failure.ts';
import { outcomeText } from './render/outcome-text.ts';
import { json } from './render/text.ts';
import { untilEnded, type Waited } from './until-ended.ts';

/** How a verb that proposes a revision reports. */
export interface ReportOptions {
  readonly output: 'text' | 'json';
  /** Null: says what was accepted, and does not wait for more. */
  readonly waitSeconds: number | null;
}

/** How many of the resources that are not ready are told after a wait that was too short. */
const problemsTold = 20;

/** Resources that are not ready yet, as problems: while a revision is on its way, its outcome names none. */
async function stillMissing(client: ControllerClient): Promise<RevisionOutcome['problems']> {
  const { items } = await client.get<{ items: readonly ResourceItem[] }>('/v1/resources');
  return items
    .filter(({ phase }) => phase !== 'Ready')
    .slice(0, problemsTold)
    .map(({ key, phase, message }) => ({ key, phase, why: message }));
}

function exitCodeOf({ end, outcome }: Waited): number {
  const { phase, problems } = outcome;
  if (phase === 'WONTGO') return exitCodes.invalid;
  if (end === 'interrupted') return exitCodes.interrupted;
  if (phase === 'ERROR' && end !== 'timed-out') return exitCodes.notReady;
  if (end === 'not-waited') return exitCodes.ok;
  if (end === 'timed-out') return exitCodes.timedOut;
  return end === 'ended' && problems.every(({ tolerated }) => tolerated === true)
    ? exitCodes.ok
    : exitCodes.notReady;
}

function remark({ end, outcome }: Waited, waitSeconds: number | null): string {
  const { revision, desired, phase } = outcome;
  if (end === 'interrupted') {
    const onTrial = phase === 'INPROGRESS' || phase === 'TESTING';
    const way = onTrial ? ", 'holdfast rollback' ends it" : '';
    return `no longer waited for; the controller goes on: 'holdfast why ${revision}' tells how it ends${way}\n`;
  }
  if (end === 'timed-out') {
    const standing = phase === 'ERROR' ? 'the way back was not over' : `revision ${revision} was ${phase}`;
    return `${standing} after ${waitSeconds} s; the controller goes on: 'holdfast why ${revision}' tells how it ends\n`;
  }
  return end === 'replaced'
    ? `revision ${revision} was replaced by revision ${desired} before it came to rest\n`
    : '';
}

/**
 * Waits until an accepted revision has ended, showing progress where there is a terminal, then reports how. Returns the exit code.
 */
export async function reportOutcome(
  client: ControllerClient,
  accepted: RevisionOutcome,
  { output, waitSeconds }: ReportOptions,
  context: Context,
): Promise<number> {
  const { terminal } = context;
  const waited = await untilEnded(client, accepted, waitSeconds, context);
  const problems = waited.end === 'timed-out' ? await stillMissing(client) : waited.outcome.problems;
  const outcome = { ...waited.outcome, problems };
  terminal.out(
    output === 'json' ? json(outcome) : outcomeText(outcome, accepted.phase !== 'ERROR', terminal),
  );
  terminal.err(remark(waited, waitSeconds));
  return exitCodeOf({ ...waited, outcome });
}

/** The outcome of a revision that was not sent, since it could not be read: nothing was touched. */
export function refusedUnsent(findings: RevisionOutcome['findings']): RevisionOutcome {
  return {
    revision: 0,
    digest: '',
    phase: 'WONTGO',
    failure: null,
    desired: 0,
    settled: true,
    commitAt: null,
    unchanged: false,
    resources: { ready: 0, waiting: 0, blocked: 0, failed: 0 },
    findings,
    problems: [],
  };
}
