import { mkdirSync } from 'node:fs';
import { defer, EMPTY, filter, from, map, merge, mergeMap, type Observable, Subject, takeUntil } from 'rxjs';
import { containerKey, type Key, kindOf, nameOf, type ObservedResource } from '../../state/resource.ts';
import type {
  Action,
  Adapter,
  Observation,
  Step,
  StepError,
  StepOf,
  StepResult,
  Traffic,
  WatchEvent,
} from '../adapter.ts';
import { HostListeners } from '../ingress/host-listeners.ts';
import { createHostLinks } from '../links/create-host-links.ts';
import type { HostLinks } from '../links/host-links.ts';
import { CommandError, systemCommands } from '../linux/command.ts';
import { instanceOf } from '../linux/mark.ts';
import { createProviderSockets } from '../linux/mounted-provider-sockets.ts';
import { HostNetwork, type HostNetworkOptions } from '../linux/network.ts';
import { nftPortForwarding } from '../linux/nft-port-forwarding.ts';
import { findPortOwners } from '../linux/port-owners.ts';
import { failureCode, timedCommands } from '../linux/timed-commands.ts';
import { chosenProxy, type ProxyChoice } from '../proxy/chosen-proxy.ts';
import { StepConflict, StepFailure } from '../step-refusal.ts';
import { Containers } from './containers.ts';
import { Deadlines } from './deadlines.ts';
import { layoutOf } from './layout.ts';
import { LeaseRecords } from './lease-records.ts';
import { LxcTools } from './lxc-tools.ts';
import { Monitors } from './monitors.ts';

export interface LxcAdapterOptions {
  /** Absolute directory that everything of this adapter is kept under; made if need be. Names the instance. */
  readonly root: string;
  /** Path of an object in the object store. */
  readonly objects: (sha256: string) => string;
  /** Whole seconds between asking a container to stop and forcing it (CTR-8). 10 when absent, as docker's. */
  readonly stopTimeoutSeconds?: number;
  /** What carries listeners that the kernel does not; `auto` when absent: HAProxy where it is installed. */
  readonly proxy?: ProxyChoice;
  /** The clock's; see HostNetworkOptions. */
  readonly after: HostNetworkOptions['after'];
}

/** How long each step may take, and a stop beyond what it waits for the container to end by itself; milliseconds. */
const startLimitMs = 60_000;
const usualLimitMs = 30_000;

/** How long a mount may take, milliseconds. */
const mountLimitMs = 20_000;

/** An executor for each action; aborting the signal ends its processes. */
type StepTable = {
  readonly [A in Action]: (step: StepOf<A>, signal: AbortSignal) => Promise<StepResult>;
};

function errorOf(error: unknown): StepError {
  if (error instanceof StepFailure) return error.failure;
  const message = error instanceof Error ? error.message : String(error);
  if (error instanceof CommandError) return { code: 'CommandFailed', message, log: error.log };
  return { code: failureCode(error, 'HostError'), message };
}

function outcomeOf(error: unknown) {
  return error instanceof StepConflict
    ? ({ outcome: 'conflict', conflict: error.conflict } as const)
    : ({ outcome: 'failed', error: errorOf(error) } as const);
}

/** The adapter for real containers on this host: LXC for containers, the kernel's bridges and packet filter for pools. */
class LxcAdapter implements Adapter {
  readonly name = 'lxc';
  readonly #network: HostNetwork;
  readonly #monitors: Monitors;
  readonly #tools: LxcTools;
  readonly #leases: LeaseRecords;
  readonly #containers: Containers;
  readonly #listeners: HostListeners;
  readonly #links: HostLinks;
  readonly #deadlines: Deadlines;
  readonly #stopLimitMs: number;
  readonly #own = new Subject<Observation>();
  readonly #closed = new Subject<void>();
  readonly #executors: StepTable;
  /** Host ends of veth pairs that are there no more. */
  readonly #facesGone = new Subject<string>();
  #loaded: Promise<void> | null = null;
  /** Somebody watches: containers that run are listened to. */
  #watched = false;

