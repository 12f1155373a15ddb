import { isAbsolute, join } from 'node:path';
import type { Observable } from 'rxjs';
import { type Commands, systemCommands } from '../../linux/command.ts';
import type { After } from '../../linux/network-monitor.ts';
import type { ProcessIdentity } from '../../linux/process-identity.ts';
import { leastPrivileges } from '../least-privileges.ts';
import { requireServable } from '../link-identity.ts';
import type { Proxy as DataPlane, ProxyProcess, ProxyTraffic, ServedListener } from '../proxy.ts';
import { ProxyError } from '../proxy.ts';
import { Changeover, failureOf } from './changeover.ts';
import type { Conversation } from './command-socket.ts';
import { type Configuration, ConfigurationMaker, type ServedSource } from './configuration.ts';
import { ConfigurationFiles } from './configuration-files.ts';
import { EndWatch } from './end-watch.ts';
import { requireFree } from './free-ports.ts';
import { formerSlots, type HeldSlots, noHeldSlots, planSlots } from './link-slots.ts';
import { LinkSockets } from './link-sockets.ts';
import { ProcessFamily, unlessEnded } from './process-family.ts';
import { type Counts, serves, type WorkerReport } from './process-reports.ts';
import { comingLinks, countedRules, isRest, type Named, namedTogether, nothingNamed } from './proxy-names.ts';
import { QuietWork } from './quiet-work.ts';
import { type RouteMap, routeMapOf } from './route-map.ts';
import type { Timeouts } from './shared-rules.ts';
import { TrafficBook } from './traffic-book.ts';

export interface HaproxyOptions {
  /** Directory of the instance. */
  readonly root: string;
  /** Below `root`; all is kept in `haproxy` below it. Another one of the same instance has another. */
  readonly directory?: string;
  /** The clock's. */
  readonly after: After;
  /** The system's, unless a test hides programs. */
  readonly commands?: Pick<Commands, 'find'>;
  /** Those that differ from `usualTimeouts`. */
  readonly timeouts?: Partial<Timeouts>;
  /** Sockets that are made beforehand for rest links to come; `usualSpares`, unless a test says otherwise. */
  readonly spares?: number;
}

/** A provider has a minute to answer, as with nginx; a client ten seconds to ask, so that a thousand slow ones are gone soon. */
export const usualTimeouts: Timeouts = { connectMs: 3000, answerMs: 60_000, headMs: 10_000, idleMs: 60_000 };

/** Some 8,000 connections, which take half a gigabyte at the very worst, and 30 MB idle. */
const descriptorLimit = 16_384;

/** More links than come at once; 19 KB each (docs/decisions/rest-links.md). */
const usualSpares = 256;

/** No change for so long: then sockets are made for links to come, which takes a reload. */
const quietMs = 500;

/** Where the sockets of links are, below the directory of HAProxy. */
const linkDirectory = 'at';

/** A unix socket's path, with what HAProxy puts behind it while it makes one (`.<pid>.tmp`). */
const longestSocket = `/haproxy/${linkDirectory}/9999999.4194304.tmp`;

/** HAProxy 2.6 or later as the proxy (docs/decisions/haproxy.md, rest-links.md). Throws a RangeError for a root that its sockets can't be in. */
export function createHaproxy(options: HaproxyOptions): DataPlane {
  const { root, directory = 'run/proxy' } = options;
  const longestRoot = 107 - Buffer.byteLength(`/${directory}${longestSocket}`);
  if (!isAbsolute(root) || Buffer.byteLength(root) > longestRoot) {
    const expected = `an absolute path of at most ${longestRoot} bytes, since unix sockets are below it`;
    throw new RangeError(`the root directory is ${JSON.stringify(root)}; expected ${expected}`);
  }
  return new Haproxy(options, join(root, directory, 'haproxy'));
}

