import { createHash } from 'node:crypto';
import { Agent, type Server as HttpServer, type IncomingMessage, request } from 'node:http';
import { join } from 'node:path';
import type { Duplex } from 'node:stream';
import type { ExecutionContext, TestFn } from 'ava';
import { identityText } from '../../adapters/proxy/link-identity.ts';
import {
  type Echo,
  echo,
  httpOrigin,
  type ProxySubject,
  type ProxyWorld,
  proxyScenes,
  socketDirectory,
  statusOf,
  tcpOrigin,
  valuesOf,
  Wire,
} from './proxy-stage.ts';
import { askAt, echoedAt, exchangeAt, link, upgradeAnswer, upgradeRequest } from './rest-stage.ts';

const [client, role] = ['consumer-a', 'user'];

/** A link `a` to an HTTP server, which says what it gets and remembers it; `requests` are raw headers. */
async function recordedLink(t: ExecutionContext, world: ProxyWorld) {
  const requests: IncomingMessage[] = [];
  const answer = echo('provider');
  const origin = await httpOrigin(
    t,
    (incoming, response) => {
      requests.push(incoming);
      answer(incoming, response);
    },
    join(socketDirectory(t), 's'),
  );
  const one = link(world, 'a', origin.backend, { client, role });
  await world.proxy.serve([one]);
  return { ...one, requests, origin };
}

/** What is said of who asks, in whatever spelling a gateway may read as ours. */
function identities(names: readonly string[]): readonly string[] {
  return names
    .filter((name, index) => index % 2 === 0 && /^x[^a-z0-9]pv/i.test(name))
    .map((name) => name.toLowerCase());
}

/** It says once who it is from, and that is us. */
function isOurs({ rawHeaders, rawTrailers }: Pick<IncomingMessage, 'rawHeaders' | 'rawTrailers'>): boolean {
  const got = { headers: rawHeaders };
  return (
    identities(rawHeaders).toSorted().join() === 'x-pv-client,x-pv-role' &&
    valuesOf(got, 'x-pv-client').join() === client &&
    valuesOf(got, 'x-pv-role').join() === role &&
    identities(rawTrailers).length === 0
  );
}

const forgedNames = [
  'X-PV-Client',
  'X-PV-Role',
  'x-pv-role',
  'X-Pv-rOLE',
  'X_PV_Client',
  'x_pv_role',
  'X-PV_Role',
  'x.pv.role',
  'X!PV!Role',
  'X-PV.Client',
  "x'pv'client",
  'x~pv~role',
  'X|PV|Role',
  'X-PV-Role-',
  'X-PV-',
  'X-PV',
  'X-PV-Uid',
  'X-PV-Client-Id',
];

const get = `GET /x HTTP/1.1\r\nHost: a\r\n`;
const post = 'POST /x HTTP/1.1\r\nHost: a\r\n';
const forged = 'X-PV-Client: root\r\nX-PV-Role: admin\r\n';
const smuggled = `GET /smuggled HTTP/1.1\r\nHost: a\r\n${forged}\r\n`;

