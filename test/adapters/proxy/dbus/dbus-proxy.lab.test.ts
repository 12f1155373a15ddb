import { spawn } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import anyTest, { type ExecutionContext, type TestFn } from 'ava';
import { createDbusProxy } from '../../../../adapters/proxy/dbus/dbus-proxy.ts';
import { bus } from '../../../../adapters/proxy/dbus/message.ts';
import type { DbusListener, DbusProxy } from '../../../../adapters/proxy/dbus-proxy.ts';
import { systemClock } from '../../../../controller/clock.ts';
import { BusWire } from './bus-wire.ts';
import { type Daemon, daemons, startBus } from './real-bus.ts';

/** Links to real buses, with the example's policy, and with real clients. */
const test = anyTest as TestFn<{ readonly root: string; readonly proxy: DbusProxy }>;
const inLab = process.env.HOLDFAST_LAB === '1' ? test.serial : test.serial.skip;

const example = 'org.pantavisor.Example';
const hidden = 'org.pantavisor.Hidden';
const path = '/org/pantavisor/Example';
const accessDenied = 'org.freedesktop.DBus.Error.AccessDenied';

test.beforeEach((t) => {
  const root = mkdtempSync(join(tmpdir(), 'holdfast-dbus-'));
  t.context = { root, proxy: createDbusProxy({ root, after: systemClock().after }) };
});

test.afterEach.always(async (t) => {
  await t.context.proxy.serve([]);
  t.context.proxy.close();
  rmSync(t.context.root, { recursive: true });
});

type Context = ExecutionContext<{ readonly root: string; readonly proxy: DbusProxy }>;

/** A bus in a directory that only root may enter, with two names of one service, and links to it by role. */
async function stage(t: Context, daemon: Daemon) {
  const { root, proxy } = t.context;
  const shut = join(root, 'shut');
  mkdirSync(shut, { mode: 0o700 });
  const socket = await startBus(t, daemon, shut);
  const service = await BusWire.open(socket);
  t.teardown(() => service.socket.destroy());
  for (const name of [example, hidden]) await service.busCall('RequestName', [name, 0]);
  serve(service);
  const role = (name: string, uid: number, more: Partial<DbusListener> = {}): DbusListener => {
    return { name, path: join(root, name), bus: socket, uid, claimedUid: uid, interface: null, ...more };
  };
  const links = {
    root: role('root', 0),
    operator: role('operator', 1000),
    nobody: role('nobody', 65_534),
    number: role('number', 4242),
    narrow: role('narrow', 1000, { interface: example }),
    narrowRoot: role('narrowRoot', 0, { interface: example }),
    inRootsGroup: role('inRootsGroup', 1000, { gid: 0 }),
  };
  await proxy.serve(Object.values(links));
  const wire = async (link: DbusListener): Promise<BusWire> => {
    const opened = await BusWire.open(link.path);
    t.teardown(() => opened.socket.destroy());
    return opened;
  };
  return { socket, service, links, wire };
}

/** Answers calls with the caller's name, and emits signals when it is told to. */
function serve(service: BusWire): void {
  service.socket.on('data', () => {
    for (const call of service.heard.splice(0)) {
      if (call.type !== 1) {
        service.heard.push(call);
        continue;
      }
      if (call.member === 'Emit') {
        for (const name of [hidden, example])
          service.send({ type: 4, path, interface: name, member: 'ToAll', body: [name] });
      }
      service.send({
        type: 2,
        replySerial: call.serial,
        destination: call.sender,
        body: [call.sender ?? ''],
      });
    }
  });
}

/** Whoever is not in its /etc/passwd is refused by dbus-daemon after the handshake, with a link or without one (bus/policy.c, bus_policy_allow_unix_user). */
const isUnknownTo = (daemon: Daemon, { name }: DbusListener): boolean =>
  daemon === 'dbus-daemon' && name === 'number';

const userOf = async (asker: BusWire, name: string) =>
  asker.call({
    destination: bus.name,
    interface: bus.interface,
    path: bus.path,
    member: 'GetConnectionUnixUser',
    body: [name],
  });

