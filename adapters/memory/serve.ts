import { join } from 'node:path';
import { from, merge, mergeMap, type Observable } from 'rxjs';
import {
  type Conflict,
  type Key,
  type ListenerSpec,
  listenerKey,
  nameOf,
  type ObservedResource,
} from '../../state/resource.ts';
import type {
  Adapter,
  Observation,
  RuleTraffic,
  Step,
  StepError,
  StepOf,
  StepResult,
  WatchEvent,
} from '../adapter.ts';
import {
  type Proxy as HostProxy,
  ProxyError,
  type ProxyListener,
  type ProxyProcess,
} from '../proxy/proxy.ts';
import { observeContainer } from './host.ts';
import { removeListener } from './listeners.ts';
import { MemoryAdapter } from './memory-adapter.ts';
import { type EchoedService, EchoServers } from './serve-echoes.ts';
import { type ListenerRecord, ListenerRecords } from './serve-record.ts';
import { proxyListener, servedListener, serviceOf, withoutIpv6 } from './serve-view.ts';

export interface ServingOptions {
  /** Absolute directory of this instance: what is served is kept below its `run/`. */
  readonly root: string;
  /** What listens. It is closed with the adapter. */
  readonly proxy: HostProxy;
}

/** What a listener was made of. */
type MadeListener = Omit<ListenerRecord, 'name'>;

/** What a proxy can't do on this host, whoever asks again (ENG-8). */
const conflictCodes: readonly string[] = ['PortTaken', 'AddressNotHere', 'PortForbidden'];

const forbiddenHint =
  'take a port from 1024 on, or let this user have lower ones (sysctl net.ipv4.ip_unprivileged_port_start)';

function conflictOf({ code, message }: ProxyError): Conflict {
  return { code, message: code === 'PortForbidden' ? `${message}; ${forbiddenHint}` : message };
}

function errorOf(error: unknown): StepError {
  const message = error instanceof Error ? error.message : String(error);
  if (!(error instanceof ProxyError)) return { code: 'HostError', message };
  return { code: error.code, message, ...(error.log.length === 0 ? {} : { log: error.log }) };
}

/** What there is to be known of a failure, whether it is one that may pass or not. */
function outcomeOf(error: unknown) {
  return error instanceof ProxyError && conflictCodes.includes(error.code)
    ? ({ outcome: 'conflict', conflict: conflictOf(error) } as const)
    : ({ outcome: 'failed', error: errorOf(error) } as const);
}

/**
 * The modelled host, with listeners that are real: a proxy listens, and echo servers of this process stand for the programs of the
 * containers that run. One that is stopped answers no more, which clients see as 503.
 */
class ServingMemoryAdapter implements Adapter {
  readonly name = 'memory';
  readonly #model = new MemoryAdapter();
  readonly #proxy: HostProxy;
  readonly #echoes: EchoServers;
  readonly #records: ListenerRecords;
  #loaded = false;
  /** What changes the proxy, the echo servers or the record happens one after the other. */
  #last: Promise<unknown> = Promise.resolve();

  constructor({ root, proxy }: ServingOptions) {
    this.#proxy = proxy;
    this.#echoes = new EchoServers(join(root, 'run/echo'));
    this.#records = new ListenerRecords(join(root, 'run/listeners.json'));
  }

