import { request } from 'node:http';
import { text } from 'node:stream/consumers';
import { setTimeout as delay } from 'node:timers/promises';
import type { ResourceItem, RevisionOutcome } from '../controller/api/contract.ts';
import type { RunningController } from '../tools/controller.ts';

/** What was answered to a request. */
export interface Answer {
  readonly status: number;
  readonly body: string;
}

/** One request over a connection of its own; a body is a JSON patch. */
export function ask(
  where: { readonly socketPath: string } | { readonly port: number },
  method: string,
  path: string,
  body = '',
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const headers = body === '' ? {} : { 'content-type': 'application/json-patch+json' };
    const asked = request({ host: '127.0.0.1', ...where, method, path, headers, agent: false }, (answer) => {
      text(answer).then((body) => resolve({ status: answer.statusCode ?? 0, body }), reject);
    });
    asked.once('error', reject).end(body);
  });
}

/** Resolves when the last revision is committed and nothing moves any more. */
export async function rests({ socket }: RunningController): Promise<void> {
  for (;;) {
    const { body } = await ask({ socketPath: socket }, 'GET', '/v1/outcome');
    const { phase, settled } = JSON.parse(body) as RevisionOutcome;
    if (phase === 'DONE' && settled) return;
    await delay(20);
  }
}

/** What the controller answers to a question. */
export async function answerOf<Answer>({ socket }: RunningController, path: string): Promise<Answer> {
  const { status, body } = await ask({ socketPath: socket }, 'GET', path);
  if (status !== 200) throw new Error(`${path}: ${status} ${body}`);
  return JSON.parse(body) as Answer;
}

/** Init's process id of a container that runs. */
export async function pidOf(controller: RunningController, name: string): Promise<number> {
  const { items } = await answerOf<{ items: readonly ResourceItem[] }>(controller, '/v1/resources');
  const found = items.find((item) => item.kind === 'container' && item.name === name);
  const pid = (found?.observed as { facts?: { pid?: number | null } } | null | undefined)?.facts?.pid;
  if (typeof pid !== 'number') throw new Error(`container '${name}' does not run`);
  return pid;
}
