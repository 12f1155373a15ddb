import { mkdtemp, rm } from 'node:fs/promises';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ExecutionContext } from 'ava';
import { serveApi } from '../../controller/api/server.ts';
import { systemClock } from '../../controller/clock.ts';
import { ScriptedService } from './scripted-service.ts';

/** An answer of the control socket. */
export interface Answer {
  readonly status: number;
  readonly text: string;
  readonly body: unknown;
}

/** A private directory that goes when the test ends. */
export async function privateDirectory(t: ExecutionContext): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'holdfast-test-'));
  t.teardown(() => rm(directory, { recursive: true, force: true }));
  return directory;
}

/** A scripted controller on a control socket of its own; it goes when the test ends. */
export async function served(t: ExecutionContext): Promise<{
  readonly service: ScriptedService;
  readonly socket: string;
  readonly internalErrors: readonly unknown[];
  close(): Promise<void>;
}> {
  const service = new ScriptedService();
  const socket = join(await privateDirectory(t), 'control.sock');
  const internalErrors: unknown[] = [];
  const api = await serveApi(service, {
    socket,
    clock: systemClock(),
    onInternalError: (error) => internalErrors.push(error),
  });
  t.teardown(() => api.close());
  return { service, socket, internalErrors, close: () => api.close() };
}

/** One request, as any program would make it; bodies travel as they are. */
export function ask(
  socketPath: string,
  method: string,
  path: string,
  body: string | Uint8Array = '',
  contentType = 'application/json',
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const headers = body.length === 0 ? {} : { 'content-type': contentType };
    const sent = request({ socketPath, method, path, headers, agent: false }, async (response) => {
      const chunks: Buffer[] = [];
      for await (const chunk of response) chunks.push(chunk as Buffer);
      const text = Buffer.concat(chunks).toString();
      const isJson = /json$/.test((response.headers['content-type'] ?? '').split(';')[0] ?? '');
      resolve({ status: response.statusCode ?? 0, text, body: isJson ? JSON.parse(text) : undefined });
    });
    sent.once('error', reject);
    sent.end(body);
  });
}

/** The lines of a stream as they arrive, each as a value; ends when the answer does. */
export async function* linesOf(socketPath: string, path: string): AsyncGenerator<unknown> {
  const { promise, resolve, reject } = Promise.withResolvers<import('node:http').IncomingMessage>();
  const sent = request({ socketPath, path, agent: false }, resolve);
  sent.once('error', reject);
  sent.end();
  const response = await promise;
  let rest = '';
  try {
    for await (const chunk of response.setEncoding('utf8')) {
      const lines = (rest + (chunk as string)).split('\n');
      rest = lines.pop() ?? '';
      for (const line of lines) yield JSON.parse(line);
    }
  } finally {
    sent.destroy();
  }
}
