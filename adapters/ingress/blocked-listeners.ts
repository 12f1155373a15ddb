import { catchError, concatMap, EMPTY, from, type Observable, Subject, Subscription } from 'rxjs';
import type { Conflict, Key, ListenerSpec } from '../../state/resource.ts';
import type { After } from '../linux/network-monitor.ts';
import { watchPortRelease } from '../linux/port-release.ts';
import type { ProxyProcess } from '../proxy/proxy.ts';
import { type ListenerBatchParts, refusedNow } from './listener-batch.ts';

/**
 * An address that comes tells nobody here, and old kernels do not tell of ports: as long as a listener waits for such, it is looked; less
 * and less often, since nobody says when it is not wanted any more (ENG-7).
 */
const firstLookMs = 2_000;
const rarestLookMs = 600_000;

export interface BlockedListenersParts {
  readonly owners: ListenerBatchParts['owners'];
  /** The proxy, which is no stranger. */
  readonly process: () => Promise<ProxyProcess | null>;
  readonly after: After;
}

/** Listeners that this host has refused, until it would take them. Costs nothing while there are none. */
export class BlockedListeners {
  readonly #parts: BlockedListenersParts;
  readonly #blocked = new Map<Key, { readonly spec: ListenerSpec; readonly code: string }>();
  readonly #freed = new Subject<Key>();
  #waiting = new Subscription();
  #lookMs = firstLookMs;

  constructor(parts: BlockedListenersParts) {
    this.#parts = parts;
  }

  /** Listeners that the host would take now: worth another try. */
  get freed(): Observable<Key> {
    return this.#freed;
  }

  /** How steps have ended: each with the conflict that it met, or none. */
  note(
    ends: readonly { readonly key: Key; readonly spec: ListenerSpec; readonly conflict: Conflict | null }[],
  ): void {
    for (const { key, spec, conflict } of ends) {
      if (conflict === null) this.#blocked.delete(key);
      else this.#blocked.set(key, { spec, code: conflict.code });
    }
    this.#lookMs = firstLookMs;
    this.#wait();
  }

  close(): void {
    this.#waiting.unsubscribe();
    this.#blocked.clear();
  }

  /** The kernel tells of ports that come free; all else is looked at from time to time. */
  #wait(): void {
    this.#waiting.unsubscribe();
    this.#waiting = new Subscription();
    if (this.#blocked.size === 0) return;
    const all = [...this.#blocked.values()];
    if (all.some(({ code }) => code !== 'PortTaken')) return this.#lookLater();
    const ports = new Set(all.map(({ spec }) => spec.port));
    const released = watchPortRelease(ports, this.#parts.after).pipe(
      concatMap(() => from(this.#free())),
      catchError(() => {
        this.#lookLater();
        return EMPTY;
      }),
    );
    this.#waiting.add(released.subscribe());
  }

  #lookLater(): void {
    const delayMs = this.#lookMs;
    this.#lookMs = Math.min(2 * delayMs, rarestLookMs);
    const cancel = this.#parts.after(delayMs, () => {
      void this.#free().then(
        () => this.#wait(),
        () => this.#lookLater(),
      );
    });
    this.#waiting.add(cancel);
  }

  async #free(): Promise<void> {
    const specs = [...this.#blocked].map(([key, { spec }]) => [key, spec] as const);
    const refused = await refusedNow(specs, await this.#parts.process(), this.#parts.owners);
    const free = specs.filter(([key]) => !refused.has(key));
    for (const [key] of free) {
      this.#blocked.delete(key);
      this.#freed.next(key);
    }
  }
}
