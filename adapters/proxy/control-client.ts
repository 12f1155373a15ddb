import { closeSync, constants, openSync } from 'node:fs';
import { type IncomingMessage, request } from 'node:http';
import { controlSocketName } from './control-protocol.ts';

/** What was answered, whole. */
export interface ControlAnswer {
  readonly status: number;
  readonly body: string;
}

/** Asks the process whose control socket is in a directory. */
export class ControlClient {
  readonly #directory: string;

  constructor(directory: string) {
    this.#directory = directory;
  }

  /** Rejects where the process can't be talked to, or ends meanwhile. */
  async ask(method: string, path: string, body = ''): Promise<ControlAnswer> {
    const message = await this.#send(method, path, body);
    const parts = await message.toArray();
    return { status: message.statusCode ?? 0, body: Buffer.concat(parts).toString('utf8') };
  }

  /** Resolves as soon as the process begins to answer. */
  open(path: string): Promise<IncomingMessage> {
    return this.#send('GET', path, '');
  }

  #send(method: string, path: string, body: string): Promise<IncomingMessage> {
    const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>();
    // A path through the descriptor is short, however long that of the directory is: sun_path takes 107 bytes (unix(7)).
    const directory = openSync(this.#directory, constants.O_RDONLY | constants.O_DIRECTORY);
    const socketPath = `/proc/self/fd/${directory}/${controlSocketName}`;
    const headers = { 'Content-Length': Buffer.byteLength(body) };
    const sent = request({ socketPath, method, path, headers, agent: false });
    sent.once('response', resolve).once('error', reject);
    sent.once('close', () => closeSync(directory));
    sent.end(body);
    return promise;
  }
}
