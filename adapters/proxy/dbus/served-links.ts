import type { SystemCalls } from '../../linux/system-calls.ts';
import type { Controlled } from '../control-protocol.ts';
import type { DbusListener, DbusTraffic } from '../dbus-proxy.ts';
import { ProxyError } from '../proxy.ts';
import { Buffers } from './buffers.ts';
import { type FrontParts, LinkFront } from './link-front.ts';
import { SpareDescriptor } from './spare-descriptor.ts';

/** What the process serves: replaced whole, or not at all. */
export class ServedLinks implements Controlled<DbusListener, DbusTraffic> {
  readonly #parts: FrontParts;
  #fronts: readonly LinkFront[] = [];
  #listeners: readonly DbusListener[] = [];

  /** `complain` is told of errors of our own. */
  constructor(calls: SystemCalls, complain: (error: unknown) => void) {
    this.#parts = { calls, complain, buffers: new Buffers(), spare: new SpareDescriptor() };
  }

  get listeners(): readonly DbusListener[] {
    return this.#listeners;
  }

  /** What can fail, listening, is done first: where it does, all is as before. */
  async serve(listeners: readonly DbusListener[]): Promise<void> {
    refuseShared(listeners);
    const before = new Map(this.#fronts.map((front) => [front.wanted.name, front]));
    const made: LinkFront[] = [];
    const fronts = listeners.map((wanted) => {
      const former = before.get(wanted.name);
      if (former?.suits(wanted)) return former;
      const front = new LinkFront(wanted, this.#parts);
      made.push(front);
      return front;
    });
    openAll(made);
    for (const [index, front] of fronts.entries()) {
      const wanted = listeners[index];
      if (wanted !== undefined) front.become(wanted);
    }
    const kept = new Set(fronts);
    for (const front of this.#fronts) if (!kept.has(front)) front.close();
    this.#fronts = fronts;
    this.#listeners = listeners;
  }

  traffic(): readonly DbusTraffic[] {
    return this.#fronts.map((front) => front.traffic);
  }
}

/** Throws a ProxyError. */
function refuseShared(listeners: readonly DbusListener[]): void {
  for (const by of ['name', 'path'] as const) {
    const seen = new Set<string>();
    for (const listener of listeners) {
      if (seen.has(listener[by])) {
        const message = `found two links with the ${by} ${listener[by]}, expected one`;
        throw new ProxyError('ProxyFailed', message, { listener: listener.name });
      }
      seen.add(listener[by]);
    }
  }
}

/** All of them, or none. */
function openAll(fronts: readonly LinkFront[]): void {
  try {
    for (const { socket } of fronts) socket.open();
    for (const { socket } of fronts) socket.show();
  } catch (error) {
    for (const front of fronts) front.close();
    throw error;
  }
}
