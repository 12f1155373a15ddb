import type { Input } from '../../input.ts';
import { type Divergence, jsonDifferences } from '../../recording/divergence.ts';
import type { RunHeader, SentStep } from '../../recording/recording.ts';
import type { ReplayedStep, ReplayReport } from '../../recording/replay.ts';
import type { Terminal } from '../terminal.ts';
import { causeText } from './event-text.ts';
import { count, cut, printable } from './text.ts';

type Paint = Terminal['paint'];

/** Differences of one step that are shown; a changed spec may have hundreds. */
const differencesShown = 20;
const valueWidth = 60;

/** Milliseconds as seconds since the beginning of a run: `+12.345s`. */
function elapsed(milliseconds: number): string {
  return `+${(milliseconds / 1000).toFixed(3)}s`;
}

/** An input in a few words. */
function inputText(input: Input): string {
  switch (input.type) {
    case 'start':
      return 'the start';
    case 'revision':
      return `a revision from ${input.source}`;
    case 'persisted':
      return input.error === null
        ? 'what had to be saved was'
        : `what had to be saved was not: ${input.error}`;
    case 'listed':
      return `a full observation of ${count(input.resources.length, 'resource')}`;
    case 'list-failed':
      return `a full observation failed: ${input.message}`;
    case 'observed':
      return `${input.key} was observed: ${input.observed === null ? 'it is gone' : input.observed.drift.join('; ') || 'whole'}`;
    case 'relist':
      return `changes may have been missed: ${input.reason}`;
    case 'reboot-failed':
      return `the device was not booted: ${input.message}`;
    case 'step-ended':
      return `step ${input.step} of ${input.key} ended: ${input.result.outcome}`;
    case 'timer':
      return `the timer ${input.timer}`;
  }
}

function stepName({ id, step }: SentStep): string {
  return `step ${id} ${step.action} ${step.key}`;
}

/** Where a run begins, in the list of steps. */
export function runLine(run: number, { revision, adapter, holdfast }: RunHeader): string {
  return printable(
    `run ${run}: revision ${revision}, adapter ${adapter}, recorded by holdfast ${holdfast}`,
  ).concat('\n');
}

/** One step of a replay as a line; the same recording gives the same lines. */
export function stepLine(step: ReplayedStep, paint: Paint): string {
  const place = paint('faint', `${elapsed(step.elapsedMs).padStart(12)} input ${step.input}`);
  return `${place} ${printable(stepName(step))} ${paint('faint', `[${printable(causeText(step.cause))}]`)}\n`;
}

/** A replay without a difference, in a line. */
export function replaySummary({ runs, inputs, steps, elapsedMs, phase, revision }: ReplayReport): string {
  const size = `${count(runs, 'run')}, ${count(inputs, 'input')} in ${(elapsedMs / 1000).toFixed(3)} s`;
  return `as recorded: ${size}, ${count(steps, 'step')}; ends ${phase} at revision ${revision}\n`;
}

/** What was left out of a torn recording. */
export function tornText({ line, bytes }: { readonly line: number; readonly bytes: number }): string {
  return `line ${line} is torn, since whoever wrote it was killed: its ${count(bytes, 'byte')} are left out\n`;
}

/** The first difference: where, after what, and what differs. */
export function divergenceText(divergence: Divergence, { runs, steps }: ReplayReport, paint: Paint): string {
  const { run, input, line, elapsedMs, after } = divergence;
  const where = input === 0 ? `the start of run ${run}` : `input ${input}${runs > 1 ? ` of run ${run}` : ''}`;
  const head = `${paint('bad', 'differs')} at ${where} (line ${line}, ${elapsed(elapsedMs)}), after ${count(steps, 'step')} as recorded\n`;
  const cause = after === null ? '' : `  input:    ${printable(inputText(after))}\n`;
  return `${head}${cause}${detail(divergence)}`;
}

function detail(divergence: Divergence): string {
  switch (divergence.type) {
    case 'step':
      return stepDetail(divergence);
    case 'revision': {
      const found = divergence.findings.map((finding) => `    ${printable(finding)}\n`).join('');
      return divergence.saved === 'recorded'
        ? `  recorded: the revision before was accepted and saved\n  replayed: it is not\n${found}`
        : '  recorded: the revision before was not accepted\n  replayed: it is accepted, and to be saved\n';
    }
    case 'failure':
      return `  recorded: ${failureText(divergence.recorded)}\n  replayed: ${failureText(divergence.replayed)}\n`;
    case 'start':
      return `  recorded: the run began\n  replayed: ${printable(divergence.message)}\n`;
  }
}

function failureText(message: string | null): string {
  return message === null ? 'the engine went on' : `the engine failed: ${printable(message)}`;
}

function stepDetail({ recorded, replayed }: Extract<Divergence, { readonly type: 'step' }>): string {
  const sides = `  recorded: ${sideText(recorded)}\n  replayed: ${sideText(replayed)}\n`;
  if (recorded === null || replayed === null || recorded.step.key !== replayed.step.key) return sides;
  return `${sides}${differencesText(recorded, replayed)}`;
}

function sideText(sent: SentStep | null): string {
  return sent === null ? 'no step' : printable(`${stepName(sent)} [${causeText(sent.cause)}]`);
}

function differencesText(recorded: SentStep, replayed: SentStep): string {
  const all = jsonDifferences(recorded.step, replayed.step);
  const more = all.length - differencesShown;
  const lines = all
    .slice(0, differencesShown)
    .map((one) => `    ${printable(one.pointer)}: ${valueText(one.recorded)} → ${valueText(one.replayed)}\n`);
  return `${lines.join('')}${more > 0 ? `    and ${more} more\n` : ''}`;
}

function valueText(value: unknown): string {
  return value === undefined ? 'nothing' : cut(printable(JSON.stringify(value)), valueWidth);
}
