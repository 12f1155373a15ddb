import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { runCommandLine } from '../../../controller/cli/command-line.ts';
import type { Context } from '../../../controller/cli/context.ts';
import { terminalOf } from '../../../controller/cli/terminal.ts';
import { systemClock } from '../../../controller/clock.ts';

/** The launcher, as people call it. */
export const launcher = fileURLToPath(new URL('../../../bin/holdfast', import.meta.url));

/** How a command ended, and what it wrote. */
export interface Ended {
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
}

export interface CommandOptions {
  readonly socket?: string;
  readonly input?: string;
  readonly env?: Readonly<Record<string, string>>;
}

/** Runs `holdfast` as a process of its own. */
export async function holdfast(words: readonly string[], options: CommandOptions = {}): Promise<Ended> {
  const { socket, input = '', env = {} } = options;
  const child = spawn(launcher, words, {
    env: { ...process.env, ...env, ...(socket === undefined ? {} : { HOLDFAST_SOCKET: socket }) },
  });
  child.stdin.end(input);
  const [out, err, [code]] = await Promise.all([
    text(child.stdout),
    text(child.stderr),
    once(child, 'close'),
  ]);
  return { code: code as number | null, out, err };
}

/** The user in front of a command line. */
export interface TerminalOptions extends Partial<Pick<Context, 'onInterrupt'>> {
  readonly columns?: number;
  readonly env?: Readonly<Record<string, string>>;
  /** Told of everything on standard output as it is written. */
  readonly onOut?: (part: string) => void;
}

/** Runs a command line in this process, on a terminal of `columns` columns where that is given. */
export async function commandLine(
  words: readonly string[],
  { columns, env = {}, onOut, onInterrupt = () => () => undefined }: TerminalOptions = {},
): Promise<Ended> {
  const written = { out: '', err: '' };
  const stream = (name: 'out' | 'err') => ({
    ...(columns === undefined ? {} : { isTTY: true, columns }),
    write: (part: string) => {
      written[name] += part;
      if (name === 'out') onOut?.(part);
    },
  });
  const code = await runCommandLine(words, {
    terminal: terminalOf(stream('out'), stream('err'), env),
    env,
    uid: 0,
    clock: systemClock(),
    onInterrupt,
  });
  return { code, ...written };
}
