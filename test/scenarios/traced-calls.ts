import { type ChildProcess, spawn } from 'node:child_process';
import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Device } from './device.ts';

/** Which calls to the kernel are looked at: their names, and the files that they are about where only those count. */
export interface CallFilter {
  readonly names: readonly string[];
  readonly paths?: readonly string[];
}

/** One call that a controller makes in the course of something: the `n`th of its name, from 1. */
export interface Call {
  readonly name: string;
  readonly n: number;
}

/** What strace(1) does to a call instead of the kernel, in its own words: `signal=KILL`, `error=EIO`. */
export interface Fault {
  readonly effect: string;
  readonly at: Call;
  /** All calls of these names fail from there on. */
  readonly lasts: boolean;
}

/** It is killed as it enters a call. */
export const killAt = (at: Call): Fault => ({ effect: 'signal=KILL', at, lasts: false });

/**
 * By these a controller makes a difference: to its database, to files, or by starting a program. Between two of them nothing can be told
 * apart from outside.
 */
export const tellingCalls: CallFilter = {
  names: [
    ...['pwrite64', 'ftruncate', 'fsync', 'fdatasync'],
    ...['rename', 'mkdir', 'rmdir', 'unlink', 'unlinkat', 'symlink'],
    ...['clone', 'clone3', 'fork', 'vfork'],
  ],
};

/** By these it writes its database. */
export function databaseCalls(made: Device): CallFilter {
  const path = join(made.root, 'holdfast.db');
  return {
    names: ['pwrite64', 'write', 'ftruncate', 'fsync', 'fdatasync', 'openat', 'unlink'],
    paths: [path, `${path}-wal`, `${path}-reserve`],
  };
}

/** Holds strace(1) to the thread of a controller that does everything of its own; resolves when it is attached. */
async function attached(pid: number, filter: CallFilter, options: readonly string[]): Promise<ChildProcess> {
  const paths = (filter.paths ?? []).flatMap((path) => ['-P', path]);
  const command = ['-p', String(pid), '-e', `trace=${filter.names.join(',')}`, ...paths, ...options];
  const strace = spawn('strace', command, { stdio: ['ignore', 'ignore', 'pipe'] });
  await new Promise<void>((resolve, reject) => {
    const said: string[] = [];
    createInterface({ input: strace.stderr }).on('line', (line) => {
      said.push(line);
      if (line.includes('attached')) resolve();
    });
    strace.once('error', reject);
    strace.once('exit', (code) => reject(new Error(`strace ended with ${code}: ${said.join('\n')}`)));
  });
  return strace;
}

function ended(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return Promise.resolve();
  return new Promise((resolve) => child.once('exit', () => resolve()));
}

/** Does `work` while strace looks on; resolves with its log, a call a line. */
async function traced(
  made: Device,
  filter: CallFilter,
  options: readonly string[],
  work: () => Promise<unknown>,
): Promise<string> {
  const file = join(made.directory, 'calls.strace');
  const strace = await attached(made.controller.pid, filter, ['-o', file, ...options]);
  // Where the controller is killed meanwhile, `work` fails for that, and strace ends.
  await work().catch((error: unknown) => {
    if (!options.some((option) => option.includes('signal=KILL'))) throw error;
    return ended(strace);
  });
  strace.kill('SIGINT');
  await ended(strace);
  const log = await readFile(file, 'utf8');
  await rm(file);
  return log;
}

/** The calls that a controller makes while `work` is done, in their order. */
export async function callsDuring(
  made: Device,
  filter: CallFilter,
  work: () => Promise<unknown>,
): Promise<readonly Call[]> {
  const log = await traced(made, filter, [], work);
  const counts = new Map<string, number>();
  return [...log.matchAll(/^(\w+)\(/gm)].map(([, name = '']) => {
    const n = (counts.get(name) ?? 0) + 1;
    counts.set(name, n);
    return { name, n };
  });
}

/**
 * Does `work` with a controller to which `fault` happens; a call that is replaced, or in which the controller is killed, does nothing. False when
 * it did not come so far until `work` had ended.
 */
export async function withFault(
  made: Device,
  filter: CallFilter,
  { effect, at, lasts }: Fault,
  work: () => Promise<unknown>,
): Promise<boolean> {
  const inject = `inject=${at.name}:${effect}:when=${at.n}${lasts ? '+' : ''}`;
  const log = await traced(made, filter, ['-e', inject], work);
  return log.includes('(INJECTED)') || log.includes('killed by SIGKILL');
}
