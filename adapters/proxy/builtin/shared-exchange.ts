import type { Dispatcher } from 'undici';
import { contained } from '../containment.ts';
import { type Exchange, silenceMs, type Visit } from './exchange.ts';
import type { ProxyLimits } from './limits.ts';
import { statusOfFailure } from './provider.ts';
import { fieldTexts } from './response-head.ts';
import { type LiveRoute, providerName } from './route-table.ts';

/**
 * A safe request without content (RFC 9110 9.2.1), over a kept connection. It is sent again, once, where that one was just closed. What its
 * handlers throw the client library would tell as a failure of the provider, so it is caught before.
 */
export class SharedExchange implements Exchange, Dispatcher.DispatchHandler {
  readonly #visit: Visit;
  readonly #limits: ProxyLimits;
  readonly #over: (exchange: Exchange) => void;
  #controller: Dispatcher.DispatchController | null = null;
  #sentAgain = false;
  #isOver = false;

  constructor(visit: Visit, limits: ProxyLimits, over: (exchange: Exchange) => void) {
    this.#visit = visit;
    this.#limits = limits;
    this.#over = over;
  }

  get route(): LiveRoute {
    return this.#visit.route;
  }

  get isLasting(): boolean {
    return this.#visit.head.asksForEvents;
  }

  send(): void {
    const { provider, request, path, fields } = this.#visit;
    const method = request.method as Dispatcher.HttpMethod;
    const bodyTimeout = silenceMs(this.#visit, this.#limits);
    provider.pool.dispatch({ method, path, headers: fields, body: null, bodyTimeout }, this);
  }

  cut(): void {
    if (this.#isOver) return;
    this.#finish();
    this.#visit.answer.cut();
    this.#controller?.abort(new Error('the client or the route is gone'));
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.#controller = controller;
    if (this.#isOver) controller.abort(new Error('the client is gone'));
  }

  onResponseStart(
    controller: Dispatcher.DispatchController,
    status: number,
    _headers: unknown,
    message?: string,
  ): void {
    const raw = fieldTexts(controller.rawHeaders as Buffer[]);
    const { answer, client } = this.#visit;
    contained(client.fail, () => {
      if (status === 101) controller.abort(new Error('a switch of protocols that nobody asked for'));
      else if (status < 200) answer.inform(status, raw);
      else if (!answer.begin(status, phraseText(message ?? ''), raw, false))
        controller.abort(new Error('head that can be read in two ways'));
    })();
  }

  onResponseData(controller: Dispatcher.DispatchController, content: Buffer): void {
    const { answer, client } = this.#visit;
    contained(client.fail, () => {
      if (this.#isOver || answer.write(content)) return;
      controller.pause();
      answer.whenDrained(() => controller.resume());
    })();
  }

  onResponseEnd(controller: Dispatcher.DispatchController): void {
    if (this.#isOver) return;
    const { answer, client } = this.#visit;
    contained(client.fail, () => {
      answer.end(fieldTexts((controller.rawTrailers ?? []) as Buffer[]));
      this.#finish();
    })();
  }

  onResponseError(_controller: Dispatcher.DispatchController, error: Error): void {
    if (this.#isOver) return;
    const { answer } = this.#visit;
    if (!answer.begun && !this.#sentAgain && wasJustClosed(error)) {
      this.#sentAgain = true;
      this.send();
      return;
    }
    this.#finish();
    if (answer.begun) answer.cut();
    else answer.refuse(statusOfFailure(error), `${providerName(this.route)}: ${error.message}`);
  }

  #finish(): void {
    this.#isOver = true;
    this.#over(this);
  }
}

/** The client library reads a reason phrase as UTF-8: the bytes that it was, or none where they were something else. */
function phraseText(message: string): string {
  return message.includes('\ufffd') ? '' : Buffer.from(message, 'utf8').toString('latin1');
}

const closings: ReadonlySet<string> = new Set(['ECONNRESET', 'EPIPE', 'UND_ERR_SOCKET']);

function wasJustClosed(error: Error): boolean {
  return closings.has((error as NodeJS.ErrnoException).code ?? '');
}