class Haproxy implements DataPlane {
  readonly name = 'haproxy';
  readonly #find: Commands['find'];
  readonly #maker: ConfigurationMaker;
  readonly #spares: number;
  readonly #files: ConfigurationFiles;
  readonly #sockets: LinkSockets;
  readonly #family: ProcessFamily;
  readonly #book: TrafficBook;
  readonly #changeover: Changeover;
  readonly #ends: EndWatch;
  readonly #stocking: QuietWork;
  /** What was last put in place. */
  #last: Configuration | null = null;
  /** Sockets of links may have been taken away: nobody has looked yet, or somebody who looked has missed some. */
  #isInDoubt = true;

  constructor({ after, commands = systemCommands, timeouts, spares }: HaproxyOptions, directory: string) {
    this.#find = commands.find;
    this.#spares = spares ?? usualSpares;
    this.#files = new ConfigurationFiles(directory);
    this.#sockets = new LinkSockets(join(directory, linkDirectory));
    const family = new ProcessFamily(this.#files, after);
    this.#family = family;
    this.#book = new TrafficBook(join(directory, 'traffic.json'));
    this.#changeover = new Changeover({
      files: this.#files,
      sockets: this.#sockets,
      book: this.#book,
      family,
    });
    this.#ends = new EndWatch({ socket: family.masterSocket, running: () => family.running(), after });
    this.#maker = new ConfigurationMaker({
      commandSocket: family.workerSocket,
      routesFile: this.#files.routes,
      filterFile: this.#files.filter,
      linkDirectory: this.#sockets.directory,
      timeouts: { ...usualTimeouts, ...timeouts },
      descriptorLimit,
    });
    this.#stocking = new QuietWork({ quietMs, after, work: () => this.#stock() });
  }

  async observe(): Promise<ProxyProcess | null> {
    await this.#stocking.settled();
    const master = this.#family.running();
    if (master === null) return null;
    return unlessEnded(null, async () => {
      const [worker, { reloads }] = await Promise.all([this.#family.worker(), this.#family.master()]);
      return { pid: master.pid, listeners: this.#standing(this.#sourceOf(worker)), reloads };
    });
  }

  async serve(listeners: readonly ServedListener[]): Promise<void> {
    requireServable(listeners.filter(isRest), (link) => this.#maker.knows(link));
    await this.#stocking.cancel();
    await this.#ends.during(() => (listeners.length === 0 ? this.#end() : this.#serve(listeners)));
    const { made = [], spare = [] } = this.#last?.source.slots ?? {};
    if (made.length > 0 && spare.length < this.#spares / 2) this.#stocking.arm();
  }

  async traffic(): Promise<readonly ProxyTraffic[]> {
    await this.#stocking.settled();
    return this.#family.running() === null ? [] : unlessEnded([], () => this.#total());
  }

  watch(): Observable<string> {
    return this.#ends.ended;
  }

  close(): void {
    void this.#stocking.cancel();
    this.#ends.close();
  }

  /** Null where that is not known: somebody has deleted what tells it, or a change was broken off. Then all is made anew. */
  #sourceOf({ served: [digest, other] }: WorkerReport): ServedSource | null {
    return digest === undefined || other !== undefined ? null : this.#files.sourceOf(digest);
  }

  /** Without links whose socket is not where it belongs. */
  #standing(source: ServedSource | null): readonly ServedListener[] {
    if (source === null) return [];
    const { listeners, slots } = source;
    const slot = slots.held.values();
    const standing = listeners.filter(
      (one) => !isRest(one) || this.#sockets.isShown({ slot: slot.next().value ?? 0, path: one.path }),
    );
    this.#isInDoubt ||= standing.length < listeners.length;
    return standing;
  }

  async #total(): Promise<readonly ProxyTraffic[]> {
    const worker = await this.#family.worker();
    const { draining } = await this.#family.master();
    const latest = new Map<number, Counts>();
    for (const pid of draining) latest.set(pid, await this.#family.drainingCounts(pid));
    const served = this.#sourceOf(worker) === null ? nothingNamed : this.#named(worker.served[0] ?? '');
    return this.#book.total(countedRules(served), await this.#family.counts(), latest);
  }

  async #serve(listeners: readonly ServedListener[]): Promise<void> {
    const master = this.#family.running();
    const former = master === null ? null : await unlessEnded(null, () => this.#family.converse());
    if (master === null || former === null) return this.#start(listeners);
    try {
      await this.#change(master, former, { listeners });
    } finally {
      former.end();
    }
  }

  /** What is served goes on to be, with sockets for links to come. */
  async #stock(): Promise<void> {
    await this.#ends.during(async () => {
      const master = this.#family.running();
      if (master === null || this.#last === null) return;
      const former = await this.#family.converse();
      try {
        await this.#change(master, former, { listeners: this.#last.source.listeners, anew: true });
      } finally {
        former.end();
      }
    });
  }

  #configure(listeners: readonly ServedListener[], former: HeldSlots, anew = false): Configuration {
    const slots = planSlots(listeners.filter(isRest), former, { spares: this.#spares, anew });
    return this.#maker.make({ listeners, slots });
  }

  async #start(listeners: readonly ServedListener[]): Promise<void> {
    await this.#end();
    const configuration = this.#configure(listeners, noHeldSlots);
    const { links } = configuration.named;
    try {
      await requireFree(configuration.named.listeners, []);
      this.#files.write(configuration);
      this.#sockets.prepare(links);
      for (const link of links) this.#sockets.lead(link);
      await this.#family.start(this.#words());
      await this.#family.untilServes(configuration.digest, null);
      for (const link of links) this.#sockets.show(link);
      this.#done(configuration);
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

  async #change(
    master: ProcessIdentity,
    former: Conversation,
    { listeners, anew }: { readonly listeners: readonly ServedListener[]; readonly anew?: boolean },
  ): Promise<void> {
    const report = await this.#family.reportOf(former);
    if (report === null) throw new ProxyError('ProxyFailed', 'HAProxy ended while it was talked to');
    const known = this.#sourceOf(report);
    const sources = report.served.flatMap((digest) => this.#files.sourceOf(digest) ?? []);
    // Which sockets were whose is not known: no link may get one of them.
    if (sources.length < Math.max(1, report.served.length) && this.#sockets.areThere())
      return this.#start(listeners);
    const configuration = this.#configure(
      listeners,
      this.#isInDoubt ? stillThere(formerSlots(sources), this.#sockets) : formerSlots(sources),
      anew || known === null,
    );
    const before = namedTogether(report.served.map((digest) => this.#named(digest)));
    const change = { former, report, before, formerRoutes: this.#routesOf(before), configuration };
    this.#sockets.prepare(comingLinks(before, configuration.named));
    if (known === null || !serves(report, configuration.digest)) await this.#changeover.make(master, change);
    if (this.#isInDoubt) for (const link of configuration.named.links) this.#sockets.show(link);
    this.#done(configuration);
  }

  #done(configuration: Configuration): void {
    this.#last = configuration;
    this.#isInDoubt = false;
  }

  #named(digest: string): Named {
    if (this.#last?.digest === digest) return this.#last.named;
    const source = this.#files.sourceOf(digest);
    return source === null ? nothingNamed : this.#maker.named(source);
  }

  #routesOf(served: Named): RouteMap {
    return this.#last?.named === served ? this.#last.routes : routeMapOf(served);
  }

  #failure(error: unknown, configuration: Configuration): unknown {
    return failureOf(error, this.#family, configuration);
  }

  async #end(): Promise<void> {
    if (!this.#files.exist()) return;
    this.#sockets.removeAll();
    await this.#family.end();
    this.#files.removeAll();
    this.#last = null;
    this.#isInDoubt = true;
  }
}

/** Those whose sockets nobody has deleted. */
function stillThere({ links, slots }: HeldSlots, sockets: LinkSockets): HeldSlots {
  const isThere = slots.held.map((slot) => sockets.exists(slot));
  return {
    links: links.filter((_, index) => isThere[index]),
    slots: {
      ...slots,
      held: slots.held.filter((_, index) => isThere[index]),
      spare: slots.spare.filter((slot) => sockets.exists(slot)),
    },
  };
}
