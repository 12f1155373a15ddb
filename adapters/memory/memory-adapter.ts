import { type Observable, Subject } from 'rxjs';
import {
  type ContainerSpec,
  gatewayAddress,
  type Key,
  kindOf,
  nameOf,
  type ObservedResource,
  type PoolSpec,
} from '../../state/resource.ts';
import type {
  Action,
  Adapter,
  Executors,
  Observation,
  Step,
  StepOf,
  StepResult,
  Traffic,
  WatchEvent,
} from '../adapter.ts';
import { Failure } from './failure.ts';
import {
  emptyHost,
  type HostModel,
  observeContainer,
  observeHost,
  observeLease,
  observePool,
  signalReady,
} from './host.ts';
import { ensureLink, forgetTargets, linksOf, observeLink, removeLink, takeReleasedLinks } from './links.ts';
import { ensureListener, observeListener, removeListener, takeReleased } from './listeners.ts';
import { Refusal } from './refusal.ts';

/** Decides before each step whether it fails: null lets it happen. For tests and simulation. */
export type FaultInjection = (step: Step) => StepResult | null | Promise<StepResult | null>;

export interface MemoryOptions {
  /** The host to act on; a new, empty one when absent. Two adapters on one host model a restarted controller. */
  readonly host?: HostModel;
  readonly fault?: FaultInjection;
}

function ensureBridge(host: HostModel, spec: Extract<PoolSpec, { type: 'bridge' }>): boolean {
  const known = host.bridges.get(spec.bridge);
  const bridge = known ?? { mark: spec.name, addresses: new Set<string>(), up: true };
  const before = host.pools.get(spec.name)?.spec;
  if (before?.type === 'bridge') bridge.addresses.delete(gatewayAddress(before));
  bridge.up = true;
  bridge.addresses.add(gatewayAddress(spec));
  host.bridges.set(spec.bridge, bridge);
  if (spec.nat) host.masquerade.set(spec.name, spec.subnet);
  else host.masquerade.delete(spec.name);
  return bridge.mark !== spec.name;
}

function ensurePool(host: HostModel, spec: PoolSpec, digest: string): void {
  if (spec.type === 'macvlan' && !host.links.has(spec.parent)) {
    const message = `pool '${spec.name}' needs interface '${spec.parent}', which this host lacks`;
    throw new Refusal({ code: 'ParentMissing', message });
  }
  const adopted = spec.type === 'bridge' && ensureBridge(host, spec);
  host.pools.set(spec.name, { spec, digest, adopted });
}

function removePool(host: HostModel, name: string): void {
  const made = host.pools.get(name);
  host.pools.delete(name);
  host.masquerade.delete(name);
  if (made?.spec.type !== 'bridge') return;
  if (!made.adopted) host.bridges.delete(made.spec.bridge);
  else host.bridges.get(made.spec.bridge)?.addresses.delete(gatewayAddress(made.spec));
}

function stopContainer(host: HostModel, name: string): void {
  const made = host.containers.get(name);
  if (made === undefined || made.pid === null) return;
  host.processes.delete(made.pid);
  made.pid = null;
  made.ready = false;
}

function startContainer(host: HostModel, spec: ContainerSpec, digest: string): void {
  const made = host.containers.get(spec.name);
  if (made?.digest === digest && made.pid !== null && host.processes.has(made.pid)) return;
  stopContainer(host, spec.name);
  const pid = spec.goal === 'MOUNTED' ? null : host.nextPid++;
  if (pid !== null) host.processes.set(pid, { container: spec.name });
  host.containers.set(spec.name, { spec, digest, pid, ready: false, exit: null });
  if (!host.silent.has(spec.name)) signalReady(host, spec.name);
}

