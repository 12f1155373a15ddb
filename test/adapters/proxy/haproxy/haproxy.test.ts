import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { findProgram } from '../../../../adapters/linux/command.ts';
import { identify } from '../../../../adapters/linux/process-identity.ts';
import { createHaproxy } from '../../../../adapters/proxy/haproxy/haproxy.ts';
import { ProxyError } from '../../../../adapters/proxy/proxy.ts';
import { systemClock } from '../../../../controller/clock.ts';
import {
  echo,
  echoed,
  freePort,
  httpOrigin,
  listener,
  proxyScenes,
  route,
  tcpOrigin,
  Wire,
} from '../../../contract/proxy-stage.ts';
import { directoryOf, haproxySubject, isInstalled, web } from './haproxy-world.ts';

const { after } = systemClock();
const scene = proxyScenes(isInstalled ? test : test.skip, haproxySubject);

scene('[ING-10] fifty changes drop no connection of others, and leave one worker', async (t, world) => {
  const { proxy } = world;
  const bytes = await tcpOrigin(t, (socket) => socket.pipe(socket));
  const download = await httpOrigin(t, (_, response) => {
    const timer = setInterval(() => response.write('0123456789'.repeat(1000)), 50);
    response.once('close', () => clearInterval(timer));
  });
  const raw = listener('tcp', await freePort(), [route('raw', bytes.backend)]);
  const files = listener('http', await freePort(), [route('files', download.backend)]);
  await proxy.serve([raw, files]);
  const wires = await Promise.all(
    Array.from({ length: 60 }, async (_, index) => {
      const { port } = index % 2 === 0 ? raw : files;
      const wire = await Wire.open(t, { host: '127.0.0.1', port });
      wire.write(index % 2 === 0 ? 'open' : 'GET / HTTP/1.1\r\nHost: a\r\n\r\n');
      await wire.until(index % 2 === 0 ? 'open' : '0123456789');
      return wire;
    }),
  );
  const changing = await web(t);
  for (let count = 0; count < 50; count += 1) {
    const routes = changing.routes.map((one) => ({ ...one, rule: `${count}`, path: `/${count}` }));
    await proxy.serve([raw, files, { ...changing, routes }]);
    t.is((await echoed(t, changing.port, { path: `/${count}/y` })).url, '/y');
  }
  t.is((await proxy.observe())?.reloads, 50);
  t.is(wires.filter((wire) => wire.isOpen).length, 60);
  for (const [index, wire] of wires.entries()) {
    if (index % 2 === 0) wire.write('still');
    await (index % 2 === 0 ? wire.until('openstill') : wire.untilMore());
    wire.socket.destroy();
  }
  const pid = (await proxy.observe())?.pid;
  const workers = () => readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim().split(' ');
  while (workers().length > 1) await new Promise<void>((resolve) => after(10, resolve));
  t.is(workers().length, 1);
});

scene(
  'a connection that was idle through a change reaches nobody that a rule no longer leads to',
  async (t, { proxy }) => {
    const [port, former, next] = [
      await freePort(),
      await httpOrigin(t, echo('former')),
      await httpOrigin(t, echo('next')),
    ];
    const stays = route('stays', former.backend, { path: '/stays' });
    const leading = (to: typeof former) =>
      listener('http', port, [route('r;\\ x', to.backend, { path: '/a;b' }), stays]);
    await proxy.serve([leading(former)]);
    const idle = await Promise.all(
      ['/a;b/1', '/stays/1'].map(async (path) => {
        const wire = await Wire.open(t, { host: '127.0.0.1', port });
        wire.write(`GET ${path} HTTP/1.1\r\nHost: a\r\n\r\n`);
        await wire.until('"trailers":[]}');
        return wire;
      }),
    );
    await proxy.serve([leading(next)]);
    idle[0]?.write('GET /a;b/2 HTTP/1.1\r\nHost: a\r\n\r\n');
    idle[1]?.write('GET /stays/2 HTTP/1.1\r\nHost: a\r\n\r\n');
    const [changed = '', stayed = ''] = await Promise.all(idle.map((wire) => wire.untilClosed()));
    t.regex(changed, /HTTP\/1\.1 503 .*\r\n[\s\S]*connection: close/i);
    t.notRegex(changed, /"url":"\/2"/);
    t.regex(stayed, /"origin":"former","method":"GET","url":"\/2"/);
    t.is((await echoed(t, port, { path: '/a;b/3' })).origin, 'next');
  },
);

