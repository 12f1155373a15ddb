import type { CommandOptions, CommandResult, Commands } from './command.ts';
import type { After } from './network-monitor.ts';

/** A command that did not end in time and was killed. */
export class CommandTimedOut extends Error {
  override readonly name = 'CommandTimedOut';
}

/** Why `reason` ended what was done: a code for a step's error. */
export function failureCode(reason: unknown, otherwise: string): string {
  return reason instanceof CommandTimedOut ? 'StepTimedOut' : otherwise;
}

/** Commands of which `run` kills what takes longer than `limitMs`, and rejects with CommandTimedOut. */
export function timedCommands(commands: Commands, after: After, limitMs: number): Commands {
  const run = async (argv: readonly string[], options: CommandOptions = {}): Promise<CommandResult> => {
    const late = new AbortController();
    const message = `'${argv.join(' ')}' did not end within ${limitMs / 1000} s and was killed`;
    const cancel = after(limitMs, () => late.abort(new CommandTimedOut(message)));
    const signal =
      options.signal === undefined ? late.signal : AbortSignal.any([options.signal, late.signal]);
    try {
      return await commands.run(argv, { ...options, signal });
    } finally {
      cancel();
    }
  };
  return { ...commands, run };
}
