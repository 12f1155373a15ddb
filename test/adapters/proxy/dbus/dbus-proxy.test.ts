import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import anyTest, { type ExecutionContext, type TestFn } from 'ava';
import { firstValueFrom, ReplaySubject } from 'rxjs';
import { nextTurn } from '../../../../adapters/linux/next-turn.ts';
import { identify } from '../../../../adapters/linux/process-identity.ts';
import { createDbusProxy } from '../../../../adapters/proxy/dbus/dbus-proxy.ts';
import { writeMessage } from '../../../../adapters/proxy/dbus/write-message.ts';
import type { DbusListener, DbusProxy } from '../../../../adapters/proxy/dbus-proxy.ts';
import { ProxyError } from '../../../../adapters/proxy/proxy.ts';
import { SupervisedProcess } from '../../../../adapters/proxy/supervised-process.ts';
import { systemClock } from '../../../../controller/clock.ts';
import { BusWire } from './bus-wire.ts';
import { callFields, number, type RawMessage, rawMessage, signature } from './raw-message.ts';
import { type BusScript, guid, ScriptedBus } from './scripted-bus.ts';

/** The process of dbus links, against buses that do as a script says. Whom it connects as is tried against real ones (dbus-proxy.lab.test.ts). */
interface World {
  readonly root: string;
  readonly proxy: DbusProxy;
}

const test = anyTest as TestFn<World>;
const uid = process.geteuid?.() ?? 0;
const { after } = systemClock();

test.beforeEach((t) => {
  const root = mkdtempSync(join(tmpdir(), 'holdfast-dbus-'));
  t.context = { root, proxy: createDbusProxy({ root, after }) };
});

test.afterEach.always(async (t) => {
  await t.context.proxy.serve([]);
  t.context.proxy.close();
  rmSync(t.context.root, { recursive: true });
});

type Context = ExecutionContext<World>;

async function busAt(t: Context, name: string, script?: BusScript): Promise<ScriptedBus> {
  const bus = new ScriptedBus(script);
  await bus.listen(join(t.context.root, name));
  t.teardown(() => bus.close());
  return bus;
}

function link(t: Context, name: string, more: Partial<DbusListener> = {}): DbusListener {
  const { root } = t.context;
  const path = join(root, `${name}.link`);
  return { name, path, bus: join(root, 'bus'), uid, claimedUid: uid, interface: null, ...more };
}

async function wireTo(t: Context, { path }: DbusListener): Promise<BusWire> {
  const wire = await BusWire.open(path);
  t.teardown(() => wire.socket.destroy());
  return wire;
}

function rawWireTo(t: Context, { path }: DbusListener): BusWire {
  const wire = new BusWire(path);
  t.teardown(() => wire.socket.destroy());
  return wire;
}

const echo = async (wire: BusWire, text = 'still'): Promise<string | undefined> =>
  (
    await wire.call({
      destination: 'org.example.Thing',
      interface: 'org.example.Thing',
      member: 'Echo',
      body: [text],
    })
  ).texts[0];

async function rssOf(t: Context): Promise<number> {
  const { pid } = (await t.context.proxy.observe()) ?? {};
  return 1024 * Number(/^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]);
}

/** Far above what it takes with nothing to do, far below what is sent. */
const bound = 40 * 2 ** 20;

test.serial('[ENG-4] nothing runs before there is a link, nor afterwards, and nothing is left', async (t) => {
  const { proxy, root } = t.context;
  t.is(await proxy.observe(), null);
  t.deepEqual(await proxy.traffic(), []);
  await proxy.serve([]);
  await busAt(t, 'bus');
  const served = link(t, 'one');
  await proxy.serve([served]);
  const { pid, listeners } = (await proxy.observe()) ?? { pid: 0 };
  t.deepEqual(listeners, [served]);
  t.is(statSync(served.path).mode & 0o777, 0o666);
  t.false(existsSync(`${served.path}.new`));
  const wire = await wireTo(t, served);
  t.is(await echo(wire, 'x'), 'x');
  t.deepEqual(await proxy.traffic(), [{ listener: 'one', sessions: 1, connections: 1, denied: 0 }]);
  await proxy.serve([]);
  await wire.closed();
  t.is(identify(pid), null);
  t.false(existsSync(join(root, 'run/dbus-proxy')));
});