  async observe(signal: AbortSignal): Promise<readonly ObservedResource[]> {
    signal.throwIfAborted();
    return this.#inTurn(async () => {
      this.#load();
      const process = await this.#proxy.observe();
      const resources = await this.#model.observe(signal);
      return resources.map((resource) => this.#seen(resource, process));
    });
  }

  watch(): Observable<WatchEvent> {
    const broken = this.#proxy.watch().pipe(mergeMap((reason) => from(this.#lookAtListeners(reason))));
    return merge(this.#model.watch(), broken.pipe(mergeMap((events) => from(events))));
  }

  async traffic(): Promise<readonly RuleTraffic[]> {
    const carried = await this.#proxy.traffic();
    return carried.map(({ listener, ...counts }) => ({ ...counts, listener: listenerKey(listener) }));
  }

  apply(step: Step): Promise<StepResult> {
    return this.#inTurn(() => this.#perform(step)).catch(
      (error: unknown): StepResult => ({ outcome: 'failed', error: errorOf(error), observations: [] }),
    );
  }

  async close(): Promise<void> {
    await this.#inTurn(() => this.#echoes.close());
    this.#proxy.close();
    await this.#model.close();
  }

  #inTurn<Result>(work: () => Promise<Result>): Promise<Result> {
    const turn = this.#last.then(work);
    // Whoever comes next waits for this one, however it ends.
    this.#last = turn.catch(() => undefined);
    return turn;
  }

  /** What a controller before this one made is modelled from its record: the proxy may serve it still. */
  #load(): void {
    if (this.#loaded) return;
    for (const { name, spec, digest } of this.#records.load()) {
      this.#model.host.listeners.set(listenerKey(name), { spec, digest });
    }
    this.#loaded = true;
  }

  async #perform(step: Step): Promise<StepResult> {
    this.#load();
    if (step.action === 'listener.ensure') return this.#ensure(step);
    if (step.action === 'listener.remove') return this.#remove(step);
    const result = await this.#model.apply(step);
    if (step.action.startsWith('container.')) await this.#keepEchoes();
    return result;
  }

  async #ensure(step: StepOf<'listener.ensure'>): Promise<StepResult> {
    const before = this.#model.host.listeners.get(step.key);
    const modelled = await this.#model.apply(step);
    if (modelled.outcome !== 'done') return modelled;
    try {
      // First, so that a proxy that serves what nobody remembers is never left behind.
      this.#save();
      await this.#keepEchoes();
      await this.#serve(step.key, this.#wanted(step.key, step.spec));
    } catch (error) {
      await this.#restore(step.key, before);
      return { ...outcomeOf(error), observations: [await this.#look(step.key)] };
    }
    return { outcome: 'done', observations: [await this.#look(step.key)] };
  }

  async #remove(step: StepOf<'listener.remove'>): Promise<StepResult> {
    await this.#serve(step.key, null);
    const result = await this.#model.apply(step);
    this.#save();
    await this.#keepEchoes();
    return result;
  }

  async #restore(key: Key, before: MadeListener | undefined): Promise<void> {
    const { host } = this.#model;
    removeListener(host, key);
    if (before !== undefined) host.listeners.set(key, before);
    this.#save();
    await this.#keepEchoes();
  }

  #save(): void {
    const made = [...this.#model.host.listeners];
    this.#records.save(made.map(([key, { spec, digest }]) => ({ name: nameOf(key), spec, digest })));
  }

  /** Serves `listener` in the place of what `key` named, beside those of ours that are served now. */
  async #serve(key: Key, listener: ProxyListener | null): Promise<void> {
    const process = await this.#proxy.observe();
    const others = (process?.listeners ?? []).filter(
      ({ name }) => name !== nameOf(key) && this.#model.host.listeners.has(listenerKey(name)),
    );
    if (listener === null) return this.#proxy.serve(others);
    try {
      await this.#proxy.serve([...others, listener]);
    } catch (error) {
      const half = withoutIpv6(listener);
      const isAbsent = error instanceof ProxyError && error.code === 'AddressNotHere';
      if (half === null || !isAbsent) throw error;
      await this.#proxy.serve([...others, half]);
    }
  }

  /** Those services answer that a listener leads to and whose container runs. */
  #keepEchoes(): Promise<void> {
    const { host } = this.#model;
    const services = [...host.listeners.values()]
      .flatMap(({ spec }) => spec.routes.map((route) => serviceOf(spec.type, route)))
      .filter((service) => service !== null);
    return this.#echoes.keep(services.filter((service) => this.#runs(service)));
  }

  #runs({ container }: EchoedService): boolean {
    return observeContainer(this.#model.host, container)?.facts.running === true;
  }

  #wanted(key: Key, spec: ListenerSpec): ProxyListener {
    return proxyListener(nameOf(key), spec, (service) => this.#echoes.pathOf(service));
  }

  #seen(resource: ObservedResource, process: ProxyProcess | null): ObservedResource {
    if (resource.kind !== 'listener') return resource;
    const model = resource as ObservedResource<'listener'>;
    const wanted = this.#wanted(model.key, model.spec);
    return servedListener(model, { carrier: this.#proxy.name, process, wanted });
  }

  async #look(key: Key): Promise<Observation> {
    const process = await this.#proxy.observe();
    const found = (await this.#model.observe(new AbortController().signal)).find(
      (resource) => resource.key === key,
    );
    return { key, observed: found === undefined ? null : this.#seen(found, process) };
  }

  async #lookAtListeners(reason: string): Promise<readonly WatchEvent[]> {
    try {
      const resources = await this.observe(new AbortController().signal);
      return resources
        .filter(({ kind }) => kind === 'listener')
        .map((observed) => ({ type: 'observation', key: observed.key, observed }));
    } catch (error) {
      return [{ type: 'relist', reason: `${reason}; then: ${errorOf(error).message}` }];
    }
  }
}

/**
 * A host in memory whose listeners can be reached (design: memory, `--serve`), without root and without containers. The proxy, and what
 * it serves, outlive the controller, as on a real device; the modelled containers and their echo servers do not, so that requests get
 * 503 until a controller has started them again. Nothing listens any more, and no process is left, when the last listener is removed.
 * A port that a foreign process had is asked for again with the next full observation.
 */
export function servingMemoryAdapter(options: ServingOptions): Adapter {
  return new ServingMemoryAdapter(options);
}
