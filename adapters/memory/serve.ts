import { join } from 'node:path';
import { merge, NEVER, type Observable } from 'rxjs';
import { nameOf, type ObservedResource } from '../../state/resource.ts';
import type { Adapter, Step, StepResult, Traffic, WatchEvent } from '../adapter.ts';
import { HostListeners } from '../ingress/host-listeners.ts';
import type { After } from '../linux/network-monitor.ts';
import type { PortForwarding } from '../linux/port-forwarding.ts';
import { findPortOwners } from '../linux/port-owners.ts';
import type { Proxy as HostProxy } from '../proxy/proxy.ts';
import { observeContainer } from './host.ts';
import { MemoryAdapter } from './memory-adapter.ts';
import { leadingToEchoes } from './serve-echo.ts';
import { EchoSockets } from './serve-echoes.ts';

export interface ServingOptions {
  /** Absolute directory of this instance; must exist. What is served is kept below its `run/`. */
  readonly root: string;
  /** What listens; asked for with the first listener, and closed with the adapter. */
  readonly proxy: () => Promise<HostProxy>;
  /** The clock's. */
  readonly after: After;
}

/** The packet filter is left alone: there is nothing behind it. */
const noForwarding: PortForwarding = {
  works: async () => false,
  write: async () => undefined,
  status: async () => null,
  traffic: async () => [],
  watch: () => NEVER,
};

/** The modelled host, but for its listeners, which are those of the host that we are on. */
class ServingMemoryAdapter implements Adapter {
  readonly name = 'memory';
  readonly #model = new MemoryAdapter();
  readonly #echoes: EchoSockets;
  readonly #listeners: HostListeners;

  constructor({ root, proxy, after }: ServingOptions) {
    this.#echoes = new EchoSockets(join(root, 'run/echo'));
    this.#listeners = new HostListeners({
      root,
      proxy,
      after,
      forwarding: noForwarding,
      sockets: this.#echoes,
      owners: findPortOwners,
      standIn: leadingToEchoes,
    });
  }

  async observe(signal: AbortSignal): Promise<readonly ObservedResource[]> {
    const [modelled, listeners] = await Promise.all([this.#model.observe(signal), this.#listeners.observe()]);
    signal.throwIfAborted();
    return [...modelled, ...listeners];
  }

  watch(): Observable<WatchEvent> {
    return merge(this.#model.watch(), this.#listeners.watch());
  }

  /** Links are only modelled. */
  async traffic(): Promise<Traffic> {
    return { ...(await this.#listeners.traffic()), links: [] };
  }

  async apply(step: Step): Promise<StepResult> {
    if (step.action === 'listener.ensure' || step.action === 'listener.remove')
      return this.#listeners.apply(step);
    const result = await this.#model.apply(step);
    if (step.action.startsWith('container.')) await this.#follow(nameOf(step.key));
    return result;
  }

  async close(): Promise<void> {
    this.#listeners.close();
    await this.#model.close();
  }

  /** What runs answers, and what does not run does not, from when its step is done. */
  async #follow(container: string): Promise<void> {
    const pid = observeContainer(this.#model.host, container)?.facts.pid ?? null;
    this.#listeners.containerMoved(container, pid);
    await this.#echoes.settled();
  }
}

/**
 * A host in memory whose listeners can be reached (design: memory, `--serve`), without root and without containers: a proxy listens, and
 * echo servers of this process stand for the programs of the containers that run. One that is stopped answers no more, which clients see
 * as 503. The proxy, and what it serves, outlive the controller as on a real device; the modelled containers and their echo servers do
 * not, so that requests get 503 until the next controller has started them. When the last listener is removed nothing listens, and no
 * process and no file is left.
 */
export function servingMemoryAdapter(options: ServingOptions): Adapter {
  return new ServingMemoryAdapter(options);
}
