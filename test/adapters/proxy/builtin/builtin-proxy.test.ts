import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import anyTest, { type ExecutionContext, type TestFn } from 'ava';
import { nextTurn } from '../../../../adapters/linux/next-turn.ts';
import { createBuiltinProxy } from '../../../../adapters/proxy/builtin/builtin-proxy.ts';
import { usualLimits } from '../../../../adapters/proxy/builtin/limits.ts';
import { usualTimeouts } from '../../../../adapters/proxy/haproxy/haproxy.ts';
import { requestRules, timeoutLines } from '../../../../adapters/proxy/haproxy/shared-rules.ts';
import { type Proxy as DataPlane, ProxyError } from '../../../../adapters/proxy/proxy.ts';
import { SupervisedProcess } from '../../../../adapters/proxy/supervised-process.ts';
import { systemClock } from '../../../../controller/clock.ts';
import {
  exchange,
  freePort,
  httpOrigin,
  listener,
  listening,
  route,
  statusOf,
  tcpOrigin,
  Wire,
} from '../../../contract/proxy-stage.ts';

/** What the contract of proxies leaves open, and this one does. */
interface World {
  readonly root: string;
  readonly proxy: DataPlane;
}

const test = anyTest as TestFn<World>;
const limits = { answerMs: 1000, headMs: 400, streamMs: 1000, takeMs: 500 };

test.before((t) => {
  // Longer than the address of a unix socket may be.
  const root = mkdtempSync(join(tmpdir(), `holdfast-${'long-'.repeat(25)}`));
  t.context = { root, proxy: createBuiltinProxy({ root, after: systemClock().after, limits }) };
});

test.after.always(async (t) => {
  await t.context.proxy.serve([]);
  t.context.proxy.close();
  rmSync(t.context.root, { recursive: true });
});

/** A connection to the one route of a proxy, to a provider that does as it likes with bytes. */
async function wireTo(t: ExecutionContext<World>, serve: Parameters<typeof tcpOrigin>[1]): Promise<Wire> {
  const { backend } = await tcpOrigin(t, serve);
  const port = await freePort();
  await t.context.proxy.serve([listener('http', port, [route('r', backend)])]);
  return Wire.open(t, { host: '127.0.0.1', port });
}

const headOf = (target: string, fields = ''): string => `${target} HTTP/1.1\r\nHost: a\r\n${fields}\r\n`;
const okay = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok';

test.serial('[ENG-8] a port that a foreign process is willing to share is taken all the same', async (t) => {
  const foreign = createServer();
  const { port } = await listening(foreign, { port: 0, host: '127.0.0.1', reusePort: true });
  t.teardown(() => foreign.close());
  const wanted = listener(
    'tcp',
    port,
    [route('r', { type: 'address', address: '127.0.0.1', port: 1 })],
    ['0.0.0.0'],
  );
  const error = await t.throwsAsync(t.context.proxy.serve([wanted]), { instanceOf: ProxyError });
  t.is(error?.code, 'PortTaken');
  t.is(error?.listener, wanted.name);
});

test.serial('[ENG-8] a port that is taken is refused with the name of who has it', async (t) => {
  const foreign = createServer();
  const { port } = await listening(foreign, { port: 0, host: '127.0.0.1' });
  t.teardown(() => foreign.close());
  const error = await t.throwsAsync(t.context.proxy.serve([listener('http', port, [route('r', null)])]), {
    instanceOf: ProxyError,
  });
  t.is(error?.code, 'PortTaken');
  t.regex(
    error?.message ?? '',
    new RegExp(`127\\.0\\.0\\.1 port ${port}: process '.+' \\(pid ${process.pid}\\)$`),
  );
});

test.serial('its process has no more of the powers of root than it needs, and can gain none', async (t) => {
  await t.context.proxy.serve([listener('http', await freePort(), [route('r', null)])]);
  const { pid } = (await t.context.proxy.observe()) ?? {};
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  // Who is not root has none to give up.
  if (process.geteuid?.() !== 0) {
    t.regex(status, /^CapEff:\t0{16}$/m);
    return;
  }
  // CAP_DAC_OVERRIDE (1) and CAP_NET_BIND_SERVICE (10).
  for (const set of ['CapPrm', 'CapEff', 'CapBnd']) {
    t.regex(status, new RegExp(`^${set}:\t0000000000000402$`, 'm'), status);
  }
  t.regex(status, /^NoNewPrivs:\t1$/m);
});

