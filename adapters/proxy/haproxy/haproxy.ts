import { isAbsolute, join } from 'node:path';
import type { Observable } from 'rxjs';
import { type Commands, systemCommands } from '../../linux/command.ts';
import type { After } from '../../linux/network-monitor.ts';
import type { ProcessIdentity } from '../../linux/process-identity.ts';
import { leastPrivileges } from '../least-privileges.ts';
import type { Proxy as DataPlane, ProxyListener, ProxyProcess, ProxyTraffic } from '../proxy.ts';
import { ProxyError } from '../proxy.ts';
import type { Conversation } from './command-socket.ts';
import { type Configuration, renderConfiguration } from './configuration.ts';
import { ConfigurationFiles } from './configuration-files.ts';
import { EndWatch } from './end-watch.ts';
import { requireFree } from './free-ports.ts';
import { NotServing, ProcessFamily, unlessEnded } from './process-family.ts';
import { type Count, serves, type WorkerReport } from './process-reports.ts';
import { type NamedListener, named } from './proxy-names.ts';
import { misleadingKeys, type Retirement, retire, retiredBy } from './retirement.ts';
import { routeCommands, routeMapOf, servedCommand } from './route-map.ts';
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

/** From what a worker serves to something else. */
interface Change {
  /** With the worker, of whom `report` is. */
  readonly former: Conversation;
  readonly report: WorkerReport;
  readonly before: readonly NamedListener[];
  readonly configuration: Configuration;
}

class Haproxy implements DataPlane {
  readonly name = 'haproxy';
  readonly #find: Commands['find'];
  readonly #timeouts: Timeouts;
  readonly #files: ConfigurationFiles;
  readonly #family: ProcessFamily;
  readonly #book: TrafficBook;
  readonly #ends: EndWatch;
  /** What was last put in place. */
  #last: Configuration | null = null;

