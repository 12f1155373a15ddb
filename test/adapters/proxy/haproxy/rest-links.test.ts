import { lstatSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { createHaproxy } from '../../../../adapters/proxy/haproxy/haproxy.ts';
import type { Proxy as HostProxy, RestListener } from '../../../../adapters/proxy/proxy.ts';
import { systemClock } from '../../../../controller/clock.ts';
import {
  echo,
  httpOrigin,
  type ProxyWorld,
  proxyScenes,
  socketDirectory,
  tcpOrigin,
  Wire,
} from '../../../contract/proxy-stage.ts';
import { askAt, exchangeAt, link, upgradeAnswer, upgradeRequest } from '../../../contract/rest-stage.ts';
import { directoryOf, haproxySubject, isInstalled } from './haproxy-world.ts';

const { after } = systemClock();
const spares = 4;
const scene = proxyScenes(isInstalled ? test : test.skip, {
  ...haproxySubject,
  make: async (): Promise<ProxyWorld> => {
    const root = mkdtempSync(join(tmpdir(), 'holdfast-rest-'));
    const another = () => createHaproxy({ root, after, spares });
    const dispose = async () => rmSync(root, { recursive: true });
    return { root, proxy: another(), another, beside: another, dispose };
  },
});

async function provider(t: ExecutionContext) {
  const origin = await httpOrigin(t, echo('provider'), join(socketDirectory(t), 's'));
  origin.server.on('upgrade', (incoming, socket) => {
    socket.write(upgradeAnswer(incoming));
    socket.on('error', () => undefined);
    socket.pipe(socket);
  });
  return origin.backend;
}

async function opened(t: ExecutionContext, { path }: RestListener): Promise<Wire> {
  const wire = await Wire.open(t, { path });
  wire.write(upgradeRequest('/'));
  await wire.until('101 Switching');
  return wire;
}

const reloads = async (proxy: HostProxy) => (await proxy.observe())?.reloads;
const inodeOf = ({ path }: RestListener) => lstatSync(path).ino;

scene('[LINK-10] links come and go without a reload while there are sockets to spare', async (t, world) => {
  const { proxy } = world;
  const backend = await provider(t);
  const links = ['a', 'b', 'c'].map((name) => link(world, name, backend));
  for (const count of [1, 2, 3, 2, 3]) {
    await proxy.serve(links.slice(0, count));
    for (const { path } of links.slice(0, count)) t.is((await askAt(path)).status, 200);
  }
  t.is(await reloads(proxy), 0);
});

scene(
  '[LINK-10] where none is to spare a reload makes more, and what is connected stays',
  async (t, world) => {
    const { proxy } = world;
    const backend = await provider(t);
    const links = Array.from({ length: 12 }, (_, index) => link(world, `l${index}`, backend));
    await proxy.serve(links.slice(0, 1));
    const [first] = links as [RestListener];
    const [inode, wire] = [inodeOf(first), await opened(t, first)];
    for (let count = 2; count <= links.length; count += 1) {
      await proxy.serve(links.slice(0, count));
      t.is((await askAt(links[count - 1]?.path ?? '')).status, 200);
    }
    const made = (await reloads(proxy)) ?? 0;
    t.true(made >= 1 && made <= 4, `${made}`);
    t.is(inodeOf(first), inode);
    wire.write('still');
    await wire.until('still');
    t.like((await proxy.traffic())[0], { sessions: 1, connections: 1 });
    await proxy.serve(links.slice(1));
    await wire.untilClosed();
  },
);

scene(
  '[LINK-10] sockets for links to come are made when nothing has been asked for a while',
  async (t, world) => {
    const { proxy } = world;
    const backend = await provider(t);
    const links = ['a', 'b', 'c', 'd'].map((name) => link(world, name, backend));
    await proxy.serve(links.slice(0, 1));
    const wire = await opened(t, links[0] as RestListener);
    const inode = inodeOf(links[0] as RestListener);
    await proxy.serve(links);
    t.is(await reloads(proxy), 0);
    while ((await reloads(proxy)) === 0) await new Promise<void>((resolve) => after(20, resolve));
    t.deepEqual((await proxy.observe())?.listeners, links, 'nobody sees the middle of it');
    t.is(inodeOf(links[0] as RestListener), inode);
    const more = ['e', 'f', 'g', 'h'].map((name) => link(world, name, backend));
    await proxy.serve([...links, ...more]);
    t.is(await reloads(proxy), 1);
    wire.write('still');
    await wire.until('still');
  },
);

scene(
  "[ING-11] a change that was broken off is done again, and no link gets another's socket",
  async (t, world) => {
    const { proxy } = world;
    const backend = await provider(t);
    const [a, b] = [link(world, 'a', backend), link(world, 'b', backend)];
    await proxy.serve([a]);
    const inode = inodeOf(a);
    // As a controller leaves it that is killed after it has begun: the process says that it is in the middle.
    const directory = directoryOf(world);
    const digest = /^served (\S+)$/m.exec(readFileSync(join(directory, 'routes'), 'utf8'))?.[1] ?? '';
    const wire = await Wire.open(t, { path: join(directory, 'worker') });
    wire.write(`set map ${join(directory, 'routes')} served ${digest}/${digest}\n`);
    await wire.untilClosed();
    t.deepEqual((await proxy.observe())?.listeners, []);
    const next = world.another();
    t.teardown(() => next.close());
    await next.serve([a, b]);
    t.is(inodeOf(a), inode);
    t.is((await askAt(b.path)).status, 200);
    t.deepEqual((await next.observe())?.listeners, [a, b]);
  },
);

scene('where nobody knows any more whose socket is whose, all are made anew', async (t, world) => {
  const { proxy } = world;
  const backend = await provider(t);
  const [a, b] = [link(world, 'a', backend), link(world, 'b', backend)];
  await proxy.serve([a]);
  const [pid, inode] = [(await proxy.observe())?.pid, inodeOf(a)];
  const directory = directoryOf(world);
  for (const name of readdirSync(directory).filter((one) => one.startsWith('listeners-')))
    rmSync(join(directory, name));
  const next = world.another();
  t.teardown(() => next.close());
  await next.serve([b, a]);
  t.not((await next.observe())?.pid, pid);
  t.not(inodeOf(a), inode);
  t.is((await askAt(a.path)).status, 200);
});

scene('[LINK-5] trailers never reach a provider: what they end is not a request', async (t, world) => {
  let got = '';
  const origin = await tcpOrigin(
    t,
    (socket) =>
      socket.on('data', (data) => {
        got += data.toString('latin1');
        if (got.includes('0\r\n\r\n')) socket.end('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok');
      }),
    join(socketDirectory(t), 's'),
  );
  const one = link(world, 'a', origin.backend);
  await world.proxy.serve([one]);
  const chunked =
    'POST / HTTP/1.1\r\nHost: a\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n';
  t.regex(await exchangeAt(t, one.path, `${chunked}0\r\n\r\n`), /200 OK/);
  t.notRegex(got, /slot/i);
  got = '';
  const wire = await Wire.open(t, { path: one.path });
  wire.write(`${chunked}0\r\nX-Sum: 1\r\nX-PV-Role: admin\r\n\r\n`);
  while (!got.includes('abc')) await new Promise<void>((resolve) => after(5, resolve));
  // Whatever is asked next comes after all that this one has sent.
  await exchangeAt(t, one.path, `${chunked}0\r\n\r\n`).catch(() => '');
  t.notRegex(got, /admin|x-sum/i);
});
