import test from 'ava';
import type { Json } from '../../state/json.ts';
import type { ContainerManifest, NetworkManifest } from '../../state/manifest.ts';
import { readContainer } from '../../state/read-container.ts';
import { readDevice } from '../../state/read-device.ts';
import { validateContainerAgainst } from '../../state/validate.ts';

const image = '1'.repeat(64);
const config = '2'.repeat(64);

type Documents = Readonly<Record<string, Json>>;

/** Container `web` with a run.json of these fields besides those it must have. */
function web(fields: Documents, others: Documents = {}): Documents {
  const run = { '#spec': 'service-manifest-run@1', type: 'lxc', 'root-volume': 'root.squashfs', ...fields };
  return { 'web/run.json': run, 'web/root.squashfs': image, ...others };
}

/** Also with an LXC configuration of this text. */
function read(documents: Documents, text: string | null = null) {
  const all = text === null ? documents : { ...documents, 'web/lxc.container.conf': config };
  return readContainer('web', all, text === null ? {} : { [config]: text });
}

function manifestOf(documents: Documents, text: string | null = null): ContainerManifest {
  const { manifest, findings } = read(documents, text);
  if (manifest === null) throw new Error(JSON.stringify(findings));
  return manifest;
}

function codesOf(documents: Documents, text: string | null = null): readonly string[] {
  return read(documents, text).findings.map((one) => one.code);
}

test('[CTR-1] [CTR-4] a container is read with every default filled in, and names the objects that it needs', (t) => {
  const files = { '_config/web/etc/app.conf': '3'.repeat(64), '_config/web/etc/app.json': { port: 80 } };
  t.deepEqual(manifestOf(web({}, files), 'lxc.init.cmd = /bin/app\n'), {
    name: 'web',
    hostname: 'web',
    group: null,
    statusGoal: null,
    restartPolicy: null,
    recovery: null,
    root: { type: 'object', sha256: image },
    persistence: 'boot',
    network: { mode: 'none' },
    config: [{ key: 'lxc.init.cmd', value: '/bin/app' }],
    files: [
      { path: 'etc/app.conf', sha256: '3'.repeat(64) },
      { path: 'etc/app.json', document: { port: 80 } },
    ],
    reservedAddresses: [],
    services: [],
    requirements: [],
    pointer: '/web~1run.json',
    objects: [
      { sha256: image, pointer: '/web~1root.squashfs', text: false },
      { sha256: config, pointer: '/web~1lxc.container.conf', text: true },
      { sha256: '3'.repeat(64), pointer: '/_config~1web~1etc~1app.conf', text: false },
    ],
  });
});

const persistences: readonly (readonly [storage: Json, persistence: ContainerManifest['persistence']])[] = [
  [{}, 'boot'],
  [{ 'lxc-overlay': {} }, 'boot'],
  [{ 'lxc-overlay': { persistence: 'permanent' } }, 'permanent'],
  [{ 'lxc-overlay': { persistence: 'revision' } }, 'revision'],
];

for (const [storage, persistence] of persistences) {
  test(`[CTR-4] storage ${JSON.stringify(storage)} keeps what is written: ${persistence}`, (t) => {
    t.is(manifestOf(web({ storage })).persistence, persistence);
  });
}

test('[CTR-4] a directory of the host can be the root, for development', (t) => {
  const { root, objects } = manifestOf(web({ 'root-volume': 'dir:/srv/büro roots/web' }));
  t.deepEqual(root, { type: 'directory', path: '/srv/büro roots/web' });
  t.deepEqual(objects, []);
});

for (const path of [
  'srv',
  '/srv/',
  '//srv',
  '/srv/./a',
  '/srv/a:b',
  '/srv/a,b',
  '/srv/a\\b',
  '/srv/"a"',
  '/srv/a\nb',
  '/srv ',
]) {
  test(`[CTR-4] the root directory ${JSON.stringify(path)} is refused`, (t) => {
    t.deepEqual(codesOf(web({ 'root-volume': `dir:${path}` })), ['RootVolumeInvalid']);
  });
}

/** An interface in the pool `internal`, as the manifest has it. */
function face(pointer: string, fields: Documents = {}) {
  return { name: 'eth0', pool: 'internal', staticAddress: null, mac: null, pointer, ...fields };
}

const pooled = (...interfaces: readonly Json[]) =>
  ({ mode: 'pool', interfaces }) as unknown as NetworkManifest;
const run = '/web~1run.json/network';
const args = '/web~1args.json';
const fifty = { staticAddress: '10.0.3.50' };

