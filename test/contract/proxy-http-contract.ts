import { createHash } from 'node:crypto';
import { Agent, request, type Server } from 'node:http';
import type { Duplex } from 'node:stream';
import type { TestFn } from 'ava';
import {
  ask,
  echo,
  echoed,
  exchange,
  freePort,
  httpOrigin,
  listener,
  type ProxySubject,
  proxyScenes,
  route,
  statusOf,
  tcpOrigin,
  valuesOf,
  Wire,
} from './proxy-stage.ts';

const upgrade = [
  'GET /ws/x HTTP/1.1',
  'Host: a.example',
  'Connection: Upgrade',
  'Upgrade: websocket',
  'Sec-WebSocket-Version: 13',
  'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==',
  '',
  '',
].join('\r\n');

/** Takes every upgrade, and says back what comes. */
function echoUpgrades(server: Server): void {
  server.on('upgrade', (incoming, socket: Duplex, head) => {
    const key = `${incoming.headers['sec-websocket-key']}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`;
    const accept = createHash('sha1').update(key).digest('base64');
    socket.write(
      `HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: ${incoming.headers.upgrade}\r\nSec-WebSocket-Accept: ${accept}\r\nX-Url: ${incoming.url}\r\n\r\n`,
    );
    socket.write(head);
    socket.on('error', () => undefined);
    socket.pipe(socket);
  });
}

