import { join } from 'node:path';
import { type Observable, Subject } from 'rxjs';
import { ConsumerContainer } from './consumer-container.ts';
import { NoContainer } from './container-handle.ts';
import { DirectoryWatches } from './directory-watches.ts';
import { holdInit, type IsInit } from './hold-init.ts';
import { closedSocket, withSource } from './link-source.ts';
import type { LinkSource, LinkTarget, LinkTargets, TargetSight } from './link-targets.ts';
import type { After } from './network-monitor.ts';
import { loadSystemCalls, type SystemCalls } from './system-calls.ts';
import { TargetRecords } from './target-record.ts';

export interface LinkTargetsOptions {
  /** The instance's directory, which nobody but us can write to. Records are at `<root>/run/link-targets/`. */
  readonly root: string;
  /** The clock's. */
  readonly after: After;
  readonly isInit: IsInit;
}

/** What there is from when the first target is known. */
interface Kernel {
  readonly calls: SystemCalls;
  readonly directories: DirectoryWatches;
}

/**
 * Targets of links, each a mount over an empty file in a container (docs/decisions/link-targets.md). Records of earlier processes are read
 * when something is first asked; system calls are loaded with the first target. What was placed by an earlier process is `away` until they are.
 */
export function createLinkTargets(options: LinkTargetsOptions): LinkTargets {
  return new MountedLinkTargets(options);
}

class MountedLinkTargets implements LinkTargets {
  readonly #options: LinkTargetsOptions;
  readonly #directory: string;
  #read: TargetRecords | null = null;
  readonly #containers = new Map<string, ConsumerContainer>();
  /** Of containers that run, as was told. */
  readonly #pids = new Map<string, number>();
  readonly #changed = new Subject<LinkTarget>();
  #loading: Promise<Kernel> | null = null;
  #kernel: Kernel | null = null;
  #isClosed = false;

  constructor(options: LinkTargetsOptions) {
    this.#options = options;
    this.#directory = join(options.root, 'run/link-targets');
  }

  get #records(): TargetRecords {
    this.#read ??= new TargetRecords(this.#directory);
    return this.#read;
  }

  get changed(): Observable<LinkTarget> {
    return this.#changed;
  }

  async attend(): Promise<void> {
    // Where system calls can't be made, whoever places something is told why.
    if ([...this.#records.containers].length > 0) await this.#load().catch(() => undefined);
  }

  tidy(): void {
    this.#records.tidy();
  }

  moved(name: string, pid: number | null): void {
    if (this.#isClosed) return;
    if (pid === null) this.#pids.delete(name);
    else this.#pids.set(name, pid);
    const container = this.#containers.get(name);
    if (container !== undefined) this.#follow(name, container);
  }

  async place({ container, target }: LinkTarget, source: LinkSource): Promise<void> {
    const { calls } = await this.#load();
    const consumer = this.#open(container);
    try {
      withSource(calls, source, (file) => consumer.place(target, file));
    } finally {
      this.#closeIdle(container, consumer);
    }
  }

  async clear({ container, target }: LinkTarget): Promise<void> {
    if (this.#records.get({ container, target }) === null) return;
    const { calls } = await this.#load();
    const closed = closedSocket(calls, join(this.#directory, 'closed'));
    withSource(calls, closed, (file) => this.#open(container).clear(target, file));
  }

  async remove({ container, target }: LinkTarget): Promise<void> {
    if (this.#records.get({ container, target }) === null && !this.#containers.has(container)) return;
    await this.#load();
    const consumer = this.#open(container);
    await consumer.remove(target);
    this.#closeIdle(container, consumer);
  }

  forget(container: string): void {
    this.#pids.delete(container);
    this.#containers.get(container)?.close();
    this.#containers.delete(container);
    for (const { target } of this.#records.of(container)) this.#records.remove(target);
  }

  sight({ container, target }: LinkTarget): TargetSight | null {
    const record = this.#records.get({ container, target });
    if (record === null || record.state === 'making' || record.state === 'removed') return null;
    return this.#containers.get(container)?.sight(target) ?? { state: 'away' };
  }

  close(): void {
    this.#isClosed = true;
    for (const container of this.#containers.values()) container.close();
    this.#containers.clear();
    this.#kernel?.directories.close();
    this.#kernel = null;
    this.#changed.complete();
  }

  /** Rejects with SystemCallsUnavailable, SystemCallError, or where this instance is closed. */
  async #load(): Promise<Kernel> {
    this.#loading ??= this.#openKernel();
    const kernel = await this.#loading;
    if (this.#isClosed) throw new Error('this instance is closed; expected another one to be asked');
    return kernel;
  }

  async #openKernel(): Promise<Kernel> {
    const calls = await loadSystemCalls();
    if (this.#isClosed) throw new Error('this instance is closed');
    const overflowed = () => this.#suspectAll();
    const directories = new DirectoryWatches({ calls, after: this.#options.after, overflowed });
    this.#kernel = { calls, directories };
    for (const name of [...this.#records.containers]) this.#open(name);
    return this.#kernel;
  }

  /** A container that floods us may have cost others their events. */
  #suspectAll(): void {
    for (const container of this.#containers.values()) container.suspect();
  }

  #open(name: string): ConsumerContainer {
    const known = this.#containers.get(name);
    if (known !== undefined) return known;
    if (this.#kernel === null) throw new Error('this instance is closed; expected another one to be asked');
    const { after } = this.#options;
    const changed = (target: LinkTarget) => this.#changed.next(target);
    const options = { ...this.#kernel, name, after, changed, records: this.#records };
    const container = new ConsumerContainer(options);
    this.#containers.set(name, container);
    this.#follow(name, container);
    return container;
  }

  /** Nothing is held of a container that has no targets. */
  #closeIdle(name: string, container: ConsumerContainer): void {
    if (!container.isIdle) return;
    container.close();
    this.#containers.delete(name);
  }

  #follow(name: string, container: ConsumerContainer): void {
    const pid = this.#pids.get(name);
    if (pid === undefined) return container.isAway(new NoContainer(`container '${name}' does not run`));
    if (container.isHeldAs(pid)) return container.suspect();
    try {
      container.runs(holdInit(this.#options.isInit, name, pid));
    } catch (error) {
      // Whoever places something there is told so; the next time that it is told where it runs, it is looked for again.
      container.isAway(error);
    }
  }
}