  constructor({ root, after, commands = systemCommands, timeouts }: HaproxyOptions) {
    const directory = join(root, 'run/proxy/haproxy');
    this.#find = commands.find;
    this.#timeouts = { ...usualTimeouts, ...timeouts };
    this.#files = new ConfigurationFiles(directory);
    const family = new ProcessFamily(this.#files, after);
    this.#family = family;
    this.#book = new TrafficBook(join(directory, 'traffic.json'));
    this.#ends = new EndWatch({ socket: family.masterSocket, running: () => family.running(), after });
  }

  async observe(): Promise<ProxyProcess | null> {
    const master = this.#family.running();
    if (master === null) return null;
    return unlessEnded(null, async () => {
      const [worker, { reloads }] = await Promise.all([this.#family.worker(), this.#family.master()]);
      return { pid: master.pid, listeners: this.#listenersOf(worker) ?? [], reloads };
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

  /** Null where that is not known: somebody has deleted what tells it, or a change was broken off. Then all is made anew. */
  #listenersOf({ served: [digest, other] }: WorkerReport): readonly ProxyListener[] | null {
    return digest === undefined || other !== undefined ? null : this.#files.listenersOf(digest);
  }

  async #total(): Promise<readonly ProxyTraffic[]> {
    const worker = await this.#family.worker();
    const { draining } = await this.#family.master();
    const latest = new Map<number, ReadonlyMap<string, Count>>();
    for (const pid of draining) latest.set(pid, await this.#family.drainingCounts(pid));
    return this.#book.total(this.#listenersOf(worker) ?? [], await this.#family.counts(), latest);
  }

  async #serve(listeners: readonly ProxyListener[]): Promise<void> {
    const configuration = renderConfiguration(listeners, {
      commandSocket: this.#family.workerSocket,
      routesFile: this.#files.routes,
      timeouts: this.#timeouts,
      descriptorLimit,
    });
    const master = this.#family.running();
    const former = master === null ? null : await unlessEnded(null, () => this.#family.converse());
    if (master === null || former === null) await this.#start(configuration);
    else {
      try {
        await this.#change(master, former, configuration);
      } finally {
        former.end();
      }
    }
    this.#last = configuration;
  }

  async #start(configuration: Configuration): Promise<void> {
    await this.#end();
    try {
      await requireFree(configuration.listeners, []);
      this.#files.write(configuration);
      await this.#family.start(this.#words());
      await this.#family.untilServes(configuration.digest, null);
    } catch (error) {
      const failure = this.#failure(error, configuration);
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

  async #change(master: ProcessIdentity, former: Conversation, configuration: Configuration): Promise<void> {
    const report = await this.#family.reportOf(former);
    if (report === null) throw new ProxyError('ProxyFailed', 'HAProxy ended while it was talked to');
    const known = this.#listenersOf(report);
    if (known !== null && serves(report, configuration.digest)) return;
    // Of a change that was broken off, either may be served.
    const before = report.served.flatMap((digest) => this.#formerly(digest));
    const change = { former, report, before, configuration };
    const isDone =
      known !== null && report.structure === configuration.structure && (await this.#lead(change));
    if (!isDone) await this.#replace(master, change);
    this.#files.keepOnly([configuration.digest]);
  }

  #formerly(digest: string): readonly NamedListener[] {
    if (this.#last?.digest === digest) return this.#last.listeners;
    return named(this.#files.listenersOf(digest) ?? []);
  }

  /**
   * In the process that serves, where its routes alone differ. Until all has been done, it says that it is in the middle of it. False: it has taken
   * them in part, or not at all.
   */
  async #lead({ former, report, before, configuration }: Change): Promise<boolean> {
    const file = this.#files.routes;
    const { digest, routes } = configuration;
    const formerRoutes = routeMapOf(before);
    this.#files.announce(configuration);
    const isTold = await this.#tell(former, [
      servedCommand(file, [...report.served, digest]),
      ...routeCommands(file, formerRoutes, routes),
    ]);
    if (!isTold) return false;
    this.#files.write(configuration);
    await this.#retire({ sections: new Set(), keys: misleadingKeys(formerRoutes, routes), file });
    return this.#tell(former, [servedCommand(file, [digest])]);
  }

  /** False: the process has ended, or does not take one of them. */
  async #tell(process: Conversation, commands: readonly string[]): Promise<boolean> {
    for (const command of commands) {
      if ((await process.ask(command)) !== '') return false;
    }
    return true;
  }

  /** By another process. What HAProxy can't read or bind, no process of it serves: the one that does goes on. */
  async #replace(master: ProcessIdentity, change: Change): Promise<void> {
    const { report, before, configuration } = change;
    const { listeners } = configuration;
    // Where it is not known what is served, any port may be ours.
    await requireFree(listeners, before.length > 0 ? before : listeners);
    // Until former connections have been seen to, the process says whose place it has taken: a controller that comes then does all of it again.
    const undo = this.#files.write(configuration, report.served);
    try {
      await this.#family.startAnew(master);
      await this.#family.untilServes(configuration.digest, report.pid);
    } catch (error) {
      undo();
      this.#files.keepOnly(report.served);
      throw this.#failure(error, configuration);
    }
    await this.#drain(change);
    this.#files.write(configuration);
    await this.#family.tell(servedCommand(this.#files.routes, [configuration.digest]));
  }

  /** From then on no connection leads where none should, nor does any new one come to a former process. */
  async #drain({ former, report, before, configuration }: Change): Promise<void> {
    await this.#family.untilDrains(former);
    const sections = retiredBy(before, configuration.listeners);
    const keys = misleadingKeys(routeMapOf(before), configuration.routes);
    const retirement = { sections, keys, file: this.#files.routes };
    await retire(retirement, (command) => former.ask(command));
    await this.#retire(retirement, report.pid);
    const { draining } = await this.#family.master();
    const counts = await this.#family.countsOf(former);
    this.#book.drains({ pid: report.pid, listeners: before, counts, draining });
  }

  /** In all that drain, but for the one that was told already. */
  async #retire(retirement: Retirement, told: number | null = null): Promise<void> {
    if (retirement.sections.size + retirement.keys.length === 0) return;
    const { draining } = await this.#family.master();
    for (const pid of draining.filter((one) => one !== told)) {
      await retire(retirement, (command) => this.#family.askDraining(pid, command));
    }
  }

  #failure(error: unknown, { listeners }: Configuration): unknown {
    return error instanceof NotServing ? startFailure(this.#family.log(), listeners) : error;
  }

  async #end(): Promise<void> {
    if (!this.#files.exist()) return;
    await this.#family.end();
    this.#files.removeAll();
  }
}
