import test from 'ava';
import { carriageOf, type Hands } from '../../../adapters/ingress/carriage.ts';
import type { Backend, ListenerSpec } from '../../../state/resource.ts';

const link = { bridge: 'hf-internal', subnet: '10.0.3.0/24' };
const inPool: Backend = { type: 'address', address: '10.0.3.2', port: 8443, link };
const onHost: Backend = { type: 'address', address: '127.0.0.1', port: 8443, link: null };
const socket: Backend = { type: 'socket', container: 'web', socket: '/run/web.sock' };

const hands: Hands = {
  kernel: true,
  ipv6: true,
  proxy: 'haproxy',
  pathOf: ({ container }) => `/run/sockets/${container}`,
};

function listener(
  type: ListenerSpec['type'],
  addresses: readonly string[],
  backend: Backend | null,
): ListenerSpec {
  const route = {
    rule: 'site',
    host: null,
    path: '',
    keepPrefix: false,
    provider: 'web',
    service: 's',
    backend,
  };
  return { type, addresses, port: 443, routes: [route] };
}

const any = ['0.0.0.0', '::'];

/** What each listener is carried by: who, at each address; addresses that the kernel forwards; addresses that the proxy binds. */
const table: readonly (readonly [
  title: string,
  spec: ListenerSpec,
  hands: Partial<Hands>,
  carriers: readonly string[],
  forwarded: readonly string[],
  proxied: readonly string[],
])[] = [
  [
    '[ING-9] tcp to an address of a pool: IPv4 by the kernel, IPv6 by the proxy',
    listener('tcp', any, inPool),
    {},
    ['kernel', 'haproxy'],
    ['0.0.0.0'],
    ['::'],
  ],
  [
    '[ING-9] tcp at one IPv4 address: by the kernel alone',
    listener('tcp', ['10.1.1.1'], inPool),
    {},
    ['kernel'],
    ['10.1.1.1'],
    [],
  ],
  ['[ING-4] tcp to a socket', listener('tcp', any, socket), {}, ['haproxy', 'haproxy'], [], any],
  [
    "[ING-4] tcp to a container in the host's network",
    listener('tcp', any, onHost),
    {},
    ['haproxy', 'haproxy'],
    [],
    any,
  ],
  ['[ING-6] http', listener('http', any, inPool), {}, ['haproxy', 'haproxy'], [], any],
  ['[ING-6] http that leads to nothing', listener('http', any, null), {}, ['haproxy', 'haproxy'], [], any],
  [
    '[POOL-5] tcp where nft does not work',
    listener('tcp', any, inPool),
    { kernel: false },
    ['haproxy', 'haproxy'],
    [],
    any,
  ],
  [
    '[ING-2] tcp on a host without IPv6',
    listener('tcp', any, inPool),
    { ipv6: false },
    ['kernel'],
    ['0.0.0.0'],
    [],
  ],
  [
    '[ING-6] http on a host without IPv6',
    listener('http', any, inPool),
    { ipv6: false, proxy: 'builtin' },
    ['builtin'],
    [],
    ['0.0.0.0'],
  ],
];

for (const [title, spec, less, carriers, forwarded, proxied] of table) {
  test(`${title} is carried by ${carriers.join(' and ')}`, (t) => {
    const carriage = carriageOf(':443', spec, { ...hands, ...less });
    t.deepEqual(carriage.carriers, carriers as never);
    t.deepEqual(
      carriage.forwards.map(({ address }) => address),
      forwarded,
    );
    t.deepEqual(carriage.proxied?.addresses ?? [], proxied);
    t.deepEqual(carriage.bridges, forwarded.length > 0 ? [link] : []);
  });
}

test('[ING-9] a forward leads from the listener to the address behind it, in the name of its rule', (t) => {
  const { forwards } = carriageOf(':443', listener('tcp', ['0.0.0.0'], inPool), hands);
  t.deepEqual(forwards, [
    { rule: 'site', address: '0.0.0.0', port: 443, toAddress: '10.0.3.2', toPort: 8443 },
  ]);
});

test('[ING-4] a socket is reached at the path of the host that is for it', (t) => {
  const carriage = carriageOf(':443', listener('http', any, socket), hands);
  t.deepEqual(carriage.sockets, [{ container: 'web', socket: '/run/web.sock' }]);
  t.deepEqual(carriage.proxied?.routes[0]?.backend, { type: 'socket', path: '/run/sockets/web' });
});

test('[POOL-5] what a listener does without on a host is said', (t) => {
  const spec = listener('tcp', any, inPool);
  t.deepEqual(carriageOf(':443', spec, hands).warnings, []);
  t.regex(carriageOf(':443', spec, { ...hands, kernel: false }).warnings[0] ?? '', /^nft does not work/);
  t.regex(carriageOf(':443', spec, { ...hands, ipv6: false }).warnings[0] ?? '', /no IPv6.*\[::\]:443/);
});
