import { spawn } from 'node:child_process';
import { closeSync, mkdirSync, openSync, readdirSync, readlinkSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { bootId } from '../linux/boot-id.ts';
import { programDirectories } from '../linux/command.ts';
import type { After } from '../linux/network-monitor.ts';
import { hasEnded, identify, type ProcessIdentity, statFields } from '../linux/process-identity.ts';
import { readIfThere } from '../linux/read-if-there.ts';
import { writeAtomically } from '../linux/write-atomically.ts';

/** How often a process that was told to end is looked at for whether it has. */
const lookMs = 5;

/** How long a process that was killed may take to be gone: the kernel has to free its memory and descriptors. */
const killedMs = 5000;

export interface SupervisedOptions {
  /** Holds the record of the process and what it says; made with mode 0700. Whoever else keeps files there removes them. */
  readonly directory: string;
  /**
   * A word of its command line that stands in no other process' of this host, but for its own children's: an absolute path below the
   * instance's root. By it the process is known, and found where the record is lost.
   */
  readonly mark: string;
  readonly after: After;
}

/** What is kept of it on disk. */
interface ProcessRecord extends ProcessIdentity {
  /** The boot in which it was started: pids and start times mean nothing in another. */
  readonly boot: string;
}

/**
 * One process that outlives us: in a session of its own, with descriptors 0-2 alone, in `/`, in an environment without anything of ours. It is
 * remembered on disk, and found again by whoever comes next, also where we were killed before we could remember it: what is remembered
 * is checked against the process itself (start time, boot, command line; without a record also its user and where it writes to), so that nothing else is ever taken for it or ended in its place.
 */
export class SupervisedProcess {
  readonly #options: SupervisedOptions;
  readonly #record: string;
  /** Where what it says goes; it may be truncated at any time. */
  readonly log: string;

  constructor(options: SupervisedOptions) {
    this.#options = options;
    this.#record = join(options.directory, 'process.json');
    this.log = join(options.directory, 'log');
  }

  /** The process that runs; null: none does. */
  find(): ProcessIdentity | null {
    return this.#remembered() ?? this.#findByMark();
  }

  /**
   * Starts it; whether it then does what it should is for the caller to see. Rejects where the program can't be run. `argv[0]` is an absolute
   * path; programs that become another one (`setpriv`) may stand in front. The mark has to be among the words (RangeError).
   */
  async start(argv: readonly string[], env: Readonly<Record<string, string>> = {}): Promise<ProcessIdentity> {
    const [program = '', ...words] = argv;
    if (!words.includes(this.#options.mark)) {
      throw new RangeError(
        `'${argv.join(' ')}' lacks the word '${this.#options.mark}', by which it is found`,
      );
    }
    await this.#untilFormerGone();
    await this.#killRest();
    mkdirSync(this.#options.directory, { recursive: true, mode: 0o700 });
    const log = openSync(this.log, 'a', 0o600);
    try {
      const pid = await spawnDetached(program, words, { log, env });
      const identity = identify(pid);
      if (identity === null) throw new Error(`'${argv.join(' ')}' ended as soon as it was started`);
      this.#remember(identity);
      return identity;
    } finally {
      closeSync(log);
    }
  }

  /**
   * Ends it with SIGTERM, and with SIGKILL what is left of it and its children after `graceMs`; resolves when all is gone and its record and
   * log are removed. Harmless where none runs. Rejects where it can't be ended (a process in an uninterruptible sleep).
   */
  async end(graceMs: number): Promise<void> {
    const found = this.find();
    if (found !== null) {
      signal(found.pid, 'SIGTERM');
      await this.#until(() => !isThere(found), graceMs);
      signal(-found.pid, 'SIGKILL');
      if (!(await this.#until(() => !hasMembers(found.pid), killedMs))) {
        throw new Error(`process ${found.pid} was killed and is still there after ${killedMs / 1000} s`);
      }
    }
    await this.#killRest();
    await this.#untilFormerGone();
    for (const path of [this.#record, this.log]) rmSync(path, { force: true });
  }

  /** Children of one that was killed, which may go on without it. */
  async #killRest(): Promise<void> {
    const killed = new Map<number, ProcessIdentity>();
    const isGone = () => {
      for (const pid of this.#marked()) {
        const identity = identify(pid);
        if (identity !== null) killed.set(pid, identity);
        signal(pid, 'SIGKILL');
      }
      // One that is ending has no command line any more by which it is found, and listens at its ports yet.
      for (const [pid, identity] of killed) if (!isThere(identity)) killed.delete(pid);
      return killed.size === 0;
    };
    if (!(await this.#until(isGone, killedMs))) {
      throw new Error(`processes ${[...killed.keys()].join(', ')} were killed and are still there`);
    }
  }

  /** One that is ending still listens at its ports, while it is not to be found any more; so do its children, which end without it. */
  async #untilFormerGone(): Promise<void> {
    const former = parseRecord(readIfThere(this.#record));
    if (former?.boot !== bootId()) return;
    await this.#until(() => !isThere(former) && !hasMembers(former.pid), killedMs);
  }

  /** True once `holds` does; false where it does not within `limitMs`. */
  async #until(holds: () => boolean, limitMs: number): Promise<boolean> {
    for (let waitedMs = 0; !holds(); waitedMs += lookMs) {
      if (waitedMs >= limitMs) return false;
      await new Promise<void>((resolve) => this.#options.after(lookMs, resolve));
    }
    return true;
  }

  #remember(identity: ProcessIdentity): void {
    const record: ProcessRecord = { ...identity, boot: bootId() };
    // Somebody may have taken the directory away from under a process that runs.
    mkdirSync(this.#options.directory, { recursive: true, mode: 0o700 });
    writeAtomically(this.#record, JSON.stringify(record), 0o600);
  }

  /** Null where the record is of a process that has ended, or of another boot, or torn by a power cut. */
  #remembered(): ProcessIdentity | null {
    const record = parseRecord(readIfThere(this.#record));
    if (record === null || record.boot !== bootId()) return null;
    const found = identify(record.pid);
    if (found?.startTime !== record.startTime) return null;
    const line = readIfThere(`/proc/${found.pid}/cmdline`);
    return this.#carriesMark(line) || (line === '' && !isExiting(found.pid)) ? found : null;
  }

  /** Of the processes that carry the mark, the one that leads their session: the others are its children, or were. */
  #findByMark(): ProcessIdentity | null {
    const found = this.#marked().find(leadsSession);
    const identity = found === undefined ? null : identify(found);
    if (identity !== null) this.#remember(identity);
    return identity;
  }

  /** Anybody can give a process of his the mark for a word: one that others have started is none of ours. */
  #marked(): readonly number[] {
    return processes().filter((pid) => this.#isMarked(pid) && isOfHost(pid) && isOurs(pid));
  }

  #isMarked(pid: number): boolean {
    return this.#carriesMark(readIfThere(`/proc/${pid}/cmdline`));
  }

  #carriesMark(line: string | null): boolean {
    return line?.split('\0').includes(this.#options.mark) ?? false;
  }
}

/** Resolves to its process id once the program runs in it. */
function spawnDetached(
  program: string,
  words: readonly string[],
  { log, env }: { readonly log: number; readonly env: Readonly<Record<string, string>> },
): Promise<number> {
  const child = spawn(program, words, {
    cwd: '/',
    detached: true,
    env: { PATH: programDirectories.join(':'), LC_ALL: 'C', ...env },
    stdio: ['ignore', log, log],
  });
  child.unref();
  const { promise, resolve, reject } = Promise.withResolvers<number>();
  child.once('spawn', () => resolve(child.pid ?? 0));
  child.once('error', reject);
  return promise;
}

function isThere({ pid, startTime }: ProcessIdentity): boolean {
  return identify(pid)?.startTime === startTime;
}

/** Flag of a process that is ending, as the kernel shows it (proc(5), stat, field 9; PF_EXITING). */
const exiting = 0x4;

/** Of two kinds of processes that have no command line: the other is in the middle of execve(2). */
function isExiting(pid: number): boolean {
  return (Number(fieldsOf(pid)[6]) & exiting) !== 0;
}

/** True while a process of the group has not ended (proc(5), stat, field 5). */
function hasMembers(group: number): boolean {
  return processes().some((pid) => {
    const fields = fieldsOf(pid);
    return Number(fields[2]) === group && !hasEnded(fields);
  });
}

function leadsSession(pid: number): boolean {
  return Number(fieldsOf(pid)[3]) === pid;
}

function fieldsOf(pid: number): readonly string[] {
  return statFields(readIfThere(`/proc/${pid}/stat`) ?? '');
}

function processes(): readonly number[] {
  return readdirSync('/proc')
    .filter((entry) => /^\d+$/.test(entry))
    .map(Number);
}

/** A process that has ended takes none. A negative id is that of a group. */
function signal(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}

/**
 * It runs as our user, and what it says goes to a file of ours that nobody else can open, as with those that `start` starts. The user alone is not
 * enough: programs that anybody may run as root (sudo) have the words, and the descriptors, of who runs them.
 */
function isOurs(pid: number): boolean {
  const ours = `${process.geteuid?.()}`;
  const users = /^Uid:\s+(.*)$/m.exec(readIfThere(`/proc/${pid}/status`) ?? '')?.[1]?.split(/\s+/);
  return users?.every((user) => user === ours) === true && saysToUsAlone(pid);
}

function saysToUsAlone(pid: number): boolean {
  try {
    const said = statSync(`/proc/${pid}/fd/2`);
    return said.isFile() && said.uid === process.geteuid?.() && (said.mode & 0o077) === 0;
  } catch (error) {
    // It has ended meanwhile, has closed that descriptor, or has powers that we lack: we have not started it.
    if (['ENOENT', 'ESRCH', 'EACCES'].includes((error as NodeJS.ErrnoException).code ?? '')) return false;
    throw error;
  }
}

/** Not one of a container, which may have whatever command line it likes. */
function isOfHost(pid: number): boolean {
  try {
    return readlinkSync(`/proc/${pid}/ns/pid`) === readlinkSync('/proc/self/ns/pid');
  } catch (error) {
    // It has ended meanwhile.
    if (['ENOENT', 'ESRCH'].includes((error as NodeJS.ErrnoException).code ?? '')) return false;
    throw error;
  }
}

function parseRecord(text: string | null): ProcessRecord | null {
  if (text === null) return null;
  try {
    return JSON.parse(text) as ProcessRecord;
  } catch (error) {
    if (error instanceof SyntaxError) return null;
    throw error;
  }
}