test.serial(
  '[ING-11] a process that another version has started is replaced by the next that serves',
  async (t) => {
    const root = mkdtempSync(join(tmpdir(), 'holdfast-older-'));
    const directory = join(root, 'run/proxy/builtin');
    const { after } = systemClock();
    const older = new SupervisedProcess({ directory, mark: directory, after });
    const program = join(import.meta.dirname, 'older-process.ts');
    const proxy = createBuiltinProxy({ root, after });
    const ended: string[] = [];
    proxy.watch().subscribe((what) => ended.push(what));
    t.teardown(async () => {
      await proxy.serve([]);
      proxy.close();
      rmSync(root, { recursive: true });
    });
    const { pid } = await older.start([process.execPath, program, directory]);
    const path = join(directory, 'control.sock');
    const isThere = () =>
      Wire.open(t, { path }).then(
        () => true,
        () => false,
      );
    while (!(await isThere())) await nextTurn();
    t.deepEqual(await proxy.observe(), { pid, listeners: [], reloads: 0 });
    t.deepEqual(await proxy.traffic(), []);
    const wanted = listener('http', await freePort(), [route('r', null)]);
    await proxy.serve([wanted]);
    const now = await proxy.observe();
    t.not(now?.pid, pid);
    t.deepEqual(now?.listeners, [wanted]);
    t.is(statusOf(await exchange(t, wanted.port, headOf('GET /', 'Connection: close\r\n'))), 503);
    t.deepEqual(ended, []);
  },
);

test('it waits as long as HAProxy does', (t) => {
  const { connectMs, answerMs, headMs, idleMs } = usualTimeouts;
  const { connectMs: connect, answerMs: answer, headMs: head, keepAliveMs, streamMs, takeMs } = usualLimits;
  t.deepEqual([connect, answer, head], [connectMs, answerMs, headMs]);
  t.deepEqual([keepAliveMs, streamMs, takeMs], [idleMs, answerMs, idleMs]);
  t.true(timeoutLines('http', usualTimeouts).includes(`  timeout tunnel ${usualLimits.tunnelMs}`));
  t.true(timeoutLines('tcp', usualTimeouts).includes(`  timeout client ${usualLimits.tunnelMs}`));
  const rules = requestRules({ routesFile: '/routes', wildcardDepths: [], mostStripped: 0 }).join('\n');
  t.true(rules.includes(`set-timeout server ${usualLimits.eventStreamMs} if`), rules);
});

test.serial(
  '[ING-6] what is beyond ASCII in a header arrives as the bytes that it was, either way',
  async (t) => {
    const asked: string[] = [];
    const wire = await wireTo(t, (socket) =>
      socket.on('data', (data) => {
        asked.push(data.toString('latin1'));
        socket.write(
          'HTTP/1.1 200 \xc3\xbc\r\nX-Utf8: \xc3\xbc\r\nX-Latin1: \xfc\r\nContent-Length: 2\r\n\r\n',
          'latin1',
        );
        setImmediate(() => socket.write('ok'));
      }),
    );
    const fields = 'X-Utf8: \xc3\xbc\r\nX-Latin1: \xfc\r\n';
    const requests = [headOf('GET /', fields), headOf('POST /', `${fields}Content-Length: 2\r\n`)];
    for (const request of requests) {
      const [before, others] = [wire.text.length, asked.length];
      wire.write(request);
      await wire.until(new RegExp(`^[^]{${before}}[^]*\r\n\r\nok$`));
      const answer = wire.text.slice(before);
      t.regex(answer, /^HTTP\/1\.1 200 \xc3\xbc\r\nX-Utf8: \xc3\xbc\r\nX-Latin1: \xfc\r\n/);
      t.regex(asked[others] ?? '', /X-Utf8: \xc3\xbc\r\nX-Latin1: \xfc\r\n/);
    }
  },
);

test.serial('[ING-6] a client that takes nothing of its answer is let go', async (t) => {
  const gone = Promise.withResolvers<void>();
  const wire = await wireTo(t, (socket) => {
    socket.once('close', () => gone.resolve());
    socket.once('data', () => socket.write('HTTP/1.1 200 OK\r\nContent-Length: 100000000\r\n\r\n'));
    const pour = (): void => {
      while (!socket.destroyed && socket.write(Buffer.alloc(65_536)));
      socket.once('drain', pour);
    };
    socket.once('data', pour);
  });
  wire.socket.pause();
  wire.write(headOf('GET /'));
  await gone.promise;
  t.pass();
});

test.serial(
  '[ING-6] a safe request is sent again, once, where the kept connection is just closed; no other is',
  async (t) => {
    const got: string[] = [];
    let answers = 1;
    const wire = await wireTo(t, (socket) =>
      socket.on('data', (data) => {
        got.push(data.toString('latin1').split(' ')[0] ?? '');
        answers -= 1;
        if (answers >= 0) socket.write(okay);
        else socket.destroy();
      }),
    );
    wire.write(headOf('GET /'));
    await wire.until('ok');
    answers = 0;
    wire.write(headOf('GET /'));
    await wire.until(' 502 ');
    t.deepEqual(got, ['GET', 'GET', 'GET']);
    got.length = 0;
    wire.write(headOf('DELETE /', 'Connection: close\r\n'));
    t.is((await wire.untilClosed()).match(/HTTP\/1\.1 502 /g)?.length, 2);
    t.deepEqual(got, ['DELETE']);
  },
);