  constructor(options: LxcAdapterOptions) {
    const layout = layoutOf(options.root);
    mkdirSync(layout.lxcPath, { recursive: true });
    const instance = instanceOf(options.root);
    this.#monitors = new Monitors(layout);
    this.#leases = new LeaseRecords(layout);
    this.#tools = new LxcTools(layout.lxcPath, options.after);
    this.#deadlines = new Deadlines(options.after);
    const stopTimeoutSeconds = options.stopTimeoutSeconds ?? 10;
    this.#stopLimitMs = stopTimeoutSeconds * 1000 + usualLimitMs;
    this.#containers = new Containers({
      layout,
      instance,
      objects: options.objects,
      monitors: this.#monitors,
      tools: this.#tools,
      leases: () => this.#leases.specs(),
      commands: timedCommands(systemCommands, options.after, mountLimitMs),
      after: options.after,
      stopTimeoutSeconds,
    });
    this.#network = new HostNetwork({
      root: options.root,
      after: options.after,
      members: (pool) => this.#containers.hostInterfaces(pool),
      memberGone: (name) => this.#facesGone.next(name),
    });
    this.#listeners = new HostListeners({
      root: options.root,
      proxy: () => chosenProxy({ choice: options.proxy ?? 'auto', root: options.root, after: options.after }),
      forwarding: nftPortForwarding({ root: options.root, after: options.after }),
      sockets: createProviderSockets({
        root: options.root,
        after: options.after,
        isInit: (name, pid) => this.#monitors.init(name) === pid,
      }),
      owners: findPortOwners,
      after: options.after,
    });
    this.#links = createHostLinks({
      root: options.root,
      proxy: options.proxy ?? 'auto',
      isInit: (name, pid) => this.#monitors.init(name) === pid,
      deviceRules: (name) => this.#containers.deviceRules(name),
      after: options.after,
    });
    this.#executors = this.#table();
  }

  async observe(signal: AbortSignal): Promise<readonly ObservedResource[]> {
    signal.throwIfAborted();
    await this.#load();
    if (this.#watched) await this.#containers.attend();
    const [pools, containers] = await Promise.all([
      this.#network.observePools(),
      Promise.all(this.#containers.names().map((name) => this.#observeContainer(name))),
    ]);
    // Whose sockets are reached depends on who runs.
    const [listeners, links] = await Promise.all([this.#listeners.observe(), this.#links.observe()]);
    signal.throwIfAborted();
    const leases = [...this.#leases.keys()].map((key) => this.#leases.observed(key));
    return [...pools, ...leases, ...containers, ...listeners, ...links].filter(
      (resource) => resource !== null,
    );
  }

  watch(): Observable<WatchEvent> {
    const changed = this.#containers.changed.pipe(mergeMap((name) => this.#lookOrRelist(containerKey(name))));
    const torn = this.#facesGone.pipe(mergeMap((name) => this.#lookAtOwner(name)));
    const lost = this.#containers.lost.pipe(map((reason): WatchEvent => ({ type: 'relist', reason })));
    const own = this.#own.pipe(map((observation): WatchEvent => ({ type: 'observation', ...observation })));
    const attended = defer(() => this.#attend()).pipe(mergeMap((events) => from(events)));
    const listened = this.#listeners.watch();
    const linked = this.#links.watch();
    return merge(this.#network.watch(), listened, linked, changed, torn, lost, own, attended).pipe(
      takeUntil(this.#closed),
    );
  }

  async apply(step: Step): Promise<StepResult> {
    const execute = this.#executors[step.action] as (
      step: StepOf<Action>,
      signal: AbortSignal,
    ) => Promise<StepResult>;
    const result = await this.#deadlines.run({
      key: step.key,
      what: `${step.action} of ${step.key}`,
      limitMs: this.#limitMs(step.action),
      work: (signal) => execute(step, signal),
    });
    for (const observation of result.observations) this.#own.next(observation);
    return result;
  }

  async close(): Promise<void> {
    this.#closed.next();
    this.#network.close();
    this.#tools.close();
    this.#monitors.close();
    this.#containers.close();
    this.#listeners.close();
    this.#links.close();
  }

  async traffic(): Promise<Traffic> {
    const [ingress, links] = await Promise.all([this.#listeners.traffic(), this.#links.traffic()]);
    return { ...ingress, links };
  }

  /** What exists, and was made by us, is read from the disk once: from then on nobody else changes it. */
  #load(): Promise<void> {
    this.#loaded ??= this.#read().catch((error: unknown) => {
      this.#loaded = null;
      throw error;
    });
    return this.#loaded;
  }

  async #read(): Promise<void> {
    this.#leases.load();
    await this.#containers.load();
  }

  /** What runs and was not started by us is listened to from now on; what can't be is found by the observation that is due then. */
  async #attend(): Promise<readonly WatchEvent[]> {
    this.#watched = true;
    try {
      await this.#load();
      await this.#containers.attend();
      return [];
    } catch (error) {
      return [{ type: 'relist', reason: errorOf(error).message }];
    }
  }

  #limitMs(action: Action): number {
    if (action === 'container.start') return startLimitMs;
    return action === 'container.stop' ? this.#stopLimitMs : usualLimitMs;
  }

  #table(): StepTable {
    const leases = this.#leases;
    const containers = this.#containers;
    return {
      'pool.ensure': (step) =>
        this.#whenLoaded(async () => {
          const result = await this.#network.ensure(step);
          // A bridge that was made anew lacks what listeners had set on it.
          this.#listeners.recheck();
          return result;
        }),
      'pool.remove': (step) => this.#whenLoaded(() => this.#network.remove(step)),
      'lease.reserve': (step) =>
        this.#perform(step, async () => {
          leases.reserve(step.key, step.spec, step.digest);
          await containers.refreshNames();
        }),
      'lease.release': (step) =>
        this.#perform(step, async () => {
          leases.release(step.key);
          await containers.refreshNames();
        }),
      'container.start': (step, signal) =>
        this.#perform(step, () => containers.start(step.spec, step.digest, signal)),
      'container.stop': (step, signal) =>
        this.#perform(step, () => containers.stop(nameOf(step.key), signal)),
      'container.remove': (step) =>
        this.#perform(step, async () => {
          await containers.remove(nameOf(step.key));
          this.#links.containerGone(nameOf(step.key));
        }),
      'listener.ensure': (step) => this.#whenLoaded(() => this.#listeners.apply(step)),
      'listener.remove': (step) => this.#whenLoaded(() => this.#listeners.apply(step)),
      'link.ensure': (step) => this.#whenLoaded(() => this.#links.apply(step)),
      'link.remove': (step) => this.#whenLoaded(() => this.#links.apply(step)),
    };
  }

  /** The result of a step on leases and containers: how `work` ended, and what is there now. */
  #perform(step: Step, work: () => Promise<void>): Promise<StepResult> {
    return this.#whenLoaded(async () => {
      const outcome = await work().then(() => ({ outcome: 'done' }) as const, outcomeOf);
      return { ...outcome, observations: [await this.#look(step.key)] };
    });
  }

  /** Never rejects. */
  async #whenLoaded(work: () => Promise<StepResult>): Promise<StepResult> {
    try {
      await this.#load();
      return await work();
    } catch (error) {
      return { outcome: 'failed', error: errorOf(error), observations: [] };
    }
  }

  async #lookOrRelist(key: Key): Promise<WatchEvent> {
    try {
      return { type: 'observation', ...(await this.#look(key)) };
    } catch (error) {
      return { type: 'relist', reason: errorOf(error).message };
    }
  }

  /** A container without an interface that it should have is told; one that ends loses them, too, and its end is told anyway. */
  #lookAtOwner(hostInterface: string): Observable<WatchEvent> {
    const owner = this.#containers.ownerOf(hostInterface);
    if (owner === null) return EMPTY;
    return from(this.#lookOrRelist(containerKey(owner))).pipe(
      filter(
        (event) =>
          event.type === 'relist' ||
          (event.observed as ObservedResource<'container'> | null)?.facts.running === true,
      ),
    );
  }

  /** What there is now of a lease or a container. */
  async #look(key: Key): Promise<Observation> {
    const observed =
      kindOf(key) === 'lease' ? this.#leases.observed(key) : await this.#observeContainer(nameOf(key));
    return { key, observed };
  }

  /** Whoever serves listeners through a socket in the container, or links it, is told where it is now. */
  async #observeContainer(name: string): Promise<ObservedResource<'container'> | null> {
    const observed = await this.#containers.observe(name);
    const pid = observed?.facts.pid ?? null;
    this.#listeners.containerMoved(name, pid);
    this.#links.containerMoved(name, pid);
    return observed;
  }
}

/**
 * Makes the adapter. Nothing is touched before it is used, but for `root` being made. Throws RangeError for a root that can't be
 * laid out (see layoutOf).
 */
export function createLxcAdapter(options: LxcAdapterOptions): Adapter {
  return new LxcAdapter(options);
}
