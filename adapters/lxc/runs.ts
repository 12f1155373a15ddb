import { rmSync, statSync } from 'node:fs';
import type { ContainerExit } from '../../state/resource.ts';
import { bootId } from '../linux/boot-id.ts';
import type { ProcessIdentity } from '../linux/process-identity.ts';
import { readIfThere } from '../linux/read-if-there.ts';
import { writeAtomically } from '../linux/write-atomically.ts';
import { exitInLog } from './exit-report.ts';
import type { Layout } from './layout.ts';
import { tailOf } from './tail.ts';

/** What is kept of the run that a container is in, or that it was last in. */
interface RunRecord {
  /** The boot that it belongs to: it means nothing in another. */
  readonly boot: string;
  /** LXC has said that it runs. */
  readonly launched: boolean;
  /** We have asked it to end: that is no exit. */
  readonly stopping: boolean;
  /** The init that has signalled, if any. */
  readonly ready: ProcessIdentity | null;
  /** It was found to have ended, and nothing said how. The file's time says when that was. */
  readonly lost: boolean;
}

/** The end of a log has all that is told of a run's end: the start of a run takes some 10 KiB. */
const logTailBytes = 64 * 1024;

/**
 * What is known of each container's present or last run, beyond whether it runs: how it ended and whether it has said that it is ready. It is
 * kept on disk, so that the next controller knows it too: how it ended is in LXC's own log, which the container's monitor writes whether a
 * controller runs or not; the rest is in a small file beside the container's record. Nothing of it can be written from inside a container.
 */
export class Runs {
  readonly #layout: Layout;
  readonly #boot = bootId();

  constructor(layout: Layout) {
    this.#layout = layout;
  }

  /** A run begins, or what it takes is in place: of the one before nothing is known any more. */
  begin(name: string): void {
    this.#write(name, { boot: this.#boot, launched: false, stopping: false, ready: null, lost: false });
  }

  /** It runs: where nothing tells of its end later on, it was lost. */
  setLaunched(name: string): void {
    const run = this.#read(name);
    if (run !== null) this.#write(name, { ...run, launched: true });
  }

  /** There was no run: it could not begin. */
  forget(name: string): void {
    rmSync(this.#layout.container(name).run, { force: true });
  }

  /** True from `begin` on, for the rest of this boot. */
  hasBegun(name: string): boolean {
    return this.#read(name) !== null;
  }

  /** From now on its end is our doing; or, `false`, is not, since it did not end. */
  setStopping(name: string, stopping: boolean): void {
    const run = this.#read(name);
    if (run !== null) this.#write(name, { ...run, stopping });
  }

  /** The log tells how it ended, even though a monitor may still be there. */
  isOver(name: string): boolean {
    return this.#inLog(name) !== null;
  }

  /**
   * How a container that runs no more ended by itself. Null: it was not started in this boot, or we stopped it. Without code and signal
   * where nothing says how: its monitor was killed.
   */
  exit(name: string): ContainerExit | null {
    const run = this.#read(name);
    if (run === null || run.stopping) return null;
    const told = this.#inLog(name);
    if (told !== null || !run.launched) return told;
    if (!run.lost) this.#write(name, { ...run, lost: true });
    return { code: null, signal: null, at: Math.round(statSync(this.#layout.container(name).run).mtimeMs) };
  }

  /** The container whose init this is has said that it is ready. */
  setReady(name: string, init: ProcessIdentity): void {
    const run = this.#read(name);
    if (run !== null) this.#write(name, { ...run, ready: init });
  }

  /** This very init has said so: another one, of a run that we do not know of, has not. */
  isReady(name: string, init: ProcessIdentity): boolean {
    const ready = this.#read(name)?.ready ?? null;
    return ready !== null && ready.pid === init.pid && ready.startTime === init.startTime;
  }

  #inLog(name: string): ContainerExit | null {
    const { log } = this.#layout.container(name);
    const writtenBy = statSync(log, { throwIfNoEntry: false })?.mtimeMs ?? 0;
    return exitInLog(tailOf(log, logTailBytes), writtenBy);
  }

  #write(name: string, run: RunRecord): void {
    writeAtomically(this.#layout.container(name).run, JSON.stringify(run), 0o600);
  }

  /** Null where there is none of this boot. One that is torn was written before a power cut, hence in another. */
  #read(name: string): RunRecord | null {
    try {
      const text = readIfThere(this.#layout.container(name).run);
      const run = text === null ? null : (JSON.parse(text) as RunRecord);
      return run?.boot === this.#boot ? run : null;
    } catch (error) {
      if (error instanceof SyntaxError) return null;
      throw error;
    }
  }
}
