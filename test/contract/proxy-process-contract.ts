import { existsSync, readdirSync, statSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import type { ExecutionContext, TestFn } from 'ava';
import { firstValueFrom, ReplaySubject } from 'rxjs';
import { identify } from '../../adapters/linux/process-identity.ts';
import { ProxyError, type ProxyListener } from '../../adapters/proxy/proxy.ts';
import {
  ask,
  echo,
  echoed,
  exchange,
  freePort,
  httpOrigin,
  isRefused,
  listener,
  listening,
  type ProxySubject,
  type ProxyWorld,
  proxyScenes,
  route,
  tcpOrigin,
  Wire,
} from './proxy-stage.ts';

/** Every file and socket below a directory. */
function filesBelow(root: string): readonly string[] {
  return readdirSync(root, { recursive: true, encoding: 'utf8' })
    .map((path) => join(root, path))
    .filter((path) => !statSync(path).isDirectory());
}

/** Two listeners that serve, http and tcp, with what they lead to. */
async function twoListeners(t: ExecutionContext, { proxy }: ProxyWorld) {
  const [http, tcp] = [await freePort(), await freePort()];
  const one = await httpOrigin(t, echo('one'));
  const bytes = await tcpOrigin(t, (socket) => socket.pipe(socket));
  const web = listener('http', http, [route('web', one.backend)]);
  const raw = listener('tcp', tcp, [route('raw', bytes.backend)]);
  await proxy.serve([web, raw]);
  const openTcp = async () => {
    const wire = await Wire.open(t, { host: '127.0.0.1', port: tcp });
    wire.write('open');
    await wire.until('open');
    return wire;
  };
  return { http, tcp, web, raw, openTcp, one, bytes };
}

/** The error of a proxy that could not serve these. */
async function refusal(t: ExecutionContext, { proxy }: ProxyWorld, listeners: readonly ProxyListener[]) {
  const error = await t.throwsAsync(proxy.serve(listeners), { instanceOf: ProxyError });
  return error as ProxyError;
}

/** A process that outlives the controller, changes without disturbing anybody, and leaves nothing. */
export function proxyProcessContract(test: TestFn, subject: ProxySubject): void {
  const scene = proxyScenes(test, subject);

  scene(
    '[ENG-4] nothing runs before there is something to serve, nor afterwards, and no file is left',
    async (t, world) => {
      const { proxy, root } = world;
      t.is(await proxy.observe(), null);
      t.deepEqual(await proxy.traffic(), []);
      await proxy.serve([]);
      t.is(await proxy.observe(), null);
      const { http, tcp } = await twoListeners(t, world);
      const pid = (await proxy.observe())?.pid ?? 0;
      t.not(identify(pid), null);
      await proxy.serve([]);
      t.is(await proxy.observe(), null);
      t.is(identify(pid), null);
      t.deepEqual(filesBelow(root), []);
      t.true(await isRefused(http));
      t.true(await isRefused(tcp));
      await proxy.serve([]);
    },
  );

  scene(
    '[ING-11] what is served is observed, by this controller and by the next, which can change it',
    async (t, world) => {
      const { proxy } = world;
      const { web, raw, http, openTcp } = await twoListeners(t, world);
      const before = await proxy.observe();
      t.deepEqual(before?.listeners, [web, raw]);
      const wire = await openTcp();
      proxy.close();
      const next = world.another();
      t.teardown(() => next.close());
      t.deepEqual(await next.observe(), before);
      await next.serve([web, raw]);
      t.deepEqual(await next.observe(), before, 'the same again is no change');
      const changed = { ...web, routes: web.routes.map((one) => ({ ...one, path: '/only' })) };
      await next.serve([changed, raw]);
      t.is((await next.observe())?.pid, before?.pid);
      t.deepEqual((await next.observe())?.listeners, [changed, raw]);
      t.is((await ask(http, { path: '/x' })).status, 404);
      t.is((await echoed(t, http, { path: '/only/x' })).url, '/x');
      wire.write('still');
      await wire.until('openstill');
    },
  );

  scene('[ING-10] open connections of others stay up while rules come, change and go', async (t, world) => {
    const { proxy } = world;
    const { web, raw, http, openTcp, one } = await twoListeners(t, world);
    const stream = await httpOrigin(t, (_, response) => {
      response.write('begin ');
      const timer = setInterval(() => response.write('.'), 20);
      response.once('close', () => clearInterval(timer));
    });
    const port = await freePort();
    const streaming = listener('http', port, [route('stream', stream.backend)]);
    await proxy.serve([web, raw, streaming]);
    const wires = await Promise.all(Array.from({ length: 10 }, openTcp));
    const streams = await Promise.all(
      Array.from({ length: 10 }, async () => {
        const wire = await Wire.open(t, { host: '127.0.0.1', port });
        wire.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
        await wire.until('begin ');
        return wire;
      }),
    );
    const extraPort = await freePort();
    for (let count = 0; count < 10; count += 1) {
      const extra = listener('http', extraPort, [route('extra', one.backend, { path: `/${count}` })]);
      await proxy.serve([web, raw, streaming, extra]);
      t.is((await echoed(t, extraPort, { path: `/${count}/x` })).url, '/x');
      t.is((await ask(extraPort, { path: `/${count - 1}/x` })).status, 404);
      t.is((await echoed(t, http)).origin, 'one');
      (await openTcp()).end();
    }
    await proxy.serve([web, raw, streaming]);
    t.true(await isRefused(extraPort));
    for (const wire of wires) {
      wire.write('after');
      await wire.until('openafter');
    }
    for (const wire of streams) await wire.untilMore();
  });

  scene(
    '[ING-10] a listener that is taken away is refused from then on, and its connections end',
    async (t, world) => {
      const { proxy } = world;
      const { web, raw, http, tcp, openTcp } = await twoListeners(t, world);
      const wire = await openTcp();
      await proxy.serve([web]);
      t.true(await isRefused(tcp));
      await wire.untilClosed();
      t.is((await echoed(t, http)).origin, 'one');
      await proxy.serve([web, raw]);
      await openTcp();
      t.deepEqual((await proxy.observe())?.listeners, [web, raw]);
    },
  );

  scene('a rule that leads elsewhere leaves no connection to where it led', async (t, world) => {
    const { proxy } = world;
    const { web, raw, tcp, openTcp } = await twoListeners(t, world);
    const wire = await openTcp();
    const other = await tcpOrigin(t, (socket) => socket.end('other'));
    await proxy.serve([web, { ...raw, routes: [route('raw', other.backend)] }]);
    await wire.untilClosed();
    t.is(await exchange(t, tcp, ''), 'other');
  });

  scene(
    '[ENG-8] a port that somebody else has is named, and what served before goes on',
    async (t, world) => {
      const { proxy } = world;
      const foreign = createServer((socket) => socket.end('foreign'));
      const { port } = await listening(foreign, { port: 0, host: '127.0.0.1' });
      t.teardown(() => foreign.close());
      const { web, raw, openTcp, one } = await twoListeners(t, world);
      const before = await proxy.observe();
      const wire = await openTcp();
      const taken = listener('http', port, [route('taken', one.backend)]);
      const error = await refusal(t, world, [web, raw, taken]);
      t.is(error.code, 'PortTaken', error.message);
      t.is(error.listener, taken.name);
      t.regex(error.message, new RegExp(`${port}`));
      t.deepEqual((await proxy.observe())?.listeners, before?.listeners);
      wire.write('still');
      await wire.until('openstill');
      await openTcp();
      t.is(await exchange(t, port, ''), 'foreign');
      await proxy.serve([web]);
      t.deepEqual((await proxy.observe())?.listeners, [web]);
    },
  );

  scene(
    '[ENG-8] where nothing serves yet, a port that somebody else has leaves nothing',
    async (t, world) => {
      const foreign = createServer();
      const { port } = await listening(foreign, { port: 0, host: '127.0.0.1' });
      t.teardown(() => foreign.close());
      const { backend } = await httpOrigin(t, echo('one'));
      const error = await refusal(t, world, [listener('http', port, [route('r', backend)])]);
      t.is(error.code, 'PortTaken', error.message);
      t.is(error.listener, `127.0.0.1:${port}`);
      t.is(await world.proxy.observe(), null);
    },
  );

  scene('an address that the host does not have is said, with the listener', async (t, world) => {
    const { web, raw, one } = await twoListeners(t, world);
    const away = listener('http', await freePort(), [route('r', one.backend)], ['192.0.2.77']);
    const error = await refusal(t, world, [web, raw, away]);
    t.is(error.code, 'AddressNotHere', error.message);
    t.is(error.listener, away.name);
    t.deepEqual((await world.proxy.observe())?.listeners, [web, raw]);
  });

  scene('[ENG-2] a process that was killed is told, and serves again', async (t, world) => {
    const { proxy } = world;
    const { web, raw, http } = await twoListeners(t, world);
    const ends = new ReplaySubject<string>();
    const subscription = proxy.watch().subscribe(ends);
    t.teardown(() => subscription.unsubscribe());
    const changed = { ...web, routes: web.routes.map((one) => ({ ...one, path: '/only' })) };
    await proxy.serve([changed, raw]);
    const pid = (await proxy.observe())?.pid ?? 0;
    process.kill(pid, 'SIGKILL');
    t.regex(await firstValueFrom(ends), /\w/);
    await proxy.serve([web, raw]);
    t.not((await proxy.observe())?.pid, pid);
    t.is((await echoed(t, http)).origin, 'one');
  });

  scene('a process that ends as it was told to is no event', async (t, world) => {
    const { proxy } = world;
    await twoListeners(t, world);
    const ends: string[] = [];
    const subscription = proxy.watch().subscribe((reason) => ends.push(reason));
    await proxy.serve([]);
    await twoListeners(t, world);
    subscription.unsubscribe();
    t.deepEqual(ends, []);
  });

  scene('[ING-9] each rule counts what it has carried', async (t, world) => {
    const { proxy } = world;
    const { web, raw, http, openTcp } = await twoListeners(t, world);
    for (let count = 0; count < 3; count += 1) await echoed(t, http);
    const wire = await openTcp();
    wire.end();
    await wire.untilClosed();
    const [of, bytes] = ['web', 'raw'].map(
      (rule) => async () => (await proxy.traffic()).find((one) => one.rule === rule),
    );
    const webTraffic = await of?.();
    t.like(webTraffic, { listener: web.name, connections: 3 });
    t.true((webTraffic?.bytesIn ?? 0) > 50 && (webTraffic?.bytesOut ?? 0) > 300);
    t.deepEqual(await bytes?.(), {
      listener: raw.name,
      rule: 'raw',
      connections: 1,
      bytesIn: 4,
      bytesOut: 4,
    });
    await proxy.serve([
      web,
      raw,
      listener(
        'tcp',
        await freePort(),
        raw.routes.map((one) => ({ ...one, rule: 'new' })),
      ),
    ]);
    t.like(await of?.(), { connections: 3 }, 'counts go on when others change');
    await echoed(t, http);
    t.like(await of?.(), { connections: 4 });
  });

  scene('[LINK-11] names of rules and listeners are nothing but names', async (t, world) => {
    const { proxy, root } = world;
    const one = await httpOrigin(t, echo('one'));
    const hostile = [
      `../../../../holdfast-${process.pid}`,
      'a\nglobal\n  daemon',
      ['$', '{HOME}'].join(''),
      '%[env(HOME)]',
      '"\'\\ #{}',
      'x'.repeat(4096),
      '\u{1f600} ünï',
      '__proto__',
      '',
    ];
    const ports = await Promise.all(hostile.map(() => freePort()));
    const listeners = hostile.map((name, index) => ({
      ...listener('http', ports[index] ?? 0, [route(name, one.backend, { path: '/x' })]),
      name,
    }));
    await proxy.serve(listeners);
    t.deepEqual((await proxy.observe())?.listeners, listeners);
    for (const port of ports) t.is((await echoed(t, port, { path: '/x/y' })).url, '/y');
    t.deepEqual(
      new Map(
        (await proxy.traffic()).map((traffic) => [traffic.listener, [traffic.rule, traffic.connections]]),
      ),
      new Map(hostile.map((name) => [name, [name, 1]])),
    );
    t.false(existsSync(join(root, `../holdfast-${process.pid}`)));
  });

  scene('[ING-10] a thousand listeners are served, and one of them changes', async (t, { proxy }) => {
    const one = await httpOrigin(t, echo('one'));
    const base = await freePort();
    const listeners = Array.from({ length: 1000 }, (_, index) =>
      listener(
        'http',
        base,
        [route(`rule ${index}`, one.backend, { path: '/x' })],
        [`127.1.${index >> 8}.${index & 255}`],
      ),
    );
    await proxy.serve(listeners);
    t.is((await ask(base, { address: '127.1.3.231', path: '/x' })).status, 200);
    const changed = listeners.with(
      999,
      listener('http', base, [route('rule 999', one.backend, { path: '/y' })], ['127.1.3.231']),
    );
    await proxy.serve(changed);
    t.is((await ask(base, { address: '127.1.3.231', path: '/x' })).status, 404);
    t.is((await ask(base, { address: '127.1.3.231', path: '/y' })).status, 200);
    t.is((await proxy.observe())?.listeners.length, 1000);
  });
}