test.serial('[LINK-6] the bus is told who comes, and tells the consumer which bus it is', async (t) => {
  const bus = await busAt(t, 'bus');
  const served = link(t, 'one', { claimedUid: 4242 });
  await t.context.proxy.serve([served]);
  const wire = rawWireTo(t, served);
  wire.socket.write('\0AUTH EXTERNAL 30\r\nNEGOTIATE_UNIX_FD\r\n');
  t.is(await wire.line(/ERROR/), `OK ${guid}\r\nERROR "file descriptors are not passed"\r\n`);
  t.is(bus.peers[0]?.introduction, `\0AUTH EXTERNAL ${Buffer.from('4242').toString('hex')}\r\n`);
});

test.serial(
  '[LINK-6] a bus that lets nobody in rejects the consumer; one that is not there ends its connection',
  async (t) => {
    await busAt(t, 'bus', { letsIn: false });
    const [rejecting, dead] = [link(t, 'one'), link(t, 'two', { bus: join(t.context.root, 'nowhere') })];
    await t.context.proxy.serve([rejecting, dead]);
    const wire = rawWireTo(t, rejecting);
    wire.socket.write('\0AUTH EXTERNAL 30\r\n');
    t.is(await wire.line(/\r\n/), 'REJECTED EXTERNAL\r\n');
    await rawWireTo(t, dead).closed();
    t.like((await t.context.proxy.traffic())[1], { sessions: 0, connections: 0 });
  },
);

test.serial('[LINK-10] links come, change and go, and sessions of others go on', async (t) => {
  const { proxy } = t.context;
  await busAt(t, 'bus', { owners: { 'org.example.Thing': ':1.1000' } });
  await busAt(t, 'other', {});
  const [one, two] = [link(t, 'one'), link(t, 'two')];
  await proxy.serve([one, two]);
  const before = await proxy.observe();
  const inode = statSync(one.path).ino;
  const [stays, goes, moves] = [await wireTo(t, one), await wireTo(t, two), await wireTo(t, one)];
  proxy.close();
  const next = createDbusProxy({ root: t.context.root, after });
  t.teardown(() => next.close());
  t.deepEqual(await next.observe(), before);

  await next.serve([one, link(t, 'three')]);
  await goes.closed();
  t.false(existsSync(two.path));
  t.is(statSync(one.path).ino, inode);
  t.is(await echo(stays), 'still');
  t.is(await echo(await wireTo(t, link(t, 'three'))), 'still');

  const narrow = { ...one, interface: 'org.example.Thing' };
  await next.serve([narrow]);
  t.is(await echo(stays), 'still');
  const refused = await moves.call({
    destination: 'org.example.Other',
    interface: 'org.example.Other',
    member: 'M',
  });
  t.is(refused.errorName, 'org.freedesktop.DBus.Error.AccessDenied');
  t.is(statSync(one.path).ino, inode);
  t.deepEqual(await next.traffic(), [{ listener: 'one', sessions: 2, connections: 2, denied: 1 }]);
  await next.serve([one]);
  t.like(
    await moves.call({ destination: 'org.example.Other', interface: 'org.example.Other', member: 'M' }),
    { type: 2 },
  );

  await next.serve([{ ...one, bus: join(t.context.root, 'other') }]);
  await Promise.all([stays.closed(), moves.closed()]);
  t.not(statSync(one.path).ino, inode);
  t.is(await echo(await wireTo(t, one)), 'still');
  t.is((await next.observe())?.pid, before?.pid);
});

