import { join } from 'node:path';
import type { TestFn } from 'ava';
import type { ProxyRoute } from '../../adapters/proxy/proxy.ts';
import { forwardedPath, inMatchingOrder, matchRoute } from '../../state/routes.ts';
import {
  ask,
  deadBackend,
  echo,
  echoed,
  exchange,
  freePort,
  httpOrigin,
  listener,
  type ProxySubject,
  proxyScenes,
  route,
  socketDirectory,
  statusOf,
  tcpOrigin,
  valuesOf,
} from './proxy-stage.ts';

/** Hosts and paths of rules, whether the prefix is kept. */
const rules: readonly (readonly [host: string | null, path: string, keepPrefix?: boolean])[] = [
  ['a.example', '/api'],
  ['a.example', '/api/v1', true],
  ['a.example', ''],
  ['*.example', '/api'],
  ['*.b.example', ''],
  ['*.c.b.example', '/deep'],
  [null, '/web'],
  [null, '/web/x', true],
  [null, "/it's(a)+path.*$"],
];

const askedHosts = [
  'a.example',
  'A.Example',
  'a.example:8080',
  'b.example',
  'x.b.example',
  'y.c.b.example',
  'example',
  'xa.example',
  'other.test',
  '127.0.0.1',
  '[::1]:80',
];

const askedPaths = [
  '/',
  '/api',
  '/api/',
  '/api/x',
  '/apix',
  '/API/x',
  '/api/v1',
  '/api/v1/x?q=/web&r=%2e',
  '/api/v12',
  '/api?x=1',
  '//api',
  '/deep/er',
  '/web',
  '/web/x/y',
  '/web/xy',
  '/web//x',
  "/it's(a)+path.*$/x",
  '/it/s/a',
  '/other/api',
  '/api/%61%2F?a=b?c',
  "/api/~!$&'()*+,;=:@-._|{}",
];

