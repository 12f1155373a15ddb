import test from 'ava';
import { type ConfigurationInput, lxcConfiguration } from '../../../adapters/lxc/configuration.ts';
import type { LxcConfigItem } from '../../../state/resource.ts';
import { container, lease } from '../../contract/fixtures.ts';

const { network } = container('web', { type: 'directory', path: '/root' }, [
  lease(1, 'web', 2),
  lease(2, 'web', 3),
]);

const input: ConfigurationInput = {
  hostname: 'app-1',
  network,
  own: [],
  lowerLayers: ['/files', '/image'],
  upperLayer: '/storage/upper',
  hostsFile: '/run/hosts/ab',
  hostsTarget: 'etc/hosts',
  ready: null,
  consoleLog: '/logs/console.log',
  haltSignal: null,
  hostInterface: (face) => `hf-${face.pool}`,
};

/** The configuration as LXC reads it. */
function itemsOf(overrides: Partial<ConfigurationInput>): readonly LxcConfigItem[] {
  const lines = lxcConfiguration({ ...input, ...overrides }).split('\n');
  return lines
    .filter((line) => line !== '' && !line.startsWith('#'))
    .map((line) => ({ key: line.slice(0, line.indexOf(' = ')), value: line.slice(line.indexOf(' = ') + 3) }));
}

const valuesOf = (items: readonly LxcConfigItem[], key: string): readonly string[] =>
  items.filter((item) => item.key === key).map((item) => item.value);

test('[CTR-3] an interface on a bridge gets exactly its type, link, pair, name, MAC, address, gateway and flags', (t) => {
  t.deepEqual(
    itemsOf({}).filter(({ key }) => key.startsWith('lxc.net.0.')),
    [
      { key: 'lxc.net.0.type', value: 'veth' },
      { key: 'lxc.net.0.link', value: 'hf1' },
      { key: 'lxc.net.0.veth.pair', value: 'hf-pool-1' },
      { key: 'lxc.net.0.name', value: 'eth0' },
      { key: 'lxc.net.0.hwaddr', value: '02:00:0a:42:01:02' },
      { key: 'lxc.net.0.ipv4.address', value: '10.66.1.2/24' },
      { key: 'lxc.net.0.ipv4.gateway', value: '10.66.1.1' },
      { key: 'lxc.net.0.flags', value: 'up' },
    ],
  );
});

test('[CTR-2] a second interface has no default route', (t) => {
  t.deepEqual(valuesOf(itemsOf({}), 'lxc.net.1.ipv4.address'), ['10.66.2.3/24']);
  t.deepEqual(valuesOf(itemsOf({}), 'lxc.net.1.ipv4.gateway'), []);
});

test('[POOL-7] an interface on a parent is a macvlan in bridge mode, without a host end', (t) => {
  const face = {
    name: 'eth0',
    pool: 'lan',
    type: 'macvlan',
    link: 'eth1',
    address: '10.1.0.2',
    prefix: 24,
  } as const;
  const interfaces = [{ ...face, gateway: '10.1.0.1', mac: '02:00:0a:01:00:02' }];
  const items = itemsOf({ network: { mode: 'pool', interfaces } });
  t.deepEqual(valuesOf(items, 'lxc.net.0.type'), ['macvlan']);
  t.deepEqual(valuesOf(items, 'lxc.net.0.macvlan.mode'), ['bridge']);
  t.deepEqual(valuesOf(items, 'lxc.net.0.veth.pair'), []);
});

test('[CTR-3] the host name is set, and "net" leaves the namespaces that a container keeps', (t) => {
  const own = [{ key: 'lxc.namespace.keep', value: 'user net ipc' }];
  t.deepEqual(valuesOf(itemsOf({ own }), 'lxc.namespace.keep'), ['user ipc']);
  t.deepEqual(
    valuesOf(itemsOf({ own: [{ key: 'lxc.namespace.keep', value: 'net' }] }), 'lxc.namespace.keep'),
    [],
  );
  t.deepEqual(valuesOf(itemsOf({}), 'lxc.uts.name'), ['app-1']);
});

const modes: readonly (readonly [mode: 'host' | 'none', type: string])[] = [
  ['host', 'none'],
  ['none', 'empty'],
];
for (const [mode, type] of modes) {
  test(`[CTR-2] network mode "${mode}" is LXC's type "${type}"`, (t) => {
    t.deepEqual(valuesOf(itemsOf({ network: { mode } }), 'lxc.net.0.type'), [type]);
  });
}

test('[CTR-2] the network lines of a container count only where its network is its own matter', (t) => {
  const own = [{ key: 'lxc.net.0.type', value: 'phys' }];
  t.deepEqual(valuesOf(itemsOf({ own, network: { mode: 'lxc' } }), 'lxc.net.0.type'), ['phys']);
  t.deepEqual(valuesOf(itemsOf({ own }), 'lxc.net.0.type'), ['veth']);
});

test('[CTR-4] the root is an overlay, uppermost lower layer first, the writable one last', (t) => {
  t.deepEqual(valuesOf(itemsOf({}), 'lxc.rootfs.path'), ['overlay:/files:/image:/storage/upper']);
});

