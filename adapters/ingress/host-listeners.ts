import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { defer, from, merge, mergeAll, mergeMap, type Observable, ReplaySubject, Subject } from 'rxjs';
import type { Key, ObservedResource } from '../../state/resource.ts';
import type { StepResult, Traffic, WatchEvent } from '../adapter.ts';
import { messageOf } from '../linux/message-of.ts';
import type { After } from '../linux/network-monitor.ts';
import type { PortForwarding } from '../linux/port-forwarding.ts';
import type { PortOwner } from '../linux/port-owners.ts';
import type { ProviderSocket, ProviderSockets } from '../linux/provider-sockets.ts';
import { failureCode } from '../linux/timed-commands.ts';
import { Turns } from '../linux/turns.ts';
import { boundedProxy } from '../proxy/bounded-proxy.ts';
import type { Proxy as HostProxy } from '../proxy/proxy.ts';
import { BlockedListeners } from './blocked-listeners.ts';

import type { Hands } from './carriage.ts';
import { hostHasIpv6 } from './host-ipv6.ts';
import { type Failure, type ListenerStep, runListenerBatch } from './listener-batch.ts';
import { type ListenerRecord, ListenerRecords } from './listener-records.ts';
import { type Carriages, carriagesOf, type Ground, sightOf, unknownSight } from './listener-sight.ts';
import { ruleTraffic } from './rule-traffic.ts';

export interface HostListenersOptions {
  /** Directory under which this instance keeps everything; must exist. Ours is `run/listeners.json`. */
  readonly root: string;
  /** Asked for when there is a listener, or was one when the controller started. */
  readonly proxy: () => Promise<HostProxy>;
  readonly forwarding: PortForwarding;
  readonly sockets: ProviderSockets;
  /** Processes of the host that listen on some of these ports. */
  readonly owners: (ports: ReadonlySet<number>) => Promise<readonly PortOwner[]>;
  /** The clock's. */
  readonly after: After;
  /** See Hands. */
  readonly standIn?: Hands['standIn'];
}

interface Waiting {
  readonly step: ListenerStep;
  readonly resolve: (result: StepResult) => void;
}

/**
 * The listeners of one instance on this host (ING-3 to ING-11): each is carried by the kernel or by the proxy, both of which outlive us.
 * Steps that come while others are under way are carried out together: one configuration of the proxy, one transaction of rules.
 */
export class HostListeners {
  readonly #options: HostListenersOptions;
  readonly #records: ListenerRecords;
  /** As last seen or made; what a watch reports is the difference to it. */
  #known: ReadonlyMap<Key, ObservedResource<'listener'>> = new Map();
  readonly #blocked: BlockedListeners;
  readonly #nudges = new Subject<void>();
  #proxy: Promise<HostProxy> | null = null;
  readonly #inUse = new ReplaySubject<HostProxy>(1);
  #waiting: Waiting[] = [];
  /** Reading and acting never overlap. */
  readonly #turns = new Turns();
  #lookIsDue = false;
  /** Some batch of steps was carried out. */
  #begun = false;

