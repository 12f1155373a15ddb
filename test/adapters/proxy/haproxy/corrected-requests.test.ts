import test from 'ava';
import {
  exchange,
  freePort,
  listener,
  proxyScenes,
  route,
  statusOf,
  tcpOrigin,
} from '../../../contract/proxy-stage.ts';
import { haproxySubject, isInstalled } from './haproxy-world.ts';

interface Corrected {
  readonly what: string;
  readonly sent: string;
  /** What the provider gets, but for the headers that are ours; null: nothing, it is refused. */
  readonly got: string | null;
}

const post = 'POST / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n';
const chunked = 'POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n';

/**
 * What the parser of HAProxy 2.6 neither refuses nor passes on as it is, before any rule of ours sees it: a provider gets one reading of it.
 * Pinned, so that a version that does otherwise is noticed.
 */
const cases: readonly Corrected[] = [
  {
    what: 'a length beside chunks is dropped, and what follows is not read',
    sent: `${post}Content-Length: 6\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n`,
    got: `${chunked}0\r\n\r\n`,
  },
  {
    what: 'chunks that are ended by bare line feeds are ended properly',
    sent: `${post}Transfer-Encoding: chunked\r\n\r\n3\nabc\n0\n\n`,
    got: `${chunked}3\r\nabc\r\n0\r\n\r\n`,
  },
  {
    what: 'a last chunk that is ended by a bare line feed ends the request',
    sent: `${post}Transfer-Encoding: chunked\r\n\r\n0\n\r\n`,
    got: `${chunked}0\r\n\r\n`,
  },
  {
    what: 'extensions of chunks are dropped',
    sent: `${post}Transfer-Encoding: chunked\r\n\r\n3;a=b\r\nabc\r\n0\r\n\r\n`,
    got: `${chunked}3\r\nabc\r\n0\r\n\r\n`,
  },
  {
    what: 'header lines that are ended by bare line feeds are ended properly',
    sent: 'GET / HTTP/1.1\nHost: a\nConnection: close\nX-A: b\n\n',
    got: 'GET / HTTP/1.1\r\nhost: a\r\nx-a: b\r\n\r\n',
  },
  {
    what: 'a folded header is unfolded',
    sent: 'GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\nX-A: b\r\n c\r\n\r\n',
    got: 'GET / HTTP/1.1\r\nhost: a\r\nx-a: b   c\r\n\r\n',
  },
  {
    what: 'the same host twice is one',
    sent: 'GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\nConnection: close\r\n\r\n',
    got: 'GET / HTTP/1.1\r\nhost: a\r\n\r\n',
  },
  {
    what: 'the same length twice is one',
    sent: `${post}Content-Length: 3\r\nContent-Length: 3, 3\r\n\r\nabc`,
    got: 'POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 3\r\n\r\nabc',
  },
  {
    what: 'chunks of HTTP/1.0 are refused',
    sent: 'POST / HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
    got: null,
  },
  { what: 'a version to come is refused', sent: 'GET / HTTP/1.2\r\nHost: a\r\n\r\n', got: null },
  { what: 'a fragment is refused', sent: 'GET /a#b HTTP/1.1\r\nHost: a\r\n\r\n', got: null },
  {
    what: 'a name that is spelled in two ways is refused',
    sent: 'GET http://b/ HTTP/1.1\r\nHost: a\r\n\r\n',
    got: null,
  },
  {
    what: 'a PROXY header is refused',
    sent: 'PROXY TCP4 6.6.6.6 127.0.0.1 1 2\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n',
    got: null,
  },
  {
    what: 'a chunk of a size beyond all numbers is refused',
    sent: `${post}Transfer-Encoding: chunked\r\n\r\nffffffffffffffffff\r\nabc\r\n0\r\n\r\n`,
    got: null,
  },
];

const scene = proxyScenes(test, haproxySubject);

for (const { what, sent, got } of isInstalled ? cases : []) {
  scene(
    `of a request that is not as it should be, a provider gets one reading: ${what}`,
    async (t, { proxy }) => {
      const port = await freePort();
      let reached = '';
      const { backend } = await tcpOrigin(t, (socket) =>
        socket.on('data', (data) => {
          reached += data.toString('latin1');
          if (!/POST/.test(reached) || /\r\n0\r\n\r\n|\r\n\r\nabc$/.test(reached)) {
            socket.end('HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n');
          }
        }),
      );
      await proxy.serve([listener('http', port, [route('r', backend)])]);
      const status = statusOf(await exchange(t, port, sent));
      t.is(status, got === null ? 400 : 200);
      t.is(reached.replace(/x-forwarded-\w+: .*\r\n/g, ''), got ?? '');
    },
  );
}

if (!isInstalled) test.skip('haproxy is not installed here', () => undefined);