/** Requests that say what they are about in two ways, or in none that a server may guess at; each ends with the head's empty line. */
const refusedHeads: readonly (readonly [what: string, head: string])[] = [
  ['two hosts', 'GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n'],
  ['no host', 'GET / HTTP/1.1\r\n\r\n'],
  ['a host with a path in it', 'GET / HTTP/1.1\r\nHost: a.example/api\r\n\r\n'],
  ['a segment ..', 'GET /web/../api/x HTTP/1.1\r\nHost: a\r\n\r\n'],
  ['a segment .. at the end', 'GET /web/.. HTTP/1.1\r\nHost: a\r\n\r\n'],
  ['a segment .', 'GET /./web HTTP/1.1\r\nHost: a\r\n\r\n'],
  ['an encoded segment ..', 'GET /web/%2e%2E/x HTTP/1.1\r\nHost: a\r\n\r\n'],
  ['a half encoded segment ..', 'GET /web/.%2e?x HTTP/1.1\r\nHost: a\r\n\r\n'],
  ['an encoded segment .', 'GET /web/%2e/x HTTP/1.1\r\nHost: a\r\n\r\n'],
  ['a segment .. in an absolute URI', 'GET http://a/web/../x HTTP/1.1\r\nHost: a\r\n\r\n'],
  ['a segment .. before a semicolon', 'GET /web/..;/x HTTP/1.1\r\nHost: a\r\n\r\n'],
  ['a segment .. before an encoded slash', 'GET /web/..%2fx HTTP/1.1\r\nHost: a\r\n\r\n'],
  ['a segment .. behind an encoded slash', 'GET /web%2f../x HTTP/1.1\r\nHost: a\r\n\r\n'],
  ['a segment .. that is encoded whole', 'GET /web/%2e%2e%2Fx HTTP/1.1\r\nHost: a\r\n\r\n'],
  ['a segment .. before an encoded backslash', 'GET /web/..%5Cx HTTP/1.1\r\nHost: a\r\n\r\n'],
  ['a backslash', 'GET /web\\..\\x HTTP/1.1\r\nHost: a\r\n\r\n'],
  ['an encoded NUL', 'GET /web/%00 HTTP/1.1\r\nHost: a\r\n\r\n'],
  ['an encoding that is none', 'GET /web/%zz HTTP/1.1\r\nHost: a\r\n\r\n'],
  ['an encoding that is cut off', 'GET /web/%2 HTTP/1.1\r\nHost: a\r\n\r\n'],
  ['two lengths', 'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabcd'],
  ['a length that is none', 'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: +3\r\n\r\nabc'],
  ['a negative length', 'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\n'],
  ['an empty length', 'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: \r\n\r\n'],
  [
    'a coding that is not known',
    'POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: xchunked\r\n\r\n0\r\n\r\n',
  ],
  [
    'chunked that is not last',
    'POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked, gzip\r\n\r\n0\r\n\r\n',
  ],
  ['a space before a colon', 'GET / HTTP/1.1\r\nHost: a\r\nContent-Length : 0\r\n\r\n'],
  ['a name with a space', 'GET / HTTP/1.1\r\nHost: a\r\nBad Name: x\r\n\r\n'],
  ['a line without a colon', 'GET / HTTP/1.1\r\nHost: a\r\nnonsense\r\n\r\n'],
  ['a NUL in a value', 'GET / HTTP/1.1\r\nHost: a\r\nX-A: b\0c\r\n\r\n'],
  ['a CR in a value', 'GET / HTTP/1.1\r\nHost: a\r\nX-A: b\rc\r\n\r\n'],
  ['no version', 'GET / \r\nHost: a\r\n\r\n'],
  ['a version of another protocol', 'GET / HTPP/1.1\r\nHost: a\r\n\r\n'],
  ['a method that is none', 'G@T{ / HTTP/1.1\r\nHost: a\r\n\r\n'],
  ['a space in the path', 'GET /a b HTTP/1.1\r\nHost: a\r\n\r\n'],
  ['a header of 100 kB', `GET / HTTP/1.1\r\nHost: a\r\nX-A: ${'a'.repeat(100_000)}\r\n\r\n`],
  ['a path of 100 kB', `GET /${'a'.repeat(100_000)} HTTP/1.1\r\nHost: a\r\n\r\n`],
  ['a thousand headers', `GET / HTTP/1.1\r\nHost: a\r\n${'X-A: b\r\n'.repeat(1000)}\r\n`],
  ['a tunnel', 'CONNECT a.example:443 HTTP/1.1\r\nHost: a.example:443\r\n\r\n'],
  ['HTTP/2 that was not asked for', 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'],
];

/** Headers that tell a provider who asks: those of a client say nothing. */
const forged = {
  'X-Forwarded-For': '6.6.6.6',
  'x-forwarded-host': 'forged.example',
  'X-FORWARDED-PROTO': 'gopher',
  Forwarded: 'for=6.6.6.6',
  'X-Real-IP': '6.6.6.6',
  'X-PV-Role': 'admin',
  'x-pv-anything-else': 'admin',
  'X-Forwarded-Port': '1',
  'X-Forwarded-Prefix': '/admin',
  'X-Forwarded-Server': 'forged',
  'X-Forwarded': 'forged',
  X_Forwarded_For: '6.6.6.6',
  X_Real_IP: '6.6.6.6',
  x_pv_role: 'admin',
  Proxy: 'http://6.6.6.6',
};

/** Of those, what we do not set ourselves. */
const dropped = Object.keys(forged).filter((name) => !/^x-forwarded-(?:for|host|proto)$/i.test(name));

/** Which requests are served, by which route, and what the provider gets of them. */
export function proxyRequestContract(test: TestFn, subject: ProxySubject): void {
  const scene = proxyScenes(test, subject);

  scene(
    '[ING-2] [ING-6] every host and path goes to the route that is its own, whole segments alone',
    async (t, { proxy }) => {
      const port = await freePort();
      const { backend } = await httpOrigin(t, echo('one'));
      const routes = inMatchingOrder(
        rules.map(
          ([host, path, keepPrefix = false], index): ProxyRoute =>
            route(`rule ${index}`, backend, { host, path, keepPrefix }),
        ),
      );
      await proxy.serve([listener('http', port, routes)]);
      for (const host of askedHosts) {
        for (const target of askedPaths) {
          const asked = `${host} ${target}`;
          const [path = '', ...query] = target.split(/(?=\?)/);
          const bare = host.replace(/:\d+$/, '');
          const expected = matchRoute(routes, bare, path);
          const reply = await ask(port, { path: target, headers: { host } });
          t.is(reply.status, expected === null ? 404 : 200, asked);
          if (expected === null) continue;
          t.is(JSON.parse(reply.body).url, forwardedPath(expected, path) + query.join(''), asked);
        }
      }
      const counted = (await proxy.traffic()).filter(({ connections }) => connections > 0);
      t.true(counted.length >= rules.length - 1, JSON.stringify(counted));
    },
  );

  scene(
    '[ING-6] each route leads to its own provider, at an address or at a unix socket',
    async (t, { proxy }) => {
      const port = await freePort();
      const path = join(socketDirectory(t), 's');
      const one = await httpOrigin(t, echo('address'));
      const other = await httpOrigin(t, echo('socket'), path);
      const routes = [route('a', one.backend, { path: '/a' }), route('b', other.backend, { path: '/b' })];
      await proxy.serve([listener('http', port, routes)]);
      t.like(await echoed(t, port, { path: '/a/x' }), { origin: 'address', url: '/x' });
      t.like(await echoed(t, port, { path: '/b?y' }), { origin: 'socket', url: '/?y' });
    },
  );

  scene(
    '[ING-6] names and addresses of clients are ours to tell, and forged ones get no further',
    async (t, { proxy }) => {
      const port = await freePort();
      const { backend } = await httpOrigin(t, echo('one'));
      await proxy.serve([listener('http', port, [route('r', backend)])]);
      const got = await echoed(t, port, { headers: { host: 'A.example:99', ...forged } });
      t.deepEqual(valuesOf(got, 'host'), ['A.example:99']);
      t.deepEqual(valuesOf(got, 'x-forwarded-for'), ['127.0.0.1']);
      t.deepEqual(valuesOf(got, 'x-forwarded-host'), ['A.example:99']);
      t.deepEqual(valuesOf(got, 'x-forwarded-proto'), ['http']);
      for (const name of dropped) {
        t.deepEqual(valuesOf(got, name.toLowerCase()), [], name);
      }
    },
  );

  scene(
    '[ING-6] several headers of one name, in any spelling, and odd methods get through as they are',
    async (t, { proxy }) => {
      const port = await freePort();
      const { backend } = await httpOrigin(t, echo('one'));
      await proxy.serve([listener('http', port, [route('r', backend)])]);
      const text = await exchange(
        t,
        port,
        'PROPFIND /x HTTP/1.1\r\nHost: a\r\nX-Two: 1\r\nX-Two: 2\r\nX-Empty:\r\nCookie: a=b\r\nConnection: close\r\n\r\n',
      );
      t.is(statusOf(text), 200, text);
      t.regex(text, /"method":"PROPFIND"/);
      t.regex(text, /"x-two","1","x-two","2"/i);
      t.regex(text, /"x-empty",""/i);
    },
  );

  scene(
    'no request of two meanings reaches a provider: it is refused, and the connection is closed',
    async (t, { proxy }) => {
      const port = await freePort();
      const reached: string[] = [];
      const { backend } = await tcpOrigin(t, (socket) => {
        socket.on('data', (data) => {
          reached.push(data.toString('latin1'));
          socket.end('HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n');
        });
      });
      await proxy.serve([listener('http', port, [route('r', backend)])]);
      for (const [what, head] of refusedHeads) {
        const text = await exchange(t, port, head);
        const status = statusOf(text);
        t.true(status >= 400 && status < 500, `${what}: ${JSON.stringify(text.slice(0, 200))}`);
        t.false(/200 OK/.test(text), what);
      }
      t.deepEqual(reached, []);
      t.is((await ask(port)).status, 200);
    },
  );

  scene(
    '[ING-6] what is not there is said at once: 404 without a route, 503 without a provider',
    async (t, { proxy }) => {
      const port = await freePort();
      const routes = [
        route('unresolved', null, { path: '/unresolved' }),
        route('dead', await deadBackend(), { path: '/dead' }),
        route('gone', { type: 'socket', path: join(socketDirectory(t), 'none') }, { path: '/gone' }),
      ];
      await proxy.serve([listener('http', port, routes)]);
      const beganAt = performance.now();
      for (const [path, status] of [
        ['/unresolved', 503],
        ['/dead/x', 503],
        ['/gone', 503],
        ['/', 404],
        ['/deadly', 404],
      ] as const) {
        for (const method of ['GET', 'POST', 'HEAD']) {
          const reply = await ask(port, {
            path,
            method,
            ...(method === 'POST' && { body: 'x'.repeat(50_000) }),
          });
          t.is(reply.status, status, `${method} ${path}`);
          t.true(reply.body.length < 200, reply.body);
          t.notRegex(reply.body, /<html/i);
        }
      }
      // Fifteen answers: were a provider waited for, or asked again, it would be a second and more each.
      t.true(performance.now() - beganAt < 10_000);
    },
  );

  scene('[ING-6] a provider that breaks off, or says what is no HTTP, is 502', async (t, { proxy }) => {
    const port = await freePort();
    const broken = await tcpOrigin(t, (socket) => socket.once('data', () => socket.destroy()));
    const garbage = await tcpOrigin(t, (socket) =>
      socket.once('data', () => socket.end('SSH-2.0-x\r\n\r\n')),
    );
    const half = await tcpOrigin(t, (socket) =>
      socket.once('data', () => socket.end('HTTP/1.1 200 OK\r\nX: ')),
    );
    const long = await tcpOrigin(t, (socket) =>
      socket.once('data', () => socket.end(`HTTP/1.1 200 OK\r\nX: ${'x'.repeat(300_000)}\r\n\r\n`)),
    );
    const origins = { broken, garbage, half, long };
    const routes = Object.entries(origins).map(([name, { backend }]) =>
      route(name, backend, { path: `/${name}` }),
    );
    await proxy.serve([listener('http', port, routes)]);
    for (const name of Object.keys(origins)) t.is((await ask(port, { path: `/${name}` })).status, 502, name);
  });

  scene('[ING-6] a provider that never answers is 504, in bounded time', async (t, { proxy }) => {
    const port = await freePort();
    const { backend } = await tcpOrigin(t, (socket) => socket.resume());
    await proxy.serve([listener('http', port, [route('r', backend)])]);
    const beganAt = performance.now();
    t.is((await ask(port)).status, 504);
    const tookMs = performance.now() - beganAt;
    t.true(tookMs >= subject.answerLimitMs * 0.8 && tookMs < subject.answerLimitMs + 5000, `${tookMs}`);
  });

  scene(
    'a client that never ends its head is let go in bounded time, and holds up nobody',
    async (t, { proxy }) => {
      const port = await freePort();
      const { backend } = await httpOrigin(t, echo('one'));
      await proxy.serve([listener('http', port, [route('r', backend)])]);
      const beganAt = performance.now();
      const slow = Array.from({ length: 50 }, () => exchange(t, port, 'GET / HTTP/1.1\r\nHost: a\r\nX-'));
      t.is((await echoed(t, port)).origin, 'one');
      t.true(performance.now() - beganAt < subject.headLimitMs);
      for (const text of await Promise.all(slow)) t.true([0, 408].includes(statusOf(text)), text);
      t.true(performance.now() - beganAt < subject.headLimitMs + 5000);
    },
  );
}
