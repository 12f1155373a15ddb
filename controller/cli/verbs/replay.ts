import { RecordingError, readRecording } from '../../recording/read-recording.ts';
import { replay } from '../../recording/replay.ts';
import type { Context } from '../context.ts';
import { CliFailure, exitCodes } from '../failure.ts';
import { divergenceText, replaySummary, runLine, stepLine, tornText } from '../render/replay-text.ts';
import { jsonLine } from '../render/text.ts';

/** Options of `replay` as they stand on the command line. */
export interface ReplayVerbOptions {
  readonly verbose?: true;
  readonly output: 'text' | 'json';
}

/**
 * Replays a recording and says how that went; in JSON the report is the last line, after the steps where those are asked for. A
 * file that cannot be read, is no recording, or is damaged before its last line, is told with the exit code of invalid input.
 */
export async function replayFile(
  file: string,
  { verbose, output }: ReplayVerbOptions,
  { terminal }: Context,
): Promise<number> {
  const inJson = output === 'json';
  const report = await orUnreadable(file, () =>
    replay(readRecording(file), {
      ...(verbose === true && {
        onRun: (run, header) => terminal.out(inJson ? jsonLine({ run, ...header }) : runLine(run, header)),
        onStep: (step) => terminal.out(inJson ? jsonLine(step) : stepLine(step, terminal.paint)),
      }),
    }),
  );
  if (inJson) terminal.out(jsonLine(report));
  else if (report.divergence === null) terminal.out(replaySummary(report));
  else terminal.out(divergenceText(report.divergence, report, terminal.paint));
  if (report.torn !== null && !inJson) terminal.err(tornText(report.torn));
  return report.divergence === null ? exitCodes.ok : exitCodes.diverged;
}

async function orUnreadable<T>(file: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof RecordingError) throw new CliFailure(exitCodes.invalid, `${file}: ${error.message}`);
    if (error instanceof Error && 'syscall' in error) throw new CliFailure(exitCodes.invalid, error.message);
    throw error;
  }
}
