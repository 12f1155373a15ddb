import test from 'ava';
import {
  ConfigurationMaker,
  type ConfigurationSettings,
} from '../../../../adapters/proxy/haproxy/configuration.ts';
import { usualTimeouts } from '../../../../adapters/proxy/haproxy/haproxy.ts';
import { noSlots } from '../../../../adapters/proxy/haproxy/link-slots.ts';
import {
  readCounts,
  readMasterReport,
  readWorkerReport,
} from '../../../../adapters/proxy/haproxy/process-reports.ts';
import { named } from '../../../../adapters/proxy/haproxy/proxy-names.ts';
import { misleadingKeys, retiredBy } from '../../../../adapters/proxy/haproxy/retirement.ts';
import {
  routeCommands,
  routeFile,
  routeMapOf,
  servedCommand,
  servedQuestion,
} from '../../../../adapters/proxy/haproxy/route-map.ts';
import { startFailure } from '../../../../adapters/proxy/haproxy/start-failure.ts';
import { ProxyError, type ProxyListener, type ProxyRoute } from '../../../../adapters/proxy/proxy.ts';
import { listener, route } from '../../../contract/proxy-stage.ts';

const settings: ConfigurationSettings = {
  commandSocket: '/r/worker',
  routesFile: '/r/routes',
  linkDirectory: '/r/at',
  filterFile: '/r/filter',
  timeouts: usualTimeouts,
  descriptorLimit: 1000,
};
const address = { type: 'address', address: '10.0.0.2', port: 8080 } as const;
const render = (...listeners: readonly ProxyListener[]) =>
  new ConfigurationMaker(settings).make({ listeners, slots: noSlots });

/** Sections and directives of a configuration, by their first word. */
function counted(text: string): Readonly<Record<string, number>> {
  const words = text.split('\n').map((line) => line.trim().split(' ')[0] ?? '');
  const wanted = ['global', 'frontend', 'backend', 'listen', 'bind', 'server', 'use_backend'];
  return Object.fromEntries(wanted.map((word) => [word, words.filter((one) => one === word).length]));
}

const hostileNames = [
  'a\nglobal\n  daemon',
  'backend x',
  `'"\\ #`,
  ['$', '{HOME}'].join(''),
  '%[env(HOME)]',
  'é'.repeat(4096),
  '',
];

test('[LINK-11] whatever rules and listeners are called, there is one section for each and nothing else', (t) => {
  const plain = (names: readonly string[]) =>
    render(
      ...names.map((name, index) => ({
        ...listener(
          index % 2 === 0 ? 'http' : 'tcp',
          1000 + index,
          [route(name, address)],
          ['10.0.0.1', '::1'],
        ),
        name,
      })),
    );
  const hostile = plain(hostileNames);
  t.deepEqual(counted(hostile.text), counted(plain(hostileNames.map((_, index) => `name${index}`)).text));
  t.like(counted(hostile.text), { global: 1, frontend: 4, listen: 3, backend: 4, bind: 14, server: 7 });
  t.regex(hostile.text, /^[\x20-\x7e\n]*$/);
  t.regex(routeFile(['d'], hostile.routes), /^served d\n(l[0-9a-f]{24}:\/ r[0-9a-f]{24}\/0\n){4}$/);
});

const refusedListeners: readonly (readonly [what: string, refused: ProxyListener, said: RegExp])[] = [
  ['an address that is none', listener('http', 80, [], ['a.example']), /'a.example'; expected an IPv4/],
  ['an address with options behind it', listener('http', 80, [], ['1.2.3.4 ssl']), /expected an IPv4/],
  ['port 0', listener('http', 0, []), /port 0; expected/],
  ['a port beyond all ports', listener('http', 65_536, []), /port 65536/],
  ['tcp without a backend', listener('tcp', 80, [route('r', null)]), /expected one with a backend/],
  ['tcp without a route', listener('tcp', 80, []), /0 routes/],
  ['tcp with two routes', listener('tcp', 80, [route('r', address), route('s', address)]), /2 routes/],
  ['a relative path', listener('tcp', 80, [route('r', { type: 'socket', path: 'x' })]), /absolute/],
  [
    'a path with a variable',
    listener('tcp', 80, [route('r', { type: 'socket', path: '/$A' })]),
    /without \$/,
  ],
  [
    'a path with a line feed',
    listener('tcp', 80, [route('r', { type: 'socket', path: '/a\nb' })]),
    /controls/,
  ],
  [
    'a path that is too long',
    listener('tcp', 80, [route('r', { type: 'socket', path: `/${'a'.repeat(107)}` })]),
    /longer than 107/,
  ],
  [
    'a backend that is no address',
    listener('http', 80, [route('r', { type: 'address', address: 'db', port: 1 })]),
    /leads to 'db'/,
  ],
  ['a host with a space', listener('http', 80, [route('r', address, { host: 'a b' })]), /the host "a b"/],
  ['a path with a space', listener('http', 80, [route('r', address, { path: '/a b' })]), /the path "\/a b"/],
];

