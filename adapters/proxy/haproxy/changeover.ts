import type { ProcessIdentity } from '../../linux/process-identity.ts';
import type { Conversation } from './command-socket.ts';
import type { Configuration } from './configuration.ts';
import type { ConfigurationFiles } from './configuration-files.ts';
import { requireFree } from './free-ports.ts';
import type { LinkSockets } from './link-sockets.ts';
import { NotServing, type ProcessFamily } from './process-family.ts';
import type { WorkerReport } from './process-reports.ts';
import { comingLinks, countedRules, type Named, type NamedLink } from './proxy-names.ts';
import { misleadingKeys, type Retirement, retire, retiredBy } from './retirement.ts';
import { type RouteMap, routeCommands, servedCommand } from './route-map.ts';
import { startFailure } from './start-failure.ts';
import type { TrafficBook } from './traffic-book.ts';

/** From what a worker serves to something else. */
export interface Change {
  /** With the worker, of whom `report` is. */
  readonly former: Conversation;
  readonly report: WorkerReport;
  /** Of a change that was broken off, either may be served: then it is all of both. */
  readonly before: Named;
  /** Of `before`. */
  readonly formerRoutes: RouteMap;
  readonly configuration: Configuration;
}

export interface ChangeoverParts {
  readonly files: ConfigurationFiles;
  readonly sockets: LinkSockets;
  readonly family: ProcessFamily;
  readonly book: TrafficBook;
}

/** Links that come with a change, and that go. */
interface LinkDifference {
  readonly come: readonly NamedLink[];
  readonly gone: readonly NamedLink[];
}

/** Has HAProxy serve something else, so that nothing is dropped but what leads nowhere any more (docs/decisions/haproxy.md, rest-links.md). */
export class Changeover {
  readonly #files: ConfigurationFiles;
  readonly #sockets: LinkSockets;
  readonly #family: ProcessFamily;
  readonly #book: TrafficBook;

  constructor({ files, sockets, family, book }: ChangeoverParts) {
    this.#files = files;
    this.#sockets = sockets;
    this.#family = family;
    this.#book = book;
  }

  /** Rejects with a ProxyError where HAProxy can't serve it; then it serves what it served. */
  async make(master: ProcessIdentity, change: Change): Promise<void> {
    const { report, before, configuration } = change;
    const links = {
      come: comingLinks(before, configuration.named),
      gone: comingLinks(configuration.named, before),
    };
    const isAlike = report.served.length === 1 && report.structure === configuration.structure;
    const isDone = isAlike && (await this.#lead(change, links));
    if (!isDone) await this.#replace(master, change, links);
    this.#files.keepOnly([configuration.digest]);
  }

  /**
   * In the process that serves, where its routes alone differ, and who has which of its sockets. Until all has been done, it says that it is in the middle of it.
   * False: it has taken them in part, or not at all.
   */
  async #lead(change: Change, { come, gone }: LinkDifference): Promise<boolean> {
    const { former, report, formerRoutes, configuration } = change;
    const file = this.#files.routes;
    const { digest, routes } = configuration;
    this.#files.announce(configuration);
    for (const link of come) this.#sockets.lead(link);
    const isTold = await tell(former, [
      servedCommand(file, [...report.served, digest]),
      ...routeCommands(file, formerRoutes, routes),
    ]);
    if (!isTold) return false;
    for (const link of come) this.#sockets.show(link);
    for (const link of gone) this.#sockets.hide(link);
    this.#files.write(configuration);
    const sections = new Set(gone.map(({ section }) => section));
    await retire({ sections, keys: [], file }, (command) => former.ask(command));
    await this.#retire({ sections, keys: misleadingKeys(formerRoutes, routes), file });
    return tell(former, [servedCommand(file, [digest])]);
  }

  /** By another process. What HAProxy can't read or bind, no process of it serves: the one that does goes on. */
  async #replace(master: ProcessIdentity, change: Change, { come, gone }: LinkDifference): Promise<void> {
    const { report, before, configuration } = change;
    const { listeners } = configuration.named;
    // Where it is not known what is served, any port may be ours.
    await requireFree(listeners, before.listeners.length > 0 ? before.listeners : listeners);
    for (const link of come) this.#sockets.lead(link);
    // Until former connections have been seen to, the process says whose place it has taken: a controller that comes then does all of it again.
    const undo = this.#files.write(configuration, report.served);
    try {
      await this.#family.startAnew(master);
      await this.#family.untilServes(configuration.digest, report.pid);
    } catch (error) {
      undo();
      for (const link of come) this.#sockets.hide(link);
      this.#files.keepOnly(report.served);
      throw failureOf(error, this.#family, configuration);
    }
    for (const link of come) this.#sockets.show(link);
    for (const link of gone) this.#sockets.hide(link);
    await this.#drain(change);
    this.#files.write(configuration);
    await this.#family.tell(servedCommand(this.#files.routes, [configuration.digest]));
  }

  /** From then on no connection leads where none should, nor does any new one come to a former process. */
  async #drain({ former, report, before, formerRoutes, configuration }: Change): Promise<void> {
    await this.#family.untilDrains(former);
    const sections = retiredBy(before, configuration.named);
    const keys = misleadingKeys(formerRoutes, configuration.routes);
    const retirement = { sections, keys, file: this.#files.routes };
    await retire(retirement, (command) => former.ask(command));
    await this.#retire(retirement, report.pid);
    const { draining } = await this.#family.master();
    const { carried } = await this.#family.countsOf(former);
    this.#book.drains({ pid: report.pid, rules: countedRules(before), counts: carried, draining });
  }

  /** In all that drain, but for the one that was told already. */
  async #retire(retirement: Retirement, told: number | null = null): Promise<void> {
    if (retirement.sections.size + retirement.keys.length === 0) return;
    const { draining } = await this.#family.master();
    for (const pid of draining.filter((one) => one !== told)) {
      await retire(retirement, (command) => this.#family.askDraining(pid, command));
    }
  }
}

/** Why a configuration is not served; what it said itself, where it said something. */
export function failureOf(error: unknown, family: ProcessFamily, { named }: Configuration): unknown {
  return error instanceof NotServing ? startFailure(family.log(), named) : error;
}

/** False: the process has ended, or does not take one of them. */
async function tell(process: Conversation, commands: readonly string[]): Promise<boolean> {
  const answers = await process.askAll(commands);
  return answers?.every((answer) => answer === '') ?? false;
}
