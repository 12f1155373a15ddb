import { once } from 'node:events';
import { type AddressInfo, connect, createServer } from 'node:net';
import { holdfast } from '../controller.ts';
import type { Story } from './sight.ts';

/** What is said to a port where bytes are carried. */
const words = 'GET / HTTP/1.0\r\n\r\n';

/** How long an answer of this machine may take, milliseconds. */
const patienceMs = 5_000;

/** Two ports at which nothing listens now, at no address. */
export async function freePorts(): Promise<readonly [number, number]> {
  const servers = [createServer().listen(0), createServer().listen(0)] as const;
  await Promise.all(servers.map((server) => once(server, 'listening')));
  const [one, other] = servers.map((server) => (server.address() as AddressInfo).port);
  await Promise.all(servers.map((server) => once(server.close(), 'close')));
  return [one ?? 0, other ?? 0];
}

/** Asks for a page as a client from outside does, and shows it. */
async function ask({ stage, ports }: Story, path: string): Promise<{ status: number; body: string }> {
  const url = `http://127.0.0.1:${ports.http}${path}`;
  const answer = await fetch(url, { signal: AbortSignal.timeout(patienceMs) });
  const body = (await answer.text()).trim();
  stage.note(`GET ${url}`);
  for (const line of [String(answer.status), ...body.split('\n')]) stage.note(`  ${line}`);
  return { status: answer.status, body };
}

/** What comes back of a port where bytes are carried. */
async function say(port: number): Promise<string> {
  const socket = connect({ host: '127.0.0.1', port, allowHalfOpen: true });
  socket.setEncoding('utf8').setTimeout(patienceMs, () => socket.destroy(new Error('nothing was answered')));
  socket.end(words);
  let answer = '';
  for await (const text of socket) answer += text;
  return answer;
}

/** What the server of a host in memory says of a request. */
interface Echo {
  readonly container: string;
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
}

/** Claims that the server is reached from outside of the pool, by each rule of ingress. */
export async function reached(story: Story): Promise<void> {
  const { stage, controller, ports, real } = story;
  stage.heading('The server is reached from outside, where its rules of ingress say');
  await stage.show(holdfast(controller, 'get', 'listeners'));
  const { body } = await ask(story, '/site/');
  if (real) {
    stage.claim('HTTP reaches the server', body === 'hello from the server', body);
  } else {
    const { container, path, headers } = JSON.parse(body) as Echo;
    stage.claim('HTTP reaches the server, without the prefix', container === 'server' && path === '/', body);
    stage.claim('it is told who asks', headers['x-forwarded-for'] === '127.0.0.1', headers);
  }
  const stray = await ask(story, '/sitemap');
  stage.claim('what no rule is for is not found', stray.status === 404, stray);
  const answer = await say(ports.tcp);
  const expected = real ? 'hello from the server' : 'server site';
  stage.claim(
    `bytes are carried to the server and back at port ${ports.tcp}`,
    answer.includes(expected),
    answer,
  );
}

/** Claims that no port of the example is listened at any more. */
export async function nothingListens({ stage, ports }: Story): Promise<void> {
  for (const port of [ports.http, ports.tcp]) {
    const socket = connect({ host: '127.0.0.1', port });
    const refused = await once(socket, 'connect').then(
      () => false,
      () => true,
    );
    socket.destroy();
    stage.claim(`nothing listens at port ${port} any more`, refused);
  }
}
