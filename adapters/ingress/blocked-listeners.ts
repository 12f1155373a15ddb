import { catchError, EMPTY, type Observable, Subject, Subscription } from 'rxjs';
import { digestOf } from '../../state/json.ts';
import type { Conflict, Key, ListenerSpec } from '../../state/resource.ts';
import type { After } from '../linux/network-monitor.ts';
import { watchPortRelease } from '../linux/port-release.ts';
import type { ProxyProcess } from '../proxy/proxy.ts';
import { type ListenerBatchParts, refusedNow } from './listener-batch.ts';

/** What nobody tells of is looked at so often, less and less: nobody says either when a listener is not wanted any more (ENG-7). */
const firstLookMs = 2_000;
const rarestLookMs = 600_000;

/** So long the kernel is asked to tell of sockets that are closed, which on a busy host are many; whoever still wants a listener tries again before. */
const listenMs = 600_000;

export interface BlockedListenersParts {
  readonly owners: ListenerBatchParts['owners'];
  /** The proxy, which is no stranger. */
  readonly process: () => Promise<ProxyProcess | null>;
  readonly after: After;
}

interface Blocked {
  readonly spec: ListenerSpec;
  readonly digest: string;
  /** It was seen why: a process that listens, an address that is not here. When that is seen no more, the listener is free. */
  explained: boolean;
  /** It was said to be free since, and what came of that is not known yet. */
  freed: boolean;
}

/** How a step of a listener has ended: with the conflict that it met, or none. */
export interface ListenerEnd {
  readonly key: Key;
  readonly spec: ListenerSpec;
  readonly conflict: Conflict | null;
}

/**
 * Listeners that this host has refused, until it would take them. Of what can be seen to be in the way, the kernel tells when it goes; what
 * can't be (a port that is bound and not listened at, no permission) is simply tried again after longer and longer pauses. Costs nothing while
 * there are none.
 */
export class BlockedListeners {
  readonly #parts: BlockedListenersParts;
  readonly #blocked = new Map<Key, Blocked>();
  readonly #freed = new Subject<Key>();
  #waiting = new Subscription();
  #delayMs = firstLookMs;
  /** A look is under way; another one is due after it. */
  #looking = false;
  #lookAgain = false;

  constructor(parts: BlockedListenersParts) {
    this.#parts = parts;
  }

  /** Listeners that the host may take now: worth another try. */
  get freed(): Observable<Key> {
    return this.#freed;
  }

  note(ends: readonly ListenerEnd[]): void {
    for (const end of ends) this.#enter(end);
    this.#wait();
  }

  close(): void {
    this.#waiting.unsubscribe();
    this.#blocked.clear();
  }

  #enter({ key, spec, conflict }: ListenerEnd): void {
    const before = this.#blocked.get(key);
    if (conflict === null) {
      this.#blocked.delete(key);
      return;
    }
    const digest = digestOf(spec);
    // One that is refused once more, as it was before, does not begin to be tried at short intervals again.
    if (before?.digest !== digest) this.#delayMs = firstLookMs;
    this.#blocked.set(key, { spec, digest, explained: false, freed: false });
  }

  get #pending(): readonly (readonly [Key, Blocked])[] {
    return [...this.#blocked].filter(([, { freed }]) => !freed);
  }

  #wait(): void {
    this.#waiting.unsubscribe();
    this.#waiting = new Subscription();
    const pending = this.#pending;
    if (pending.length === 0) return;
    const ports = new Set(pending.map(([, { spec }]) => spec.port));
    // Where the kernel can't tell, the timer is all there is.
    const released = watchPortRelease(ports, this.#parts.after).pipe(catchError(() => EMPTY));
    const listening = released.subscribe(() => this.#look());
    this.#waiting.add(listening);
    this.#waiting.add(this.#parts.after(listenMs, () => listening.unsubscribe()));
    this.#lookLater();
    this.#look();
  }

  #lookLater(): void {
    const delayMs = this.#delayMs;
    this.#delayMs = Math.min(2 * delayMs, rarestLookMs);
    const cancel = this.#parts.after(delayMs, () => {
      for (const [key, blocked] of this.#pending) if (!blocked.explained) this.#free(key, blocked);
      this.#look();
      if (this.#pending.length > 0) this.#lookLater();
    });
    this.#waiting.add(cancel);
  }

  #free(key: Key, blocked: Blocked): void {
    blocked.freed = true;
    this.#freed.next(key);
  }

  /** However much happens meanwhile, one look follows the one that is under way. */
  #look(): void {
    this.#lookAgain = this.#looking;
    if (this.#looking) return;
    this.#looking = true;
    const ended = () => {
      this.#looking = false;
      if (this.#lookAgain) this.#look();
    };
    // What can't be seen now is looked at again by the timer.
    this.#lookOnce().then(ended, ended);
  }

  async #lookOnce(): Promise<void> {
    const specs = this.#pending.map(([key, { spec }]) => [key, spec] as const);
    if (specs.length === 0) return;
    const refused = await refusedNow(specs, await this.#parts.process(), this.#parts.owners);
    for (const [key, blocked] of this.#pending) {
      if (refused.has(key)) blocked.explained = true;
      else if (blocked.explained) this.#free(key, blocked);
    }
  }
}
