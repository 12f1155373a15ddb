import { once } from 'node:events';
import { mkdir, mkdtemp, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { layoutOf } from '../../../adapters/lxc/layout.ts';
import { readyMount } from '../../../adapters/lxc/ready-mount.ts';
import { ReadySockets } from '../../../adapters/lxc/ready-sockets.ts';
import { systemClock } from '../../../controller/clock.ts';
import { say } from './lxc-world.ts';

async function temporary(t: ExecutionContext): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'ready-'));
  t.teardown(() => rm(directory, { recursive: true }));
  return directory;
}

/** Sockets that take every signal of a container called `a`; time passes only where a test says so. */
async function sockets(t: ExecutionContext, below = '') {
  const root = join(await temporary(t), below);
  await mkdir(root, { recursive: true });
  const layout = layoutOf(root);
  const heard: string[] = [];
  const due: { delayMs: number; fire: () => void }[] = [];
  const ready = new ReadySockets({
    layout,
    after: (delayMs, fire) => {
      const timer = { delayMs, fire };
      due.push(timer);
      return () => void due.splice(due.indexOf(timer), due.includes(timer) ? 1 : 0);
    },
    take: (name) => {
      heard.push(name);
      return name === 'a' ? null : 'nobody waits for this container';
    },
  });
  t.teardown(() => ready.close());
  const { ready: directory } = layout.container('a');
  return { ready, heard, due, directory, socket: join(directory, 'ready.sock'), layout };
}

test('[CTR-6] a signal is that of the container whose socket it came by', async (t) => {
  const { ready, heard, socket, layout } = await sockets(t);
  await ready.prepare('a');
  await ready.prepare('b');
  t.is(await say(socket, 'ready\n'), 'ok\n');
  t.is(
    await say(join(layout.container('b').ready, 'ready.sock'), 'ready\n'),
    'error: nobody waits for this container\n',
  );
  t.deepEqual(heard, ['a', 'b']);
  t.is((await stat(socket)).mode & 0o777, 0o666, 'any user of the container may speak for it');
});

test('[CTR-6] what is begun to be said in one run of a container is not heard in the next', async (t) => {
  const { ready, heard, socket } = await sockets(t);
  await ready.prepare('a');
  const early = connect(socket);
  await once(early, 'connect');
  await say(socket, 'hello\n');
  await ready.prepare('a');
  // It may be told of that by an error, too.
  const closed = new Promise((resolve) => early.once('close', resolve).on('error', () => undefined));
  early.end('ready\n');
  early.resume();
  await closed;
  t.deepEqual(heard, []);
});

test('[CTR-6] HTTP that is written by hand is heard without a Host, and what is wrong with it is told in words', async (t) => {
  const { ready, heard, socket } = await sockets(t);
  await ready.prepare('a');
  const post = (body: string) =>
    say(socket, `POST /signal HTTP/1.1\r\nContent-Length: ${body.length}\r\n\r\n${body}`);
  t.regex(await post('{"type":"ready"}'), /^HTTP\/1\.1 200 OK\r\n[\s\S]*\bok\n/);
  t.regex(
    await post('hello'),
    /^HTTP\/1\.1 400 Bad Request\r\n[\s\S]*expected \{"type":"ready","payload":""\}\n/,
  );
  t.regex(await say(socket, 'GET /signal HTTP/1.1\r\n\r\n'), /^HTTP\/1\.1 405 [\s\S]*expected POST\n/);
  t.deepEqual(heard, ['a']);
});

test('[CTR-6] a socket may be deeper in the file system than its address could say', async (t) => {
  const { ready, directory } = await sockets(t, 'x'.repeat(200));
  await ready.prepare('a');
  t.true((await stat(join(directory, 'ready.sock'))).isSocket());
});

const obstacles: readonly (readonly [
  what: string,
  put: (path: string, aside: string) => Promise<unknown>,
])[] = [
  ['a file', (path) => writeFile(path, '')],
  ['a directory', (path) => mkdir(join(path, 'full'), { recursive: true })],
  ['a link to a file elsewhere', (path, aside) => symlink(aside, path)],
];
for (const [what, put] of obstacles) {
  test(`[CTR-6] ${what} in the place of the socket gives way when the next controller listens`, async (t) => {
    const { ready, directory, socket } = await sockets(t);
    const aside = join(directory, '../aside');
    await mkdir(directory, { recursive: true });
    await writeFile(aside, '', { mode: 0o600 });
    await put(socket, aside);
    await ready.attend('a');
    t.is(await say(socket, 'ready\n'), 'ok\n');
    t.is((await stat(aside)).mode & 0o777, 0o600);
  });
}

test('[CTR-6] a container that does nothing but connect is not listened to for a while', async (t) => {
  const { ready, due, socket } = await sockets(t);
  await ready.prepare('a');
  for (let count = 0; count < 64; count += 1) {
    const each = connect(socket).resume();
    await Promise.race([once(each, 'connect'), once(each, 'close')]);
    each.destroy();
    await once(each, 'close');
  }
  await t.throwsAsync(say(socket, 'ready\n'), { code: 'ECONNREFUSED' });
  due.find(({ delayMs }) => delayMs === 10_000)?.fire();
  // Listening begins in this turn; the socket is in its place in the next.
  await new Promise((resolve) => systemClock().after(0, () => resolve(null)));
  t.is(await say(socket, 'ready\n'), 'ok\n');
});

test('[CTR-6] a conversation that does not end is ended after 5 s', async (t) => {
  const { ready, due, socket } = await sockets(t);
  await ready.prepare('a');
  const silent = connect(socket);
  await once(silent, 'connect');
  while (!due.some(({ delayMs }) => delayMs === 5000)) await new Promise(setImmediate);
  due.find(({ delayMs }) => delayMs === 5000)?.fire();
  await once(silent.resume(), 'close');
  t.true(silent.destroyed);
});

const mountEntry = (value: string) => ({ key: 'lxc.mount.entry', value });

test('[CTR-6] LXC makes the directory only where the container has a file system of its own over it', async (t) => {
  const lowest = await temporary(t);
  const upper = await temporary(t);
  const own = [mountEntry('tmpfs run tmpfs rw 0 0')];
  t.deepEqual(readyMount({ lowest, upper, own: [] }), { target: 'run/holdfast', lacking: true, made: false });
  await mkdir(join(lowest, 'run/holdfast'), { recursive: true });
  t.deepEqual(readyMount({ lowest, upper, own }), { target: 'run/holdfast', lacking: false, made: true });
  t.false(readyMount({ lowest, upper, own: [mountEntry('tmpfs runner tmpfs rw 0 0')] }).made);
  await mkdir(join(upper, 'run'));
  await symlink('/etc', join(upper, 'run/holdfast'));
  t.false(readyMount({ lowest, upper, own }).made);
});
