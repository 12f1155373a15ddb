import type { Observable } from 'rxjs';
import type { After } from '../linux/network-monitor.ts';
import { ProxyError } from './proxy.ts';

/** How long a proxy may take to answer: it has nothing to wait for, but for a host that is overloaded. */
const answerLimitMs = 10_000;

/** How long it may take to serve what it is given; it may have to be ended, and started anew. */
const serveLimitMs = 25_000;

/** What is asked of every proxy: `Proxy`, `DbusProxy`. */
interface Asked<Listener, Seen, Counted> {
  observe(): Promise<Seen>;
  traffic(): Promise<Counted>;
  serve(listeners: readonly Listener[]): Promise<void>;
  watch(): Observable<string>;
  close(): void;
}

/**
 * The same proxy, of which every call settles: a process that is stopped, or hangs, must not keep us waiting for ever. What is late rejects with a
 * ProxyError, and its end is of no interest any more. `name` is for the message.
 */
export function boundedProxy<Listener, Seen, Counted>(
  name: string,
  proxy: Asked<Listener, Seen, Counted>,
  after: After,
): Asked<Listener, Seen, Counted> {
  const within = async <T>(limitMs: number, work: Promise<T>): Promise<T> => {
    const late = Promise.withResolvers<never>();
    const message = `the proxy (${name}) did not answer within ${limitMs / 1000} s`;
    const cancel = after(limitMs, () => late.reject(new ProxyError('ProxyFailed', message)));
    try {
      return await Promise.race([work, late.promise]);
    } finally {
      cancel();
    }
  };
  let served: Promise<unknown> = Promise.resolve();
  /** One that is late goes on: the next one begins when it has ended. Only ending the process does not wait. */
  const serve = (listeners: readonly Listener[]): Promise<void> => {
    const turn = listeners.length === 0 ? Promise.resolve() : served;
    const work = turn.then(() => proxy.serve(listeners));
    served = work.catch(() => undefined);
    return within(serveLimitMs, work);
  };
  return {
    observe: () => within(answerLimitMs, proxy.observe()),
    traffic: () => within(answerLimitMs, proxy.traffic()),
    serve,
    watch: () => proxy.watch(),
    close: () => proxy.close(),
  };
}