/** Bytes in which one reader could see another request than the other one, or another name. */
const vectors: readonly (readonly [what: string, bytes: string])[] = [
  ['a request in the content of another', `${post}Content-Length: ${smuggled.length}\r\n\r\n${smuggled}`],
  ['a request in the content of a GET', `${get}Content-Length: ${smuggled.length}\r\n\r\n${smuggled}`],
  ['a request behind another', `${get}\r\n${smuggled}`],
  [
    'a length before chunks',
    `${post}Content-Length: 6\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n${smuggled}`,
  ],
  [
    'a length behind chunks',
    `${post}Transfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n${smuggled.length.toString(16)}\r\n${smuggled}\r\n0\r\n\r\n`,
  ],
  [
    'a space before a colon',
    `${post}Transfer-Encoding : chunked\r\nContent-Length: ${smuggled.length}\r\n\r\n${smuggled}`,
  ],
  ['a coding that is not known', `${post}Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n${smuggled}`],
  [
    'two codings',
    `${post}Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n0\r\n\r\n${smuggled}`,
  ],
  ['a tab before a coding', `${post}Transfer-Encoding:\tchunked\r\n\r\n0\r\n\r\n${smuggled}`],
  ['a coding behind a vertical tab', `${post}Transfer-Encoding: \x0bchunked\r\n\r\n0\r\n\r\n${smuggled}`],
  ['two lengths', `${post}Content-Length: 0\r\nContent-Length: ${smuggled.length}\r\n\r\n${smuggled}`],
  ['a length with a sign', `${post}Content-Length: +${smuggled.length}\r\n\r\n${smuggled}`],
  ['a length with a zero before it', `${post}Content-Length: 0${smuggled.length}\r\n\r\n${smuggled}`],
  ['chunks ended by bare line feeds', `${post}Transfer-Encoding: chunked\r\n\r\n3\nabc\n0\n\n${smuggled}`],
  ['a chunk with a huge size', `${post}Transfer-Encoding: chunked\r\n\r\nffffffffffffffff\r\n${smuggled}`],
  [
    'a chunk extension with a line feed',
    `${post}Transfer-Encoding: chunked\r\n\r\n0;a\nb\r\n\r\n${smuggled}`,
  ],
  [
    'chunks in HTTP/1.0',
    `POST /x HTTP/1.0\r\nHost: a\r\nConnection: keep-alive\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n${smuggled}`,
  ],
  ['a header that is folded', `${get}X-A: b\r\n ${forged}\r\n`],
  ['a header behind a bare line feed', `${get}X-A: b\n${forged}\r\n`],
  ['a header behind a bare carriage return', `${get}X-A: b\r${forged}\r\n`],
  ['a header behind a NUL', `${get}X-A: b\0${forged}\r\n`],
  ['a name behind a NUL', `${get}\0X-PV-Role: admin\r\n\r\n`],
  ['a name behind a space', `${get} X-PV-Role: admin\r\n\r\n`],
  ['no name at all', `${get}: admin\r\n\r\n`],
  ['fields that the next reader should take away', `${get}Connection: close, X-PV-Client, X-PV-Role\r\n\r\n`],
  [
    'fields that the next reader should take away, one by one',
    `${get}Connection: X-PV-Role\r\nConnection: close\r\n\r\n`,
  ],
  [
    'trailers',
    `${post}Trailer: X-PV-Role\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n3\r\nabc\r\n0\r\n${forged}\r\n`,
  ],
  [
    'trailers that nobody announced',
    `${post}Transfer-Encoding: chunked\r\nConnection: close\r\n\r\n0\r\n${forged}\r\n`,
  ],
  [
    'an upgrade to HTTP/2',
    `${get}Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA\r\n\r\n${smuggled}`,
  ],
  [
    'an upgrade to TLS',
    `OPTIONS * HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: TLS/1.0\r\n\r\n${smuggled}`,
  ],
  ['an upgrade to HTTP', `${get}Connection: Upgrade\r\nUpgrade: HTTP/1.1\r\n\r\n${smuggled}`],
  [
    'a WebSocket by POST',
    `${post}Connection: Upgrade\r\nUpgrade: websocket\r\nContent-Length: 0\r\n\r\n${smuggled}`,
  ],
  ['a tunnel', `CONNECT a:80 HTTP/1.1\r\nHost: a:80\r\n\r\n${smuggled}`],
  ['HTTP/2 from the first byte', `PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n${smuggled}`],
  ['an absolute target', `GET http://a/x HTTP/1.1\r\nHost: a\r\n${forged}\r\n`],
  ['HTTP/0.9', `GET /x\r\n${smuggled}`],
  ['a version to come', `GET /x HTTP/1.2\r\nHost: a\r\n${forged}\r\n`],
];

/** Who a provider may be told that its client is. */
const hostile = [
  'plain',
  'two words',
  ' spaces around ',
  'a\r\nX-PV-Role: root',
  'a\nb',
  'nul\0',
  '%[env(HOME)]',
  '%0a',
  '100%',
  '"quotes\' and `ticks`',
  ['\\ {} # ; | $HOME $', '{HOME}'].join(''),
  'é ü \u{1f600}',
  '\u007f',
  'gone',
  'x'.repeat(1000),
];

const upgrade = upgradeRequest('/ws/../x', 'X-PV-Role: admin\r\nConnection: X-PV-Role\r\n');

/** Takes every upgrade, says who asks, and then what comes. */
function echoUpgrades(server: HttpServer): void {
  server.on('upgrade', (incoming: IncomingMessage, socket: Duplex, head: Buffer) => {
    const said = ['x-pv-client', 'x-pv-role']
      .map((name) => `${name}: ${incoming.headers[name]}\r\n`)
      .join('');
    socket.write(upgradeAnswer(incoming, said));
    socket.write(head);
    socket.on('error', () => undefined);
    socket.pipe(socket);
  });
}

