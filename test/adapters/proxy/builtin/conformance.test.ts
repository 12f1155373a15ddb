import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import anyTest, { type TestFn } from 'ava';
import { createBuiltinProxy } from '../../../../adapters/proxy/builtin/builtin-proxy.ts';
import type { Proxy as DataPlane } from '../../../../adapters/proxy/proxy.ts';
import { systemClock } from '../../../../controller/clock.ts';
import { exchange, freePort, listener, route, statusOf, tcpOrigin } from '../../../contract/proxy-stage.ts';

/**
 * Malformed and odd requests as bytes. Whatever comes, the provider gets one request that can be read in one way only, or none.
 */
interface Case {
  readonly title: string;
  readonly bytes: string;
  /** 200 is the provider's. */
  readonly status: number;
  /** The request line that the provider gets; absent: it gets nothing. */
  readonly arrives?: string;
  /** What else it has to have got, and must not have got. */
  readonly has?: RegExp;
  readonly lacks?: RegExp;
}

const get = (target: string, fields = ''): string =>
  `GET ${target} HTTP/1.1\r\nHost: a.example\r\n${fields}\r\n`;
const post = (fields: string, content: string): string =>
  `POST /p HTTP/1.1\r\nHost: a.example\r\n${fields}\r\n${content}`;
/** What follows on the same connection; a refused request is the last one there. */
const second = get('/second', 'Connection: close\r\n');
const chunked = 'Transfer-Encoding: chunked\r\n';

const refused = (status: number, title: string, bytes: string): Case => ({ title, bytes, status });
const served = (title: string, bytes: string, arrives: string, more: Partial<Case> = {}): Case => ({
  title,
  bytes,
  status: 200,
  arrives,
  ...more,
});