const reserved = [
  'lxc.rootfs.path',
  'lxc.uts.name',
  'lxc.hook.start',
  'lxc.hook.pre-start',
  'lxc.include',
  'lxc.log.file',
  'lxc.console.logfile',
];
for (const key of reserved) {
  test(`[CTR-3] ${key} is never taken from a container`, (t) => {
    t.false(valuesOf(itemsOf({ own: [{ key, value: 'planted' }] }), key).includes('planted'));
  });
}

test('[CTR-3] a container that says nothing gets safe defaults, and its own word where it says something', (t) => {
  const items = itemsOf({});
  t.deepEqual(valuesOf(items, 'lxc.mount.auto'), ['proc:mixed sys:mixed']);
  t.deepEqual(valuesOf(items, 'lxc.cgroup.devices.deny'), ['a']);
  t.regex(valuesOf(items, 'lxc.cap.drop').join(), /sys_module/);
  const own = [
    { key: 'lxc.mount.auto', value: 'proc' },
    { key: 'lxc.cap.keep', value: 'net_admin' },
    { key: 'lxc.cgroup2.devices.allow', value: 'c 226:0 rw' },
  ];
  const theirs = itemsOf({ own });
  t.deepEqual(valuesOf(theirs, 'lxc.mount.auto'), ['proc']);
  t.deepEqual(valuesOf(theirs, 'lxc.cap.drop'), []);
});

test('[CTR-3] a container’s own lines add to the list of devices and of dropped capabilities, and never replace it', (t) => {
  const own = [
    { key: 'lxc.cgroup.devices.allow', value: 'c 226:0 rw' },
    { key: 'lxc.cap.drop', value: 'net_raw' },
  ];
  const items = itemsOf({ own });
  t.deepEqual(valuesOf(items, 'lxc.cgroup.devices.deny'), ['a']);
  t.is(valuesOf(items, 'lxc.cgroup.devices.allow').at(-1), 'c 226:0 rw');
  t.true(valuesOf(items, 'lxc.cgroup.devices.allow').includes('c 1:3 rwm'));
  t.deepEqual(
    valuesOf(items, 'lxc.cap.drop').map((value) => value.split(' ').includes('sys_module')),
    [true, false],
  );
});

test('the signal to stop is the container’s own before ours', (t) => {
  t.deepEqual(valuesOf(itemsOf({ haltSignal: 'SIGTERM' }), 'lxc.signal.halt'), ['SIGTERM']);
  const own = [{ key: 'lxc.signal.halt', value: 'SIGINT' }];
  t.deepEqual(valuesOf(itemsOf({ own, haltSignal: 'SIGTERM' }), 'lxc.signal.halt'), ['SIGINT']);
});

test('[CTR-5] spaces in the path of a hosts file do not end its field', (t) => {
  const [mount] = valuesOf(itemsOf({ hostsFile: '/with space/a\\b' }), 'lxc.mount.entry');
  t.is(mount, '/with\\040space/a\\134b etc/hosts none bind,ro 0 0');
  t.deepEqual(valuesOf(itemsOf({ hostsFile: null }), 'lxc.mount.entry'), []);
});

test('[CTR-6] the readiness socket is mounted read-only, and its directory made only where that is said', (t) => {
  const at = (made: boolean) => {
    const mount = { target: 'run/holdfast', lacking: true, made };
    const ready = { directory: '/run/ready/web', mount };
    return valuesOf(itemsOf({ hostsFile: null, ready }), 'lxc.mount.entry');
  };
  t.deepEqual(at(false), ['/run/ready/web run/holdfast none bind,ro,nosuid,nodev,noexec 0 0']);
  t.deepEqual(at(true), ['/run/ready/web run/holdfast none bind,ro,nosuid,nodev,noexec,create=dir 0 0']);
  t.deepEqual(valuesOf(itemsOf({ hostsFile: null }), 'lxc.mount.entry'), []);
});

const hostile: readonly (readonly [title: string, overrides: Partial<ConfigurationInput>])[] = [
  ['a newline in a host name', { hostname: 'a\nlxc.hook.start = /bin/sh' }],
  ['a newline in a value', { own: [{ key: 'lxc.environment', value: 'A=1\nlxc.hook.start = /bin/sh' }] }],
  ['a carriage return in a value', { own: [{ key: 'lxc.environment', value: 'A=1\r' }] }],
  ['a NUL in a value', { own: [{ key: 'lxc.environment', value: 'A=\0' }] }],
  ['a key that is a line', { own: [{ key: 'lxc.a = b\nlxc.hook.start', value: 'x' }] }],
  ['a key that is none', { own: [{ key: 'include', value: '/etc/passwd' }] }],
];
for (const [title, overrides] of hostile) {
  test(`[REV-8] ${title} makes no line of its own: it is refused`, (t) => {
    t.throws(() => lxcConfiguration({ ...input, ...overrides }), { instanceOf: RangeError });
  });
}