test.serial('[LINK-6] links are served whole or not at all', async (t) => {
  const { proxy, root } = t.context;
  await busAt(t, 'bus');
  const one = link(t, 'one');
  mkdirSync(join(root, 'taken'));
  const failing: readonly (readonly DbusListener[])[] = [
    [link(t, 'two', { path: join(root, 'nowhere/two') })],
    [link(t, 'two'), link(t, 'three', { path: join(root, 'taken') })],
    [link(t, 'two'), link(t, 'two', { path: join(root, 'other') })],
    [link(t, 'two'), link(t, 'three', { path: link(t, 'two').path })],
  ];
  const refusal = async (listeners: readonly DbusListener[]) => {
    const error = await t.throwsAsync(proxy.serve(listeners), { instanceOf: ProxyError });
    t.is(error?.listener, listeners.at(-1)?.name ?? null, error?.message);
    t.false(existsSync(link(t, 'two').path));
  };
  for (const listeners of failing) await refusal(listeners);
  t.is(await proxy.observe(), null, 'nothing was served before');
  await proxy.serve([one]);
  const wire = await wireTo(t, one);
  for (const listeners of failing) await refusal([one, ...listeners]);
  t.deepEqual((await proxy.observe())?.listeners, [one]);
  t.is(await echo(wire), 'still');
});

test.serial('[ENG-2] a process that was killed is told, and the next serves at the same path', async (t) => {
  const { proxy } = t.context;
  await busAt(t, 'bus');
  const one = link(t, 'one');
  const ends = new ReplaySubject<string>();
  t.teardown(() => watching.unsubscribe());
  const watching = proxy.watch().subscribe(ends);
  await proxy.serve([one]);
  const wire = await wireTo(t, one);
  const pid = (await proxy.observe())?.pid ?? 0;
  process.kill(pid, 'SIGKILL');
  t.regex(await firstValueFrom(ends), new RegExp(`${pid}`));
  await wire.closed();
  t.true(existsSync(one.path), 'what it left is there');
  await proxy.serve([one]);
  t.not((await proxy.observe())?.pid, pid);
  t.is(await echo(await wireTo(t, one)), 'still');
});

test.serial('a process that another version has started is replaced by the next that serves', async (t) => {
  const { proxy, root } = t.context;
  await busAt(t, 'bus');
  const directory = join(root, 'run/dbus-proxy');
  const older = new SupervisedProcess({ directory, mark: directory, after });
  const program = join(import.meta.dirname, '../builtin/older-process.ts');
  const { pid } = await older.start([process.execPath, program, directory]);
  while (!existsSync(join(directory, 'control.sock'))) await nextTurn();
  // A socket is at its path a moment before it is listened at.
  const seen = () =>
    proxy.observe().catch((error: Error) => {
      if (!error.message.includes('ECONNREFUSED')) throw error;
      return null;
    });
  let found = await seen();
  while (found === null) found = await seen();
  t.deepEqual(found, { pid, listeners: [] });
  const one = link(t, 'one');
  await proxy.serve([one]);
  t.not((await proxy.observe())?.pid, pid);
  t.is(await echo(await wireTo(t, one)), 'still');
});

test.serial('[LINK-6] its process may become others, and can gain no more', async (t) => {
  await busAt(t, 'bus');
  await t.context.proxy.serve([link(t, 'one')]);
  const { pid } = (await t.context.proxy.observe()) ?? {};
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  if (uid !== 0) {
    t.regex(status, /^CapEff:\t0{16}$/m);
    return;
  }
  // CAP_DAC_READ_SEARCH (2), CAP_SETGID (6), CAP_SETUID (7).
  for (const set of ['CapPrm', 'CapEff', 'CapBnd'])
    t.regex(status, new RegExp(`^${set}:\t00000000000000c4$`, 'm'), status);
  t.regex(status, /^NoNewPrivs:\t1$/m);
  t.regex(status, /^Groups:\t ?$/m);
});

const ends: Readonly<Record<string, string | RawMessage | Buffer>> = {
  'no byte of credentials': 'AUTH EXTERNAL 30\r\n',
  'BEGIN at once': '\0BEGIN\r\n',
  'a message in place of a handshake': rawMessage(),
  'another message than Hello': rawMessage(),
};