const startLines: readonly Case[] = [
  refused(400, 'a bare LF after the request line', 'GET / HTTP/1.1\nHost: a\n\n'),
  refused(400, 'a tab in the request line', 'GET\t/\tHTTP/1.1\r\nHost: a\r\n\r\n'),
  refused(400, 'a method in lower case', 'get / HTTP/1.1\r\nHost: a\r\n\r\n'),
  refused(400, 'a method that is none', 'G@T / HTTP/1.1\r\nHost: a\r\n\r\n'),
  refused(400, 'HTTP/0.9', 'GET /\r\n\r\n'),
  refused(400, 'HTTP/1.2', 'GET / HTTP/1.2\r\nHost: a\r\n\r\n'),
  refused(505, 'HTTP/2.0 in the words of HTTP/1.1', 'GET / HTTP/2.0\r\nHost: a\r\n\r\n'),
  refused(400, 'the preface of HTTP/2', 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'),
  refused(400, 'a handshake of TLS', '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03'),
  refused(400, 'the PROXY protocol', `PROXY TCP4 6.6.6.6 6.6.6.6 1 2\r\n${get('/')}`),
  refused(405, 'CONNECT', 'CONNECT a.example:443 HTTP/1.1\r\nHost: a.example:443\r\n\r\n'),
  refused(405, 'TRACE', 'TRACE / HTTP/1.1\r\nHost: a\r\n\r\n'),
  served('two spaces before a target', 'GET  /x HTTP/1.1\r\nHost: a\r\n\r\n', 'GET /x HTTP/1.1'),
  served('empty lines before a request', `\r\n\r\n${get('/x')}`, 'GET /x HTTP/1.1'),
];

const targets: readonly Case[] = [
  refused(400, 'a target that is no path', get('x')),
  refused(400, 'a target *', 'OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n'),
  refused(400, 'a NUL in the path', get('/a\0b')),
  refused(400, 'an encoded NUL in the path', get('/a%00b')),
  refused(400, 'a byte above ASCII in the path', get('/\xff')),
  refused(400, 'a control byte in the path', get('/a\x01b')),
  refused(400, 'a space in the path', get('/a b')),
  refused(400, 'a fragment', get('/a#b')),
  refused(400, 'a backslash', get('/a\\..\\b')),
  refused(400, 'a broken percent-encoding', get('/a%2')),
  refused(400, 'a segment ..', get('/web/../x')),
  refused(400, 'a segment .', get('/web/./x')),
  refused(400, 'an encoded segment ..', get('/web/%2e%2E/x')),
  refused(400, 'a half encoded segment .. at the end', get('/web/.%2e')),
  refused(400, 'a segment .. between encoded slashes', get('/web%2f..%2fx')),
  refused(400, 'a segment .. between encoded backslashes', get('/web%5c..%5cx')),
  refused(400, 'a segment .. with parameters', get('/web/..;a=b/x')),
  refused(400, 'a target with a user', 'GET http://u@a.example/ HTTP/1.1\r\nHost: a.example\r\n\r\n'),
  refused(400, 'a target of another scheme', 'GET ftp://a.example/ HTTP/1.1\r\nHost: a.example\r\n\r\n'),
  refused(431, 'a target of 100 kB', get(`/${'a'.repeat(100_000)}`)),
  served('dots that are no segment', get('/..a/b../.c/...?x=/../y'), 'GET /..a/b../.c/...?x=/../y HTTP/1.1'),
  served(
    'an absolute target counts, and Host does not',
    'GET http://b.example/x?y HTTP/1.1\r\nHost: a.example\r\n\r\n',
    'GET /x?y HTTP/1.1',
    { has: /\r\nhost: b\.example\r\n/i, lacks: /a\.example/ },
  ),
];

const hosts: readonly Case[] = [
  refused(400, 'no Host', 'GET / HTTP/1.1\r\n\r\n'),
  refused(400, 'an empty Host', 'GET / HTTP/1.1\r\nHost:\r\n\r\n'),
  refused(400, 'two Hosts', 'GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n'),
  refused(400, 'the same Host twice', 'GET / HTTP/1.1\r\nHost: a\r\nhost: a\r\n\r\n'),
  refused(400, 'a Host with a list', 'GET / HTTP/1.1\r\nHost: a, b\r\n\r\n'),
  refused(400, 'a Host with a user', 'GET / HTTP/1.1\r\nHost: u@a\r\n\r\n'),
  refused(400, 'a Host with a path', 'GET / HTTP/1.1\r\nHost: a/b\r\n\r\n'),
  refused(400, 'a Host with a port that is none', 'GET / HTTP/1.1\r\nHost: a:80x\r\n\r\n'),
  refused(400, 'two Hosts beside an absolute target', 'GET http://c/ HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n'),
  served('HTTP/1.0 without Host', 'GET /old HTTP/1.0\r\n\r\n', 'GET /old HTTP/1.1', {
    has: /\r\nhost: 127\.0\.0\.1:\d+\r\n/i,
  }),
];

const fields: readonly Case[] = [
  refused(400, 'a bare LF after a header', 'GET / HTTP/1.1\r\nHost: a\nX: y\r\n\r\n'),
  refused(400, 'a folded header', get('/', 'X: y\r\n z\r\n')),
  refused(400, 'a space before the colon', get('/', 'X : y\r\n')),
  refused(400, 'a space before the first header', 'GET / HTTP/1.1\r\n Host: a\r\n\r\n'),
  refused(400, 'a header without a name', get('/', ': y\r\n')),
  refused(400, 'a header without a colon', get('/', 'nonsense\r\n')),
  refused(400, 'a name with brackets', get('/', 'X[]: y\r\n')),
  refused(400, 'a NUL in a value', get('/', 'X: a\0b\r\n')),
  refused(400, 'a CR in a value', get('/', 'X: a\rb\r\n')),
  refused(431, 'a header of 100 kB', get('/', `X: ${'a'.repeat(100_000)}\r\n`)),
  refused(431, 'three hundred headers', get('/', 'X: y\r\n'.repeat(300))),
  refused(417, 'an expectation of another kind', get('/', 'Expect: 200-ok\r\n')),
  served(
    'headers that Connection names are the connection’s',
    get('/x', 'Connection: X-Secret, keep-alive\r\nX-Secret: s\r\nX-Open: o\r\nKeep-Alive: 5\r\n'),
    'GET /x HTTP/1.1',
    { has: /X-Open: o/, lacks: /secret|keep-alive: 5/i },
  ),
  served(
    'Connection can not take Host or the length away',
    post('Connection: host, content-length\r\nContent-Length: 3\r\n', 'abc'),
    'POST /p HTTP/1.1',
    { has: /host: a\.example[\s\S]*content-length: 3\r\n[\s\S]*\r\n\r\nabc$/i },
  ),
  served(
    'an upgrade to h2c is not passed on',
    get('/x', 'Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABk\r\n'),
    'GET /x HTTP/1.1',
    { lacks: /upgrade|http2-settings/i },
  ),
  served(
    'forged headers about the client are replaced',
    get(
      '/x',
      'X-Forwarded-For: 6.6.6.6\r\nX_Forwarded_For: 6.6.6.6\r\nX-Forwarded-Port: 6\r\nX-PV-Role: 6\r\nForwarded: for=6\r\n',
    ),
    'GET /x HTTP/1.1',
    { has: /x-forwarded-for: 127\.0\.0\.1\r\n/i, lacks: /: (?:for=)?6/ },
  ),
  refused(
    400,
    'a request for a WebSocket with content',
    get('/', 'Connection: Upgrade\r\nUpgrade: websocket\r\nContent-Length: 3\r\n'),
  ),
];

const framing: readonly Case[] = [
  refused(400, 'a length and a coding', post(`Content-Length: 5\r\n${chunked}`, '0\r\n\r\n')),
  refused(400, 'a coding and a length', post(`${chunked}Content-Length: 5\r\n`, '0\r\n\r\n')),
  refused(400, 'two lengths', post('Content-Length: 3\r\nContent-Length: 4\r\n', 'abcd')),
  refused(400, 'the same length twice', post('Content-Length: 3\r\nContent-Length: 3\r\n', 'abc')),
  refused(400, 'a list of lengths', post('Content-Length: 3, 3\r\n', 'abc')),
  refused(400, 'a length with a sign', post('Content-Length: +3\r\n', 'abc')),
  refused(400, 'a negative length', post('Content-Length: -1\r\n', '')),
  refused(400, 'a length in hexadecimal', post('Content-Length: 0x3\r\n', 'abc')),
  refused(400, 'a length that no number holds', post('Content-Length: 99999999999999999999999\r\n', 'abc')),
  refused(400, 'an empty length', post('Content-Length: \r\n', '')),
  refused(400, 'a coding in quotes', post('Transfer-Encoding: "chunked"\r\n', '0\r\n\r\n')),
  refused(400, 'a coding that only ends in chunked', post('Transfer-Encoding: xchunked\r\n', '0\r\n\r\n')),
  refused(400, 'chunked twice', post(`${chunked}${chunked}`, '0\r\n\r\n')),
  refused(400, 'chunked that is not last', post('Transfer-Encoding: chunked, identity\r\n', '0\r\n\r\n')),
  refused(400, 'two codings', post('Transfer-Encoding: gzip, chunked\r\n', '0\r\n\r\n')),
  refused(400, 'a coding after a vertical tab', post('Transfer-Encoding: \x0bchunked\r\n', '0\r\n\r\n')),
  refused(400, 'a coding in HTTP/1.0', `POST / HTTP/1.0\r\nHost: a\r\n${chunked}\r\n0\r\n\r\n`),
  served(
    'chunk extensions are not passed on',
    post(chunked, '3;a="b"\r\nabc\r\n0\r\n\r\n'),
    'POST /p HTTP/1.1',
    { has: /\r\n3\r\nabc\r\n0\r\n\r\n$/, lacks: /a="b"/ },
  ),
  served(
    'a trailer can not be what a head is about',
    post(chunked, '3\r\nabc\r\n0\r\nHost: evil\r\nX-Forwarded-For: 6\r\nX-Sum: 7\r\n\r\n'),
    'POST /p HTTP/1.1',
    { has: /0\r\nX-Sum: 7\r\n\r\n$/, lacks: /evil|: 6/ },
  ),
  served('content of a GET', get('/x', 'Content-Length: 3\r\n').concat('abc'), 'GET /x HTTP/1.1', {
    has: /content-length: 3\r\n[\s\S]*\r\n\r\nabc$/i,
  }),
];

/** Broken after the head: a provider may have got a beginning, but never an end. */
const brokenContents: readonly (readonly [title: string, content: string])[] = [
  ['a chunk that ends with a bare LF', '0\n\n'],
  ['a chunk size with a space', '3 \r\nabc\r\n0\r\n\r\n'],
  ['a chunk size with a prefix', '0x3\r\nabc\r\n0\r\n\r\n'],
  ['a chunk size with a sign', '+3\r\nabc\r\n0\r\n\r\n'],
  ['a chunk that is longer than it says', '3\r\nabcd\r\n0\r\n\r\n'],
  ['a chunk size that no number holds', 'fffffffffffffffff\r\nabc\r\n0\r\n\r\n'],
  ['a bare LF in a chunk extension', '3;a\nb\r\nabc\r\n0\r\n\r\n'],
];

interface World {
  readonly root: string;
  readonly proxy: DataPlane;
}

const test = anyTest as TestFn<World>;

test.before((t) => {
  const root = mkdtempSync(join(tmpdir(), 'holdfast-conformance-'));
  t.context = { root, proxy: createBuiltinProxy({ root, after: systemClock().after }) };
});

test.after.always(async (t) => {
  await t.context.proxy.serve([]);
  t.context.proxy.close();
  rmSync(t.context.root, { recursive: true });
});

/** All bytes that a provider has got, on each of its connections. */
type Recorded = readonly { text: string }[];

test.serial('[ING-6] of odd requests the provider gets one meaning, or nothing', async (t) => {
  const recorded: { text: string }[] = [];
  const { backend } = await tcpOrigin(t, (socket) => {
    const record = { text: '' };
    recorded.push(record);
    socket.on('data', (data) => {
      record.text += data.toString('latin1');
      if (isWhole(record.text))
        socket.end('HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n');
    });
  });
  const port = await freePort();
  await t.context.proxy.serve([listener('http', port, [route('r', backend)])]);
  const cases = [...startLines, ...targets, ...hosts, ...fields, ...framing];
  t.true(cases.length + brokenContents.length >= 40);
  for (const { title, bytes, status, arrives, has, lacks } of cases) {
    recorded.length = 0;
    const text = await exchange(t, port, arrives === undefined ? bytes + second : closing(bytes));
    t.is(statusOf(text), status, `${title}: ${text}`);
    t.is(text.match(/HTTP\/1\.1 \d{3} /g)?.length, 1, `${title}: one answer, then the end`);
    t.deepEqual(requestLines(recorded), arrives === undefined ? [] : [arrives], title);
    const got = recorded[0]?.text ?? '';
    if (has !== undefined) t.regex(got, has, title);
    if (lacks !== undefined) t.notRegex(got, lacks, title);
  }
});

test.serial('[ING-6] content that breaks off or is malformed never has an end', async (t) => {
  const recorded: { text: string }[] = [];
  const { backend } = await tcpOrigin(t, (socket) => {
    const record = { text: '' };
    recorded.push(record);
    socket.on('data', (data) => {
      record.text += data.toString('latin1');
    });
    socket.on('end', () => socket.end());
  });
  const port = await freePort();
  await t.context.proxy.serve([listener('http', port, [route('r', backend)])]);
  for (const [title, content] of brokenContents) {
    recorded.length = 0;
    const text = await exchange(t, port, post(chunked, content) + second);
    t.true([0, 400].includes(statusOf(text)), `${title}: ${text}`);
    t.true(recorded.filter(({ text: got }) => got !== '').length <= 1, title);
    for (const record of recorded) t.false(isWhole(record.text), `${title}: ${record.text}`);
    t.false(requestLines(recorded).includes('GET /second HTTP/1.1'), title);
  }
});

const answers: readonly (readonly [title: string, bytes: string])[] = [
  [
    'a length and a coding',
    'HTTP/1.1 200 OK\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
  ],
  ['two lengths', 'HTTP/1.1 200 OK\r\nContent-Length: 3\r\nContent-Length: 5\r\n\r\nabcde'],
  ['a bare CR in a value', 'HTTP/1.1 200 OK\r\nX: a\rSet-Cookie: b\r\nContent-Length: 0\r\n\r\n'],
  ['a NUL in a value', 'HTTP/1.1 200 OK\r\nX: a\0b\r\nContent-Length: 0\r\n\r\n'],
  ['a folded header', 'HTTP/1.1 200 OK\r\nX: a\r\n b\r\nContent-Length: 0\r\n\r\n'],
  ['a space before the colon', 'HTTP/1.1 200 OK\r\nContent-Length : 0\r\n\r\n'],
  [
    'a switch that nobody asked for',
    'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n',
  ],
  ['a head of 100 kB', `HTTP/1.1 200 OK\r\nX: ${'a'.repeat(100_000)}\r\n\r\n`],
  ['no HTTP', 'SSH-2.0-OpenSSH_9\r\n'],
  ['nothing', ''],
];

test.serial('[ING-6] an answer that could be read in two ways is a 502', async (t) => {
  let answer = '';
  const { backend } = await tcpOrigin(t, (socket) => socket.once('data', () => socket.end(answer, 'latin1')));
  const port = await freePort();
  await t.context.proxy.serve([listener('http', port, [route('r', backend)])]);
  for (const [title, bytes] of answers) {
    answer = bytes;
    for (const asked of [get('/'), post('Content-Length: 3\r\n', 'abc')]) {
      const text = await exchange(t, port, closing(asked));
      t.is(statusOf(text), 502, `${title}: ${text}`);
      t.notRegex(text, /set-cookie/i, title);
    }
  }
});

/** The same request, with which its connection ends. */
function closing(bytes: string): string {
  return bytes.includes('HTTP/1.0') ? bytes : bytes.replace('\r\nHost:', '\r\nConnection: close\r\nHost:');
}

/** One whole request: its head, and as much content as it says. */
function isWhole(text: string): boolean {
  const [head = '', ...rest] = text.split('\r\n\r\n');
  if (rest.length === 0) return false;
  const content = rest.join('\r\n\r\n');
  if (/^transfer-encoding:/im.test(head)) return /(?:^|\r\n)0\r\n(?:[\s\S]*\r\n)?\r\n$/.test(content);
  return content.length >= Number(/^content-length: (\d+)/im.exec(head)?.[1] ?? 0);
}

function requestLines(recorded: Recorded): readonly string[] {
  return recorded.flatMap(({ text }) => text.match(/^[A-Z]+ \S+ HTTP\/1\.1$/gm) ?? []);
}