for (const [what, refused, said] of refusedListeners) {
  test(`what the syntax can't carry is refused, with the listener: ${what}`, (t) => {
    const error = t.throws(() => render(refused), { instanceOf: ProxyError, message: said }) as ProxyError;
    t.is(error.code, 'ProxyConfigurationRefused');
    t.is(error.listener, refused.name);
  });
}

test('a path of a socket stays one word, whatever is in it', (t) => {
  const path = `/a 'b"c\\d#e`;
  const { text } = render(listener('tcp', 80, [route('r', { type: 'socket', path })]));
  t.true(text.includes(`  server s 'unix@/a '\\''b"c\\d#e'\n`), text);
});

test('[ING-2] every address is bound by itself, IPv6 without IPv4', (t) => {
  const { text } = render(
    listener('http', 80, [], ['0.0.0.0', '::']),
    listener('tcp', 81, [route('r', address)], ['::1']),
  );
  t.deepEqual(text.match(/ {2}bind .*/g), [
    '  bind ipv4@0.0.0.0:80 proto h1',
    '  bind ipv6@:::80 v6only proto h1',
    '  bind ipv6@::1:81 v6only',
  ]);
});

test('the digest names all that is served, and how: it is the same for the same, and another for another', (t) => {
  const one = listener('http', 80, [route('r', address)]);
  const digest = render(one).digest;
  t.is(render(structuredClone(one)).digest, digest);
  t.true(render(one).text.includes(`description ${render(one).structure}\n`));
  const others = [
    { ...one, port: 81 },
    { ...one, addresses: ['::1'] },
    listener('http', 80, [route('r', address, { path: '/x' })]),
    listener('http', 80, [route('r', address, { host: 'x' })]),
    listener('http', 80, [route('r', null)]),
    listener('http', 80, [route('r', { ...address, port: 1 })]),
  ].map((other) => render(other).digest);
  t.is(new Set([digest, ...others]).size, 7);
  const slower = { ...settings, timeouts: { ...usualTimeouts, answerMs: 1 } };
  t.not(new ConfigurationMaker(slower).make({ listeners: [one], slots: noSlots }).digest, digest);
});

test('a thousand routes have a line each in the map, and their prefixes are taken off by a few shared rules', (t) => {
  const routes = Array.from({ length: 1000 }, (_, index) =>
    route(`r${index}`, address, { path: `/${index}` }),
  );
  const { text, routes: map } = render(listener('http', 80, routes));
  t.is(map.size, 1000);
  t.is(text.match(/set-path/g)?.length, 4);
});

test('[ING-10] what is retired is what is there no more, or leads elsewhere', (t) => {
  const web = listener('http', 80, [
    route('a', address, { path: '/a' }),
    route('b', address, { path: '/b' }),
  ]);
  const raw = listener('tcp', 81, [route('r', address)]);
  const [a, b] = web.routes;
  if (a === undefined || b === undefined) throw new Error('two routes');
  const elsewhere = { ...b, backend: { ...address, port: 1 } };
  const retired = (...after: readonly ProxyListener[]) => [
    retiredBy(named([web, raw], []), named(after, [])).size,
    misleadingKeys(routeMapOf(named([web, raw], [])), routeMapOf(named(after, []))).length,
  ];
  t.deepEqual(retired(web, raw), [0, 0]);
  t.deepEqual(
    retired({ ...web, addresses: ['::1'] }, raw, listener('tcp', 82, [route('new', address)])),
    [0, 0],
  );
  t.deepEqual(retired({ ...web, routes: [b, a] }, raw), [0, 0]);
  t.deepEqual(retired({ ...web, routes: [a] }, raw), [1, 1]);
  t.deepEqual(retired({ ...web, routes: [a, elsewhere] }, raw), [1, 1]);
  t.deepEqual(retired({ ...web, routes: [a, { ...b, path: '/c' }] }, raw), [0, 1]);
  t.deepEqual(retired({ ...web, routes: [a, { ...b, keepPrefix: true }] }, raw), [0, 1]);
  t.deepEqual(retired(web), [1, 0]);
  t.deepEqual(retired(raw), [3, 2]);
});