const networks: readonly (readonly [about: string, documents: Documents, network: NetworkManifest])[] = [
  ['nothing is said', web({}), { mode: 'none' }],
  ['mode host', web({ network: { mode: 'host' } }), { mode: 'host' }],
  ['mode none', web({ network: { mode: 'none' } }), { mode: 'none' }],
  ['a pool implies its mode', web({ network: { pool: 'internal' } }), pooled(face(`${run}/pool`))],
  [
    'static_ip',
    web({ network: { mode: 'pool', pool: 'internal', static_ip: '10.0.3.50' } }),
    pooled(face(`${run}/static_ip`, fifty)),
  ],
  ['ip', web({ network: { pool: 'internal', ip: '10.0.3.50' } }), pooled(face(`${run}/ip`, fifty))],
  [
    'ipv4_address of an interface',
    web({ network: { pool: 'internal', interfaces: [{ ipv4_address: '10.0.3.50/24' }] } }),
    pooled(face(`${run}/interfaces/0/ipv4_address`, fifty)),
  ],
  [
    'arguments',
    web({}, { 'web/args.json': { PV_NETWORK_POOL: 'internal', PV_NETWORK_IP: '10.0.3.50' } }),
    pooled(face(`${args}/PV_NETWORK_IP`, fifty)),
  ],
  [
    'a network object in args.json',
    web({}, { 'web/args.json': { network: { pool: 'internal', static_ip: '10.0.3.50' } } }),
    pooled(face(`${args}/network/static_ip`, fifty)),
  ],
  [
    'arguments in src.json',
    web(
      {},
      { 'web/src.json': { args: { PV_NETWORK_POOL: 'internal', PV_NETWORK_MAC: '02:00:00:00:00:0A' } } },
    ),
    pooled(face('/web~1src.json/args/PV_NETWORK_POOL', { mac: '02:00:00:00:00:0a' })),
  ],
  [
    'run.json is silent about the address alone',
    web(
      { network: { pool: 'internal' } },
      { 'web/args.json': { PV_NETWORK_IP: '10.0.3.50', PV_NETWORK_POOL: 'dmz' } },
    ),
    pooled(face(`${args}/PV_NETWORK_IP`, fifty)),
  ],
  [
    'args.json comes before src.json',
    web(
      {},
      {
        'web/src.json': { args: { PV_NETWORK_POOL: 'dmz' } },
        'web/args.json': { PV_NETWORK_POOL: 'internal' },
      },
    ),
    pooled(face(`${args}/PV_NETWORK_POOL`)),
  ],
  [
    'spellings that agree',
    web({ network: { pool: 'internal', static_ip: '10.0.3.50', ip: '10.0.3.50/24' } }),
    pooled(face(`${run}/static_ip`, fifty)),
  ],
  [
    'several interfaces',
    web({
      network: {
        pool: 'internal',
        mac: '02:00:00:00:00:01',
        interfaces: [{ name: 'lan0' }, { pool: 'dmz' }],
      },
    }),
    pooled(
      face(`${run}/pool`, { name: 'lan0', mac: '02:00:00:00:00:01' }),
      face(`${run}/interfaces/1/pool`, { name: 'eth1', pool: 'dmz' }),
    ),
  ],
];

for (const [about, documents, network] of networks) {
  test(`[REV-4] [REV-5] [CTR-2] the network of a container: ${about}`, (t) => {
    t.deepEqual(manifestOf(documents).network, network);
  });
}

const keep = (value: string) => [{ key: 'lxc.namespace.keep', value }];

const configured: readonly (readonly [
  about: string,
  network: Json,
  text: string,
  mode: NetworkManifest['mode'],
  kept: readonly Json[],
])[] = [
  ['nothing kept', {}, '', 'none', []],
  ['net kept: the network of the host', {}, 'lxc.namespace.keep = user net ipc', 'host', keep('user ipc')],
  [
    'net leaves what is kept in a pool',
    { pool: 'internal' },
    'lxc.namespace.keep = net user',
    'pool',
    keep('user'),
  ],
  ['a line of net alone goes', { pool: 'internal' }, 'lxc.namespace.keep = net', 'pool', []],
  ['mode none is not undone by net', { mode: 'none' }, 'lxc.namespace.keep = net', 'none', []],
  ['interfaces of its own', {}, 'lxc.net.0.type = empty', 'lxc', [{ key: 'lxc.net.0.type', value: 'empty' }]],
  ['type none is the network of the host', {}, 'lxc.net.0.type = none', 'host', []],
];

