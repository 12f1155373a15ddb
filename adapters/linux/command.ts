import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { accessSync, constants, realpathSync } from 'node:fs';
import { basename, join } from 'node:path';
import type { Readable, Writable } from 'node:stream';
import { Observable } from 'rxjs';

/**
 * Child processes. A program is looked up in a fixed list of directories and gets an environment of its own, so that
 * nothing planted in ours (PATH, LD_PRELOAD, NODE_OPTIONS) reaches it; its arguments are a vector, never a shell's
 * text; it starts in `/` with descriptors 0-2 only (every other one of ours is close-on-exec; see inherited-descriptors.ts
 * for those that we were started with).
 */

/** Where programs are looked for, in this order. */
export const programDirectories: readonly string[] = [
  '/usr/local/sbin',
  '/usr/local/bin',
  '/usr/sbin',
  '/usr/bin',
  '/sbin',
  '/bin',
];

/** Output beyond this many bytes, on either stream, ends the command with an error. */
const outputLimitBytes = 64 * 1024 * 1024;

/** How much of what a program said on standard error an error repeats. */
const shownErrorLines = 10;

/** How a command that exited with 0 ended. */
export interface CommandResult {
  readonly stdout: string;
  readonly stderr: string;
}

export interface CommandOptions {
  /** Written to standard input, which is then closed. Absent: standard input is empty. */
  readonly input?: string;
  /** Aborting kills the command; the promise rejects with the signal's reason. */
  readonly signal?: AbortSignal;
  /** Added to the environment, which otherwise has PATH and LC_ALL only. */
  readonly env?: Readonly<Record<string, string>>;
  /** Told the process id as soon as there is one. */
  readonly onSpawn?: (pid: number) => void;
}

/** A command that did not exit with 0, was not found, or said too much. */
export class CommandError extends Error {
  override readonly name = 'CommandError';
  readonly argv: readonly string[];
  /** Null when it was ended by `signal`, or never ran. */
  readonly exitCode: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;

  constructor(argv: readonly string[], how: string, outcome: Partial<CommandOutcome> = {}) {
    const stderr = outcome.stderr ?? '';
    const said = lastLines(stderr).join('\n');
    super(`'${argv.join(' ')}' ${how}${said === '' ? '' : `: ${said}`}`);
    this.argv = argv;
    this.exitCode = outcome.exitCode ?? null;
    this.signal = outcome.signal ?? null;
    this.stdout = outcome.stdout ?? '';
    this.stderr = stderr;
  }

  /** The last lines of standard error, oldest first, to be shown with the error. */
  get log(): readonly string[] {
    return lastLines(this.stderr);
  }
}

interface CommandOutcome extends CommandResult {
  readonly exitCode: number | null;
  readonly signal: NodeJS.Signals | null;
}

type Child = ChildProcessByStdio<Writable | null, Readable, Readable>;