for (const daemon of daemons) {
  inLab(`[LINK-6] the bus knows a consumer by its role: ${daemon}`, async (t) => {
    const { socket, links, wire } = await stage(t, daemon);
    const asker = await BusWire.open(socket);
    t.teardown(() => asker.socket.destroy());
    for (const link of Object.values(links)) {
      if (isUnknownTo(daemon, link)) {
        await t.throwsAsync(wire(link), { message: /^closed/ });
        continue;
      }
      const consumer = await wire(link);
      const answer = await consumer.call({
        destination: example,
        interface: example,
        path,
        member: 'GetInfo',
      });
      const user = await userOf(asker, answer.texts[0] ?? '');
      t.deepEqual([user.type, user.signature], [2, 'u'], link.name);
      t.is(user.number, link.uid, link.name);
    }
  });

  inLab(
    `[LINK-6] names are owned by whom the bus's own policy grants them, and groups of root's are nobody's: ${daemon}`,
    async (t) => {
      const { links, wire, service } = await stage(t, daemon);
      const request = async (link: DbusListener, name: string) =>
        (await (await wire(link)).busCall('RequestName', [name, 4])).errorName;
      t.is(await request(links.root, example), null);
      for (const link of [links.operator, links.nobody, links.narrow])
        t.is(await request(link, example), accessDenied, link.name);
      const ofGroup = 'org.pantavisor.OfRootsGroup';
      t.is(await request(links.operator, ofGroup), accessDenied);
      if (daemon === 'dbus-broker')
        t.is(await request(links.inRootsGroup, ofGroup), null, 'who has that group may');
      t.is(await request(links.narrowRoot, hidden), accessDenied);
      // The name is left, and the link that is for it takes it.
      await service.busCall('ReleaseName', [example]);
      const owner = await wire(links.narrowRoot);
      t.like(await owner.busCall('RequestName', [example, 4]), { type: 2 });
      serve(owner);
      const caller = await wire(links.operator);
      const answer = await caller.call({ destination: example, interface: example, path, member: 'GetInfo' });
      t.is(answer.type, 2, 'it is called, and answers');
    },
  );

  inLab(`[LINK-6] what a link is for is all that is called, and all that is heard: ${daemon}`, async (t) => {
    const { links, wire } = await stage(t, daemon);
    const [narrow, whole] = [await wire(links.narrow), await wire(links.operator)];
    const call = async (consumer: BusWire, destination: string, name: string, member = 'GetInfo') =>
      (await consumer.call({ destination, interface: name, path, member })).errorName;
    t.is(await call(narrow, example, example), null);
    t.is(await call(whole, hidden, hidden), null);
    for (const [destination, name] of [
      [hidden, hidden],
      [hidden, example],
      [example, hidden],
      [':1.0', example],
    ] as const)
      t.is(await call(narrow, destination, name), accessDenied, `${destination} ${name}`);
    for (const consumer of [narrow, whole, await wire(links.root)]) {
      for (const [name, member, body] of [
        [`${bus.name}.Monitoring`, 'BecomeMonitor', [[], 0]],
        [bus.interface, 'ReloadConfig', []],
        [bus.interface, 'UpdateActivationEnvironment', []],
        [`${bus.name}.Debug.Stats`, 'GetStats', []],
        [bus.interface, 'AddMatch', ["eavesdrop='true'"]],
        [bus.interface, 'AddMatch', ["type='signal',eaves'drop'=true"]],
      ] as const) {
        const answer = await consumer.call({
          destination: bus.name,
          interface: name,
          path: bus.path,
          member,
          body,
        });
        t.is(answer.errorName, accessDenied, member);
      }
    }
    const names = await narrow.busCall('ListNames');
    t.true(names.list?.includes(example) && !names.list.includes(hidden), `${names.list}`);
    for (const consumer of [narrow, whole]) await consumer.busCall('AddMatch', ["type='signal'"]);
    await call(narrow, example, example, 'Emit');
    const heard = ({ heard }: BusWire) =>
      heard.filter(({ member }) => member === 'ToAll').map(({ texts }) => texts[0]);
    await whole.until(() => heard(whole).length === 2);
    await call(narrow, example, example);
    t.deepEqual([heard(whole), heard(narrow)], [[hidden, example], [example]]);
  });

  inLab(
    `[LINK-6] clients that everybody uses work through a link, and are refused what it is not for: ${daemon}`,
    async (t) => {
      const { links } = await stage(t, daemon);
      const address = `unix:path=${links.narrow.path}`;
      const clients: readonly (readonly string[])[] = [
        ['busctl', `--address=${address}`, 'call', example, path, example, 'GetInfo'],
        ['dbus-send', `--bus=${address}`, '--print-reply', `--dest=${example}`, path, `${example}.GetInfo`],
      ];
      for (const argv of clients) {
        const fine = await run(argv);
        t.is(fine.code, 0, fine.output);
        t.regex(fine.output, /:1\.\d+/);
        const refused = await run(argv.map((word) => word.replace(example, hidden)));
        t.not(refused.code, 0);
        t.regex(refused.output, /Access ?denied/i);
      }
      const list = await run(['busctl', `--address=${address}`, 'list', '--no-pager']);
      t.is(list.code, 0, list.output);
      t.regex(list.output, new RegExp(example.replaceAll('.', '\\.')));
    },
  );
}