const afterHello: Readonly<Record<string, RawMessage>> = {
  'a message with descriptors': { fields: [...callFields, number(9, 1)] },
  'a lying length of fields': { fieldBytes: 30 },
  'a length of fields beyond any measure': { fieldBytes: 2 ** 31 },
  'a length of the body beyond any measure': { bodyBytes: 2 ** 31 },
  'an unknown type': { type: 9 },
  'a name that is none': {
    fields: [...callFields.slice(0, 3), { code: 3, type: 's', value: 'no such-member' }],
  },
};

for (const [what, bytes] of Object.entries(ends)) {
  test.serial(`[LINK-6] a connection ends, and no other, by ${what}`, async (t) => {
    const bus = await busAt(t, 'bus');
    const one = link(t, 'one');
    await t.context.proxy.serve([one]);
    const other = await wireTo(t, one);
    const wire = rawWireTo(t, one);
    if (what.includes('Hello')) await wire.authenticate();
    wire.socket.write(bytes as Buffer);
    await wire.closed();
    t.deepEqual(bus.peers[1]?.heard, []);
    t.is(await echo(other), 'still');
  });
}

for (const [what, message] of Object.entries(afterHello)) {
  test.serial(`[LINK-6] a session ends, and no other, by ${what}`, async (t) => {
    const bus = await busAt(t, 'bus');
    const one = link(t, 'one');
    await t.context.proxy.serve([one]);
    const other = await wireTo(t, one);
    const wire = await wireTo(t, one);
    wire.socket.write(rawMessage(message));
    await wire.closed();
    t.is(bus.peers[1]?.heard.length, 1);
    t.is(await echo(other), 'still');
    t.is(readFileSync(join(t.context.root, 'run/dbus-proxy/log'), 'utf8'), '', 'it is no error of ours');
  });
}

test.serial(
  '[LINK-6] a bus that sends what is no message, or descriptors, ends its own sessions',
  async (t) => {
    const bus = await busAt(t, 'bus');
    const one = link(t, 'one');
    await t.context.proxy.serve([one]);
    const other = await wireTo(t, one);
    for (const bytes of [Buffer.alloc(64, 0x78), rawMessage({ fields: [...callFields, number(9, 1)] })]) {
      const wire = await wireTo(t, one);
      bus.peers.at(-1)?.socket.write(bytes);
      await wire.closed();
    }
    t.is(await echo(other), 'still');
  },
);

test.serial('what was sent last arrives, although the sender has gone', async (t) => {
  const bus = await busAt(t, 'bus');
  const one = link(t, 'one');
  await t.context.proxy.serve([one]);
  const wire = await wireTo(t, one);
  wire.send({
    type: 4,
    path: '/a',
    interface: 'org.example.Thing',
    member: 'Last',
    body: ['x'.repeat(100_000)],
  });
  wire.socket.end();
  await wire.closed();
  const [peer] = bus.peers;
  if (peer !== undefined && !peer.socket.readableEnded) await once(peer.socket, 'end');
  t.is(peer?.heard.at(-1)?.texts[0]?.length, 100_000);
  const another = await wireTo(t, one);
  bus.peers[1]?.send({ type: 4, path: '/a', interface: 'a.b', member: 'Bye', body: ['y'.repeat(100_000)] });
  bus.peers[1]?.socket.end();
  await another.closed();
  t.is(another.heard.at(-1)?.texts[0]?.length, 100_000);
});

test.serial('[LINK-6] a hundred megabytes of handshake cost nothing, and nobody', async (t) => {
  await busAt(t, 'bus');
  const one = link(t, 'one');
  await t.context.proxy.serve([one]);
  const other = await wireTo(t, one);
  const before = await rssOf(t);
  const piece = Buffer.alloc(2 ** 20, 0x61);
  await Promise.all(
    ['\0', '\0AUTH EXTERNAL ', `\0${'AUTH X\r\n'.repeat(60)}`].map(async (beginning) => {
      const wire = rawWireTo(t, one);
      wire.socket.write(beginning, 'latin1');
      for (let sent = 0; sent < 100 && !wire.isClosed; sent += 1)
        if (!wire.socket.write(piece))
          await Promise.race([once(wire.socket, 'drain').catch(() => {}), wire.closed()]);
      await wire.closed();
    }),
  );
  t.is(await echo(other), 'still');
  t.true((await rssOf(t)) - before < bound, `${before}, then ${await rssOf(t)}`);
});

