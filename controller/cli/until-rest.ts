import type { ResourceItem, RevisionOutcome } from '../api/contract.ts';
import type { ControllerClient } from './client.ts';
import type { Context } from './context.ts';
import { exitCodes } from './failure.ts';
import { outcomeText, progressLine } from './render/outcome-text.ts';
import { json } from './render/text.ts';
import type { Terminal } from './terminal.ts';

/** How a verb that changes the revision reports. */
export interface ReportOptions {
  readonly output: 'text' | 'json';
  readonly waitSeconds: number;
}

/** How waiting for a revision ended. */
interface Rest {
  readonly end: 'rested' | 'timed-out' | 'replaced';
  readonly outcome: RevisionOutcome;
}

/** How many of the resources that are not ready are told after a wait that was too short. */
const problemsTold = 20;

const isFinal = ({ phase }: RevisionOutcome): boolean => phase !== 'INPROGRESS';

/** Redraws one line on the terminal's error stream; does nothing where that is no terminal. */
class Progress implements Disposable {
  readonly #terminal: Terminal;
  #drawn = false;

  constructor(terminal: Terminal) {
    this.#terminal = terminal;
  }

  show(outcome: RevisionOutcome): void {
    const { live } = this.#terminal;
    if (live === null) return;
    this.#terminal.err(`\r\u001b[K${progressLine(outcome, live.width)}`);
    this.#drawn = true;
  }

  [Symbol.dispose](): void {
    if (this.#drawn) this.#terminal.err('\r\u001b[K');
  }
}

async function untilRest(
  client: ControllerClient,
  accepted: RevisionOutcome,
  waitSeconds: number,
  { clock, terminal }: Context,
): Promise<Rest> {
  if (isFinal(accepted)) return { end: 'rested', outcome: accepted };
  if (waitSeconds === 0) return { end: 'timed-out', outcome: accepted };
  const deadline = new AbortController();
  const cancelDeadline = clock.after(waitSeconds * 1000, () => deadline.abort());
  using progress = new Progress(terminal);
  let last = accepted;
  try {
    // Progress nobody sees would be sent, woken up for and thrown away for each step.
    const path = terminal.live === null ? '/v1/outcome?follow=rest' : '/v1/outcome?follow=1';
    for await (const outcome of client.lines<RevisionOutcome>(path, deadline.signal)) {
      if (outcome.revision > accepted.revision) return { end: 'replaced', outcome: last };
      // What was said on acceptance stays true: later outcomes speak of resources alone.
      last = { ...outcome, findings: accepted.findings, unchanged: accepted.unchanged };
      if (isFinal(last)) return { end: 'rested', outcome: last };
      progress.show(last);
    }
  } finally {
    cancelDeadline();
  }
  const now = await client.get<RevisionOutcome>('/v1/outcome');
  return {
    end: 'timed-out',
    outcome: now.revision === last.revision ? { ...last, resources: now.resources } : last,
  };
}

/** Resources that are not ready yet, as problems: while a revision is on its way, its outcome names none. */
async function stillMissing(client: ControllerClient): Promise<RevisionOutcome['problems']> {
  const { items } = await client.get<{ items: readonly ResourceItem[] }>('/v1/resources');
  return items
    .filter(({ phase }) => phase !== 'Ready')
    .slice(0, problemsTold)
    .map(({ key, phase, message }) => ({ key, phase, why: message }));
}

function exitCodeOf({ end, outcome }: Rest): number {
  if (outcome.phase === 'WONTGO') return exitCodes.invalid;
  if (end === 'timed-out') return exitCodes.timedOut;
  return end === 'rested' && outcome.phase === 'DONE' ? exitCodes.ok : exitCodes.notReady;
}

const remarks: Readonly<Record<Rest['end'], (revision: number, waitSeconds: number) => string>> = {
  rested: () => '',
  'timed-out': (revision, waitSeconds) =>
    `revision ${revision} was not at rest after ${waitSeconds} s; the controller goes on: 'holdfast get all' shows it\n`,
  replaced: (revision) => `revision ${revision} was replaced by a newer one before it came to rest\n`,
};

/**
 * Waits until an accepted revision has come to rest, showing progress where there is a terminal, then reports how it
 * ended. Returns the exit code.
 */
export async function reportOutcome(
  client: ControllerClient,
  accepted: RevisionOutcome,
  { output, waitSeconds }: ReportOptions,
  context: Context,
): Promise<number> {
  const { terminal } = context;
  const rest = await untilRest(client, accepted, waitSeconds, context);
  const problems = rest.end === 'timed-out' ? await stillMissing(client) : rest.outcome.problems;
  const outcome = { ...rest.outcome, problems };
  terminal.out(output === 'json' ? json(outcome) : outcomeText(outcome, terminal));
  terminal.err(remarks[rest.end](outcome.revision, waitSeconds));
  return exitCodeOf({ ...rest, outcome });
}

/** The outcome of a revision that was not sent, since it could not be read: nothing was touched. */
export function refusedUnsent(findings: RevisionOutcome['findings']): RevisionOutcome {
  return {
    revision: 0,
    digest: '',
    phase: 'WONTGO',
    unchanged: false,
    resources: { ready: 0, waiting: 0, blocked: 0, failed: 0 },
    findings,
    problems: [],
  };
}