for (const [about, network, text, mode, kept] of configured) {
  test(`[CTR-3] a container's LXC configuration and its network: ${about}`, (t) => {
    const manifest = manifestOf(web({ network }), text);
    t.is(manifest.network.mode, mode);
    t.deepEqual(manifest.config, kept);
  });
}

test("[CTR-2] a container's host name is that of its network, else lxc.uts.name, else its own", (t) => {
  const network = { pool: 'internal', hostname: 'shop' };
  t.is(manifestOf(web({ network }), 'lxc.uts.name = other').hostname, 'shop');
  const own = manifestOf(web({}), 'lxc.uts.name = other');
  t.is(own.hostname, 'other');
  t.deepEqual(own.config, []);
  t.is(manifestOf(web({}, { 'web/args.json': { PV_NETWORK_HOSTNAME: 'argued' } })).hostname, 'argued');
});

test('[LEASE-6] addresses in an LXC configuration are reserved, each once', (t) => {
  const text = [
    'lxc.net.0.type = veth',
    'lxc.net.0.ipv4.address = 10.0.3.2/24 10.0.3.255',
    'lxc.net.0.ipv4.address = 10.0.3.9',
    'lxc.net.1.type = veth',
    'lxc.net.1.ipv4.address = 10.0.3.2/24',
    'lxc.net.1.ipv6.address = fd00::2/64',
  ].join('\n');
  t.deepEqual(manifestOf(web({}), text).reservedAddresses, ['10.0.3.2', '10.0.3.9']);
});

test('without the text of its configuration a container is read, and says which object it needs', (t) => {
  const { manifest, findings } = readContainer('web', web({}, { 'web/lxc.container.conf': config }), {});
  t.deepEqual(findings, []);
  t.deepEqual(manifest?.objects.at(-1), { sha256: config, pointer: '/web~1lxc.container.conf', text: true });
});

const untouched: readonly (readonly [about: string, documents: Documents, codes: readonly string[]])[] = [
  ['no run.json', { 'web/notes.txt': image }, []],
  ['another specification', { 'web/run.json': { '#spec': 'something-else@1' } }, ['ContainerSpecUnknown']],
  ['configuration of nobody', { '_config/web/a': image }, ['ConfigWithoutContainer']],
];

for (const [about, documents, codes] of untouched) {
  test(`no container is made of ${about}`, (t) => {
    const { manifest, findings } = read(documents);
    t.is(manifest, null);
    t.deepEqual(
      findings.map((one) => one.code),
      codes,
    );
  });
}

test('[REV-6] what is known and not carried out yet is said; empty fields of templates are no news', (t) => {
  const template = {
    drivers: { manual: [], required: [] },
    exports: null,
    logs: [],
    volumes: [],
    conditions: '',
  };
  t.deepEqual(codesOf(web(template)), []);
  const asking = {
    volumes: ['data.squashfs'],
    drivers: { required: ['wifi'] },
    storage: { 'docker--var-lib': { persistence: 'permanent' } },
  };
  t.deepEqual(codesOf(web(asking)), ['NotSupportedYet', 'NotSupportedYet', 'NotSupportedYet']);
});

test('containers that objects of JavaScript have names for are containers like any other', (t) => {
  const documents = { 'constructor/run.json': { 'root-volume': 'r' }, 'constructor/r': image };
  t.is(readContainer('constructor', documents, {}).manifest?.name, 'constructor');
});

test('[LEASE-5] [REV-6] a container is held against the device: its group must be there, its pool should', (t) => {
  const { device } = readDevice({
    groups: [{ name: 'platform' }],
    network: { pools: { internal: { subnet: '10.0.3.0/24' } } },
  });
  const against = (fields: Documents) =>
    validateContainerAgainst(device, manifestOf(web(fields))).map(({ code, pointer, hint }) => [
      code,
      pointer,
      hint,
    ]);
  t.deepEqual(against({ group: 'platform', network: { pool: 'internal' } }), []);
  t.deepEqual(against({ group: 'platfrom', network: { pool: 'intern' } }), [
    ['GroupUnknown', '/web~1run.json/group', "did you mean 'platform'?"],
    ['PoolNotDefined', '/web~1run.json/network/pool', "did you mean 'internal'?"],
  ]);
  const bare = readDevice(undefined).device;
  t.like(validateContainerAgainst(bare, manifestOf(web({ group: 'app' }))), [
    { code: 'GroupNotDefined', severity: 'warning', pointer: '/web~1run.json/group' },
  ]);
});