/** Sends a call with a body of so many bytes, in pieces; resolves once all was taken. */
async function sendLong(wire: BusWire, bytes: number): Promise<void> {
  const fields = [...callFields, signature('ay')];
  wire.socket.write(rawMessage({ serial: 77, fields, bodyBytes: bytes }));
  const piece = Buffer.alloc(2 ** 20);
  for (let left = bytes; left > 0; left -= piece.length) {
    if (!wire.socket.write(piece.subarray(0, Math.min(left, piece.length)))) await once(wire.socket, 'drain');
  }
}

test.serial(
  '[LINK-6] bodies of 128 MB go through, or are passed over, and neither is ever kept',
  async (t) => {
    let received = 0;
    const raw = (bytes: Buffer): void => {
      received += bytes.length;
    };
    await busAt(t, 'raw', { raw });
    await busAt(t, 'bus', { owners: { 'org.example.Thing': ':1.1000' } });
    const whole = link(t, 'whole', { bus: join(t.context.root, 'raw') });
    const narrow = link(t, 'narrow', { interface: 'org.example.Thing' });
    await t.context.proxy.serve([whole, narrow]);
    const before = await rssOf(t);
    const bytes = 2 ** 27 - 1024;
    const [passing, denied] = [await wireTo(t, whole), await wireTo(t, narrow)];
    await sendLong(passing, bytes);
    while (received < bytes) await nextTurn();
    t.true(received - bytes < 512, `${received}`);
    await sendLong(denied, bytes);
    t.is((await denied.answerTo(77)).errorName, 'org.freedesktop.DBus.Error.AccessDenied');
    t.is(await echo(denied), 'still');
    t.true((await rssOf(t)) - before < bound, `${before}, then ${await rssOf(t)}`);
  },
);

test.serial(
  '[LINK-6] who does not read, on either side, costs a bounded piece of memory, and nobody else',
  async (t) => {
    const bus = await busAt(t, 'bus', { owners: { 'org.example.Thing': ':1.1000' } });
    const [whole, narrow] = [link(t, 'whole'), link(t, 'narrow', { interface: 'org.example.Thing' })];
    await t.context.proxy.serve([whole, narrow]);
    const other = await wireTo(t, whole);
    const before = await rssOf(t);

    // A consumer that reads nothing, of a bus that has much to say.
    const deaf = await wireTo(t, whole);
    deaf.socket.pause();
    const flood = writeMessage({
      type: 4,
      serial: 1,
      path: '/a',
      interface: 'a.b',
      member: 'S',
      sender: ':1.5',
      body: ['x'.repeat(2 ** 16)],
    });
    for (let sent = 0; sent < 1600; sent += 1) bus.peers.at(-1)?.socket.write(flood);
    // One that reads none of the errors that it brings about.
    const silly = await wireTo(t, narrow);
    silly.socket.pause();
    const refused = writeMessage({
      type: 1,
      serial: 9,
      path: '/a',
      interface: 'a.b',
      member: 'M',
      destination: 'a.c',
    });
    const many = Buffer.concat(Array.from({ length: 1000 }, () => refused));
    for (let sent = 0; sent < 500; sent += 1) silly.socket.write(many);
    // A bus that reads nothing, of a consumer that has much to say.
    const eager = await wireTo(t, whole);
    bus.peers.at(-1)?.socket.pause();
    for (let sent = 0; sent < 1600; sent += 1) eager.socket.write(flood);

    for (let asked = 0; asked < 200; asked += 1) t.is(await echo(other), 'still');
    t.true((await rssOf(t)) - before < bound, `${before}, then ${await rssOf(t)}`);
    t.like((await t.context.proxy.traffic())[0], { sessions: 3 });
  },
);

