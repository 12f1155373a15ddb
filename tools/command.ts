import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';

/** A program and its arguments: never a shell string. */
export interface Command {
  readonly program: string;
  readonly arguments: readonly string[];
  /** Added to this process's environment. */
  readonly environment?: Readonly<Record<string, string>>;
}

/** What to do with each line that a program writes. */
export interface LineSinks {
  readonly out: (line: string) => void;
  readonly error: (line: string) => void;
}

/** Runs a command without standard input, line by line into `sinks`; its exit code, 128 for a signal. Rejects when it cannot start. */
export function runLines(command: Command, sinks: LineSinks): Promise<number> {
  const child = spawn(command.program, command.arguments, {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, ...command.environment },
  });
  createInterface({ input: child.stdout }).on('line', sinks.out);
  createInterface({ input: child.stderr }).on('line', sinks.error);
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code) => resolve(code ?? 128));
  });
}

/** All that a command prints to standard output, with its exit code; its standard error goes to ours. */
export async function capture(command: Command): Promise<{ readonly code: number; readonly output: string }> {
  const lines: string[] = [];
  const code = await runLines(command, {
    out: (line) => lines.push(line),
    error: (line) => process.stderr.write(`${line}\n`),
  });
  return { code, output: lines.join('\n') };
}
