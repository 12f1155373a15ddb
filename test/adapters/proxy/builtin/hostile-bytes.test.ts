import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import type { Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import anyTest, { type ExecutionContext, type TestFn } from 'ava';
import { createBuiltinProxy } from '../../../../adapters/proxy/builtin/builtin-proxy.ts';
import type { Proxy as DataPlane } from '../../../../adapters/proxy/proxy.ts';
import { systemClock } from '../../../../controller/clock.ts';
import {
  ask,
  exchange,
  freePort,
  httpOrigin,
  listener,
  route,
  statusOf,
  tcpOrigin,
  Wire,
} from '../../../contract/proxy-stage.ts';
import { RandomBytes } from './random-bytes.ts';

/** Whatever a client or a provider sends, the process lives, others are served, and nothing in it has gone wrong unseen. */
interface World {
  readonly root: string;
  readonly proxy: DataPlane;
}

const test = anyTest as TestFn<World>;
const limits = { answerMs: 2000, headMs: 500, streamMs: 2000 };
const rounds = 1500;
const atATime = 10;

test.before((t) => {
  const root = mkdtempSync(join(tmpdir(), 'holdfast-hostile-'));
  t.context = { root, proxy: createBuiltinProxy({ root, after: systemClock().after, limits }) };
});

test.after.always(async (t) => {
  await t.context.proxy.serve([]);
  t.context.proxy.close();
  rmSync(t.context.root, { recursive: true });
});

const okay = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok';
const closing = 'Host: a\r\nConnection: close\r\n';
const asked: readonly string[] = [
  `GET /x HTTP/1.1\r\n${closing}\r\n`,
  `HEAD /x HTTP/1.1\r\n${closing}\r\n`,
  `POST /x HTTP/1.1\r\n${closing}Content-Length: 3\r\n\r\nabc`,
  `POST /x HTTP/1.1\r\n${closing}TE: trailers\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\nX-Sum: 1\r\n\r\n`,
  'GET /x HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n',
];

interface Scene {
  readonly pid: number;
  readonly port: number;
  /** A route to a provider that is well. */
  readonly wellPort: number;
}

/** Serves a provider of bytes at one port, and one that is well at another. */
async function stage(t: ExecutionContext<World>, serve: (socket: Socket) => void): Promise<Scene> {
  const { proxy } = t.context;
  const hostile = await tcpOrigin(t, serve);
  const well = await httpOrigin(t, (_, response) => response.end('well'));
  const [port, wellPort] = [await freePort(), await freePort()];
  await proxy.serve([
    listener('http', port, [route('hostile', hostile.backend)]),
    listener('http', wellPort, [route('well', well.backend)]),
  ]);
  return { pid: (await proxy.observe())?.pid ?? 0, port, wellPort };
}

/** The process is the same one, and has caught nothing that it did not expect. */
async function assertUnhurt(t: ExecutionContext<World>, { pid, wellPort }: Scene): Promise<void> {
  t.is((await ask(wellPort)).body, 'well');
  t.is((await t.context.proxy.observe())?.pid, pid);
  t.is(readFileSync(join(t.context.root, 'run/proxy/builtin/log'), 'utf8'), '');
}

/** `play` for each round, some at a time, with a look at the rest of the proxy now and then. */
async function playRounds(
  t: ExecutionContext<World>,
  scene: Scene,
  play: (round: number) => Promise<void>,
): Promise<void> {
  for (let round = 0; round < rounds; round += atATime) {
    await Promise.all(Array.from({ length: atATime }, (_, index) => play(round + index)));
    if (round % 250 === 0) await assertUnhurt(t, scene);
  }
  await assertUnhurt(t, scene);
}

/** All that comes back for these bytes; a connection that is still open afterwards is broken off. */
async function replyTo(t: ExecutionContext<World>, port: number, bytes: string): Promise<string> {
  const wire = await Wire.open(t, { host: '127.0.0.1', port });
  wire.write(bytes);
  const text = await wire.untilClosed();
  wire.socket.destroy();
  return text;
}

test.serial(
  '[ING-6] a status or reason phrase that is none is a 502 for every kind of request',
  async (t) => {
    let answer = '';
    const scene = await stage(t, (socket) => socket.once('data', () => socket.end(answer, 'latin1')));
    for (const start of ['200 \x01OK', '200 O\x00K', '200 O\x7fK', '099 X', '000 X', '600 X', '999 X']) {
      answer = `HTTP/1.1 ${start}\r\nContent-Length: 2\r\n\r\nhi`;
      for (const request of asked) {
        t.is(statusOf(await replyTo(t, scene.port, request)), 502, `${start} after ${request}`);
      }
    }
    await assertUnhurt(t, scene);
  },
);

test.serial('[ING-6] whatever a provider answers, the process lives and others are served', async (t) => {
  const random = new RandomBytes(1);
  const answers: readonly string[] = [
    okay,
    'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X-Sum\r\n\r\n3\r\nabc\r\n0\r\nX-Sum: 1\r\n\r\n',
    `HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n${okay}`,
    'HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 204 No Content\r\n\r\n',
    'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n\x81\x02hi',
    'HTTP/1.0 304 Not Modified\r\nConnection: x, close\r\nX: y\r\n\r\n',
    'HTTP/1.1 500 Oh\xfc\r\nSet-Cookie: a=\xe4\r\nConnection: keep-alive\r\n\r\nto the end',
  ];
  const scene = await stage(t, (socket) =>
    socket.once('data', () => socket.end(random.spoilt(answers), 'latin1')),
  );
  await playRounds(t, scene, async () => {
    const text = await replyTo(t, scene.port, random.one(asked));
    t.true(text === '' || statusOf(text) >= 100, text);
  });
});

test.serial('[ING-6] whatever a client sends, the process lives and others are served', async (t) => {
  const random = new RandomBytes(2);
  const scene = await stage(t, (socket) => socket.on('data', () => socket.write(okay)));
  const pipelined = asked.flatMap((first) => asked.map((second) => first.replace('close', 'x') + second));
  await playRounds(t, scene, async () => {
    const wire = await Wire.open(t, { host: '127.0.0.1', port: scene.port });
    wire.write(random.spoilt(pipelined));
    wire.end();
    const text = await wire.untilClosed();
    wire.socket.destroy();
    t.true(text === '' || statusOf(text) >= 100, text);
  });
});

test.serial(
  '[ING-6] three thousand requests at once on one connection are answered in order, a few at a time',
  async (t) => {
    const [count, atMost] = [3000, 4];
    let [open, most] = [0, 0];
    const { backend } = await httpOrigin(t, (incoming, response) => {
      open += 1;
      most = Math.max(most, open);
      setImmediate(() => {
        open -= 1;
        response.end(`<${incoming.url}>`);
      });
    });
    const port = await freePort();
    await t.context.proxy.serve([listener('http', port, [route('r', backend)])]);
    const targets = Array.from({ length: count }, (_, index) => `/${index}`);
    const requests = targets.map((target) => `GET ${target} HTTP/1.1\r\nHost: a\r\n\r\n`);
    const last = `GET /last HTTP/1.1\r\n${closing}\r\n`;
    const text = await exchange(t, port, requests.join('') + last);
    t.deepEqual(text.match(/(?<=<)\/\w+(?=>)/g), [...targets, '/last']);
    t.true(most <= atMost, `${most}`);
  },
);

test.serial('[ING-6] uploads that are sent at once are bounded and answered in order as well', async (t) => {
  let [open, most] = [0, 0];
  const { backend, server } = await httpOrigin(t, (incoming, response) => {
    incoming.resume().once('end', () => response.end(`<${incoming.url}>`));
  });
  server.on('connection', (socket) => {
    open += 1;
    most = Math.max(most, open);
    socket.once('close', () => {
      open -= 1;
    });
  });
  const port = await freePort();
  await t.context.proxy.serve([listener('http', port, [route('r', backend)])]);
  const targets = Array.from({ length: 200 }, (_, index) => `/${index}`);
  const content = 'x'.repeat(2000);
  const requests = targets.map(
    (target) => `POST ${target} HTTP/1.1\r\nHost: a\r\nContent-Length: 2000\r\n\r\n${content}`,
  );
  const text = await exchange(t, port, `${requests.join('')}GET /last HTTP/1.1\r\n${closing}\r\n`);
  t.deepEqual(text.match(/(?<=<)\/\w+(?=>)/g), [...targets, '/last']);
  // Those that are being closed count as well.
  t.true(most <= 8, `${most}`);
});

test.serial('[ING-6] a tunnel that is asked for behind another request ends the connection', async (t) => {
  const scene = await stage(t, (socket) => socket.resume());
  const waiting = 'GET /x HTTP/1.1\r\nHost: a\r\n\r\n';
  for (const tunnel of [asked[4] ?? '', 'CONNECT a:1 HTTP/1.1\r\nHost: a:1\r\n\r\n']) {
    t.is(await replyTo(t, scene.port, waiting + tunnel), '', tunnel);
  }
  await assertUnhurt(t, scene);
});
