import { type ServerResponse, STATUS_CODES } from 'node:http';
import type { ClientConnection } from './client-connection.ts';
import { passableTrailers, withoutNames } from './header-names.ts';
import { type ResponseHead, readResponseHead } from './response-head.ts';

/** Content up to this many bytes that comes in one piece goes out with its head, in one write: half the cost of a short answer. */
const shortContentBytes = 16 * 1024;

/** What waits for a client may be so long for an interim answer to be added: a provider may send any number of them. */
const interimBytes = 16 * 1024;

/**
 * The answer to one request of a client, passed on as it comes: nothing is held back but a head for as long as it takes to see whether
 * content came with it, in the same turn of the event loop.
 */
export class Answer {
  readonly #response: ServerResponse;
  readonly #client: ClientConnection;
  readonly #takeMs: number;
  #head: ResponseHead | null = null;
  #begun = false;
  #ended = false;

  /** `takeMs`: how long the client may take nothing of it. */
  constructor(response: ServerResponse, client: ClientConnection, takeMs: number) {
    this.#response = response;
    this.#client = client;
    this.#takeMs = takeMs;
  }

  /** The client has been sent a part of an answer: another one can't be given any more. */
  get begun(): boolean {
    return this.#begun;
  }

  get ended(): boolean {
    return this.#ended;
  }

  /** Passes on an interim answer (RFC 9110 15.2); HTTP/1.0 has none. */
  inform(status: number, raw: readonly string[]): void {
    const head = readResponseHead(status, '', raw);
    if (head === null || this.#begun || this.#response.req.httpVersion === '1.0') return;
    if (this.#response.writableLength > interimBytes) return;
    if (status === 100) this.#response.writeContinue();
    else this.#response.writeInformation(status, head.fields);
  }

  /** False where the provider's head can't be passed on; nothing was sent then. `closing`: the connection is not used after this answer. */
  begin(status: number, message: string, raw: readonly string[], closing: boolean): boolean {
    const head = readResponseHead(status, message, raw);
    if (head === null) return false;
    if (closing) head.fields.push('Connection', 'close');
    this.#begun = true;
    this.#head = head.announcesTrailers && !this.#canHaveTrailers(head) ? withoutTrailer(head) : head;
    process.nextTick(flush, this);
    return true;
  }

  /** False: the client does not keep up; `whenDrained` tells when it has caught up. */
  write(content: Buffer): boolean {
    const head = this.#sendHead();
    if (head !== null && content.length === head.length && content.length <= shortContentBytes) {
      this.#ended = true;
      this.#response.end(content.toString('latin1'), 'latin1');
      return true;
    }
    return this.#response.write(content);
  }

  whenDrained(resume: () => void): void {
    this.#response.setTimeout(this.#takeMs);
    this.#response.once('drain', () => {
      this.#response.setTimeout(0);
      resume();
    });
  }

  end(rawTrailers: readonly string[]): void {
    this.#sendHead();
    if (this.#ended) return;
    this.#ended = true;
    if (rawTrailers.length > 0) this.#response.addTrailers(passableTrailers(rawTrailers));
    this.#response.end();
    if (this.#response.writableLength > 0) this.#response.setTimeout(this.#takeMs);
  }

  /** Answers ourselves, in a line of text. Only where nothing has begun. */
  refuse(status: number, reason: string, closing = false): void {
    this.#begun = true;
    this.#ended = true;
    const text = refusalText(status, reason);
    const fields = [
      'Content-Type',
      'text/plain; charset=utf-8',
      'Content-Length',
      `${Buffer.byteLength(text)}`,
    ];
    if (status === 405) fields.push('Allow', 'GET, HEAD, POST, PUT, DELETE, OPTIONS, PATCH');
    if (closing) fields.push('Connection', 'close');
    this.#response.writeHead(status, fields);
    this.#response.end(text);
  }

  /** Ends the connection in the midst of an answer, so that no client takes it for whole. */
  cut(): void {
    this.#ended = true;
    const { socket } = this.#response;
    // Where the end of the connection is the end of the content, only a reset tells that it is not whole.
    if (this.#response.req.httpVersion === '1.0') socket?.resetAndDestroy();
    this.#response.destroy();
  }

  /** Sends the head by itself, where no content came with it. */
  flush(): void {
    try {
      // As bytes, which `flushHeaders` would not: it writes what is beyond ASCII as UTF-8.
      if (this.#sendHead() !== null) this.#response.write('', 'latin1');
    } catch (error) {
      this.#client.fail(error);
    }
  }

  /** They come behind chunks, of which only HTTP/1.1 knows (RFC 9112 7.1.2). */
  #canHaveTrailers({ status, length }: ResponseHead): boolean {
    const { method, httpVersion } = this.#response.req;
    const hasContent = method !== 'HEAD' && status !== 204 && status !== 304;
    return hasContent && length === null && httpVersion !== '1.0';
  }

  /** The head that goes out with what is written next; null: it has gone already. */
  #sendHead(): ResponseHead | null {
    const head = this.#head;
    if (head === null) return null;
    this.#head = null;
    this.#response.writeHead(head.status, head.message, head.fields);
    return head;
  }
}

/** Without the announcement of trailers that can't come. */
function withoutTrailer(head: ResponseHead): ResponseHead {
  return { ...head, fields: withoutNames(head.fields, ['trailer']) };
}

function flush(answer: Answer): void {
  answer.flush();
}

/** What we say ourselves: `404 Not Found: no route …`. */
export function refusalText(status: number, reason: string): string {
  return `${status} ${STATUS_CODES[status] ?? ''}: ${reason}\n`;
}
