import { type ChildProcess, spawn } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { type Command, capture } from './command.ts';

/** What of a line of the log others look at. */
export interface LogLine {
  readonly msg: string;
  readonly key?: string;
  readonly reason?: string;
}

/** A controller that runs as a process of its own, as on a device. */
export interface RunningController {
  readonly pid: number;
  /** Directory under which it keeps everything. */
  readonly root: string;
  readonly socket: string;
  /** What it has logged so far. */
  readonly log: readonly string[];
  /** Resolves when it has logged a line that `wanted` takes, at once if it already has. */
  logged(wanted: (line: LogLine) => boolean): Promise<void>;
  /** Ends it with a signal and waits until it is gone; returns its exit code, null where the signal killed it. */
  stop(signal?: NodeJS.Signals): Promise<number | null>;
}

export interface ControllerOptions {
  readonly adapter: 'lxc' | 'memory';
  readonly root: string;
  /** `control.sock` below `root` when absent. */
  readonly socket?: string;
  /** The commit window, seconds; 0 when absent: what is ready is committed. */
  readonly commitAfterSeconds?: number;
  /** More words for `holdfast run`. */
  readonly more?: readonly string[];
  readonly environment?: Readonly<Record<string, string>>;
}

const project = join(import.meta.dirname, '..');

/** The launcher that people use. */
export const holdfastProgram = join(project, 'bin/holdfast');

/** Lines as they come, kept; whoever waits for one is told at once. */
class Log {
  readonly lines: string[] = [];
  readonly #listeners = new Set<(line: string) => void>();

  constructor(child: ChildProcess) {
    for (const stream of [child.stdout, child.stderr]) {
      if (stream !== null) createInterface({ input: stream }).on('line', (line) => this.#add(line));
    }
  }

  /** Resolves when there is a line that `wanted` takes, at once if there already is. */
  has(wanted: (line: string) => boolean): Promise<void> {
    if (this.lines.some(wanted)) return Promise.resolve();
    return new Promise((resolve) => {
      const listener = (line: string) => {
        if (!wanted(line)) return;
        this.#listeners.delete(listener);
        resolve();
      };
      this.#listeners.add(listener);
    });
  }

  #add(line: string): void {
    this.lines.push(line);
    for (const listener of this.#listeners) listener(line);
  }
}

/** Starts `holdfast run` and waits until it serves its control socket. Rejects with its log when it ends before. */
export async function startController(options: ControllerOptions): Promise<RunningController> {
  const { adapter, root, socket = join(root, 'control.sock'), commitAfterSeconds = 0, more = [] } = options;
  mkdirSync(root, { recursive: true, mode: 0o700 });
  const words = ['run', '--adapter', adapter, '--root', root, '--socket', socket];
  words.push('--commit-after', String(commitAfterSeconds), ...more);
  const child = spawn(holdfastProgram, words, {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, ...options.environment },
  });
  const log = new Log(child);
  const ended = new Promise<number | null>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code) => resolve(code));
  });
  const early = ended.then((code) => {
    throw new Error(`the controller ended with ${code} before it listened:\n${log.lines.join('\n')}`);
  });
  await Promise.race([log.has((line) => line.includes('"msg":"serving the control socket"')), early]);
  // Once it serves, its end is what `stop` tells.
  early.catch(() => undefined);
  const stop = (signal: NodeJS.Signals = 'SIGTERM'): Promise<number | null> => {
    child.kill(signal);
    return ended;
  };
  const logged: RunningController['logged'] = (wanted) => log.has((line) => wanted(parseLine(line)));
  return { pid: child.pid ?? 0, root, socket, log: log.lines, logged, stop };
}

/** A line of the log; what is no JSON is a message. */
function parseLine(line: string): LogLine {
  return line.startsWith('{') ? JSON.parse(line) : { msg: line };
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