function lastLines(text: string): readonly string[] {
  return text
    .split('\n')
    .filter((line) => line.trim() !== '')
    .slice(-shownErrorLines);
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

/** Absolute path of a program; null when it is not installed. A name with a slash is taken as a path. */
export function findProgram(name: string): string | null {
  if (name.includes('/')) return isExecutable(name) ? name : null;
  return programDirectories.map((directory) => join(directory, name)).find(isExecutable) ?? null;
}

/**
 * What to put before a program so that the kernel ends it when we end, from whatever cause (prctl(2), PR_SET_PDEATHSIG); it becomes the
 * program, under the same process id. Nothing where there is no setpriv of util-linux: busybox' own does not know this.
 */
function endingWithUs(): readonly string[] {
  const setpriv = findProgram('setpriv');
  const known = setpriv !== null && basename(realpathSync(setpriv)) === 'setpriv';
  return known ? [setpriv, '--pdeathsig', 'KILL'] : [];
}

function start(
  argv: readonly string[],
  options: CommandOptions & Pick<LinesOptions, 'feed' | 'endsWithUs'>,
): Child {
  const [name = '', ...parameters] = argv;
  const program = findProgram(name);
  if (program === null) {
    throw new CommandError(
      argv,
      `cannot run: found no program '${name}' in ${programDirectories.join(', ')}`,
    );
  }
  const words = [...(options.endsWithUs === true ? endingWithUs() : []), program, ...parameters];
  const child = spawn(words[0] ?? program, words.slice(1), {
    cwd: '/',
    env: { PATH: programDirectories.join(':'), LC_ALL: 'C', ...options.env },
    stdio: [options.input === undefined && options.feed === undefined ? 'ignore' : 'pipe', 'pipe', 'pipe'],
    windowsHide: true,
  }) as Child;
  // A program that ends before it has read everything breaks the pipe; how it ended says why.
  child.stdin?.on('error', () => {});
  if (child.pid !== undefined) options.onSpawn?.(child.pid);
  if (child.stdin !== null) options.feed?.(child.stdin);
  return child;
}

/** Collects a stream as text; calls `overflow` once when it exceeds the limit, and keeps nothing after that. */
function collect(stream: Readable, overflow: () => void): () => string {
  const chunks: Buffer[] = [];
  let size = 0;
  stream.on('data', (chunk: Buffer) => {
    size += chunk.length;
    if (size <= outputLimitBytes) chunks.push(chunk);
    else overflow();
  });
  return () => Buffer.concat(chunks).toString('utf8');
}

function howItEnded(exitCode: number | null, signal: NodeJS.Signals | null): string {
  return signal === null ? `exited with ${exitCode}` : `was ended by ${signal}`;
}

/**
 * Runs a command to its end. Rejects with a CommandError unless it exits with 0, and with the signal's reason when it
 * was aborted.
 */
export async function run(argv: readonly string[], options: CommandOptions = {}): Promise<CommandResult> {
  options.signal?.throwIfAborted();
  const child = start(argv, options);
  const kill = () => child.kill('SIGKILL');
  let tooMuch = false;
  const overflow = () => {
    tooMuch = true;
    kill();
  };
  const stdout = collect(child.stdout, overflow);
  const stderr = collect(child.stderr, overflow);
  options.signal?.addEventListener('abort', kill, { once: true });
  const { promise, resolve, reject } = Promise.withResolvers<CommandResult>();
  child.on('error', (error) => reject(new CommandError(argv, `cannot run: ${error.message}`)));
  child.on('close', (exitCode, signal) => {
    const outcome = { stdout: stdout(), stderr: stderr(), exitCode, signal };
    if (options.signal?.aborted) reject(options.signal.reason);
    else if (tooMuch) reject(new CommandError(argv, `said more than ${outputLimitBytes} bytes`, outcome));
    else if (exitCode === 0) resolve({ stdout: outcome.stdout, stderr: outcome.stderr });
    else reject(new CommandError(argv, howItEnded(exitCode, signal), outcome));
  });
  child.stdin?.end(options.input);
  try {
    return await promise;
  } finally {
    options.signal?.removeEventListener('abort', kill);
  }
}

/** Splits a stream into lines; a last one without line feed counts. */
function eachLine(stream: Readable, take: (line: string) => void): void {
  let rest = '';
  stream.setEncoding('utf8');
  stream.on('data', (text: string) => {
    const parts = (rest + text).split('\n');
    rest = parts.pop() ?? '';
    for (const part of parts) take(part);
  });
  stream.on('end', () => {
    if (rest !== '') take(rest);
  });
}

export interface LinesOptions extends Pick<CommandOptions, 'env' | 'onSpawn'> {
  /** Told each line of standard error; the last ones are in the CommandError, too. */
  readonly onComplaint?: (line: string) => void;
  /** Given standard input, to be written to and ended. Absent: standard input is empty. */
  readonly feed?: (input: Writable) => void;
  /** The kernel ends it when this process ends, however it does; where it can't, the next line that nobody reads ends it. */
  readonly endsWithUs?: boolean;
}

/**
 * Lines that a long-running command prints, as they come. Subscribing starts it, unsubscribing ends it with SIGTERM.
 * Completes when it exits with 0, errors with a CommandError when it ends otherwise; starting it again is the caller's.
 */
export function lines(argv: readonly string[], options: LinesOptions = {}): Observable<string> {
  return new Observable((subscriber) => {
    const child = start(argv, options);
    const stderr: string[] = [];
    eachLine(child.stdout, (line) => subscriber.next(line));
    eachLine(child.stderr, (line) => {
      options.onComplaint?.(line);
      stderr.push(line);
      if (stderr.length > shownErrorLines) stderr.shift();
    });
    child.on('error', (error) => subscriber.error(new CommandError(argv, `cannot run: ${error.message}`)));
    child.on('close', (exitCode, signal) => {
      if (exitCode === 0) subscriber.complete();
      else {
        const outcome = { stderr: stderr.join('\n'), exitCode, signal };
        subscriber.error(new CommandError(argv, howItEnded(exitCode, signal), outcome));
      }
    });
    return () => child.kill('SIGTERM');
  });
}

/** What the parts of this adapter need of child processes; tests count them and hide programs. */
export interface Commands {
  readonly run: typeof run;
  readonly lines: typeof lines;
  /** Absolute path of a program; null when it is not installed. */
  readonly find: typeof findProgram;
}

export const systemCommands: Commands = { run, lines, find: findProgram };
