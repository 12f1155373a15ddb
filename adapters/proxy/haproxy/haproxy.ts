import { isAbsolute, join } from 'node:path';
import type { Observable } from 'rxjs';
import { type Commands, systemCommands } from '../../linux/command.ts';
import type { After } from '../../linux/network-monitor.ts';
import type { ProcessIdentity } from '../../linux/process-identity.ts';
import type { Proxy as DataPlane, ProxyListener, ProxyProcess, ProxyTraffic } from '../proxy.ts';
import { ProxyError } from '../proxy.ts';
import type { Conversation } from './command-socket.ts';
import { type Configuration, renderConfiguration } from './configuration.ts';
import { ConfigurationFiles } from './configuration-files.ts';
import { EndWatch } from './end-watch.ts';
import { requireFree } from './free-ports.ts';
import { leastPrivileges } from './privileges.ts';
import { NotServing, ProcessFamily, unlessEnded } from './process-family.ts';
import { type Count, readWorkerReport, type WorkerReport } from './process-reports.ts';
import { retire, retiredBy } from './retirement.ts';
import type { Timeouts } from './shared-rules.ts';
import { startFailure } from './start-failure.ts';
import { TrafficBook } from './traffic-book.ts';

export interface HaproxyOptions {
  /** Directory of the instance; all is kept in `run/proxy/haproxy` below it. */
  readonly root: string;
  /** The clock's. */
  readonly after: After;
  /** The system's, unless a test hides programs. */
  readonly commands?: Pick<Commands, 'find'>;
  /** Those that differ from `usualTimeouts`. */
  readonly timeouts?: Partial<Timeouts>;
}

/** A provider has a minute to answer, as with nginx; a client ten seconds to ask, so that a thousand slow ones are gone soon. */
export const usualTimeouts: Timeouts = { connectMs: 3000, answerMs: 60_000, headMs: 10_000, idleMs: 60_000 };

/** Some 8,000 connections, which take half a gigabyte at the very worst, and 30 MB idle. */
const descriptorLimit = 16_384;

/** A unix socket's path, with what HAProxy puts behind it while it makes one (`.<pid>.tmp`). */
const longestRoot = 107 - '/run/proxy/haproxy/worker.4194304.tmp'.length;

/** HAProxy 2.6 or later as the proxy (docs/decisions/haproxy.md). Throws a RangeError for a root that its sockets can't be in. */
export function createHaproxy(options: HaproxyOptions): DataPlane {
  if (!isAbsolute(options.root) || Buffer.byteLength(options.root) > longestRoot) {
    const expected = `an absolute path of at most ${longestRoot} bytes, since unix sockets are below it`;
    throw new RangeError(`the root directory is ${JSON.stringify(options.root)}; expected ${expected}`);
  }
  return new Haproxy(options);
}

class Haproxy implements DataPlane {
  readonly name = 'haproxy';
  readonly #find: Commands['find'];
  readonly #timeouts: Timeouts;
  readonly #files: ConfigurationFiles;
  readonly #family: ProcessFamily;
  readonly #book: TrafficBook;
  readonly #ends: EndWatch;

