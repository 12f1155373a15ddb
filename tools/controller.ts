import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, mkdirSync, watch } from 'node:fs';
import { basename, join } from 'node:path';
import { createInterface } from 'node:readline';
import { type Command, capture } from './command.ts';

/** A controller that runs as a process of its own, as on a device. */
export interface RunningController {
  readonly pid: number;
  /** Directory under which it keeps everything. */
  readonly root: string;
  readonly socket: string;
  /** What it has logged so far. */
  readonly log: readonly string[];
  /** Ends it with a signal and waits until it is gone; returns its exit code, null where the signal killed it. */
  stop(signal?: NodeJS.Signals): Promise<number | null>;
}

export interface ControllerOptions {
  readonly adapter: 'lxc' | 'memory';
  readonly root: string;
  /** File to which it records its inputs; none when absent. */
  readonly record?: string;
  readonly environment?: Readonly<Record<string, string>>;
}

const project = join(import.meta.dirname, '..');

/** The launcher that people use. */
export const holdfastProgram = join(project, 'bin/holdfast');

/** Resolves when `name` is in `directory`; never after `signal` is aborted. */
function appearance(directory: string, name: string, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const check = () => {
      if (!existsSync(join(directory, name))) return;
      watcher.close();
      resolve();
    };
    const watcher = watch(directory, { signal }, check);
    check();
  });
}

function keepLines(child: ChildProcess): readonly string[] {
  const log: string[] = [];
  for (const stream of [child.stdout, child.stderr]) {
    if (stream !== null) createInterface({ input: stream }).on('line', (line) => log.push(line));
  }
  return log;
}

/** Starts `holdfast run` and waits until its control socket is there. Rejects with its log when it ends before. */
export async function startController(options: ControllerOptions): Promise<RunningController> {
  const { adapter, root, record } = options;
  mkdirSync(root, { recursive: true, mode: 0o700 });
  const socket = join(root, 'control.sock');
  const words = ['run', '--adapter', adapter, '--root', root, '--socket', socket];
  const child = spawn(holdfastProgram, record === undefined ? words : [...words, '--record', record], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, ...options.environment },
  });
  const log = keepLines(child);
  const abort = new AbortController();
  const ended = new Promise<number | null>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code) => resolve(code));
  });
  const early = ended.then((code) => {
    throw new Error(`the controller ended with ${code} before it listened:\n${log.join('\n')}`);
  });
  try {
    await Promise.race([appearance(root, basename(socket), abort.signal), early]);
  } finally {
    early.catch(() => abort.abort());
  }
  const stop = (signal: NodeJS.Signals = 'SIGTERM'): Promise<number | null> => {
    child.kill(signal);
    return ended;
  };
  return { pid: child.pid ?? 0, root, socket, log, stop };
}

/** A verb of the command line, said to one controller. */
export function holdfast(controller: RunningController, ...words: readonly string[]): Command {
  return { program: holdfastProgram, arguments: words, environment: { HOLDFAST_SOCKET: controller.socket } };
}

/** What a verb says on standard output as JSON, whatever its exit code. Rejects when that is no JSON. */
export async function askJson<Answer>(
  controller: RunningController,
  ...words: readonly string[]
): Promise<Answer> {
  const { code, output } = await capture(holdfast(controller, ...words, '-o', 'json'));
  try {
    return JSON.parse(output) as Answer;
  } catch (error) {
    throw new Error(`holdfast ${words.join(' ')} ended with ${code} and said no JSON: ${output}`, {
      cause: error,
    });
  }
}
