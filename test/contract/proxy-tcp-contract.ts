import { join } from 'node:path';
import type { TestFn } from 'ava';
import {
  deadBackend,
  exchange,
  freePort,
  isRefused,
  listener,
  type ProxySubject,
  proxyScenes,
  route,
  socketDirectory,
  tcpOrigin,
  Wire,
} from './proxy-stage.ts';

/** Bytes both ways. */
export function proxyTcpContract(test: TestFn, subject: ProxySubject): void {
  const scene = proxyScenes(test, subject);

  scene(
    '[ING-5] bytes go both ways, to an address and to a unix socket, and each half is closed by itself',
    async (t, { proxy }) => {
      const path = join(socketDirectory(t), 's');
      for (const at of [undefined, path]) {
        const port = await freePort();
        const { backend } = await tcpOrigin(
          t,
          (socket) => {
            socket.write('hello ');
            const chunks: Buffer[] = [];
            socket.on('data', (chunk: Buffer) => chunks.push(chunk));
            // Answers only once the client has closed its half.
            socket.on('end', () => socket.end(Buffer.concat([Buffer.from('got '), ...chunks])));
          },
          at,
        );
        await proxy.serve([listener('tcp', port, [route('r', backend)])]);
        const wire = await Wire.open(t, { host: '127.0.0.1', port });
        t.is(await wire.until('hello '), 'hello ');
        wire.write('\0\xff bytes');
        wire.end();
        t.is(await wire.untilClosed(), 'hello got \0\xff bytes');
      }
    },
  );

  scene('[ING-5] a provider that has closed its half goes on reading', async (t, { proxy }) => {
    const port = await freePort();
    const got = Promise.withResolvers<string>();
    const { backend } = await tcpOrigin(t, (socket) => {
      let text = '';
      socket.on('data', (data) => {
        text += data.toString();
      });
      socket.on('end', () => got.resolve(text));
      socket.end('bye');
    });
    await proxy.serve([listener('tcp', port, [route('r', backend)])]);
    const wire = await Wire.open(t, { host: '127.0.0.1', port });
    t.is(await wire.untilClosed(), 'bye');
    wire.write('after');
    wire.write('wards');
    wire.end();
    t.is(await got.promise, 'afterwards');
  });

  scene(
    '[ING-5] what is sent at once, before a provider says anything, arrives whole',
    async (t, { proxy }) => {
      const port = await freePort();
      const { backend } = await tcpOrigin(t, (socket) => {
        let size = 0;
        socket.on('data', (chunk) => {
          size += chunk.length;
        });
        socket.on('end', () => socket.end(`${size}`));
      });
      await proxy.serve([listener('tcp', port, [route('r', backend)])]);
      const wire = await Wire.open(t, { host: '127.0.0.1', port });
      wire.write('x'.repeat(10_000_000));
      wire.end();
      t.is(await wire.untilClosed(), '10000000');
    },
  );

  scene('[ING-5] a provider that is not there ends the connection at once', async (t, { proxy }) => {
    const [first, second] = [await freePort(), await freePort()];
    const gone = { type: 'socket', path: join(socketDirectory(t), 'none') } as const;
    await proxy.serve([
      listener('tcp', first, [route('dead', await deadBackend())]),
      listener('tcp', second, [route('gone', gone)]),
    ]);
    const beganAt = performance.now();
    for (const port of [first, second]) t.is(await exchange(t, port, ''), '');
    t.true(performance.now() - beganAt < 1500);
  });

  scene(
    '[ING-5] a provider that breaks off takes its own connections along, and nobody else',
    async (t, { proxy }) => {
      const [first, second] = [await freePort(), await freePort()];
      const breaking = await tcpOrigin(t, (socket) => socket.write('x'));
      const other = await tcpOrigin(t, (socket) => socket.pipe(socket));
      await proxy.serve([
        listener('tcp', first, [route('breaking', breaking.backend)]),
        listener('tcp', second, [route('other', other.backend)]),
      ]);
      const wire = await Wire.open(t, { host: '127.0.0.1', port: first });
      const kept = await Wire.open(t, { host: '127.0.0.1', port: second });
      await wire.until('x');
      await breaking.stop();
      await wire.untilClosed();
      kept.write('still');
      t.is(await kept.until('still'), 'still');
    },
  );

  scene(
    '[LINK-11] [ING-10] a provider that makes its socket anew is reached without anything being done',
    async (t, { proxy }) => {
      const port = await freePort();
      const path = join(socketDirectory(t), 's');
      const first = await tcpOrigin(t, (socket) => socket.end('first'), path);
      await proxy.serve([listener('tcp', port, [route('r', first.backend)])]);
      t.is(await exchange(t, port, ''), 'first');
      const before = await proxy.observe();
      await first.stop();
      t.is(await exchange(t, port, ''), '');
      await tcpOrigin(t, (socket) => socket.end('second'), path);
      t.is(await exchange(t, port, ''), 'second');
      t.deepEqual(await proxy.observe(), before);
    },
  );

  scene('[ING-2] IPv6 and IPv4 are bound each by itself', async (t, { proxy }) => {
    const port = await freePort();
    const [six, four] = [
      await tcpOrigin(t, (socket) => socket.end('six')),
      await tcpOrigin(t, (socket) => socket.end('four')),
    ];
    await proxy.serve([
      listener('tcp', port, [route('six', six.backend)], ['::']),
      listener('tcp', port, [route('four', four.backend)], ['127.0.0.1']),
    ]);
    const said = async (host: string) => {
      const wire = await Wire.open(t, { host, port });
      return wire.untilClosed();
    };
    t.is(await said('::1'), 'six');
    t.is(await said('127.0.0.1'), 'four');
    t.true(await isRefused(port, '127.0.0.2'), 'every IPv6 address is no IPv4 address');
    await proxy.serve([listener('tcp', port, [route('six', six.backend)], ['::1'])]);
    t.is(await said('::1'), 'six');
    t.true(await isRefused(port, '127.0.0.1'));
  });

  scene(
    '[ING-2] a listener at one address and one at every address share a port: the nearest serves',
    async (t, { proxy }) => {
      const port = await freePort();
      const [all, own] = [
        await tcpOrigin(t, (socket) => socket.end('all')),
        await tcpOrigin(t, (socket) => socket.end('own')),
      ];
      const everywhere = listener('tcp', port, [route('all', all.backend)], ['0.0.0.0', '::']);
      const here = listener('tcp', port, [route('own', own.backend)], ['127.0.0.9']);
      const said = async (host: string) => {
        const wire = await Wire.open(t, { host, port });
        return wire.untilClosed();
      };
      for (const listeners of [[everywhere, here], [everywhere], [here, everywhere]]) {
        await proxy.serve(listeners);
        const expected = listeners.includes(here) ? 'own' : 'all';
        for (let count = 0; count < 5; count += 1) t.is(await said('127.0.0.9'), expected);
        t.is(await said('127.0.0.1'), 'all');
        t.is(await said('::1'), 'all');
      }
    },
  );
}