scene(
  '[ING-9] connections in workers of long ago end with their rule, and are counted',
  async (t, { proxy }) => {
    const bytes = await tcpOrigin(t, (socket) => socket.pipe(socket));
    const raw = listener('tcp', await freePort(), [route('raw', bytes.backend)]);
    const kept = listener('tcp', await freePort(), [route('kept', bytes.backend)]);
    const other = await web(t);
    const open = async (port: number) => {
      const wire = await Wire.open(t, { host: '127.0.0.1', port });
      wire.write('1234');
      await wire.until('1234');
      return wire;
    };
    await proxy.serve([raw, kept]);
    const [first, staying] = [await open(raw.port), await open(kept.port)];
    await proxy.serve([raw, kept, other]);
    const second = await open(raw.port);
    await proxy.serve([raw, kept]);
    first.write('567890');
    await first.until('1234567890');
    first.end();
    await first.untilClosed();
    // Bytes of connections that are open, four of each, are counted from time to time only.
    const [ofRaw, ofKept] = await proxy.traffic();
    t.like(ofRaw, { rule: 'raw', connections: 2 });
    for (const bytes of [ofRaw?.bytesIn, ofRaw?.bytesOut]) t.true(bytes === 10 || bytes === 14, `${bytes}`);
    t.like(ofKept, { rule: 'kept', connections: 1 });
    const third = await open(raw.port);
    await proxy.serve([kept]);
    await Promise.all([second.untilClosed(), third.untilClosed()]);
    staying.write('still');
    await staying.until('1234still');
    const traffic = await proxy.traffic();
    t.deepEqual(
      traffic.map(({ rule, connections }) => [rule, connections]),
      [['kept', 1]],
    );
  },
);

scene(
  '[ING-6] a kept connection that a provider was just closing costs no GET, and no POST is done twice',
  async (t, { proxy }) => {
    const port = await freePort();
    const reached: string[] = [];
    const { backend } = await tcpOrigin(t, (socket) => {
      let count = 0;
      socket.on('data', (data) => {
        const method = data.toString().split(' ')[0] ?? '';
        reached.push(method);
        count += 1;
        if (count === 1) socket.write('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok');
        else socket.destroy();
      });
    });
    await proxy.serve([listener('http', port, [route('r', backend)])]);
    const wire = await Wire.open(t, { host: '127.0.0.1', port });
    for (const answers of [1, 2]) {
      wire.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
      await wire.until(new RegExp(`(HTTP/1.1 200 [\\s\\S]*?ok[\\s\\S]*?){${answers}}`));
    }
    t.deepEqual(reached, ['GET', 'GET', 'GET']);
    wire.write('POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n');
    const rest = await wire.untilClosed();
    t.is(rest.match(/HTTP\/1\.1 200/g)?.length, 2);
    t.deepEqual(reached.slice(3), ['POST']);
  },
);

scene('changes that come at once after one another all take effect', async (t, { proxy }) => {
  const one = await web(t);
  for (let count = 0; count < 10; count += 1) {
    const routes = one.routes.map((each) => ({ ...each, path: `/${count}` }));
    await proxy.serve([{ ...one, routes }]);
  }
  t.is((await echoed(t, one.port, { path: '/9/y' })).url, '/y');
});

scene(
  '[ING-11] what a controller that was killed has left half done is taken up by the next',
  async (t, world) => {
    const { proxy, root } = world;
    const [one, other] = [await web(t), await web(t)];
    await proxy.serve([one]);
    const directory = directoryOf(world);
    // Written, and not yet read by any process.
    writeFileSync(join(directory, 'haproxy.cfg'), 'nonsense\n');
    writeFileSync(join(directory, 'haproxy.cfg.new'), 'half of non');
    writeFileSync(join(directory, 'routes'), 'x y\n');
    writeFileSync(join(directory, 'listeners-0123456789abcdef'), '[]');
    rmSync(join(directory, 'process.json'));
    const next = world.another();
    t.teardown(() => next.close());
    t.deepEqual((await next.observe())?.listeners, [one]);
    await next.serve([one, other]);
    t.is((await echoed(t, other.port, { path: '/x' })).url, '/');
    t.deepEqual(
      readdirSync(directory)
        .map((name) => name.replace(/-[0-9a-f]{16}$/, ''))
        .sort(),
      ['haproxy.cfg', 'listeners', 'log', 'master', 'process.json', 'routes', 'traffic.json', 'worker'],
    );
    t.true(existsSync(root));
  },
);

