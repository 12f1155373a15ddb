import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { answerTo } from '../../../../adapters/proxy/haproxy/command-socket.ts';
import {
  servedCommand,
  servedDigests,
  servedQuestion,
} from '../../../../adapters/proxy/haproxy/route-map.ts';
import type { ProxyRoute } from '../../../../adapters/proxy/proxy.ts';
import {
  ask,
  echo,
  echoed,
  freePort,
  httpOrigin,
  listener,
  type ProxyWorld,
  proxyScenes,
  route,
  tcpOrigin,
  Wire,
} from '../../../contract/proxy-stage.ts';
import { directoryOf, haproxySubject, isInstalled, web } from './haproxy-world.ts';

const scene = proxyScenes(isInstalled ? test : test.skip, haproxySubject);
const routesFileOf = (world: ProxyWorld) => join(directoryOf(world), 'routes');
const routesOnFile = (world: ProxyWorld) =>
  readFileSync(routesFileOf(world), 'utf8').trim().split('\n').sort();

/** Asks the process that serves. */
const tell = (world: ProxyWorld, command: string) => answerTo(join(directoryOf(world), 'worker'), command);

async function routesInProcess(world: ProxyWorld): Promise<readonly string[]> {
  const entries = await tell(world, `show map ${routesFileOf(world)}`);
  return entries
    .trim()
    .split('\n')
    .map((entry) => entry.replace(/^0x[0-9a-f]+ /, ''))
    .sort();
}

scene(
  '[ING-10] a rule that moves, and the order of rules, take no reload; what is open goes on, and so do counts',
  async (t, world) => {
    const { proxy } = world;
    const [port, one, other] = [
      await freePort(),
      await httpOrigin(t, echo('one')),
      await httpOrigin(t, echo('other')),
    ];
    const fixed = route('fixed', other.backend, { path: '/fixed' });
    const led = (change: Partial<ProxyRoute>) =>
      listener('http', port, [{ ...route('moving', one.backend), ...change }, fixed]);
    await proxy.serve([led({ path: '/first' })]);
    const kept = await Wire.open(t, { host: '127.0.0.1', port });
    const moves: readonly (readonly [change: Partial<ProxyRoute>, asked: string, got: string])[] = [
      [{ path: '/a' }, '/a/x', '/x'],
      [{ path: '/a', keepPrefix: true }, '/a/x', '/a/x'],
      [{ path: '/a/b/c' }, '/a/b/c', '/'],
      [{ path: '/a', host: 'a.example' }, '/a//x?y', '//x?y'],
      [{ path: "/;<<a'" }, "/;<<a'/x", '/x'],
      [{ path: '' }, '/x', '/x'],
    ];
    for (const [index, [change, asked, got]] of moves.entries()) {
      await proxy.serve([led(change)]);
      t.like(await echoed(t, port, { path: asked }), { origin: 'one', url: got }, asked);
      kept.write(`GET /fixed/${index} HTTP/1.1\r\nHost: a\r\n\r\n`);
      await kept.until(`"origin":"other","method":"GET","url":"/${index}"`);
      t.deepEqual(
        await routesInProcess(world),
        routesOnFile(world),
        'a process to come would serve the same',
      );
    }
    await proxy.serve([led({ path: '/last' })]);
    t.is((await ask(port, { path: '/x' })).status, 404);
    const turned = [led({ path: '/last' })].map((each) => ({ ...each, routes: each.routes.toReversed() }));
    await proxy.serve(turned);
    const process = await world.another().observe();
    t.deepEqual([process?.reloads, process?.listeners], [0, turned]);
    t.deepEqual(
      (await proxy.traffic()).map(({ rule, connections }) => [rule, connections]),
      [
        ['fixed', 6],
        ['moving', 6],
      ],
    );
  },
);

scene(
  'a connection of before a reload finds no rule where it is no more, also when that went without one',
  async (t, { proxy }) => {
    const one = await web(t);
    const at = (path: string) => ({ ...one, routes: one.routes.map((each) => ({ ...each, path })) });
    await proxy.serve([one]);
    const idle = await Wire.open(t, { host: '127.0.0.1', port: one.port });
    idle.write('GET /x/1 HTTP/1.1\r\nHost: a\r\n\r\n');
    await idle.until('"trailers":[]}');
    const other = await web(t);
    await proxy.serve([one, other]);
    await proxy.serve([at('/y'), other]);
    t.is((await proxy.observe())?.reloads, 1);
    idle.write('GET /x/2 HTTP/1.1\r\nHost: a\r\n\r\n');
    t.regex(await idle.untilClosed(), /HTTP\/1\.1 503 [\s\S]*connection: close/i);
  },
);

scene(
  '[ING-11] a change of routes that was broken off is known as such, and the next one puts it right',
  async (t, world) => {
    const { proxy } = world;
    const [one, bytes] = [await web(t), await tcpOrigin(t, (socket) => socket.pipe(socket))];
    const raw = listener('tcp', await freePort(), [route('raw', bytes.backend)]);
    await proxy.serve([one, raw]);
    const wire = await Wire.open(t, { host: '127.0.0.1', port: raw.port });
    wire.write('open');
    await wire.until('open');
    const routes = routesFileOf(world);
    const [served = ''] = servedDigests(await tell(world, servedQuestion(routes)));
    await tell(world, `${servedCommand(routes, [served, '0'.repeat(64)])};add map ${routes} nonsense x`);
    const next = world.another();
    t.teardown(() => next.close());
    t.deepEqual((await next.observe())?.listeners, []);
    await next.serve([one]);
    t.deepEqual((await next.observe())?.listeners, [one]);
    await wire.untilClosed();
    t.is((await echoed(t, one.port, { path: '/x' })).origin, 'one');
    t.deepEqual(await routesInProcess(world), routesOnFile(world));
    t.false(routesOnFile(world).includes('nonsense x'));
  },
);
