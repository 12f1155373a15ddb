import { type Observable, Subject } from 'rxjs';
import type {
  Proxy as HostProxy,
  ProxyError,
  ProxyListener,
  ProxyProcess,
  ProxyTraffic,
} from '../../../adapters/proxy/proxy.ts';

/** A proxy that listens nowhere, and refuses what it is told to refuse. */
export class ScriptedProxy implements HostProxy {
  readonly name = 'builtin';
  /** Null: no process runs. */
  process: ProxyProcess | null = null;
  /** What each call of `serve` was given. */
  readonly calls: (readonly ProxyListener[])[] = [];
  /** Why this can't be served; null: it can. */
  refuse: (listeners: readonly ProxyListener[]) => ProxyError | null = () => null;
  carried: readonly ProxyTraffic[] = [];
  closed = false;
  readonly #ends = new Subject<string>();

  async observe(): Promise<ProxyProcess | null> {
    return this.process;
  }

  async serve(listeners: readonly ProxyListener[]): Promise<void> {
    this.calls.push(listeners);
    const refusal = this.refuse(listeners);
    if (refusal !== null) throw refusal;
    this.process = listeners.length === 0 ? null : { pid: 4242, listeners, reloads: 0 };
  }

  async traffic(): Promise<readonly ProxyTraffic[]> {
    return this.carried;
  }

  watch(): Observable<string> {
    return this.#ends;
  }

  close(): void {
    this.closed = true;
  }

  /** Its process ends without having been told to. */
  die(reason: string): void {
    this.process = null;
    this.#ends.next(reason);
  }
}