  constructor({ root, after, commands = systemCommands, timeouts }: HaproxyOptions) {
    const directory = join(root, 'run/proxy/haproxy');
    this.#find = commands.find;
    this.#timeouts = { ...usualTimeouts, ...timeouts };
    this.#files = new ConfigurationFiles(directory);
    const family = new ProcessFamily(directory, this.#files.configuration, after);
    this.#family = family;
    this.#book = new TrafficBook(join(directory, 'traffic.json'));
    this.#ends = new EndWatch({ socket: family.masterSocket, running: () => family.running(), after });
  }

  async observe(): Promise<ProxyProcess | null> {
    const master = this.#family.running();
    if (master === null) return null;
    return unlessEnded(null, async () => {
      const { digest } = await this.#family.worker();
      const { reloads } = await this.#family.master();
      return { pid: master.pid, listeners: this.#listenersOf(digest), reloads };
    });
  }

  async serve(listeners: readonly ProxyListener[]): Promise<void> {
    await this.#ends.during(() => (listeners.length === 0 ? this.#end() : this.#serve(listeners)));
  }

  async traffic(): Promise<readonly ProxyTraffic[]> {
    return this.#family.running() === null ? [] : unlessEnded([], () => this.#total());
  }

  watch(): Observable<string> {
    return this.#ends.ended;
  }

  close(): void {
    this.#ends.close();
  }

  /** Where somebody has deleted what tells it, nothing is known to be served, and all is made anew. */
  #listenersOf(digest: string): readonly ProxyListener[] {
    return this.#files.listenersOf(digest) ?? [];
  }

  async #total(): Promise<readonly ProxyTraffic[]> {
    const { digest } = await this.#family.worker();
    const { draining } = await this.#family.master();
    const latest = new Map<number, ReadonlyMap<string, Count>>();
    for (const pid of draining) latest.set(pid, await this.#family.drainingCounts(pid));
    return this.#book.total(this.#listenersOf(digest), await this.#family.counts(), latest);
  }

  async #serve(listeners: readonly ProxyListener[]): Promise<void> {
    const configuration = renderConfiguration(listeners, {
      commandSocket: this.#family.workerSocket,
      routesFile: (digest) => this.#files.routes(digest),
      timeouts: this.#timeouts,
      descriptorLimit,
    });
    const master = this.#family.running();
    const former = master === null ? null : await unlessEnded(null, () => this.#family.converse());
    if (master === null || former === null) return this.#start(configuration, listeners);
    try {
      await this.#change({ master, former }, configuration, listeners);
    } finally {
      former.end();
    }
  }

  async #start(configuration: Configuration, listeners: readonly ProxyListener[]): Promise<void> {
    await this.#end();
    try {
      await requireFree(listeners, []);
      this.#files.write(configuration, listeners);
      await this.#family.start(this.#words());
      await this.#family.untilServes(configuration.digest, null);
    } catch (error) {
      const failure = this.#failure(error, listeners);
      await this.#end();
      throw failure;
    }
  }

  #words(): readonly string[] {
    const program = this.#find('haproxy');
    if (program === null) {
      throw new ProxyError('ProxyFailed', 'found no program haproxy; install the package haproxy');
    }
    const master = `unix@${this.#family.masterSocket},mode,600`;
    return [
      ...leastPrivileges({ find: this.#find }),
      program,
      '-W',
      '-S',
      master,
      '-f',
      this.#files.configuration,
    ];
  }

  async #change(
    { master, former }: { readonly master: ProcessIdentity; readonly former: Conversation },
    configuration: Configuration,
    listeners: readonly ProxyListener[],
  ): Promise<void> {
    const report = readWorkerReport((await former.ask('show info')) ?? '');
    if (report === null) throw new ProxyError('ProxyFailed', 'HAProxy ended while it was talked to');
    const before = this.#files.listenersOf(report.digest);
    if (report.digest === configuration.digest && before !== null) return;
    // Where it is not known what is served, any port may be ours.
    await requireFree(listeners, before ?? listeners);
    await this.#replace(master, report, configuration, listeners);
    await this.#drain(former, report, before ?? [], listeners);
    this.#files.keepOnly(configuration.digest);
  }

  /** What HAProxy can't read or bind, no process of it serves: the one that does goes on. */
  async #replace(
    master: ProcessIdentity,
    former: WorkerReport,
    configuration: Configuration,
    listeners: readonly ProxyListener[],
  ): Promise<void> {
    const undo = this.#files.write(configuration, listeners);
    try {
      await this.#family.startAnew(master);
      await this.#family.untilServes(configuration.digest, former.pid);
    } catch (error) {
      undo();
      this.#files.keepOnly(former.digest);
      throw this.#failure(error, listeners);
    }
  }

  /** From then on no connection leads where none should, nor does any new one come to a former process. */
  async #drain(
    former: Conversation,
    report: WorkerReport,
    before: readonly ProxyListener[],
    listeners: readonly ProxyListener[],
  ): Promise<void> {
    await this.#family.untilDrains(former);
    const retired = retiredBy(before, listeners);
    if (retired.size > 0) await this.#retire(retired, former, report);
    this.#book.drains(report.pid, before, await this.#family.countsOf(former));
  }

  async #retire(retired: ReadonlySet<string>, former: Conversation, { pid }: WorkerReport): Promise<void> {
    await retire(retired, (command) => former.ask(command));
    const { draining } = await this.#family.master();
    for (const earlier of draining.filter((one) => one !== pid)) {
      await retire(retired, (command) => this.#family.askDraining(earlier, command));
    }
  }

  #failure(error: unknown, listeners: readonly ProxyListener[]): unknown {
    return error instanceof NotServing ? startFailure(this.#family.log(), listeners) : error;
  }

  async #end(): Promise<void> {
    if (!this.#files.exist()) return;
    await this.#family.end();
    this.#files.removeAll();
  }
}