const moves: readonly (readonly [what: string, change: Partial<ProxyRoute>, isStructure: boolean])[] = [
  ['another path', { path: '/x/y' }, false],
  ['a path of more segments', { path: '/a/b/c/d/e' }, true],
  ['another host', { host: 'a.example' }, false],
  ['a wildcard', { host: '*.a.example' }, true],
  ['the prefix kept', { keepPrefix: true }, false],
  ['another address', { backend: { type: 'address', address: '10.0.0.3', port: 8080 } }, true],
  ['no backend', { backend: null }, true],
  ['another rule', { rule: 'other' }, true],
];

for (const [what, change, isStructure] of moves) {
  const how = isStructure ? 'takes another text' : 'is a change of the routes alone';
  test(`[ING-10] a route that comes to have ${what} ${how}`, (t) => {
    const one = route('r', address, { path: '/x' });
    const [before, after] = [one, { ...one, ...change }].map((each) =>
      render(listener('http', 80, [route('other one', address), each])),
    );
    t.is(before?.structure === after?.structure, !isStructure);
    t.is(before?.text === after?.text, !isStructure);
    t.not(before?.digest, after?.digest);
  });
}

test('[ING-10] routes of a process become others step by step, what is new first, and only those that differ', (t) => {
  const before = new Map([
    ['l:/gone/', 'r1/1'],
    ['l:/k;e p\\/', 'r2/1'],
    ['l:/', 'r3/0'],
  ]);
  const after = new Map([
    ['l:/k;e p\\/', 'r1/1'],
    ['l:/new/', 'r2/1'],
    ['l:/', 'r3/0'],
  ]);
  t.deepEqual(routeCommands('/a b/routes', before, after), [
    'add map /a\\ b/routes l:/new/ r2/1',
    'set map /a\\ b/routes l:/k\\;e\\ p\\\\/ r1/1',
    'del map /a\\ b/routes l:/gone/',
  ]);
  t.is(servedCommand('/a b/routes', ['a1', 'b2']), 'set map /a\\ b/routes served a1/b2');
  t.is(servedQuestion('/a b/routes'), 'get map /a\\ b/routes served');
});

test('what processes say of themselves is read, and anything else is nothing', (t) => {
  const digest = 'ab'.repeat(32);
  const info = `Name: HAProxy\nPid: 42\ndescription: ${digest}\nStopping: 1\n`;
  t.deepEqual(readWorkerReport(info), { pid: 42, structure: digest, served: [], isDraining: true });
  const served = (value: string) =>
    readWorkerReport(
      `${info}\ntype=beg, case=sensitive, found=yes, key="served", value="${value}", type="str"\n`,
    )?.served;
  t.deepEqual(served('ab12'), ['ab12']);
  t.deepEqual(served('ab12/cd34'), ['ab12', 'cd34']);
  t.is(readWorkerReport('Name: HAProxy\nPid: 42\n'), null);
  const said =
    '#<PID>          <type>          <reloads>       <uptime>        <version>\n' +
    '10              master          5 [failed: 2]   0d00h00m02s     2.6.12\n' +
    '# workers\n12              worker          0               0d00h00m00s     2.6.12\n' +
    '# old workers\n11              worker          1               0d00h00m00s     2.6.12\n# programs\n';
  t.deepEqual(readMasterReport(said), { reloads: 5, failures: 2, worker: 12, draining: [11] });
  t.is(readMasterReport('Unknown command\n'), null);
  const { carried, open } = readCounts(
    '# pxname,svname,scur,stot,bin,bout,\nlinks,u7,2,9,0,0,\nu7,BACKEND,1,3,40,50,\n\n',
  );
  t.deepEqual([...carried], [['u7', { connections: 3, bytesIn: 40, bytesOut: 50 }]]);
  t.deepEqual([...open], [['u7', 2]]);
});

test('[ENG-8] why HAProxy could not start is read from what it said', (t) => {
  const taken = listener('tcp', 81, [route('r', address)]);
  const section = /listen (r[0-9a-f]+)/.exec(render(taken).text)?.[1];
  const alert = (reason: string) =>
    `[NOTICE]   (1) : x\n[ALERT]    (1) : Binding [/r/haproxy.cfg:98] for proxy ${section}: cannot bind socket (${reason}) for [127.0.0.1:81]\n`;
  for (const [reason, code] of [
    ['Address already in use', 'PortTaken'],
    ['Cannot assign requested address', 'AddressNotHere'],
    ['Permission denied', 'PortForbidden'],
  ] as const) {
    const error = startFailure(alert(reason), named([taken], []));
    t.like(error, { code, listener: taken.name });
    t.is(error.log.length, 1);
  }
  t.like(startFailure('[ALERT] (1) : config : parsing [x:1] : unknown keyword', named([taken], [])), {
    code: 'ProxyConfigurationRefused',
    listener: null,
  });
  t.like(startFailure('', named([taken], [])), { code: 'ProxyFailed', listener: null });
});
