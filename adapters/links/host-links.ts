import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { defer, merge, mergeAll, mergeMap, type Observable, Subject } from 'rxjs';
import { type Key, linkKey, type ObservedResource } from '../../state/resource.ts';
import type { LinkTraffic, Observation, StepOf, StepResult, WatchEvent } from '../adapter.ts';
import { NoContainer } from '../linux/container-handle.ts';
import { type LinkTargets, TargetRefused } from '../linux/link-targets.ts';
import { messageOf } from '../linux/message-of.ts';
import type { ProviderSocket, ProviderSockets } from '../linux/provider-sockets.ts';
import { Turns } from '../linux/turns.ts';
import { ProxyError } from '../proxy/proxy.ts';
import { StepConflict, StepFailure } from '../step-refusal.ts';
import { LinkDevices, type LinkDevicesOptions } from './link-devices.ts';
import { LinkFronts, type LinkFrontsOptions } from './link-fronts.ts';
import { LinkIndex } from './link-index.ts';
import { LinkMaking, type LinkMakingParts } from './link-making.ts';
import { type LinkRecord, sourceOf, targetOf } from './link-record.ts';
import { LinkRecords } from './link-records.ts';
import { sightOf } from './link-sight.ts';

export interface HostLinksOptions extends LinkDevicesOptions, LinkFrontsOptions {
  /** Directory under which this instance keeps everything; must exist. Ours is `run/links`. */
  readonly root: string;
  /** Of links alone: their directory is no other's. */
  readonly sources: ProviderSockets;
  readonly targets: LinkTargets;
  /** Who a role is (LINK-6): as a user of the host, and as one of the provider. */
  readonly roleUser: LinkMakingParts['roleUser'];
}

export type LinkStep = StepOf<'link.ensure'> | StepOf<'link.remove'>;

/**
 * The links of one instance on this host (LINK-3 to LINK-12): each is what its provider has, or what a process of ours listens at for it, mounted into
 * its consumer. The mounts and the processes outlive us. Steps of different links are carried out side by side.
 */
export class HostLinks {
  readonly #options: HostLinksOptions;
  readonly #records: LinkRecords;
  readonly #fronts: LinkFronts;
  readonly #making: LinkMaking;
  readonly #index = new LinkIndex();
  /** Of containers that were told of; null: it does not run. */
  readonly #pids = new Map<string, number | null>();
  readonly #moved = new Subject<string>();
  /** As they were when they were last told, by the watch or by a step. */
  readonly #seen = new Map<Key, ObservedResource<'link'>>();
  /** What is done to one link never overlaps. */
  readonly #turns = new Map<Key, Turns>();
  #isLoaded = false;
  #attended: Promise<readonly WatchEvent[]> | null = null;

