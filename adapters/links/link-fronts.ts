import { statSync } from 'node:fs';
import { merge, mergeMap, type Observable, ReplaySubject } from 'rxjs';
import type { Key } from '../../state/resource.ts';
import type { LinkTraffic } from '../adapter.ts';
import type { DbusListener, DbusProxy } from '../proxy/dbus-proxy.ts';
import type { Proxy as HostProxy, RestListener } from '../proxy/proxy.ts';
import type { Front } from './link-record.ts';
import type { FrontSight } from './link-sight.ts';
import { ServedFronts } from './served-fronts.ts';

export interface LinkFrontsOptions {
  /** Of links alone. Asked for when there is a rest link, or was one when the controller started. */
  readonly rest: () => Promise<HostProxy>;
  /** The same for dbus links. */
  readonly dbus: () => Promise<DbusProxy>;
}

/** What is asked of both kinds of processes alike. */
type Process = Pick<HostProxy | DbusProxy, 'watch' | 'close'>;

/** Where processes of ours listen for links: one for rest, one for dbus, neither of which is there before it is needed. */
export class LinkFronts {
  readonly #rest: Lazy<HostProxy>;
  readonly #dbus: Lazy<DbusProxy>;
  readonly #served: { readonly rest: ServedFronts<RestListener>; readonly dbus: ServedFronts<Front> };

  constructor({ rest, dbus }: LinkFrontsOptions) {
    this.#rest = new Lazy(rest);
    this.#dbus = new Lazy(dbus);
    this.#served = {
      rest: new ServedFronts(async () => restServer(await this.#rest.get())),
      dbus: new ServedFronts(async () => dbusServer(await this.#dbus.get())),
    };
  }

  /** A process is not what it was, and `check` is due. */
  get changed(): Observable<unknown> {
    return merge(this.#rest.made, this.#dbus.made).pipe(mergeMap((process: Process) => process.watch()));
  }

  /** Who carries rest links. */
  async restCarrier(): Promise<HostProxy['name']> {
    return (await this.#rest.get()).name;
  }

  /** What an earlier controller had them serve. */
  adopt(fronts: readonly Front[]): void {
    this.#served.rest.adopt(fronts.filter((front) => front.type === 'rest'));
    this.#served.dbus.adopt(fronts.filter((front) => front.type === 'dbus'));
  }

  /** It is served so when it resolves; see ServedFronts. */
  put(front: Front): Promise<void> {
    return front.type === 'rest' ? this.#served.rest.put(front) : this.#served.dbus.put(front);
  }

  /** It is served no more when it resolves, and its connections are ended. */
  drop({ type, name }: Front): Promise<void> {
    return this.#served[type].drop(name);
  }

  /** Asks the processes what they serve; a front's `sightOf` rests on the last answer. Never rejects. */
  async check(): Promise<void> {
    await Promise.all([this.#served.rest.check(), this.#served.dbus.check()]);
  }

  sightOf(front: Front): FrontSight {
    const problem =
      front.type === 'rest' ? this.#served.rest.problemOf(front) : this.#served.dbus.problemOf(front);
    return { problem, inode: statSync(front.path, { throwIfNoEntry: false })?.ino ?? null };
  }

  /** Of processes that are in use. Rejects when one cannot tell. */
  async traffic(): Promise<readonly LinkTraffic[]> {
    const [rest = [], dbus = []] = await Promise.all([
      this.#rest.used?.traffic(),
      this.#dbus.used?.traffic(),
    ]);
    return [...rest, ...dbus].map(({ listener, sessions = 0, connections }) => ({
      link: listener as Key,
      sessions,
      connections,
    }));
  }

  close(): void {
    this.#rest.close();
    this.#dbus.close();
  }
}

function restServer(proxy: HostProxy) {
  return {
    serve: (fronts: readonly RestListener[]) => proxy.serve(fronts),
    served: async () => {
      const process = await proxy.observe();
      return process === null ? null : process.listeners.filter((listener) => listener.type === 'rest');
    },
  };
}

function dbusServer(proxy: DbusProxy) {
  return {
    serve: (fronts: readonly Front[]) => proxy.serve(fronts.flatMap((front) => listenerOf(front) ?? [])),
    served: async () => {
      const process = await proxy.observe();
      return process === null
        ? null
        : process.listeners.map((listener): Front => ({ type: 'dbus', ...listener }));
    },
  };
}

function listenerOf(front: Front): DbusListener | null {
  if (front.type !== 'dbus') return null;
  const { type: _, ...listener } = front;
  return listener;
}

/** A process that is asked for when it is first needed, and again where it could not be had. */
class Lazy<Made extends Process> {
  readonly #make: () => Promise<Made>;
  readonly made = new ReplaySubject<Made>(1);
  #making: Promise<Made> | null = null;
  #isClosed = false;
  used: Made | null = null;

  constructor(make: () => Promise<Made>) {
    this.#make = make;
  }

  get(): Promise<Made> {
    this.#making ??= this.#make().then(
      (made) => {
        this.used = made;
        if (this.#isClosed) made.close();
        else this.made.next(made);
        return made;
      },
      (error: unknown) => {
        this.#making = null;
        throw error;
      },
    );
    return this.#making;
  }

  close(): void {
    this.#isClosed = true;
    this.used?.close();
    this.made.complete();
  }
}