/** How messages go through: nothing is held back, nothing is lost, and whoever breaks off is not waited for. */
export function proxyHttpContract(test: TestFn, subject: ProxySubject): void {
  const scene = proxyScenes(test, subject);

  scene(
    '[ING-6] a WebSocket is opened, echoes both ways, and each end can close it',
    async (t, { proxy }) => {
      const port = await freePort();
      const { backend, server } = await httpOrigin(t, echo('one'));
      echoUpgrades(server);
      await proxy.serve([listener('http', port, [route('r', backend, { path: '/ws' })])]);
      const wire = await Wire.open(t, { host: '127.0.0.1', port });
      wire.write(upgrade);
      const head = await wire.until('\r\n\r\n');
      t.is(statusOf(head), 101);
      t.regex(head, /sec-websocket-accept: s3pPLMBiTxaQ9kYGzzhZRbK\+xOo=/i);
      t.regex(head, /x-url: \/x\r\n/i);
      wire.write('\x81\x05hello');
      await wire.until('\x81\x05hello');
      wire.write('again');
      await wire.until('helloagain');
      wire.end();
      await wire.untilClosed();
      t.pass();
    },
  );

  scene(
    '[ING-6] a server-sent event arrives when it is sent, and the stream stays open',
    async (t, { proxy }) => {
      const port = await freePort();
      const send = Promise.withResolvers<(event: string) => void>();
      const { backend } = await httpOrigin(t, (_, response) => {
        response.writeHead(200, { 'content-type': 'text/event-stream' });
        response.flushHeaders();
        send.resolve((event) => response.write(`data: ${event}\n\n`));
      });
      await proxy.serve([listener('http', port, [route('r', backend)])]);
      const wire = await Wire.open(t, { host: '127.0.0.1', port });
      wire.write('GET / HTTP/1.1\r\nHost: a\r\nAccept: text/event-stream\r\n\r\n');
      await wire.until('\r\n\r\n');
      const event = await send.promise;
      for (const word of ['one', 'two', 'three']) {
        t.notRegex(wire.text, new RegExp(word));
        event(word);
        await wire.until(`data: ${word}`);
      }
      t.true(wire.isOpen);
    },
  );

  scene(
    '[ING-6] an answer that falls silent is cut, but for a stream of events and an open WebSocket',
    async (t, { proxy }) => {
      const port = await freePort();
      const { backend, server } = await httpOrigin(t, (_, response) => {
        response.writeHead(200, { 'content-type': 'text/event-stream' }).write('begin');
      });
      echoUpgrades(server);
      await proxy.serve([listener('http', port, [route('r', backend)])]);
      const [plain, events, socket] = await Promise.all(
        ['', 'Accept: text/event-stream\r\n', null].map(async (fields) => {
          const wire = await Wire.open(t, { host: '127.0.0.1', port });
          wire.write(fields === null ? upgrade : `GET / HTTP/1.1\r\nHost: a\r\n${fields}\r\n`);
          await wire.until(fields === null ? '\r\n\r\n' : 'begin');
          return wire;
        }),
      );
      await plain?.untilClosed();
      t.true(events?.isOpen);
      t.true(socket?.isOpen);
      socket?.write('still there');
      await socket?.until('still there');
    },
  );

  scene(
    '[ING-6] what a client is asked to wait for with 100-continue is sent after it',
    async (t, { proxy }) => {
      const port = await freePort();
      const { backend, server } = await httpOrigin(t, echo('one'));
      server.on('checkContinue', (incoming, response) => {
        response.writeContinue();
        echo('continued')(incoming, response);
      });
      await proxy.serve([listener('http', port, [route('r', backend)])]);
      const wire = await Wire.open(t, { host: '127.0.0.1', port });
      wire.write(
        'POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 4\r\nConnection: close\r\n\r\n',
      );
      t.is(statusOf(await wire.until('\r\n\r\n')), 100);
      wire.write('body');
      const text = await wire.untilClosed();
      t.regex(text, /\r\n\r\nHTTP\/1\.1 200 /);
      t.regex(text, /"origin":"continued".*"body":"body"/);
    },
  );

  scene(
    '[ING-6] HEAD has the headers of its GET and no body, and the connection goes on',
    async (t, { proxy }) => {
      const port = await freePort();
      const { backend } = await httpOrigin(t, (incoming, response) => {
        response.writeHead(200, { 'content-length': 5, 'x-method': incoming.method });
        response.end('hello');
      });
      await proxy.serve([listener('http', port, [route('r', backend)])]);
      const text = await exchange(
        t,
        port,
        'HEAD / HTTP/1.1\r\nHost: a\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n',
      );
      const [head = '', get = '', body] = text.split('\r\n\r\n');
      t.regex(head, /^HTTP\/1\.1 200 [\s\S]*content-length: 5/i);
      t.regex(head, /x-method: HEAD/i);
      t.regex(get, /x-method: GET/i);
      t.is(body, 'hello');
    },
  );

  scene('[ING-6] answers without a body, 204 and 304, end where they end', async (t, { proxy }) => {
    const port = await freePort();
    const { backend } = await httpOrigin(t, (incoming, response) => {
      response.writeHead(Number(incoming.url?.slice(1)), { etag: '"x"' }).end();
    });
    await proxy.serve([listener('http', port, [route('r', backend)])]);
    const text = await exchange(
      t,
      port,
      'GET /204 HTTP/1.1\r\nHost: a\r\n\r\nGET /304 HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n',
    );
    t.deepEqual(
      [...text.matchAll(/HTTP\/1\.1 (\d+)/g)].map(([, status]) => status),
      ['204', '304'],
    );
  });

  scene('[ING-6] trailers go through both ways', async (t, { proxy }) => {
    const port = await freePort();
    const { backend } = await httpOrigin(t, (incoming, response) => {
      incoming.resume();
      incoming.on('end', () => {
        response.writeHead(200, { trailer: 'X-Sum', 'transfer-encoding': 'chunked' });
        response.write('said: ');
        response.addTrailers({ 'X-Sum': `of ${incoming.trailers['x-check'] ?? 'nothing'}` });
        response.end();
      });
    });
    await proxy.serve([listener('http', port, [route('r', backend)])]);
    const text = await exchange(
      t,
      port,
      'POST / HTTP/1.1\r\nHost: a\r\nTE: trailers\r\nTrailer: X-Check\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n3\r\nabc\r\n0\r\nX-Check: seven\r\n\r\n',
    );
    t.is(statusOf(text), 200, text);
    t.regex(text, /\r\n0\r\nx-sum: of seven\r\n\r\n$/i);
  });

  scene('[ING-6] a body is uploaded in chunks as they come, of any size', async (t, { proxy }) => {
    const port = await freePort();
    const first = Promise.withResolvers<string>();
    const { backend } = await httpOrigin(t, (incoming, response) => {
      const sum = createHash('sha256');
      let size = 0;
      incoming.once('data', (chunk: Buffer) => first.resolve(chunk.toString().slice(0, 5)));
      incoming.on('data', (chunk: Buffer) => {
        sum.update(chunk);
        size += chunk.length;
      });
      incoming.on('end', () => response.end(`${size} ${sum.digest('hex')}`));
    });
    await proxy.serve([listener('http', port, [route('r', backend)])]);
    const rest = Buffer.alloc(5_000_000, 'holdfast');
    const { promise: answer, resolve, reject } = Promise.withResolvers<string>();
    const upload = request({ host: '127.0.0.1', port, method: 'PUT', agent: false }, async (response) => {
      const chunks = await response.toArray();
      resolve(Buffer.concat(chunks).toString());
    });
    upload.on('error', reject);
    upload.write('first');
    t.is(await first.promise, 'first');
    upload.end(rest);
    const expected = createHash('sha256').update('first').update(rest).digest('hex');
    t.is(await answer, `5000005 ${expected}`);
  });

  scene(
    '[ING-6] a long answer arrives whole, and waits for a client that reads slowly',
    async (t, { proxy }) => {
      const port = await freePort();
      const body = Buffer.alloc(20_000_000, '0123456789');
      const { backend } = await httpOrigin(t, (_, response) => response.end(body));
      await proxy.serve([listener('http', port, [route('r', backend)])]);
      const { promise, resolve, reject } = Promise.withResolvers<Buffer>();
      request({ host: '127.0.0.1', port, agent: false }, async (response) => {
        for (let count = 0; count < 3; count += 1) {
          response.pause();
          await ask(port, { method: 'HEAD' });
          response.resume();
        }
        resolve(Buffer.concat(await response.toArray()));
      })
        .on('error', reject)
        .end();
      t.true(body.equals(await promise));
    },
  );

  scene('[ING-6] an answer that breaks off is seen to have broken off', async (t, { proxy }) => {
    const port = await freePort();
    const { backend } = await tcpOrigin(t, (socket) =>
      socket.once('data', (data) => {
        const chunked = data.toString().includes('/chunked');
        const framing = chunked ? 'Transfer-Encoding: chunked\r\n\r\n5\r\n' : 'Content-Length: 100\r\n\r\n';
        socket.write(`HTTP/1.1 200 OK\r\n${framing}parts`);
        setImmediate(() => socket.destroy());
      }),
    );
    await proxy.serve([listener('http', port, [route('r', backend)])]);
    for (const path of ['/sized', '/chunked']) {
      await t.throwsAsync(ask(port, { path }), undefined, path);
    }
  });

  scene('[ING-6] a provider learns that its client has gone', async (t, { proxy }) => {
    const port = await freePort();
    const began = Promise.withResolvers<void>();
    const gone = Promise.withResolvers<void>();
    const { backend } = await httpOrigin(t, (_, response) => {
      response.writeHead(200).write('begin');
      response.once('close', () => gone.resolve());
      began.resolve();
    });
    await proxy.serve([listener('http', port, [route('r', backend)])]);
    const wire = await Wire.open(t, { host: '127.0.0.1', port });
    wire.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
    await began.promise;
    await wire.until('begin');
    wire.socket.destroy();
    await gone.promise;
    t.pass();
  });

  scene('[ING-6] many requests on one connection go each to its own route', async (t, { proxy }) => {
    const port = await freePort();
    const one = await httpOrigin(t, echo('one'));
    const other = await httpOrigin(t, echo('other'));
    const routes = [route('a', one.backend, { path: '/a' }), route('b', other.backend, { path: '/b' })];
    await proxy.serve([listener('http', port, routes)]);
    const pipelined = ['/a/1', '/b/2', '/c', '/a/3'];
    const text = await exchange(
      t,
      port,
      pipelined
        .map(
          (path, index) =>
            `GET ${path} HTTP/1.1\r\nHost: a\r\n${index === 3 ? 'Connection: close\r\n' : ''}\r\n`,
        )
        .join(''),
    );
    t.deepEqual(
      [...text.matchAll(/HTTP\/1\.1 (\d+)|"origin":"(\w+)"/g)].map(([, status, origin]) => status ?? origin),
      ['200', 'one', '200', 'other', '404', '200', 'one'],
      text,
    );
  });

  scene('[ING-6] an old client is served: HTTP/1.0, without a host', async (t, { proxy }) => {
    const port = await freePort();
    const { backend } = await httpOrigin(t, echo('one'));
    await proxy.serve([listener('http', port, [route('r', backend)])]);
    const text = await exchange(t, port, 'GET /x HTTP/1.0\r\n\r\n');
    t.is(statusOf(text), 200);
    t.regex(text, /"url":"\/x"/);
  });

  scene('a client can not smuggle a protocol of another kind past the routes', async (t, { proxy }) => {
    const port = await freePort();
    const { backend, server } = await httpOrigin(t, echo('one'));
    echoUpgrades(server);
    await proxy.serve([listener('http', port, [route('r', backend)])]);
    const text = await exchange(
      t,
      port,
      'GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade, HTTP2-Settings, close\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA\r\n\r\n',
    );
    t.notRegex(text, /101 Switching/);
  });

  scene(
    '[ING-6] connections to a provider are used again, also after it was started anew',
    async (t, { proxy }) => {
      const port = await freePort();
      const { backend, server, stop } = await httpOrigin(t, echo('one'));
      let connections = 0;
      server.on('connection', () => {
        connections += 1;
      });
      await proxy.serve([listener('http', port, [route('r', backend)])]);
      const agent = new Agent({ keepAlive: true, maxSockets: 1 });
      t.teardown(() => agent.destroy());
      // A connection that was kept may be closed without a word at any time: then clients ask once more (RFC 9112 9.3.1).
      const kept = () =>
        new Promise<number>((resolve, reject) => {
          const asked = request({ host: '127.0.0.1', port, agent }, (response) => {
            response.resume().on('end', () => resolve(response.statusCode ?? 0));
          });
          asked.on('error', (error) => (asked.reusedSocket ? resolve(kept()) : reject(error))).end();
        });
      for (let count = 0; count < 20; count += 1) t.is(await kept(), 200);
      t.true(connections <= 2, `${connections}`);
      await stop();
      t.is(await kept(), 503);
      const port2 = backend.type === 'address' ? backend.port : 0;
      const again = Promise.withResolvers<void>();
      server.listen(port2, '127.0.0.1', () => again.resolve());
      await again.promise;
      t.is(await kept(), 200);
      t.deepEqual(valuesOf(await echoed(t, port), 'host'), ['a.example']);
    },
  );
}