function executors(host: HostModel): Executors<void> {
  return {
    'pool.ensure': ({ spec, digest }) => ensurePool(host, spec, digest),
    'pool.remove': ({ key }) => removePool(host, nameOf(key)),
    'lease.reserve': ({ key, spec, digest }) => {
      host.leases.set(key, { spec, digest });
    },
    'lease.release': ({ key }) => {
      host.leases.delete(key);
    },
    'container.start': ({ spec, digest }) => startContainer(host, spec, digest),
    'container.stop': ({ key }) => stopContainer(host, nameOf(key)),
    'container.remove': ({ key }) => {
      stopContainer(host, nameOf(key));
      host.containers.delete(nameOf(key));
      forgetTargets(host, nameOf(key));
    },
    'listener.ensure': (step) => ensureListener(host, step),
    'listener.remove': ({ key }) => removeListener(host, key),
    'link.ensure': (step) => ensureLink(host, step),
    'link.remove': ({ key }) => removeLink(host, key),
  };
}

/** The adapter whose host is a plain object: for tests, for simulation, and where there is no LXC. */
export class MemoryAdapter implements Adapter {
  readonly name = 'memory';
  readonly host: HostModel;
  readonly #fault: FaultInjection;
  readonly #executors: Executors<void>;
  readonly #changes = new Subject<WatchEvent>();

  constructor(options: MemoryOptions = {}) {
    this.host = options.host ?? emptyHost();
    this.#fault = options.fault ?? (() => null);
    this.#executors = executors(this.host);
  }

  async observe(signal: AbortSignal): Promise<readonly ObservedResource[]> {
    signal.throwIfAborted();
    return observeHost(this.host);
  }

  watch(): Observable<WatchEvent> {
    return this.#changes.asObservable();
  }

  async apply(step: Step): Promise<StepResult> {
    const fault = await this.#fault(step);
    if (fault !== null) return fault;
    try {
      this.#execute(step);
    } catch (error) {
      if (error instanceof Refusal)
        return { outcome: 'conflict', conflict: error.conflict, observations: [] };
      if (error instanceof Failure) return { outcome: 'failed', error: error.error, observations: [] };
      throw error;
    }
    return { outcome: 'done', observations: [this.#look(step.key)] };
  }

  /** Nothing real is carried. */
  async traffic(): Promise<Traffic> {
    return { rules: [], links: [], proxy: null };
  }

  async close(): Promise<void> {
    this.#changes.complete();
  }

  /**
   * Changes the host behind the controller's back, and lets the watch tell what of ours has changed by it, and what the host refused and
   * would not refuse any more.
   */
  disturb(change: (host: HostModel) => void): void {
    const before = new Map(
      observeHost(this.host).map((resource) => [resource.key, JSON.stringify(resource)]),
    );
    change(this.host);
    const after = new Map(observeHost(this.host).map((resource) => [resource.key, resource]));
    const released = new Set([...takeReleased(this.host), ...takeReleasedLinks(this.host)]);
    for (const key of new Set([...before.keys(), ...after.keys(), ...released])) {
      const observed = after.get(key) ?? null;
      if (JSON.stringify(observed) !== before.get(key) || released.has(key))
        this.#changes.next({ type: 'observation', key, observed });
    }
  }

  /** What becomes of a container is news of the links that it is an end of. */
  #execute(step: Step): void {
    const links = kindOf(step.key) === 'container' ? linksOf(this.host, nameOf(step.key)) : [];
    const before = links.map((key) => this.#look(key));
    (this.#executors[step.action] as (step: StepOf<Action>) => void)(step);
    for (const { key, observed } of before) {
      const after = this.#look(key);
      if (JSON.stringify(after.observed) !== JSON.stringify(observed))
        this.#changes.next({ type: 'observation', ...after });
    }
    // What a container that is gone had of its own is in nobody's way any more.
    for (const key of takeReleasedLinks(this.host))
      this.#changes.next({ type: 'observation', ...this.#look(key) });
  }

  #look(key: Key): Observation {
    const name = nameOf(key);
    const look = {
      pool: () => observePool(this.host, name),
      lease: () => observeLease(this.host, key),
      // No step is ever about a group: nothing on a host is made of it.
      group: () => null,
      container: () => observeContainer(this.host, name),
      listener: () => observeListener(this.host, key),
      link: () => observeLink(this.host, key),
    };
    return { key, observed: look[kindOf(key)]() };
  }
}
