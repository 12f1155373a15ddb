import { type ClientRequest, type IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { contained } from '../containment.ts';
import { Answer } from './answer.ts';
import type { ClientConnection } from './client-connection.ts';
import { type Exchange, silenceMs, type Visit } from './exchange.ts';
import type { ProxyLimits } from './limits.ts';
import { statusOfFailure } from './provider.ts';
import { relay } from './relay.ts';
import { readResponseHead } from './response-head.ts';
import { type LiveRoute, providerName } from './route-table.ts';

/** A request for a WebSocket (RFC 6455 4.1): once the provider has agreed, bytes go both ways, and nobody looks at them. */
export class UpgradeExchange implements Exchange {
  readonly #visit: Visit;
  readonly #limits: ProxyLimits;
  readonly #sent: ClientRequest;
  readonly #over: (exchange: Exchange) => void;
  /** What the client sent after its head. */
  readonly #early: Buffer;
  #provider: Duplex | null = null;
  #isOver = false;

  constructor(visit: Visit, early: Buffer, limits: ProxyLimits, over: (exchange: Exchange) => void) {
    this.#visit = visit;
    this.#early = early;
    this.#limits = limits;
    this.#over = over;
    const { provider, path, fields } = visit;
    const asked = [...fields, 'Connection', 'Upgrade', 'Upgrade', 'websocket'];
    this.#sent = provider.open({ method: 'GET', path, fields: asked });
    this.#listen();
  }

  get route(): LiveRoute {
    return this.#visit.route;
  }

  /** Where both sides have agreed, each is told when the other one ends. */
  get isLasting(): boolean {
    return false;
  }

  #listen(): void {
    const { fail } = this.#visit.client;
    const join = (response: IncomingMessage, socket: Socket, head: Buffer): void =>
      this.#join(response, socket, head);
    this.#sent.once('upgrade', contained(fail, join));
    const decline = (response: IncomingMessage): void => this.#decline(response);
    this.#sent.once('response', contained(fail, decline));
    this.#sent.on('error', (error) => this.#fail(statusOfFailure(error), error.message));
    this.#sent.setTimeout(this.#limits.answerMs, () => this.#fail(504, 'there is no answer'));
  }

  send(): void {
    this.#visit.client.socket.once('close', () => this.cut());
    this.#sent.end();
  }

  cut(): void {
    if (this.#isOver) return;
    this.#finish();
    this.#sent.destroy();
    this.#provider?.destroy();
    this.#visit.client.socket.destroy();
  }

  #join(response: IncomingMessage, provider: Socket, early: Buffer): void {
    const head = readResponseHead(101, response.statusMessage ?? '', response.rawHeaders);
    const protocol = response.headers.upgrade?.toLowerCase();
    if (this.#isOver || head === null || protocol !== 'websocket') {
      provider.destroy();
      this.#fail(502, 'it switches to a protocol that it was not asked for');
      return;
    }
    this.#provider = provider;
    const { socket } = this.#visit.client;
    for (const end of [socket, provider]) end.setTimeout(this.#limits.tunnelMs);
    socket.write(switchingHead(head.message, head.fields), 'latin1');
    if (early.length > 0) socket.write(early);
    if (this.#early.length > 0) provider.write(this.#early);
    relay(socket, provider);
    provider.once('close', () => this.#finish());
  }

  /** The provider answers as to any other request. */
  #decline(response: IncomingMessage): void {
    if (this.#isOver) return;
    const { answer, client } = this.#visit;
    this.#sent.setTimeout(silenceMs(this.#visit, this.#limits));
    if (!answer.begin(response.statusCode ?? 502, response.statusMessage ?? '', response.rawHeaders, true)) {
      this.#fail(502, 'the head of its answer can be read in two ways');
      return;
    }
    const pass = (content: Buffer): void => {
      if (answer.write(content)) return;
      response.pause();
      answer.whenDrained(() => response.resume());
    };
    const end = (): void => {
      answer.end(response.rawTrailers);
      this.#finish();
    };
    response.on('data', contained(client.fail, pass)).once('end', contained(client.fail, end));
    response.once('error', () => this.cut());
  }

  #fail(status: number, reason: string): void {
    if (this.#isOver) return;
    if (this.#provider !== null || this.#visit.answer.begun) {
      this.cut();
      return;
    }
    this.#finish();
    this.#sent.destroy();
    this.#visit.answer.refuse(status, `${providerName(this.route)}: ${reason}`, true);
  }

  #finish(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#over(this);
  }
}

/** An answer to a request for an upgrade, whose connection the parser has let go of. It is closed after the answer. */
export function answerAfterUpgrade(
  request: IncomingMessage,
  client: ClientConnection,
  takeMs: number,
): Answer {
  const response = new ServerResponse(request);
  response.shouldKeepAlive = false;
  response.assignSocket(client.socket);
  response.once('finish', () => client.socket.destroySoon());
  return new Answer(response, client, takeMs);
}

function switchingHead(message: string, fields: readonly string[]): string {
  const lines = [`HTTP/1.1 101 ${message === '' ? 'Switching Protocols' : message}`];
  for (let at = 0; at < fields.length; at += 2) lines.push(`${fields[at]}: ${fields[at + 1]}`);
  return [...lines, 'Connection: Upgrade', 'Upgrade: websocket', '', ''].join('\r\n');
}
