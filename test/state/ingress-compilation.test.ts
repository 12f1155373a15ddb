import test from 'ava';
import type { Json, JsonObject } from '../../state/json.ts';
import { readServices } from '../../state/read-services.ts';
import type { ListenerSpec } from '../../state/resource.ts';
import type { DesiredStore } from '../../state/store.ts';
import { deviceWith, revisionOf, runOf } from './revisions.ts';
import { apply, merging, noFacts, storeOf, tryOut } from './stores.ts';

const rule = (
  name: string,
  external: string,
  provider: string,
  service: string,
  more: JsonObject = {},
): JsonObject => ({
  name,
  type: 'tcp',
  external,
  provider,
  service,
  ...more,
});

/** A revision with a bridge pool `internal`, a macvlan pool `lan`, these containers with their services, and these rules. */
function ingressOf(
  rules: readonly JsonObject[],
  containers: Readonly<Record<string, readonly [network: Json, services: Json]>>,
) {
  const device = deviceWith({
    internal: '10.0.3.0/24',
    lan: { type: 'macvlan', parent: 'eth0', subnet: '10.9.0.0/24' },
  }) as JsonObject;
  const documents = Object.entries(containers).flatMap(([name, [network, services]]) => [
    [`${name}/run.json`, runOf(name, network)],
    [`${name}/services.json`, services],
  ]);
  return {
    ...revisionOf({}),
    'device.json': { ...device, ingress: rules },
    ...Object.fromEntries(documents),
  };
}

/** What leads to an address of the pool `internal`, which is behind a bridge. */
const behind = (address: string, port: number) => {
  const link = { bridge: 'hf-internal', subnet: '10.0.3.0/24' };
  return { type: 'address', address, port, link } as const;
};

const inPool: Json = { pool: 'internal' };
const ssh: Json = [{ name: 'ssh', type: 'tcp', port: 22 }];

function specOf(store: DesiredStore, name: string): ListenerSpec | undefined {
  return store.desired(`listener/${name}`)?.spec as ListenerSpec | undefined;
}

const backends: readonly (readonly [title: string, network: Json, service: JsonObject, expected: Json])[] = [
  ['a port is at the address of its provider', inPool, { type: 'tcp', port: 22 }, behind('10.0.3.2', 22)],
  [
    "a port of a container in the host's network is at loopback",
    { mode: 'host' },
    { type: 'tcp', port: 22 },
    { type: 'address', address: '127.0.0.1', port: 22, link: null },
  ],
  [
    'a socket is one of its container, whatever its network',
    { mode: 'none' },
    { type: 'unix', socket: '/run/s.sock' },
    { type: 'socket', container: 'shell', socket: '/run/s.sock' },
  ],
  [
    'a service with both is reached at its port, which the kernel carries',
    inPool,
    { type: 'rest', port: 80, socket: '/run/s.sock' },
    behind('10.0.3.2', 80),
  ],
];

for (const [title, network, service, expected] of backends) {
  test(`[ING-4] ${title}`, (t) => {
    const state = ingressOf([rule('gate', ':2222', 'shell', 'it')], {
      shell: [network, { services: [{ name: 'it', ...service }] }],
    });
    const store = storeOf(state);
    t.deepEqual(specOf(store, ':2222'), {
      type: 'tcp',
      addresses: ['0.0.0.0', '::'],
      port: 2222,
      routes: [
        {
          rule: 'gate',
          host: null,
          path: '',
          keepPrefix: false,
          provider: 'shell',
          service: 'it',
          backend: expected,
        },
      ],
    } as never);
    t.deepEqual(store.findings, []);
    t.like(store.desired('listener/:2222'), {
      pointers: ['/device.json/ingress/0'],
      conflict: undefined,
    });
    t.deepEqual(
      store.desired('listener/:2222')?.dependsOn,
      'link' in (expected as object) && (expected as JsonObject).link !== null ? ['pool/internal'] : [],
    );
    t.is(store.keys().at(-1), 'listener/:2222');
  });
}

