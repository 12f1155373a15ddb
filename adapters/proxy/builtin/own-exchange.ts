import type { ClientRequest, IncomingMessage, InformationEvent } from 'node:http';
import { contained } from '../containment.ts';
import { type Exchange, silenceMs, type Visit } from './exchange.ts';
import { passableTrailers } from './header-names.ts';
import type { ProxyLimits } from './limits.ts';
import { statusOfFailure } from './provider.ts';
import { type LiveRoute, providerName } from './route-table.ts';

/**
 * A request on a connection of its own: content streams both ways at the same time, `100 Continue` and trailers pass, and an answer may come before
 * all content was sent.
 */
export class OwnExchange implements Exchange {
  readonly #visit: Visit;
  readonly #limits: ProxyLimits;
  readonly #over: (exchange: Exchange) => void;
  readonly #sent: ClientRequest;
  #isOver = false;

  constructor(visit: Visit, limits: ProxyLimits, over: (exchange: Exchange) => void) {
    this.#visit = visit;
    this.#limits = limits;
    this.#over = over;
    const { request, path, provider } = visit;
    this.#sent = provider.open({ method: request.method ?? '', path, fields: framedFields(visit) });
    this.#listen();
  }

  get route(): LiveRoute {
    return this.#visit.route;
  }

  get isLasting(): boolean {
    return this.#visit.head.asksForEvents;
  }

  /** Sends the head, and content as it comes. */
  send(): void {
    const { request, head, client } = this.#visit;
    const sent = this.#sent;
    if (head.framing.type === 'none') {
      sent.end();
      return;
    }
    // As bytes, which `flushHeaders` would not: it writes what is beyond ASCII as UTF-8.
    sent.write('', 'latin1');
    const pass = (content: Buffer): void => {
      if (sent.write(content)) return;
      request.pause();
      sent.once('drain', () => request.resume());
    };
    const end = (): void => {
      if (request.rawTrailers.length > 0) sent.addTrailers(passableTrailers(request.rawTrailers));
      sent.end();
    };
    request.on('data', contained(client.fail, pass)).once('end', contained(client.fail, end));
  }

  cut(): void {
    if (this.#isOver) return;
    this.#finish();
    this.#visit.answer.cut();
    this.#sent.destroy();
  }

  #listen(): void {
    const { answer, client } = this.#visit;
    const sent = this.#sent;
    const inform = ({ statusCode, rawHeaders }: InformationEvent): void =>
      answer.inform(statusCode, rawHeaders);
    sent.on('information', contained(client.fail, inform));
    sent.once(
      'response',
      contained(client.fail, (response: IncomingMessage) => this.#pass(response)),
    );
    sent.on('error', (error) => this.#fail(statusOfFailure(error), error.message));
    // Nobody asked for it.
    sent.once('upgrade', (_response, socket) => {
      socket.destroy();
      this.#fail(502, 'it switches protocols without having been asked to');
    });
    sent.setTimeout(this.#limits.answerMs, () => this.#silent());
  }

  /** Nothing has passed between provider and us for too long, for which it depends who had to send something. */
  #silent(): void {
    const waitsForClient = !this.#visit.request.complete && !this.#sent.writableNeedDrain;
    if (waitsForClient) this.#fail(408, 'the content of the request does not come');
    else this.#fail(504, 'there is no answer');
  }

  #pass(response: IncomingMessage): void {
    if (this.#isOver) return;
    const { answer, request, head, client } = this.#visit;
    this.#sent.setTimeout(silenceMs(this.#visit, this.#limits));
    // It is open whether a client that was not told to go on sends its content, so that nothing could be read after it.
    const closing = head.awaitsContinue && !request.complete;
    if (
      !answer.begin(response.statusCode ?? 502, response.statusMessage ?? '', response.rawHeaders, closing)
    ) {
      this.#fail(502, 'the head of its answer can be read in two ways');
      return;
    }
    const pass = (content: Buffer): void => {
      if (this.#isOver || answer.write(content)) return;
      response.pause();
      answer.whenDrained(() => response.resume());
    };
    response.on('data', contained(client.fail, pass));
    response.once(
      'end',
      contained(client.fail, () => this.#complete(response)),
    );
    response.once('error', (error) => this.#fail(502, error.message));
  }

  #complete(response: IncomingMessage): void {
    if (this.#isOver) return;
    this.#visit.answer.end(response.rawTrailers);
    this.#finish();
    if (!this.#visit.request.complete) this.#leave();
  }

  #fail(status: number, reason: string): void {
    if (this.#isOver) return;
    this.#finish();
    this.#leave();
    const { answer, request, head } = this.#visit;
    const closing = status === 408 || (head.awaitsContinue && !request.complete);
    if (answer.begun) answer.cut();
    else answer.refuse(status, `${providerName(this.route)}: ${reason}`, closing);
  }

  /** Nobody takes any more what the client goes on to send; it is read all the same, since a reset could overtake the answer. */
  #leave(): void {
    this.#sent.destroy();
    this.#visit.request.removeAllListeners('data').resume();
  }

  #finish(): void {
    this.#isOver = true;
    this.#over(this);
  }
}

function framedFields({ head: { framing, awaitsContinue, takesTrailers }, fields }: Visit): string[] {
  const framed = [...fields];
  if (framing.type === 'chunked') framed.push('Transfer-Encoding', 'chunked');
  else framed.push('Content-Length', framing.type === 'length' ? framing.length : '0');
  if (awaitsContinue) framed.push('Expect', '100-continue');
  if (takesTrailers) framed.push('Connection', 'close, TE', 'TE', 'trailers');
  return framed;
}
