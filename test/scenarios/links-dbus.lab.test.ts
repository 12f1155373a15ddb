import { cp, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { addPython } from '../lab/python-root.ts';
import { until } from './ingress-device.ts';
import { idle, LinkDevice, supervised } from './link-device.ts';
import { stateOf } from './states.ts';

/** A bus of one container in another, on real LXC, with the example's policy: as whom, to whom, and nothing beyond that. */
const inLab = process.env.HOLDFAST_LAB === '1' ? test.serial : test.serial.skip;

const example = 'org.pantavisor.Example';
const other = 'org.pantavisor.Other';
const object = '/org/pantavisor/Example';
const bus = 'org.freedesktop.DBus';

const etc = join(import.meta.dirname, '../../examples/links/dbus/_config/pv-example-dbus-server/etc/dbus-1');

/** Beside the example's: a second service of root's, which whoever may call, and a name that operators alone may own. */
const policy = `<busconfig>
  <policy user="root"><allow own="${other}"/></policy>
  <policy user="operator"><allow own="org.pantavisor.Operator"/></policy>
  <policy context="default"><allow send_destination="${other}"/></policy>
</busconfig>
`;

/** 4242 is known, 4243 is not: dbus-daemon turns away whoever it finds no user of, dbus-broker does not. */
const users = [
  'root:x:0:0:root:/root:/bin/sh',
  'operator:x:1000:1000::/:/bin/false',
  'sensor:x:4242:4242::/:/bin/false',
  'nobody:x:65534:65534::/:/bin/false',
].join('\n');

const daemons = {
  'dbus-daemon':
    'rm -f /run/dbus/*; exec dbus-daemon --config-file=/etc/dbus-1/bus.conf --nofork --nopidfile',
  // It speaks to the journal, and gets its socket from whoever starts it.
  'dbus-broker': [
    'rm -f /run/dbus/*; mkdir -p /run/systemd/journal',
    'socat -u UNIX-RECV:/run/systemd/journal/socket,unlink-early OPEN:/dev/null &',
    'until [ -S /run/systemd/journal/socket ]; do sleep 0.01; done',
    // Users other than root may connect, as dbus-daemon has it.
    '(until busybox chmod 0666 /run/dbus/system_bus_socket 2>/dev/null; do sleep 0.01; done) &',
    'exec systemd-socket-activate -l /run/dbus/system_bus_socket dbus-broker-launch --scope system --config-file /etc/dbus-1/bus.conf',
  ].join('\n'),
} as const;

type Daemon = keyof typeof daemons;

/** Links of the one client, by where they are: the role of each, and whether only the example may be called. */
const links = {
  '/run/bus/root': { role: 'root' },
  '/run/bus/operator': { role: 'operator' },
  '/run/bus/stranger': { role: 'stranger' },
  '/run/bus/number': { role: '4242' },
  '/run/bus/unlisted': { role: '4243' },
  '/run/bus/nobody': {},
  '/run/bus/narrow': { role: 'root', interface: example },
  '/run/bus/narrow-operator': { role: 'operator', interface: example },
} as const;

type Target = keyof typeof links;

const programs: Readonly<Record<Daemon, readonly string[]>> = {
  'dbus-daemon': ['/usr/bin/dbus-daemon'],
  'dbus-broker': [
    '/usr/bin/dbus-broker',
    '/usr/bin/dbus-broker-launch',
    '/usr/bin/systemd-socket-activate',
    '/usr/bin/socat',
  ],
};

async function running(t: ExecutionContext, daemon: Daemon) {
  const python = (root: string) => addPython(root, ['dbus_next.aio']);
  const device = await LinkDevice.make(t, '/usr/bin/busctl', python, ...programs[daemon]);
  const { made, base } = device;
  await cp(etc, join(base, 'etc/dbus-1'), { recursive: true });
  await writeFile(join(base, 'etc/dbus-1/system.d/scenario.conf'), policy);
  await writeFile(join(base, 'etc/passwd'), `${users}\n`);
  // dbus-broker does not start on a machine that has none.
  await writeFile(join(base, 'etc/machine-id'), `${'0123456789abcdef'.repeat(2)}\n`);
  await cp(join(import.meta.dirname, 'link-bus.py'), join(base, 'link-bus.py'));
  await mkdir(join(base, 'run/dbus'), { recursive: true });
  await writeFile(join(base, 'bus.sh'), `${daemons[daemon]}\n`);
  const both = `sh /bus.sh & ${supervised(
    'until [ -S /run/dbus/system_bus_socket ]; do sleep 0.01; done; sleep 0.1; python3 /link-bus.py serve',
  )}`;
  const provides = [{ name: 'system-bus', type: 'dbus', socket: '/run/dbus/system_bus_socket' }];
  const requires = Object.entries(links).map(([target, says]) => ({ name: 'system-bus', target, ...says }));
  const server = await device.container('server', both, { provides });
  const client = await device.container('client', idle, { requires });
  await made.start();
  const answer = await made.apply(stateOf({}, {}, server, client));
  t.is(answer.code, 0, answer.stdout);
  const on = caller(device);
  const isServed = async () =>
    (await on('/run/bus/root', example, object, example, 'GetInfo')).startsWith('s ');
  await until('the service answers', isServed);
  return { device, made, on };
}

/** Calls a method through one of the client's links: what busctl prints, or why it did not come about. */
function caller({ made }: LinkDevice) {
  return async (target: Target, ...words: readonly string[]): Promise<string> => {
    const { stdout, stderr } = await made.inside(
      'client',
      ...['busctl', `--address=unix:path=${target}`, '--timeout=5', 'call', ...words],
    );
    return (stdout || stderr).trim();
  };
}

const denied = /Access denied|AccessDenied|not allowed|rejected/i;

for (const daemon of ['dbus-daemon', 'dbus-broker'] as const) {
  inLab(
    `[LINK-6] a role is a user of the provider: by name, as a number, and nobody where it has none: ${daemon}`,
    async (t) => {
      const { on } = await running(t, daemon);
      const expected: readonly (readonly [Target, number])[] = [
        ['/run/bus/root', 0],
        ['/run/bus/operator', 1000],
        ['/run/bus/stranger', 65_534],
        ['/run/bus/number', 4242],
        ['/run/bus/nobody', 65_534],
        ['/run/bus/narrow', 0],
      ];
      for (const [target, user] of expected) {
        t.is(await on(target, example, object, example, 'GetUser'), `u ${user}`, target);
        t.is(await on(target, example, object, example, 'GetInfo'), `s "${example} is active"`, target);
      }
      const unlisted = await on('/run/bus/unlisted', example, object, example, 'GetUser');
      t.regex(unlisted, daemon === 'dbus-broker' ? /^u 4243$/ : /not connected/);
      // Names are owned by whom the bus's own policy grants them.
      const request = (target: Target, name: string) =>
        on(target, bus, '/org/freedesktop/DBus', bus, 'RequestName', 'su', name, '4');
      t.is(await request('/run/bus/operator', 'org.pantavisor.Operator'), 'u 1');
      for (const target of ['/run/bus/stranger', '/run/bus/number', '/run/bus/nobody'] as const)
        t.regex(await request(target, 'org.pantavisor.Operator'), denied, target);
      t.regex(await request('/run/bus/operator', other), denied);
    },
  );

  inLab(
    `[LINK-6] an interface is all that may be called: no other name, no other interface, no name to own, and of the bus only what everybody needs: ${daemon}`,
    async (t) => {
      const { made, on } = await running(t, daemon);
      const daemonCall = (target: Target, face: string, ...words: readonly string[]) =>
        on(target, bus, '/org/freedesktop/DBus', face, ...words);
      t.is(await on('/run/bus/root', other, object, other, 'GetInfo'), `s "${other} is active"`);
      for (const target of ['/run/bus/narrow', '/run/bus/narrow-operator'] as const) {
        t.is(await on(target, example, object, example, 'GetInfo'), `s "${example} is active"`, target);
        t.regex(await on(target, other, object, other, 'GetInfo'), denied, target);
        t.regex(await on(target, other, object, example, 'GetInfo'), denied, 'the interface of another name');
        t.regex(await daemonCall(target, bus, 'GetId'), /^s "[0-9a-f]{32}"$/, target);
      }
      const known = (Object.keys(links) as readonly Target[]).filter(
        (target) => !target.endsWith('unlisted'),
      );
      for (const target of known) {
        for (const [face, ...words] of [
          [`${bus}.Monitoring`, 'BecomeMonitor', 'asu', '0', '0'],
          [bus, 'ReloadConfig'],
          [bus, 'UpdateActivationEnvironment', 'a{ss}', '0'],
        ] as const)
          t.regex(await daemonCall(target, face, ...words), denied, `${words[0]} by ${target}`);
      }
      t.regex(
        await daemonCall(
          '/run/bus/narrow-operator',
          bus,
          'RequestName',
          'su',
          'org.pantavisor.Operator',
          '4',
        ),
        denied,
      );

      const listen = async (target: Target) => {
        const heard = await made.inside('client', 'python3', '/link-bus.py', 'listen', `unix:path=${target}`);
        return heard.stdout.trim().split('\n');
      };
      t.deepEqual(await listen('/run/bus/root'), ['OtherToAll', 'OtherToCaller', 'ToCaller', 'Last']);
      t.deepEqual(await listen('/run/bus/narrow'), ['ToCaller', 'Last']);
    },
  );
}