test.serial('[ING-6] an answer that comes before all content was sent is passed on at once', async (t) => {
  const wire = await wireTo(t, (socket) =>
    socket.once('data', () => socket.write('HTTP/1.1 413 Content Too Large\r\nContent-Length: 2\r\n\r\nno')),
  );
  wire.write(headOf('POST /', 'Content-Length: 1000000\r\n'));
  wire.write('x'.repeat(1000));
  const text = await wire.until('\r\n\r\nno');
  t.is(statusOf(text), 413);
});

test.serial('[ING-6] a client that leaves during an upload takes its request along', async (t) => {
  const gone = Promise.withResolvers<void>();
  const wire = await wireTo(t, (socket) => {
    socket.once('data', () => wire.socket.destroy());
    socket.once('close', () => gone.resolve());
    socket.on('end', () => socket.end());
  });
  wire.write(headOf('POST /', 'Content-Length: 1000000\r\n'));
  wire.write('x'.repeat(1000));
  await gone.promise;
  t.pass();
});

test.serial('[ING-6] interim answers are passed on, before the answer', async (t) => {
  const wire = await wireTo(t, (socket) =>
    socket.once('data', () =>
      socket.write(`HTTP/1.1 103 Early Hints\r\nLink: </a>; rel=preload\r\n\r\n${okay}`),
    ),
  );
  for (const asked of [headOf('GET /'), headOf('POST /', 'Content-Length: 0\r\nConnection: close\r\n')]) {
    wire.write(asked);
    await wire.until('ok');
  }
  const text = await wire.untilClosed();
  t.deepEqual(
    [...text.matchAll(/HTTP\/1\.1 (\d+)|(link: <\/a>; rel=preload)/gi)].map(([, status]) => status ?? 'link'),
    ['103', 'link', '200', '103', 'link', '200'],
    text,
  );
});

test.serial('[ING-6] a provider that wants no WebSocket answers as to any request', async (t) => {
  const wire = await wireTo(t, (socket) =>
    socket.once('data', () =>
      socket.write('HTTP/1.1 403 Forbidden\r\nX-Why: no\r\nContent-Length: 5\r\n\r\nnever'),
    ),
  );
  wire.write(headOf('GET /', 'Connection: Upgrade\r\nUpgrade: websocket\r\n'));
  t.regex(await wire.untilClosed(), /^HTTP\/1\.1 403 Forbidden\r\nX-Why: no\r\n[\s\S]*\r\n\r\nnever$/);
});

test.serial(
  '[ING-6] a WebSocket to a provider that does not answer, or is not there, ends in 504 and 503',
  async (t) => {
    const asked = headOf('GET /', 'Connection: Upgrade\r\nUpgrade: websocket\r\n');
    const silent = await wireTo(t, (socket) => socket.resume());
    silent.write(asked);
    t.is(statusOf(await silent.untilClosed()), 504);
    const port = await freePort();
    const dead = { type: 'address', address: '127.0.0.1', port: await freePort() } as const;
    await t.context.proxy.serve([listener('http', port, [route('r', dead)])]);
    t.is(statusOf(await exchange(t, port, asked)), 503);
  },
);

test.serial('[ING-6] an upload that stops is 408, and a provider that does not read it is 504', async (t) => {
  const stopped = await wireTo(t, (socket) => socket.resume());
  stopped.write(headOf('POST /', 'Content-Length: 10\r\n'));
  stopped.write('x');
  t.is(statusOf(await stopped.untilClosed()), 408);
  const unread = await wireTo(t, (socket) => socket.pause());
  unread.write(headOf('POST /', 'Content-Length: 30000000\r\n'));
  unread.write('x'.repeat(30_000_000));
  t.is(statusOf(await unread.until('\r\n\r\n')), 504);
});

test.serial('a head that dribbles is given no more time than one that stops', async (t) => {
  const { backend } = await httpOrigin(t, (_, response) => response.end());
  const port = await freePort();
  await t.context.proxy.serve([listener('http', port, [route('r', backend)])]);
  const beganAt = performance.now();
  const wire = await Wire.open(t, { host: '127.0.0.1', port });
  wire.write('GET / HTTP/1.1\r\nHost: a\r\n');
  const dribble = setInterval(() => wire.write('X'), 50);
  t.teardown(() => clearInterval(dribble));
  t.is(statusOf(await wire.untilClosed()), 408);
  const tookMs = performance.now() - beganAt;
  t.true(tookMs >= limits.headMs && tookMs < 10 * limits.headMs, `${tookMs}`);
});
