import { type Command, capture } from '../tools/command.ts';

/** Runs a command that must succeed; rejects with what it printed when it does not. */
export async function succeed(command: Command): Promise<void> {
  const { code, output } = await capture(command);
  if (code === 0) return;
  throw new Error(`${[command.program, ...command.arguments].join(' ')} ended with ${code}: ${output}`);
}