const unresolved: readonly (readonly [
  title: string,
  rule: JsonObject,
  expected: {
    readonly code: string;
    readonly pointer: string;
    readonly hint?: RegExp;
    readonly message: RegExp;
  },
])[] = [
  [
    'a provider that is no container',
    rule('gate', ':1', 'shel', 'ssh'),
    {
      code: 'ServiceNotFound',
      pointer: '/device.json/ingress/0/provider',
      hint: /^did you mean 'shell'\?$/,
      message: /no container 'shel' that could provide 'ssh'/,
    },
  ],
  [
    'a service that its provider does not have, with the nearest one',
    rule('gate', ':1', 'shell', 'shh'),
    {
      code: 'ServiceNotFound',
      pointer: '/device.json/ingress/0/service',
      hint: /^did you mean 'ssh'\?$/,
      message: /no service 'shh' of container 'shell'/,
    },
  ],
  [
    'a service that nothing resembles, with what there is',
    rule('gate', ':1', 'shell', 'telemetry'),
    {
      code: 'ServiceNotFound',
      pointer: '/device.json/ingress/0/service',
      hint: /^it provides 'ssh'$/,
      message: /telemetry/,
    },
  ],
  [
    'a port of a container without a network',
    rule('gate', ':1', 'lone', 'ssh'),
    { code: 'ProviderUnreachable', pointer: '/device.json/ingress/0/service', message: /is in no pool/ },
  ],
  [
    'a port of a container that its host does not reach',
    rule('gate', ':1', 'neighbour', 'ssh'),
    { code: 'ProviderUnreachable', pointer: '/device.json/ingress/0/service', message: /macvlan/ },
  ],
  [
    'a device',
    rule('gate', ':1', 'screen', 'card'),
    { code: 'ProviderUnreachable', pointer: '/device.json/ingress/0/service', message: /is a device/ },
  ],
];

for (const [title, broken, { code, pointer, hint, message }] of unresolved) {
  test(`[ING-4] [REV-6] a rule that leads to ${title} is a warning, and all others serve`, (t) => {
    const state = ingressOf([broken, rule('other', ':2', 'shell', 'ssh')], {
      shell: [inPool, ssh],
      lone: [null, ssh],
      neighbour: [{ pool: 'lan' }, ssh],
      screen: [inPool, [{ name: 'card', type: 'drm', socket: '/dev/dri/card0' }]],
    });
    const store = storeOf(state);
    t.is(store.findings.length, 1);
    const [finding] = store.findings;
    t.like(finding, { severity: 'warning', code, pointer });
    t.regex(finding?.message ?? '', message);
    if (hint !== undefined) t.regex(finding?.hint ?? '', hint);
    t.like(store.desired('listener/:1')?.conflict, { code, tolerated: true });
    t.is(specOf(store, ':1')?.routes[0]?.backend, null);
    t.is(store.desired('listener/:2')?.conflict, undefined);
    t.deepEqual(specOf(store, ':2')?.routes[0]?.backend, behind('10.0.3.2', 22));
  });
}

test('[ING-4] of one listener, a rule that leads to nothing keeps none of the others from serving', (t) => {
  const state = ingressOf(
    [
      rule('good', ':80/good', 'shell', 'ssh', { type: 'http' }),
      rule('bad', ':80/bad', 'shell', 'none', { type: 'http' }),
    ],
    { shell: [inPool, ssh] },
  );
  const store = storeOf(state);
  t.deepEqual(
    specOf(store, ':80')?.routes.map(({ rule, backend }) => [rule, backend === null]),
    [
      ['good', false],
      ['bad', true],
    ],
  );
  t.like(store.desired('listener/:80')?.conflict, { code: 'ServiceNotFound', tolerated: true });
});

test('[ING-10] [ENG-6] a container that only restarts, or moves to another group, changes no listener', (t) => {
  const store = storeOf(ingressOf([rule('gate', ':1', 'shell', 'ssh')], { shell: [inPool, ssh] }));
  const before = store.desired('listener/:1');
  const { changes } = apply(store, merging({ 'shell/args.json': { PV_NETWORK_HOSTNAME: 'other' } }));
  t.true(changes.has('container/shell'));
  t.false(changes.has('listener/:1'));
  t.is(store.desired('listener/:1'), before);
});