  constructor(options: HostListenersOptions) {
    this.#options = options;
    this.#records = new ListenerRecords(join(options.root, 'run/listeners.json'));
    const { owners, after } = options;
    const process = async () => (await this.#chosenProxy()).observe();
    this.#blocked = new BlockedListeners({ owners, process, after });
  }

  /** All listeners of ours, as they are. Rejects when it cannot tell. Touches nothing. */
  observe(): Promise<readonly ObservedResource<'listener'>[]> {
    return this.#turns.next(() => this.#observe());
  }

  /** Never rejects. */
  apply(step: ListenerStep): Promise<StepResult> {
    const { promise, resolve } = Promise.withResolvers<StepResult>();
    this.#waiting.push({ step, resolve });
    if (this.#waiting.length === 1) void this.#turns.next(() => this.#flush());
    return promise;
  }

  /** The container's init has this process id now; null: it does not run. */
  containerMoved(container: string, pid: number | null): void {
    this.#options.sockets.moved(container, pid);
  }

  /** What others may have changed is worth a look. */
  recheck(): void {
    if (this.#records.all().size > 0) this.#nudges.next();
  }

  /** What others change. Subscribing makes sockets of containers reachable that should be. */
  watch(): Observable<WatchEvent> {
    const { forwarding, sockets } = this.#options;
    const proxied = this.#inUse.pipe(mergeMap((proxy) => proxy.watch()));
    const looks = merge(proxied, forwarding.watch(), sockets.changed, this.#nudges).pipe(
      mergeMap(() => from(this.#look()).pipe(mergeAll())),
    );
    const freed = this.#blocked.freed.pipe(
      mergeMap((key): readonly WatchEvent[] => [
        { type: 'observation', key, observed: this.#known.get(key) ?? null },
      ]),
    );
    const attended = defer(() => this.#attend()).pipe(mergeAll());
    return merge(attended, looks, freed);
  }

  /** What each rule has carried. Rejects when it cannot tell. */
  async traffic(): Promise<Omit<Traffic, 'links'>> {
    const records = this.#records.all();
    if (records.size === 0) return { rules: [], proxy: null };
    const proxy = await this.#chosenProxy();
    const [process, proxied, forwarded] = await Promise.all([
      proxy.observe(),
      proxy.traffic(),
      this.#options.forwarding.traffic(),
    ]);
    const { name } = proxy;
    return {
      rules: ruleTraffic(records, forwarded, proxied),
      proxy: process === null ? null : { name, pid: process.pid, reloads: process.reloads },
    };
  }

  /** Nothing is begun any more. Proxy, rules and mounts go on. */
  close(): void {
    this.#blocked.close();
    this.#options.sockets.close();
    this.#inUse.subscribe((proxy) => proxy.close());
    this.#inUse.complete();
  }

  #chosenProxy(): Promise<HostProxy> {
    this.#proxy ??= this.#options.proxy().then(
      (found) => {
        const proxy = { name: found.name, ...boundedProxy(found.name, found, this.#options.after) };
        this.#inUse.next(proxy);
        return proxy;
      },
      (error: unknown) => {
        // It may be installed by the next time.
        this.#proxy = null;
        throw error;
      },
    );
    return this.#proxy;
  }

  async #hands(): Promise<Hands> {
    const { forwarding, sockets, standIn } = this.#options;
    const [proxy, kernel] = await Promise.all([this.#chosenProxy(), forwarding.works()]);
    const pathOf = (socket: ProviderSocket) => sockets.pathOf(socket);
    const hands = { kernel, ipv6: hostHasIpv6(), proxy: proxy.name, pathOf };
    return standIn === undefined ? hands : { ...hands, standIn };
  }

  async #observe(): Promise<readonly ObservedResource<'listener'>[]> {
    const seen = await this.#see(this.#records.all());
    this.#known = new Map(seen.map((listener) => [listener.key, listener]));
    return seen;
  }

  /** What can't be told of listeners is drift of theirs: containers and pools have nothing to do with it. */
  async #see(records: ReadonlyMap<Key, ListenerRecord>): Promise<readonly ObservedResource<'listener'>[]> {
    if (records.size === 0) return [];
    try {
      const carriages = carriagesOf(records, await this.#hands());
      const ground = await this.#ground(carriages);
      return [...carriages.byKey].flatMap(([key, carriage]) => {
        const record = records.get(key);
        return record === undefined ? [] : [sightOf(key, record, carriage, ground)];
      });
    } catch (error) {
      return [...records].map(([key, record]) => unknownSight(key, record, messageOf(error)));
    }
  }

  async #ground({ forwards, bridges }: Carriages): Promise<Ground> {
    const { forwarding, sockets } = this.#options;
    const proxy = await this.#chosenProxy();
    const [asked, status] = await Promise.all([
      proxy.observe().then(
        (process) => ({ process, silence: null }),
        (error: unknown) => ({ process: null, silence: messageOf(error) }),
      ),
      forwards.length === 0 ? null : forwarding.status(forwards, bridges).catch(messageOf),
    ]);
    return { ...asked, forwards: status, problemOf: (socket) => sockets.problemOf(socket) };
  }

  /** From now on sockets are followed. */
  async #attend(): Promise<readonly WatchEvent[]> {
    try {
      if (this.#records.all().size === 0) return [];
      await this.#turns.next(async () => {
        const { sockets } = carriagesOf(this.#records.all(), await this.#hands());
        await this.#options.sockets.keep(sockets);
      });
      return [];
    } catch (error) {
      return [relist(error)];
    }
  }

  /** What others changed since it was last looked; one look answers for all news that came before it began. */
  async #look(): Promise<readonly WatchEvent[]> {
    if (this.#lookIsDue) return [];
    this.#lookIsDue = true;
    return this.#turns.next(async () => {
      this.#lookIsDue = false;
      try {
        return await this.#changes();
      } catch (error) {
        return [relist(error)];
      }
    });
  }

  async #changes(): Promise<readonly WatchEvent[]> {
    const before = new Map(this.#known);
    await this.#observe();
    const keys = new Set([...before.keys(), ...this.#known.keys()]);
    return [...keys]
      .filter((key) => !isDeepStrictEqual(before.get(key), this.#known.get(key)))
      .map((key) => ({ type: 'observation', key, observed: this.#known.get(key) ?? null }));
  }

  /** Never rejects: what goes wrong is the result of every step that it concerns. */
  async #flush(): Promise<void> {
    const { forwarding, sockets, owners, after } = this.#options;
    const isFirst = !this.#begun;
    const batch = this.#waiting;
    this.#waiting = [];
    try {
      const steps = batch.map(({ step }) => step);
      const [proxy, hands] = await Promise.all([this.#chosenProxy(), this.#hands()]);
      const parts = { records: this.#records, proxy, forwarding, sockets, owners, hands, isFirst, after };
      const failures = await runListenerBatch(steps, parts);
      this.#begun = true;
      await this.#observe();
      this.#remember(steps, failures);
      for (const { step, resolve } of batch) resolve(this.#resultOf(step.key, failures.get(step.key)));
    } catch (error) {
      const failure = { error: { code: failureCode(error, 'ListenerFailed'), message: messageOf(error) } };
      for (const { step, resolve } of batch) resolve(this.#resultOf(step.key, failure));
    }
  }

  #resultOf(key: Key, failure: Failure | undefined): StepResult {
    const observations = [{ key, observed: this.#known.get(key) ?? null }];
    if (failure === undefined) return { outcome: 'done', observations };
    return 'conflict' in failure
      ? { outcome: 'conflict', ...failure, observations }
      : { outcome: 'failed', ...failure, observations };
  }

  #remember(steps: readonly ListenerStep[], failures: ReadonlyMap<Key, Failure>): void {
    const ends = steps.map(({ key, spec }) => {
      const failure = failures.get(key);
      return {
        key,
        spec,
        conflict: failure !== undefined && 'conflict' in failure ? failure.conflict : null,
      };
    });
    this.#blocked.note(ends);
  }
}

function relist(error: unknown): WatchEvent {
  return { type: 'relist', reason: messageOf(error) };
}