/** What a provider gets of the requests of a rest link, and a client of its answers (LINK-5). */
export function proxyRestContract(test: TestFn, subject: ProxySubject): void {
  const scene = proxyScenes(test, subject);

  scene('[LINK-5] every request says whose it is, on one connection and on many', async (t, world) => {
    const { path, requests } = await recordedLink(t, world);
    const heads = ['GET', 'POST', 'DELETE', 'OPTIONS', 'HEAD', 'PATCH'].map(
      (method) => `${method} /x HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n`,
    );
    const text = await exchangeAt(t, path, `${heads.join('')}${get}Connection: close\r\n\r\n`);
    t.is(text.match(/HTTP\/1\.1 200 /g)?.length, 7, text);
    t.is(statusOf(await exchangeAt(t, path, 'GET /old HTTP/1.0\r\n\r\n')), 200);
    t.is((await askAt(path, { method: 'PUT', body: 'x'.repeat(100_000) })).status, 200);
    t.is(requests.length, 9);
    t.true(requests.every(isOurs), JSON.stringify(requests.map(({ rawHeaders }) => rawHeaders)));
  });

  scene('[LINK-5] what a client says of itself is removed, in every spelling', async (t, world) => {
    const { path, requests } = await recordedLink(t, world);
    for (const name of forgedNames) {
      const twice = `${name}: admin\r\n${name}: root\r\n`;
      const text = await exchangeAt(
        t,
        path,
        `${get}${twice}X-Other: kept\r\n${forged}Connection: close\r\n\r\n`,
      );
      t.is(statusOf(text), 200, `${name}: ${text}`);
      t.regex(text, /"x-other","kept"/i);
    }
    t.is(requests.length, forgedNames.length);
    for (const [index, one] of requests.entries()) t.true(isOurs(one), forgedNames[index]);
  });

  scene(
    "[LINK-5] no bytes bring a request to a provider in nobody's name, or in another's",
    async (t, world) => {
      const { path, requests, origin } = await recordedLink(t, world);
      origin.server.on('upgrade', (incoming, socket) => {
        requests.push(incoming);
        socket.destroy();
      });
      for (const [what, bytes] of vectors) {
        requests.length = 0;
        const wire = await Wire.open(t, { path });
        wire.write(bytes);
        wire.end();
        const text = await wire.untilClosed();
        wire.socket.destroy();
        t.true(
          requests.every(isOurs),
          `${what}: ${JSON.stringify(requests.map((one) => [one.url, one.rawHeaders, one.rawTrailers]))} ${text}`,
        );
        t.notRegex(text, /101 Switching/, what);
      }
      requests.length = 0;
      t.is((await askAt(path)).status, 200);
      t.true(requests.every(isOurs));
    },
  );

  scene(
    '[LINK-5] names of clients and roles are nothing but names, and differ where they differ',
    async (t, world) => {
      const origin = await httpOrigin(t, echo('provider'), join(socketDirectory(t), 's'));
      const links = hostile.flatMap((text, index) => [
        link(world, `c${index}`, origin.backend, { client: text }),
        link(world, `r${index}`, origin.backend, { role: text }),
      ]);
      await world.proxy.serve(links);
      t.deepEqual((await world.proxy.observe())?.listeners, links);
      for (const one of links) {
        const got = await echoedAt(t, one.path, { headers: { 'X-PV-Role': 'root' } });
        t.deepEqual(valuesOf(got, 'x-pv-client'), [identityText(one.client)]);
        t.deepEqual(valuesOf(got, 'x-pv-role'), [identityText(one.role)]);
        t.is(identities(got.headers).length, 2);
      }
      t.is(new Set(hostile.map(identityText)).size, hostile.length);
      t.is(identityText('a b%\n'), 'a%20b%25%0A');
    },
  );

  scene(
    '[LINK-5] everything else goes through as it is: host, path, headers, and those of the answer',
    async (t, world) => {
      const { backend } = await httpOrigin(
        t,
        (incoming, response) => {
          const headers = [
            'X-PV-Role',
            'provider',
            'X-Forwarded-For',
            'x',
            'Set-Cookie',
            'a=1',
            'Set-Cookie',
            'b=2',
            'Server',
            'own',
          ];
          response.writeHead(207, headers);
          response.end(JSON.stringify({ url: incoming.url, headers: incoming.rawHeaders, trailers: [] }));
        },
        join(socketDirectory(t), 's'),
      );
      const { path } = link(world, 'a', backend);
      await world.proxy.serve([link(world, 'a', backend)]);
      const targets = [
        '/a/../b/./c',
        '/%2e%2e/x',
        '/a//b/',
        '/%00?q=%zz&r=..',
        '/a\\b',
        '/x;v=1?a=b?c',
        "/~!$&'()*+,;=:@{}|",
      ];
      for (const target of targets) {
        const sent = `PROPFIND ${target} HTTP/1.1\r\nHost: Some.Example:99\r\nX-Forwarded-For: 1.2.3.4\r\nForwarded: for=x\r\nX-Two: 1\r\nX-Two: 2\r\nAuthorization: Basic eDp5\r\nConnection: close\r\n\r\n`;
        const text = await exchangeAt(t, path, sent);
        t.is(statusOf(text), 207, text);
        const got = JSON.parse(/\{.*\}/.exec(text)?.[0] ?? '{}');
        t.is(got.url, target);
        for (const [name, values] of Object.entries({
          host: ['Some.Example:99'],
          'x-forwarded-for': ['1.2.3.4'],
          forwarded: ['for=x'],
          'x-two': ['1', '2'],
          authorization: ['Basic eDp5'],
          'x-forwarded-host': [],
          'x-forwarded-proto': [],
        })) {
          t.deepEqual(valuesOf(got, name), values, name);
        }
        for (const said of [
          /x-pv-role: provider\r\n/i,
          /x-forwarded-for: x\r\n/i,
          /set-cookie: a=1\r\nset-cookie: b=2\r\n/i,
          /server: own\r\n/i,
        ]) {
          t.regex(text, said);
        }
      }
    },
  );

  scene('[LINK-5] 32 kept connections of two links each keep their own name', async (t, world) => {
    const origin = await httpOrigin(t, echo('provider'), join(socketDirectory(t), 's'));
    const links = [link(world, 'a', origin.backend), link(world, 'b', origin.backend, { role: 'admin' })];
    await world.proxy.serve(links);
    const asked = links.flatMap((one) =>
      Array.from({ length: 16 }, async () => {
        const agent = new Agent({ keepAlive: true, maxSockets: 1 });
        t.teardown(() => agent.destroy());
        for (let count = 0; count < 6; count += 1) {
          const body = await new Promise<string>((resolve, reject) => {
            request({ socketPath: one.path, agent, path: `/${count}` }, async (response) =>
              resolve(Buffer.concat(await response.toArray()).toString()),
            )
              .on('error', reject)
              .end();
          });
          t.true(body.startsWith('{'), body);
          const got = JSON.parse(body) as Echo;
          t.deepEqual([valuesOf(got, 'x-pv-client'), valuesOf(got, 'x-pv-role')], [[one.client], [one.role]]);
        }
      }),
    );
    await Promise.all(asked);
    const traffic = await world.proxy.traffic();
    t.deepEqual(
      traffic.map(({ listener, rule, connections, sessions }) => [listener, rule, connections, sessions]),
      [
        ['a', '', 96, 16],
        ['b', '', 96, 16],
      ],
    );
  });

  scene(
    '[LINK-5] a WebSocket is opened in the name of the link, echoes both ways, and each end can close it',
    async (t, world) => {
      const { path, origin } = await recordedLink(t, world);
      echoUpgrades(origin.server);
      const wire = await Wire.open(t, { path });
      wire.write(`${upgrade}\x81\x05hello`);
      const head = await wire.until('hello');
      t.is(statusOf(head), 101);
      t.regex(head, new RegExp(`x-pv-client: ${client}\r\nx-pv-role: ${role}\r\n`, 'i'));
      wire.write('again');
      await wire.until('helloagain');
      t.like((await world.proxy.traffic())[0], { listener: 'a', sessions: 1 });
      wire.end();
      await wire.untilClosed();
    },
  );

  scene(
    '[LINK-5] what is sent arrives when it is sent, both ways, and answers of any size arrive whole',
    async (t, world) => {
      const first = Promise.withResolvers<string>();
      const { backend } = await httpOrigin(
        t,
        (incoming, response) => {
          const sum = createHash('sha256');
          let isFirst = true;
          incoming.on('data', (chunk: Buffer) => {
            sum.update(chunk);
            if (isFirst) {
              isFirst = false;
              first.resolve(chunk.toString().slice(0, 5));
              response.write('began ');
            }
          });
          incoming.on('end', () => {
            response.write(sum.digest('hex'));
            response.end(Buffer.alloc(20_000_000, '0123456789'));
          });
        },
        join(socketDirectory(t), 's'),
      );
      const one = link(world, 'a', backend);
      await world.proxy.serve([one]);
      for (const headers of [{}, { 'content-length': 5_000_005 }]) {
        const began = Promise.withResolvers<void>();
        const { promise: answer, resolve, reject } = Promise.withResolvers<Buffer>();
        const upload = request({ socketPath: one.path, method: 'PUT', agent: false, headers }, (response) => {
          const chunks: Buffer[] = [];
          response.on('data', (chunk: Buffer) => {
            chunks.push(chunk);
            began.resolve();
          });
          response.on('end', () => resolve(Buffer.concat(chunks)));
        });
        upload.on('error', reject);
        upload.write('first');
        t.is(await first.promise, 'first');
        // Before the request is over.
        await began.promise;
        const rest = Buffer.alloc(5_000_000, 'holdfast');
        upload.end(rest);
        const text = await answer;
        const sum = createHash('sha256').update('first').update(rest).digest('hex');
        t.is(text.subarray(0, 6 + 64).toString(), `began ${sum}`);
        t.is(text.length, 6 + 64 + 20_000_000);
      }
    },
  );

  scene(
    '[LINK-5] what a client is asked to wait for with 100-continue is sent after it',
    async (t, world) => {
      const { path, origin } = await recordedLink(t, world);
      origin.server.on('checkContinue', (incoming, response) => {
        response.writeContinue();
        echo('continued')(incoming, response);
      });
      const wire = await Wire.open(t, { path });
      wire.write(`${post}Expect: 100-continue\r\nContent-Length: 4\r\nConnection: close\r\n\r\n`);
      t.is(statusOf(await wire.until('\r\n\r\n')), 100);
      wire.write('body');
      t.regex(await wire.untilClosed(), /HTTP\/1\.1 200 [\s\S]*"origin":"continued".*"body":"body"/);
    },
  );

  scene('[LINK-5] a client that has closed its half gets its answer', async (t, world) => {
    const { path } = await recordedLink(t, world);
    const wire = await Wire.open(t, { path });
    wire.write(`${post}Content-Length: 4\r\n\r\nbody`);
    wire.end();
    t.regex(await wire.untilClosed(), /HTTP\/1\.1 200 [\s\S]*"body":"body"/);
  });

  scene(
    '[LINK-5] a provider that is away is 503, one that talks nonsense 502, a silent one 504',
    async (t, world) => {
      const directory = socketDirectory(t);
      const garbage = await tcpOrigin(
        t,
        (socket) => socket.once('data', () => socket.end('SSH-2.0-x\r\n\r\n')),
        join(directory, 'g'),
      );
      const broken = await tcpOrigin(
        t,
        (socket) => socket.once('data', () => socket.destroy()),
        join(directory, 'b'),
      );
      const silent = await tcpOrigin(t, (socket) => socket.resume(), join(directory, 's'));
      const refusing = await tcpOrigin(t, () => undefined, join(directory, 'r'));
      await refusing.stop();
      const links = {
        away: link(world, 'away', { type: 'socket', path: join(directory, 'none') }),
        refusing: link(world, 'refusing', refusing.backend),
        garbage: link(world, 'garbage', garbage.backend),
        broken: link(world, 'broken', broken.backend),
        silent: link(world, 'silent', silent.backend),
      };
      await world.proxy.serve(Object.values(links));
      const beganAt = performance.now();
      for (const method of ['GET', 'POST', 'HEAD']) {
        t.is((await askAt(links.away.path, { method })).status, 503, method);
        t.is((await askAt(links.refusing.path, { method })).status, 503, method);
        t.is((await askAt(links.garbage.path, { method })).status, 502, method);
        t.is((await askAt(links.broken.path, { method })).status, 502, method);
      }
      t.true(performance.now() - beganAt < 10_000);
      t.is((await askAt(links.silent.path)).status, 504);
    },
  );
}