scene('[ING-11] a directory that an ended process has left is no obstacle', async (t, world) => {
  const { proxy } = world;
  const one = await web(t);
  await proxy.serve([one]);
  const pid = (await proxy.observe())?.pid ?? 0;
  process.kill(-pid, 'SIGKILL');
  while (identify(pid) !== null) await new Promise<void>((resolve) => after(2, resolve));
  t.true(existsSync(join(directoryOf(world), 'master')));
  t.is(await world.another().observe(), null);
  await proxy.serve([one]);
  t.is((await echoed(t, one.port, { path: '/x' })).origin, 'one');
});

scene(
  'what it serves is told by the process, not by a file: without the file, it is made anew',
  async (t, world) => {
    const { proxy } = world;
    const one = await web(t);
    await proxy.serve([one]);
    const directory = directoryOf(world);
    for (const name of readdirSync(directory).filter((each) => each.startsWith('listeners-'))) {
      rmSync(join(directory, name));
    }
    t.deepEqual((await proxy.observe())?.listeners, []);
    await proxy.serve([one]);
    t.deepEqual((await proxy.observe())?.listeners, [one]);
  },
);

scene('a configuration that HAProxy refuses serves nothing, and what served goes on', async (t, world) => {
  const { proxy } = world;
  const one = await web(t);
  await proxy.serve([one]);
  const wrong = createHaproxy({ root: world.root, after, timeouts: { connectMs: -1 } });
  const error = await t.throwsAsync(wrong.serve([one]), { instanceOf: ProxyError });
  t.is((error as ProxyError).code, 'ProxyConfigurationRefused');
  t.true((error as ProxyError).log.some((line) => line.includes('timeout connect')));
  t.deepEqual((await proxy.observe())?.listeners, [one]);
  const routes = one.routes.map((each) => ({ ...each, path: '/y' }));
  await proxy.serve([{ ...one, routes }]);
  t.is((await echoed(t, one.port, { path: '/y/z' })).url, '/z');
});

scene(
  "the process has two of root's powers and can gain none, and takes nothing of ours along",
  async (t, world) => {
    await world.proxy.serve([await web(t)]);
    const pid = (await world.proxy.observe())?.pid ?? 0;
    const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim().split(' ');
    for (const one of [pid, ...children]) {
      const status = readFileSync(`/proc/${one}/status`, 'utf8');
      // CAP_DAC_OVERRIDE is bit 1, CAP_NET_BIND_SERVICE bit 10.
      if (process.geteuid?.() === 0) t.regex(status, /^CapBnd:\t0+402$[\s\S]*^NoNewPrivs:\t1$/m);
      t.notRegex(readFileSync(`/proc/${one}/environ`, 'utf8'), /AVA|NODE|HOME=/);
    }
  },
);

scene('the log of a process that is told to change often does not grow', async (t, world) => {
  const { proxy } = world;
  const one = await web(t);
  const sizes: number[] = [];
  for (let count = 0; count < 6; count += 1) {
    const routes = one.routes.map((each) => ({ ...each, path: `/${count}` }));
    await proxy.serve([{ ...one, routes }]);
    sizes.push(readFileSync(join(directoryOf(world), 'log')).length);
  }
  t.true(Math.max(...sizes) < 4000, sizes.join(' '));
});

test('a root that no socket fits below is refused, with the length that would', (t) => {
  const root = `/${'r'.repeat(80)}`;
  t.throws(() => createHaproxy({ root, after }), { instanceOf: RangeError, message: /at most \d+ bytes/ });
  t.throws(() => createHaproxy({ root: 'relative', after }), { instanceOf: RangeError });
});

test('without the program, it says what to install', async (t) => {
  const world = await haproxySubject.make();
  t.teardown(() => world.dispose());
  const without = createHaproxy({ root: world.root, after, commands: { find: () => null } });
  const error = await t.throwsAsync(without.serve([await web(t)]), { instanceOf: ProxyError });
  t.regex(error?.message ?? '', /install the package haproxy/);
  t.is(await without.observe(), null);
  t.false(existsSync(directoryOf(world)));
  t.is(typeof findProgram('sh'), 'string');
});