test.serial('[LINK-6] who goes before the bus has answered is gone', async (t) => {
  const bus = await busAt(t, 'bus', { isSilent: true });
  const served = link(t, 'one');
  await t.context.proxy.serve([served]);
  const sessions = async (): Promise<number | undefined> => (await t.context.proxy.traffic())[0]?.sessions;
  const wire = rawWireTo(t, served);
  wire.socket.write('\0AUTH EXTERNAL 30\r\n');
  while (bus.peers.length === 0) await nextTurn();
  t.is(await sessions(), 1);
  wire.socket.destroy();
  while ((await sessions()) !== 0) await nextTurn();
  t.is(await sessions(), 0);
});

test.serial('[LINK-6] who never says Hello takes 16 connections of the bus, and no more', async (t) => {
  const bus = await busAt(t, 'bus');
  const [one, two] = [link(t, 'one'), link(t, 'two')];
  await t.context.proxy.serve([one, two]);
  const authenticating = async (): Promise<BusWire> => {
    const wire = rawWireTo(t, one);
    wire.socket.write('\0AUTH EXTERNAL 30\r\n');
    await wire.line(/OK/);
    return wire;
  };
  const nameless = await Promise.all(Array.from({ length: 16 }, authenticating));
  const waiting = Array.from({ length: 16 }, authenticating);
  t.is(await echo(await wireTo(t, two)), 'still');
  t.like((await t.context.proxy.traffic())[0], { sessions: 16, connections: 16 });
  t.is(bus.peers.length, 17);
  // Who gets a name makes room, and so does who goes.
  nameless[0]?.begin();
  await nameless[0]?.busCall('Hello');
  const next = await Promise.race(waiting);
  t.like((await t.context.proxy.traffic())[0], { sessions: 17, connections: 17 });
  for (const wire of [...nameless.slice(1), next]) wire.socket.destroy();
  await Promise.all(waiting);
});

test.serial('[LINK-6] a link has 64 sessions, and others have theirs', async (t) => {
  await busAt(t, 'bus');
  const [one, two] = [link(t, 'one'), link(t, 'two')];
  await t.context.proxy.serve([one, two]);
  const wires = await Promise.all(Array.from({ length: 64 }, () => wireTo(t, one)));
  await rawWireTo(t, one).closed();
  t.is(await echo(await wireTo(t, two)), 'still');
  const [first] = wires;
  first?.socket.destroy();
  const sessions = async () => (await t.context.proxy.traffic())[0]?.sessions;
  while ((await sessions()) !== 63) await nextTurn();
  t.is(await echo(await wireTo(t, one)), 'still');
});

test.serial(
  '[LINK-6] without descriptors connections are closed at once, those that are open go on, and new ones are taken later',
  async (t) => {
    await busAt(t, 'bus');
    const one = link(t, 'one');
    await t.context.proxy.serve([one]);
    const { pid } = (await t.context.proxy.observe()) ?? {};
    const open = await wireTo(t, one);
    // One of these is the directory that is listed.
    const used = readdirSync(`/proc/${pid}/fd`).length - 1;
    const limit = spawnSync('prlimit', ['--pid', `${pid}`, `--nofile=${used + 8}`], { encoding: 'utf8' });
    t.is(limit.status, 0, limit.stderr);
    const wires = Array.from({ length: 40 }, () => rawWireTo(t, one));
    const isClosed = () => wires.filter((wire) => wire.isClosed).length >= 36;
    while (!isClosed()) await nextTurn();
    t.is(await echo(open), 'still');
    for (const wire of wires) wire.socket.destroy();
    while (((await t.context.proxy.traffic())[0]?.sessions ?? 0) > 1) await nextTurn();
    t.is(await echo(await wireTo(t, one)), 'still');
    t.is(readFileSync(join(t.context.root, 'run/dbus-proxy/log'), 'utf8'), '');
  },
);

test.serial('[LINK-10] a thousand links are served, and one of them changes, in its own time', async (t) => {
  await busAt(t, 'bus');
  const links = Array.from({ length: 1000 }, (_, index) => link(t, `${index}`));
  await t.context.proxy.serve(links);
  const wire = await wireTo(t, link(t, '999'));
  await t.context.proxy.serve(links.with(500, link(t, '500', { interface: 'a.b' })));
  t.is(await echo(wire), 'still');
  t.is((await t.context.proxy.observe())?.listeners.length, 1000);
});