test('[ING-4] a provider that moves, goes, and comes back takes its listeners with it', (t) => {
  const store = storeOf(ingressOf([rule('gate', ':1', 'shell', 'ssh')], { shell: [inPool, ssh] }));
  const backend = () => specOf(store, ':1')?.routes[0]?.backend;
  apply(store, merging({ 'shell/args.json': { PV_NETWORK_IP: '10.0.3.77' } }));
  t.deepEqual(backend(), behind('10.0.3.77', 22));
  apply(store, merging({ 'shell/services.json': [{ name: 'ssh', type: 'tcp', port: 2200 }] }));
  t.deepEqual(backend(), behind('10.0.3.77', 2200));
  apply(store, merging({ 'shell/run.json': null, 'shell/args.json': null, 'shell/services.json': null }));
  t.is(backend(), null);
  t.is(store.findings[0]?.code, 'ServiceNotFound');
  tryOut(store, merging({ 'shell/run.json': runOf('shell', inPool), 'shell/services.json': ssh }));
  t.deepEqual(backend(), behind('10.0.3.2', 22));
  t.deepEqual(store.findings, []);
  store.revert();
  t.is(backend(), null);
  t.is(store.findings[0]?.code, 'ServiceNotFound');
});

test('[ING-4] a container that comes is the nearest name of a rule that leads to nothing', (t) => {
  const store = storeOf(ingressOf([rule('gate', ':1', 'shell', 'ssh')], {}));
  t.is(store.findings[0]?.hint, undefined);
  apply(store, merging({ 'shel/run.json': runOf('shel', inPool) }));
  t.is(store.findings[0]?.hint, "did you mean 'shel'?");
});

test('[ING-4] a provider whose address cannot be had blocks its listener, which is not what fails the trial', (t) => {
  const state = ingressOf([rule('gate', ':1', 'shell', 'ssh')], {
    shell: [{ pool: 'internal', static_ip: '10.9.9.9' }, ssh],
  });
  const store = storeOf(state);
  t.is(store.desired('container/shell')?.conflict?.tolerated, undefined);
  t.like(store.desired('listener/:1')?.conflict, {
    code: 'ProviderUnreachable',
    holder: 'lease/internal/shell/eth0',
    tolerated: true,
  });
});

test('[ING-3] a revision whose rules collide is refused whole', (t) => {
  const store = storeOf(ingressOf([], { shell: [inPool, ssh] }));
  const state = ingressOf([rule('one', ':1', 'shell', 'ssh'), rule('two', ':1', 'shell', 'ssh')], {
    shell: [inPool, ssh],
  });
  const proposal = store.propose({ type: 'replace', state }, noFacts);
  t.false(proposal.accepted);
  t.is(proposal.changes.size, 0);
  t.regex(
    proposal.findings[0]?.message ?? '',
    /'one' \(\/device.json\/ingress\/0\) and 'two' \(\/device.json\/ingress\/1\)/,
  );
});

const documents: readonly (readonly [form: string, document: Json])[] = [
  ['a bare array', ssh],
  ['an object with an array', { '#spec': 'service-manifest-services@1', services: ssh }],
];

for (const [form, document] of documents) {
  test(`[ING-7] [LINK-1] services are read from ${form}`, (t) => {
    const { services, findings } = readServices('shell/services.json', document);
    t.deepEqual(findings, []);
    const pointer = `/shell~1services.json${Array.isArray(document) ? '' : '/services'}/0`;
    t.deepEqual(services, [{ name: 'ssh', type: 'tcp', socket: null, port: 22, pointer }]);
  });
}

test('[LINK-1] [REV-6] two services of one name are an error that says where', (t) => {
  const store = storeOf(ingressOf([], {}));
  const twice = [...(ssh as Json[]), { name: 'ssh', type: 'unix', socket: '/s' }];
  const proposal = store.propose(
    merging({ 'shell/run.json': runOf('shell', inPool), 'shell/services.json': twice }),
    noFacts,
  );
  t.false(proposal.accepted);
  t.like(proposal.findings[0], { code: 'ServiceDuplicate', pointer: '/shell~1services.json/1/name' });
});
