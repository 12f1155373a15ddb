import { linkSync, lstatSync, mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { join } from 'node:path';
import type { ExecutionContext, TestFn } from 'ava';
import { ProxyError, type RestListener } from '../../adapters/proxy/proxy.ts';
import {
  echo,
  freePort,
  httpOrigin,
  listener,
  listening,
  type ProxySubject,
  type ProxyWorld,
  proxyScenes,
  route,
  socketDirectory,
  valuesOf,
  Wire,
} from './proxy-stage.ts';
import { askAt, echoedAt, link, upgradeAnswer, upgradeRequest } from './rest-stage.ts';

const inodeOf = (path: string): number => lstatSync(path).ino;

/** A provider that says what it gets, and keeps every WebSocket open. */
async function provider(t: ExecutionContext) {
  const origin = await httpOrigin(t, echo('provider'), join(socketDirectory(t), 's'));
  origin.server.on('upgrade', (incoming, socket) => {
    socket.write(upgradeAnswer(incoming));
    socket.on('error', () => undefined);
    socket.pipe(socket);
  });
  return origin;
}

async function openWebSocket(t: ExecutionContext, { path }: Pick<RestListener, 'path'>): Promise<Wire> {
  const wire = await Wire.open(t, { path });
  wire.write(upgradeRequest('/'));
  await wire.until('101 Switching');
  wire.write('open');
  await wire.until('open');
  return wire;
}

/** A connection that has had an answer, and waits. */
async function openIdle(t: ExecutionContext, { path }: Pick<RestListener, 'path'>): Promise<Wire> {
  const wire = await Wire.open(t, { path });
  wire.write('GET /first HTTP/1.1\r\nHost: a\r\n\r\n');
  await wire.until('"trailers":[]}');
  return wire;
}

async function refusal(t: ExecutionContext, { proxy }: ProxyWorld, links: readonly RestListener[]) {
  return (await t.throwsAsync(proxy.serve(links), { instanceOf: ProxyError })) as ProxyError;
}

/** The sockets of rest links, and the connections over them, while links come and go (LINK-5, LINK-10). */
export function proxyRestLifeContract(test: TestFn, subject: ProxySubject): void {
  const scene = proxyScenes(test, subject);

  scene(
    '[LINK-5] a link has a socket that anybody may connect to, in the place of what was there, and leaves nothing',
    async (t, world) => {
      const { proxy, root } = world;
      const { backend } = await provider(t);
      const [one, other] = [link(world, 'a', backend), link(world, 'b', backend)];
      writeFileSync(one.path, 'stale');
      await proxy.serve([one, other]);
      for (const { path } of [one, other]) {
        const found = lstatSync(path);
        t.true(found.isSocket());
        t.is(found.mode & 0o7777, 0o666);
        t.is((await askAt(path)).status, 200);
      }
      t.deepEqual((await proxy.observe())?.listeners, [one, other]);
      await proxy.serve([other]);
      t.deepEqual(readdirSync(join(root, 'links')), ['b.sock']);
      await t.throwsAsync(askAt(one.path), { code: 'ENOENT' });
      await proxy.serve([]);
      t.deepEqual(readdirSync(join(root, 'links')), []);
      t.is(await proxy.observe(), null);
    },
  );

  scene(
    '[LINK-10] a socket stays the same while others come and go, also those of other listeners',
    async (t, world) => {
      const { proxy } = world;
      const { backend } = await provider(t);
      const kept = link(world, 'kept', backend);
      await proxy.serve([kept]);
      const inode = inodeOf(kept.path);
      const [wire, idle] = [await openWebSocket(t, kept), await openIdle(t, kept)];
      const port = await freePort();
      const web = listener('http', port, [route('web', backend)]);
      for (let count = 0; count < 5; count += 1) {
        const come = link(world, `come-${count}`, backend);
        await proxy.serve([come, kept]);
        t.is((await askAt(come.path)).status, 200);
        t.is(inodeOf(kept.path), inode);
        await proxy.serve(count % 2 === 0 ? [kept, web] : [web, kept]);
        t.is(inodeOf(kept.path), inode);
        t.is((await askAt(kept.path)).status, 200);
      }
      idle.write('GET /second HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n');
      t.regex(await idle.untilClosed(), /"url":"\/second".*"consumer-kept"/i);
      wire.write('still');
      await wire.until('openstill');
      t.like(
        (await proxy.traffic()).find((each) => each.listener === 'kept'),
        { sessions: 1, connections: 8 },
      );
    },
  );

  scene(
    "[LINK-10] the connections of a link that is gone end at once, and nobody else's do",
    async (t, world) => {
      const { proxy } = world;
      const { backend } = await provider(t);
      const [gone, kept, late] = ['gone', 'kept', 'late'].map((name) => link(world, name, backend)) as [
        RestListener,
        RestListener,
        RestListener,
      ];
      await proxy.serve([gone, kept]);
      const [cut, stays] = [await openWebSocket(t, gone), await openWebSocket(t, kept)];
      // Whoever has a socket may keep it: here by another name, in a container by a mount.
      const held = `${gone.path}.held`;
      linkSync(gone.path, held);
      const idle = await openIdle(t, gone);
      await proxy.serve([kept]);
      await cut.untilClosed();
      idle.write('GET /again HTTP/1.1\r\nHost: a\r\n\r\n');
      t.notRegex(await idle.untilClosed(), /"url":"\/again"/);
      await t.throwsAsync(askAt(held), { message: /ECONNREFUSED|ECONNRESET|hang up/ });
      // Its name and its place may be somebody else's by now: its socket is not.
      await proxy.serve([kept, late, { ...gone, client: 'another' }]);
      await t.throwsAsync(askAt(held), { message: /ECONNREFUSED|ECONNRESET|hang up/ });
      t.deepEqual(valuesOf(await echoedAt(t, gone.path), 'x-pv-client'), ['another']);
      stays.write('still');
      await stays.until('openstill');
    },
  );

  scene('[LINK-10] a link that is another than before, in anything, is a new one', async (t, world) => {
    const { proxy } = world;
    const [one, other] = [await provider(t), await provider(t)];
    let before = link(world, 'a', one.backend);
    await proxy.serve([before]);
    for (const changed of [
      { ...before, role: 'admin' },
      { ...before, client: 'someone' },
      link(world, 'a', other.backend),
    ]) {
      const [inode, wire, idle] = [
        inodeOf(before.path),
        await openWebSocket(t, before),
        await openIdle(t, before),
      ];
      await proxy.serve([changed]);
      t.not(inodeOf(changed.path), inode);
      await wire.untilClosed();
      idle.write('GET /again HTTP/1.1\r\nHost: a\r\n\r\n');
      t.notRegex(await idle.untilClosed(), /"url":"\/again"/);
      t.deepEqual(valuesOf(await echoedAt(t, changed.path), 'x-pv-role'), [changed.role]);
      t.deepEqual(readdirSync(join(world.root, 'links')), ['a.sock']);
      before = changed;
    }
  });

  scene(
    '[LINK-10] a provider that makes its socket anew is reached without anything being done',
    async (t, world) => {
      const { proxy } = world;
      const path = join(socketDirectory(t), 's');
      const first = await httpOrigin(t, echo('first'), path);
      const one = link(world, 'a', first.backend);
      await proxy.serve([one]);
      const [before, inode] = [await proxy.observe(), inodeOf(one.path)];
      t.is((await echoedAt(t, one.path)).origin, 'first');
      await first.stop();
      t.is((await askAt(one.path)).status, 503);
      await httpOrigin(t, echo('second'), path);
      t.is((await echoedAt(t, one.path)).origin, 'second');
      t.deepEqual(await proxy.observe(), before);
      t.is(inodeOf(one.path), inode);
    },
  );

  scene(
    '[ENG-2] a socket that somebody has taken away is missed, and is put back as it was',
    async (t, world) => {
      const { proxy } = world;
      const { backend } = await provider(t);
      const [one, other] = [link(world, 'a', backend), link(world, 'b', backend)];
      await proxy.serve([one, other]);
      const inode = inodeOf(one.path);
      rmSync(one.path);
      t.deepEqual((await proxy.observe())?.listeners, [other]);
      await proxy.serve([one, other]);
      t.is(inodeOf(one.path), inode);
      rmSync(one.path);
      writeFileSync(one.path, 'foreign');
      t.deepEqual((await proxy.observe())?.listeners, [other]);
      await proxy.serve([one, other]);
      t.is((await askAt(one.path)).status, 200);
      t.deepEqual((await proxy.observe())?.listeners, [one, other]);
    },
  );

  scene(
    '[ENG-2] after a process was killed all links are there again, and none that is wanted no more',
    async (t, world) => {
      const { proxy, root } = world;
      const { backend } = await provider(t);
      const [one, other] = [link(world, 'a', backend), link(world, 'b', backend)];
      await proxy.serve([one, other]);
      process.kill((await proxy.observe())?.pid ?? 0, 'SIGKILL');
      while ((await proxy.observe().catch(() => undefined)) !== null);
      await proxy.serve([one]);
      t.is((await askAt(one.path)).status, 200);
      t.deepEqual(readdirSync(join(root, 'links')), ['a.sock']);
    },
  );

  scene(
    '[ING-11] the next controller finds the links, and changes them without touching what stays',
    async (t, world) => {
      const { proxy } = world;
      const { backend } = await provider(t);
      const [one, other] = [link(world, 'a', backend), link(world, 'b', backend)];
      await proxy.serve([one]);
      const [before, inode, wire] = [await proxy.observe(), inodeOf(one.path), await openWebSocket(t, one)];
      proxy.close();
      const next = world.another();
      t.teardown(() => next.close());
      t.deepEqual(await next.observe(), before);
      await next.serve([one, other]);
      t.is((await next.observe())?.pid, before?.pid);
      t.is(inodeOf(one.path), inode);
      t.is((await askAt(other.path)).status, 200);
      wire.write('still');
      await wire.until('openstill');
    },
  );

  scene(
    "[ENG-8] what can't be had is said with the link, and what served before goes on",
    async (t, world) => {
      const { proxy, root } = world;
      const { backend } = await provider(t);
      const one = link(world, 'a', backend);
      await proxy.serve([one]);
      const inode = inodeOf(one.path);
      mkdirSync(join(root, 'links/directory'));
      const wrong: readonly (readonly [Partial<RestListener>, RegExp])[] = [
        [{ path: join(root, 'nowhere/b.sock') }, /is no directory/],
        [{ path: join(root, 'links/directory') }, /a directory is there/],
        [{ path: '/dev/shm/holdfast-b.sock' }, /another file system/],
        [{ path: 'links/b.sock' }, /absolute/],
        [{ path: `${join(root, 'links')}/${'b'.repeat(100)}` }, /at most 100 bytes/],
        [{ path: one.path }, /'a' listens at/],
        [{ client: '' }, /1 to 1024/],
        [{ role: '' }, /1 to 1024/],
        [{ role: 'r'.repeat(1025) }, /1 to 1024/],
      ];
      for (const [more, said] of wrong) {
        const bad = link(world, 'b', backend, more);
        const error = await refusal(t, world, [one, link(world, 'c', backend), bad]);
        t.is(error.code, 'ProxyConfigurationRefused', error.message);
        t.is(error.listener, 'b');
        t.regex(error.message, said);
        t.deepEqual((await proxy.observe())?.listeners, [one]);
        t.is(inodeOf(one.path), inode);
        t.deepEqual(readdirSync(join(root, 'links')), ['a.sock', 'directory']);
      }
      t.is((await askAt(one.path)).status, 200);
    },
  );

  scene('an instance has two proxies, and neither disturbs the other', async (t, world) => {
    const { proxy, root } = world;
    const beside = world.beside();
    t.teardown(() => beside.close());
    const { backend } = await provider(t);
    const port = await freePort();
    const web = listener('http', port, [route('web', backend)]);
    const one = link(world, 'a', backend);
    await Promise.all([proxy.serve([web]), beside.serve([one])]);
    const [first, second] = [await proxy.observe(), await beside.observe()];
    t.not(first?.pid, second?.pid);
    t.deepEqual([first?.listeners, second?.listeners], [[web], [one]]);
    const inode = inodeOf(one.path);
    await proxy.serve([]);
    t.deepEqual(await beside.observe(), second);
    t.is(inodeOf(one.path), inode);
    t.is((await askAt(one.path)).status, 200);
    await proxy.serve([web]);
    await beside.serve([]);
    t.deepEqual((await proxy.observe())?.listeners, [web]);
    t.deepEqual(readdirSync(join(root, 'links')), []);
  });

  scene('[LINK-5] a link of which a thousand connections are held leaves others theirs', async (t, world) => {
    const { proxy } = world;
    const { backend } = await provider(t);
    const [greedy, other] = [link(world, 'greedy', backend), link(world, 'other', backend)];
    await proxy.serve([greedy, other]);
    const held = await Promise.allSettled(
      Array.from({ length: 1000 }, () => Wire.open(t, { path: greedy.path })),
    );
    t.true(held.filter(({ status }) => status === 'fulfilled').length >= 500);
    t.is((await askAt(other.path)).status, 200);
    const sessions = (await proxy.traffic()).map((one) => one.sessions ?? -1);
    t.true((sessions[0] ?? 0) <= 501, sessions.join(' '));
    t.is(sessions[1], 0);
  });

  scene('a foreign server at the path of a link is replaced, and not disturbed', async (t, world) => {
    const { proxy } = world;
    const { backend } = await provider(t);
    const one = link(world, 'a', backend);
    const foreign = createServer((_, response) => response.end('foreign'));
    t.teardown(() => foreign.close());
    await listening(foreign, { path: one.path });
    const held = `${one.path}.held`;
    linkSync(one.path, held);
    await proxy.serve([one]);
    t.is((await echoedAt(t, one.path)).origin, 'provider');
    t.is((await askAt(held)).body, 'foreign');
  });
}
