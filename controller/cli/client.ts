import type { Agent, ClientRequest, IncomingMessage, RequestOptions } from 'node:http';
import type { Readable } from 'node:stream';
import type { RevisionOutcome } from '../api/contract.ts';
import type { ProblemBody } from '../api/problem.ts';
import { CliFailure, exitCodes } from './failure.ts';

/**
 * Importing `node:http` by name builds all of its exports, WebSocket with all of undici among them: 50 ms, more than
 * Node's whole start. Taken this way it costs 5 ms.
 */
const http = process.getBuiltinModule('node:http');

/** Content types of bodies that are JSON. */
export type JsonType = 'application/json' | 'application/json-patch+json' | 'application/merge-patch+json';

/** Talks to a controller through its control socket. Every failure is a CliFailure that says what to do. */
export class ControllerClient implements Disposable {
  readonly socketPath: string;
  readonly #agent: Agent = new http.Agent({ keepAlive: true });

  constructor(socketPath: string) {
    this.socketPath = socketPath;
  }

  /** The answer to a GET. */
  async get<T>(path: string): Promise<T> {
    return this.#answer(await this.#exchange(this.#request('GET', path), '')) as Promise<T>;
  }

  /** The answer to a request with a JSON body. A refused revision is an answer too: its outcome. */
  async send<T>(
    method: 'POST' | 'PATCH',
    path: string,
    body: unknown,
    type: JsonType = 'application/json',
  ): Promise<T> {
    const request = this.#request(method, path, { 'content-type': type });
    return this.#answer(await this.#exchange(request, JSON.stringify(body))) as Promise<T>;
  }

  /** Sends the octets of an object; the controller checks them against their name. */
  async put(sha256: string, content: Readable): Promise<void> {
    const request = this.#request('PUT', `/v1/objects/${sha256}`, {
      'content-type': 'application/octet-stream',
    });
    const response = this.#response(request);
    content.once('error', (error) => request.destroy(error));
    content.pipe(request);
    // The controller may refuse an object before it has all of it: its answer then says more than the broken pipe.
    try {
      await this.#answer(await response);
    } catch (error) {
      throw content.errored ?? error;
    } finally {
      content.destroy();
    }
  }

  /**
   * The values of a stream as they arrive. Streams of a controller do not end by themselves: this returns only once
   * `signal` is aborted, and throws when the controller has gone.
   */
  async *lines<T>(path: string, signal?: AbortSignal): AsyncGenerator<T, void> {
    const request = this.#request('GET', path, {}, signal);
    try {
      const response = await this.#exchange(request, '');
      if (response.statusCode !== 200) await this.#answer(response);
      yield* valuesOf<T>(response);
    } catch (error) {
      if (signal?.aborted === true) return;
      throw error instanceof CliFailure ? error : this.#gone();
    } finally {
      request.destroy();
    }
    throw this.#gone();
  }

  [Symbol.dispose](): void {
    this.#agent.destroy();
  }

  #request(
    method: string,
    path: string,
    headers: Readonly<Record<string, string>> = {},
    signal?: AbortSignal,
  ): ClientRequest {
    // Without a server name given, Node's agent looks whether the host is an IPv6 address, although this is no TLS: the
    // expression for that takes 6 ms to compile.
    const options: RequestOptions & { readonly servername: '' } = {
      socketPath: this.socketPath,
      method,
      path,
      headers,
      agent: this.#agent,
      servername: '',
    };
    return http.request(signal === undefined ? options : { ...options, signal });
  }

  #exchange(request: ClientRequest, body: string): Promise<IncomingMessage> {
    const response = this.#response(request);
    request.end(body);
    return response;
  }

  #response(request: ClientRequest): Promise<IncomingMessage> {
    return new Promise((resolve, reject) => {
      request.once('response', resolve);
      request.on('error', (error: NodeJS.ErrnoException) => reject(this.#unreachable(error)));
    });
  }

  /** The body of a success, or of a refused revision; throws what anything else says. */
  async #answer(response: IncomingMessage): Promise<unknown> {
    const text = await textOf(response).catch(() => {
      throw this.#gone();
    });
    const status = response.statusCode ?? 0;
    const body: unknown = text === '' ? undefined : JSON.parse(text);
    if (status < 300 || (status === 422 && isOutcome(body))) return body;
    throw failureOf(status, body as ProblemBody | undefined);
  }

  #unreachable(error: NodeJS.ErrnoException): CliFailure {
    const { code, message } = error;
    if (code === 'EACCES' || code === 'EPERM') {
      const hint = 'run this as the user that the controller runs as';
      return new CliFailure(exitCodes.noController, `no permission to use ${this.socketPath}`, hint);
    }
    if (code === 'ECONNRESET' || code === 'EPIPE') return this.#gone();
    const why =
      code === 'ENOENT' ? 'there is no such socket' : code === 'ECONNREFUSED' ? 'nobody listens' : message;
    const hint = "is it running? 'holdfast run' starts one; --socket or HOLDFAST_SOCKET names another socket";
    return new CliFailure(exitCodes.noController, `no controller at ${this.socketPath}: ${why}`, hint);
  }

  #gone(): CliFailure {
    return new CliFailure(
      exitCodes.noController,
      `the controller at ${this.socketPath} has gone away`,
      'its log says why; containers run on without it',
    );
  }
}

function isOutcome(body: unknown): body is RevisionOutcome {
  return typeof body === 'object' && body !== null && 'phase' in body;
}

/** What was asked for is not there, is not kept any more, or there is nothing like it now. */
const absent: ReadonlySet<number> = new Set([404, 409, 410]);

function failureOf(status: number, body: ProblemBody | undefined): CliFailure {
  const message = body?.error.message ?? `the controller answered with status ${status}`;
  if (absent.has(status)) return new CliFailure(exitCodes.notFound, message, body?.error.hint);
  // Something that the controller asked does not answer: its own words say so.
  if (status === 503) return new CliFailure(exitCodes.internal, message, body?.error.hint);
  if (status >= 500) {
    return new CliFailure(exitCodes.internal, `the controller failed: ${message}`, 'its log says more');
  }
  return new CliFailure(exitCodes.invalid, message, body?.error.hint);
}

async function textOf(response: IncomingMessage): Promise<string> {
  let text = '';
  for await (const chunk of response.setEncoding('utf8')) text += chunk;
  return text;
}

async function* valuesOf<T>(response: IncomingMessage): AsyncGenerator<T, void> {
  let rest = '';
  for await (const chunk of response.setEncoding('utf8')) {
    const lines = `${rest}${chunk}`.split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines) yield JSON.parse(line);
  }
}