inLab(
  '[LINK-6] descriptors that are sent all the same are closed, and their message ends the session',
  async (t) => {
    const { links, wire } = await stage(t, 'dbus-daemon');
    const other = await wire(links.operator);
    const pid = (await t.context.proxy.observe())?.pid;
    const open = () => readdirSync(`/proc/${pid}/fd`).length;
    const before = open();
    const script = `
import os, socket, sys
for turn in range(3):
    wire = socket.socket(socket.AF_UNIX)
    wire.connect(sys.argv[1])
    pieces = [b'\\0', b'AUTH EXTERNAL 30\\r\\n', b'NEGOTIATE_UNIX_FD\\r\\n', b'BEGIN\\r\\n', bytes.fromhex(sys.argv[2])]
    held = [os.open('/', os.O_RDONLY) for _ in range(16)]
    for piece in pieces:
        socket.send_fds(wire, [piece], held)
        if piece != b'\\0' and not piece.startswith(b'BEGIN') and len(piece) < 40:
            wire.recv(4096)
    wire.recv(4096)
`;
    const { writeMessage } = await import('../../../../adapters/proxy/dbus/write-message.ts');
    const hello = writeMessage({
      type: 1,
      serial: 1,
      path: bus.path,
      interface: bus.interface,
      member: 'Hello',
      destination: bus.name,
    });
    const ran = await run(['/usr/bin/python3', '-c', script, links.operator.path, hello.toString('hex')]);
    t.is(ran.code, 0, ran.output);
    const info = { destination: example, interface: example, path, member: 'GetInfo' };
    while (open() > before) t.is((await other.call(info)).type, 2);
    t.true(open() <= before);
  },
);

inLab('[LINK-11] a bus whose socket is not for a role is not reached by it', async (t) => {
  const { socket, links, wire } = await stage(t, 'dbus-daemon');
  chmodSync(socket, 0o600);
  const operator = new BusWire(links.operator.path);
  await operator.closed();
  t.like(await (await wire(links.root)).busCall('GetId'), { type: 2 });
  t.regex(
    readFileSync(`/proc/${(await t.context.proxy.observe())?.pid}/status`, 'utf8'),
    /^Uid:\t0\t0\t0\t0$/m,
  );
});

/** What a program writes, and how it ends. */
function run(argv: readonly string[]): Promise<{ readonly code: number | null; readonly output: string }> {
  const [program = '', ...words] = argv;
  const child = spawn(program, words, { stdio: ['ignore', 'pipe', 'pipe'] });
  let output = '';
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (bytes: Buffer) => {
      output += bytes.toString();
    });
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code) => resolve({ code, output }));
  });
}