  constructor(options: HostLinksOptions) {
    this.#options = options;
    this.#records = new LinkRecords(join(options.root, 'run/links'));
    this.#fronts = new LinkFronts(options);
    this.#making = new LinkMaking({
      ...options,
      records: this.#records,
      index: this.#index,
      fronts: this.#fronts,
      devices: new LinkDevices(options),
      pidOf: (container) => this.#pids.get(container),
    });
  }

  /** All links of ours, as they are. Rejects when it cannot tell. Touches nothing. */
  async observe(): Promise<readonly ObservedResource<'link'>[]> {
    this.#load();
    await Promise.all([this.#attended, this.#options.targets.attend(), this.#fronts.check()]);
    // What is only listed was not told yet: whoever asks may have use for what he was told meanwhile alone.
    return [...this.#records.all().values()].map((record) => this.#sight(record));
  }

  /** Never rejects. */
  async apply(step: LinkStep): Promise<StepResult> {
    const { key } = step;
    try {
      this.#load();
      await this.#inTurn(key, () =>
        step.action === 'link.ensure' ? this.#making.ensure(step) : this.#making.remove(step),
      );
      return { outcome: 'done', observations: [this.#look(key)] };
    } catch (error) {
      return { ...outcomeOf(error), observations: this.#lookIfPossible(key) };
    }
  }

  /** The container's init has this process id now; null: it does not run. */
  containerMoved(container: string, pid: number | null): void {
    const before = this.#pids.get(container);
    if (pid === null && this.#isLoaded && this.#records.of(container).length === 0)
      this.#pids.delete(container);
    else this.#pids.set(container, pid);
    this.#options.sources.moved(container, pid);
    this.#options.targets.moved(container, pid);
    if (before !== pid) this.#moved.next(container);
  }

  /** The container was removed, with its root. */
  containerGone(container: string): void {
    this.#pids.delete(container);
    this.#options.targets.forget(container);
  }

  /** What others change. Subscribing makes reachable what should be. */
  watch(): Observable<WatchEvent> {
    const { sources, targets } = this.#options;
    const provided = sources.changed.pipe(
      mergeMap((source) => this.#index.of(source).map((key) => ({ key, source }))),
      mergeMap(({ key, source }) => telling(() => this.#sourceChanged(key, source))),
      mergeAll(),
    );
    const ended = this.#moved.pipe(
      mergeMap((container) => told(() => this.#events(this.#linksOf(container)))),
    );
    const placed = targets.changed.pipe(
      // It is told also where nothing else is to be seen: one that was refused might be had.
      mergeMap(({ container, target }) => told(() => [this.#event(linkKey(container, target))])),
    );
    const served = this.#fronts.changed.pipe(
      mergeMap(() => telling(() => this.#frontsChanged())),
      mergeAll(),
    );
    const attended = defer(() => {
      const attending = this.#attend();
      this.#attended = attending;
      return attending;
    });
    return merge(attended.pipe(mergeAll()), ended, provided, placed, served);
  }

  /** What goes over links that a process carries. Rejects when it cannot tell. */
  async traffic(): Promise<readonly LinkTraffic[]> {
    this.#load();
    return this.#fronts.traffic();
  }

  /** Nothing is begun any more. Processes and mounts go on. */
  close(): void {
    this.#moved.complete();
    this.#fronts.close();
    this.#options.sources.close();
    this.#options.targets.close();
  }

  /** What another controller has left is ours from now on. */
  #load(): void {
    if (this.#isLoaded) return;
    const records = [...this.#records.all().values()];
    for (const { key, spec } of records) this.#index.add(key, sourceOf(spec));
    this.#fronts.adopt(
      records.flatMap(({ front, former }) => [...former.fronts, ...(front === null ? [] : [front])]),
    );
    this.#isLoaded = true;
  }

  #attend(): Promise<readonly WatchEvent[]> {
    return telling(async () => {
      this.#load();
      this.#records.tidy();
      await this.#options.targets.attend();
      this.#options.targets.tidy();
      const sources = [...this.#records.all().values()].map(({ spec }) => sourceOf(spec));
      await this.#options.sources.keep(sources);
      await this.#options.nodes.keepOnly(this.#keysWithDevices());
      return [];
    });
  }

  #keysWithDevices(): readonly Key[] {
    return [...this.#records.all().values()].flatMap(({ key, device }) => (device === null ? [] : key));
  }

  async #sourceChanged(key: Key, source: ProviderSocket): Promise<readonly WatchEvent[]> {
    // Where the link is being changed it is not known yet.
    if (this.#turns.has(key) || this.#making.isAstray(key, source))
      await this.#inTurn(key, () => this.#making.withdraw(key, source));
    return this.#events([key]);
  }

  async #frontsChanged(): Promise<readonly WatchEvent[]> {
    await this.#fronts.check();
    const fronted = [...this.#records.all().values()].filter(({ front }) => front !== null);
    return this.#events(fronted.map(({ key }) => key));
  }

  #linksOf(container: string): readonly Key[] {
    return this.#isLoaded ? this.#records.of(container).map(({ key }) => key) : [];
  }

  /** Of those that are not as they were last told. */
  #events(keys: readonly Key[]): readonly WatchEvent[] {
    return keys.flatMap((key) => {
      const before = this.#seen.get(key) ?? null;
      const event = this.#event(key);
      return isDeepStrictEqual(event.observed, before) ? [] : [event];
    });
  }

  #event(key: Key): Extract<WatchEvent, { readonly type: 'observation' }> {
    return { type: 'observation', ...this.#look(key) };
  }

  async #inTurn(key: Key, work: () => Promise<void>): Promise<void> {
    const turns = this.#turns.get(key) ?? new Turns();
    this.#turns.set(key, turns);
    try {
      await turns.next(work);
    } finally {
      if (turns.isIdle) this.#turns.delete(key);
    }
  }

  /** Nothing, where it can't be told: the step has failed for a reason of its own. */
  #lookIfPossible(key: Key): readonly Observation[] {
    try {
      return [this.#look(key)];
    } catch {
      return [];
    }
  }

  #look(key: Key): { readonly key: Key; readonly observed: ObservedResource<'link'> | null } {
    const record = this.#records.all().get(key);
    if (record === undefined) {
      this.#seen.delete(key);
      return { key, observed: null };
    }
    const observed = this.#sight(record);
    this.#seen.set(key, observed);
    return { key, observed };
  }

  #sight(record: LinkRecord): ObservedResource<'link'> {
    const { sources, targets } = this.#options;
    return sightOf(record, {
      // Of one that was not told of yet nothing is known.
      source: this.#pids.has(record.spec.provider) ? sources.sightOf(sourceOf(record.spec)) : null,
      target: targets.sight(targetOf(record.spec)),
      front: record.front === null ? null : this.#fronts.sightOf(record.front),
      pidOf: (container) => this.#pids.get(container),
    });
  }
}

/** Never throws: a watch goes on, whatever goes wrong. */
function told(work: () => readonly WatchEvent[]): readonly WatchEvent[] {
  try {
    return work();
  } catch (error) {
    return [{ type: 'relist', reason: messageOf(error) }];
  }
}

/** The same of what takes a while. Never rejects. */
async function telling(work: () => Promise<readonly WatchEvent[]>): Promise<readonly WatchEvent[]> {
  try {
    return await work();
  } catch (error) {
    return [{ type: 'relist', reason: messageOf(error) }];
  }
}

/** A container that has ended meanwhile is linked when it runs again. */
function outcomeOf(error: unknown) {
  if (error instanceof StepConflict) return { outcome: 'conflict', conflict: error.conflict } as const;
  const message = messageOf(error);
  if (error instanceof TargetRefused)
    return { outcome: 'conflict', conflict: { code: error.code, message } } as const;
  if (error instanceof StepFailure) return { outcome: 'failed', error: error.failure } as const;
  if (error instanceof ProxyError)
    return { outcome: 'failed', error: { code: error.code, message, log: error.log } } as const;
  const code = error instanceof NoContainer ? 'ContainerNotRunning' : 'LinkFailed';
  return { outcome: 'failed', error: { code, message } } as const;
}
