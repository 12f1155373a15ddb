import { CommanderError } from 'commander';
import type { Context } from './context.ts';
import { CliFailure, exitCodes } from './failure.ts';
import { buildProgram } from './program.ts';
import { printable } from './render/text.ts';

/** What commander ends with when it has shown help or the version, as it was asked to. */
const asAsked: ReadonlySet<string> = new Set(['commander.helpDisplayed', 'commander.version']);

function failed(error: unknown, { terminal }: Context): number {
  if (error instanceof CommanderError) return asAsked.has(error.code) ? exitCodes.ok : exitCodes.usage;
  if (error instanceof CliFailure) {
    const hint = error.hint === undefined ? '' : `hint: ${printable(error.hint)}\n`;
    terminal.err(`holdfast: ${printable(error.message)}\n${hint}`);
    return error.exitCode;
  }
  const details = error instanceof Error ? (error.stack ?? error.message) : String(error);
  terminal.err(`holdfast: a mistake in Holdfast itself; please report it with these lines:\n${details}\n`);
  return exitCodes.internal;
}

/** Carries out one command line (without the names of program and script). Resolves with the exit code; never rejects. */
export async function runCommandLine(words: readonly string[], context: Context): Promise<number> {
  let exitCode: number = exitCodes.ok;
  const program = buildProgram(words, context, (code) => {
    exitCode = code;
  });
  try {
    await program.parseAsync(words, { from: 'user' });
    return exitCode;
  } catch (error) {
    return failed(error, context);
  }
}
