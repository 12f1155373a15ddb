import { tellsOfSurroundings } from '../start-error.ts';

/** What the exit status of every verb means. Others script against these: codes are added, never changed. */
export const exitCodes = Object.freeze({
  ok: 0,
  notReady: 1,
  stepsPending: 2,
  invalid: 3,
  timedOut: 4,
  notFound: 5,
  /** Of `replay` alone, which looks nothing up. */
  diverged: 5,
  noController: 6,
  /** EX_USAGE, EX_UNAVAILABLE and EX_SOFTWARE of sysexits(3head). */
  usage: 64,
  cannotStart: 69,
  internal: 70,
  /** 128 + SIGINT, as a shell tells of it. */
  interrupted: 130,
  /** 128 + SIGPIPE, as a program ends that does not handle it. */
  brokenPipe: 141,
});

/** One line for each exit code, for `--help`. */
export const exitCodeLines: readonly (readonly [code: number, meaning: string])[] = [
  [exitCodes.ok, 'DONE: committed, and ready; for plan: nothing to do'],
  [exitCodes.notReady, 'ERROR: rolled back; or something is not ready'],
  [exitCodes.stepsPending, 'plan: there are steps to take'],
  [exitCodes.invalid, 'WONTGO: refused as invalid, nothing was touched'],
  [exitCodes.timedOut, 'not at its end within --wait seconds; the controller goes on'],
  [exitCodes.notFound, 'no such resource, revision or code; for replay: a step differs'],
  [exitCodes.noController, 'no controller answers on the socket, or it went away'],
  [exitCodes.usage, 'the command line is wrong'],
  [exitCodes.cannotStart, 'the controller cannot run here as things are; the message says why'],
  [exitCodes.internal, 'a mistake in Holdfast itself, or the controller failed'],
  [exitCodes.interrupted, 'ctrl-C while it waited; the controller goes on'],
];

/** Ends a verb with a message for a person and an exit code. */
export class CliFailure extends Error {
  readonly exitCode: number;
  readonly hint: string | undefined;

  constructor(exitCode: number, message: string, hint?: string) {
    super(message);
    this.name = 'CliFailure';
    this.exitCode = exitCode;
    this.hint = hint;
  }
}

/** What `work` throws about the surroundings becomes a failure that is told in one line; anything else is a mistake of ours. */
export async function orCannotStart<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw tellsOfSurroundings(error) ? new CliFailure(exitCodes.cannotStart, error.message) : error;
  }
}
