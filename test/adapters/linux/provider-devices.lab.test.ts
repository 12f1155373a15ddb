import {
  closeSync,
  fstatSync,
  mkdirSync,
  readdirSync,
  renameSync,
  statSync,
  symlinkSync,
  unlinkSync,
} from 'node:fs';
import type { ExecutionContext } from 'ava';
import { filter, firstValueFrom } from 'rxjs';
import { ContainerHandle } from '../../../adapters/linux/container-handle.ts';
import { ContainerView } from '../../../adapters/linux/container-view.ts';
import { deviceNumberOf, deviceText } from '../../../adapters/linux/device-number.ts';
import type {
  ProviderSight,
  ProviderSocket,
  ProviderSockets,
} from '../../../adapters/linux/provider-sockets.ts';
import { loadSystemCalls } from '../../../adapters/linux/system-calls.ts';
import { begin } from './begin-program.ts';
import { startLxc } from './device-bench.ts';
import { labTest } from './network-bench.ts';
import { type BareContainer, makeRoot, openSockets, serve, startContainer } from './socket-bench.ts';

const calls = await loadSystemCalls();
const card: ProviderSocket = { container: 'gpu', socket: '/run/dri/card0', type: 'device' };

/** Resolves to how it stands as soon as that is as expected: that it never is, ends the test by its time limit. */
async function sight(
  sockets: ProviderSockets,
  of: ProviderSocket,
  isExpected: (sight: ProviderSight) => boolean,
): Promise<ProviderSight> {
  for (;;) {
    const now = sockets.sightOf(of);
    if (now !== null && isExpected(now)) return now;
    await firstValueFrom(sockets.changed.pipe(filter(({ socket }) => socket === of.socket)));
  }
}

const nodeOf = (now: ProviderSight | null): string | null =>
  now?.state === 'shown' && now.node !== null ? deviceText(now.node) : null;

/** A container that has a device node, which is kept and seen. */
async function seen(t: ExecutionContext) {
  const container = await startContainer(t, await makeRoot(t));
  mkdirSync(container.at('/run/dri'));
  await container.inside('mknod', card.socket, 'c', '226', '0');
  const bench = openSockets(t);
  bench.sockets.moved('gpu', container.pid);
  await bench.sockets.add([card]);
  t.is(nodeOf(bench.sockets.sightOf(card)), '226:0');
  return { ...bench, container };
}

labTest(
  '[LINK-7] a device node of a provider is seen with its numbers, and nothing of it is on the host',
  async (t) => {
    const { sockets, container, root } = await seen(t);
    const { dev, ino } = statSync(container.at(card.socket));
    t.like(sockets.sightOf(card), { state: 'shown', device: dev, inode: ino });
    t.is(sockets.problemOf(card), null);
    t.deepEqual(readdirSync(root), []);
    await sockets.drop([card]);
    t.is(sockets.sightOf(card), null);
  },
);

/** Ways in which a provider comes to another node, or to something else, at the path. */
const changes: Readonly<
  Record<string, readonly [(container: BareContainer, t: ExecutionContext) => unknown, RegExp]>
> = {
  'is made anew for another device': [
    async ({ at, inside }) => {
      unlinkSync(at(card.socket));
      await inside('mknod', card.socket, 'c', '226', '128');
    },
    /^226:128$/,
  ],
  'has another renamed over it': [
    async ({ at, inside }) => {
      await inside('mknod', '/run/dri/new', 'c', '226', '129');
      renameSync(at('/run/dri/new'), at(card.socket));
    },
    /^226:129$/,
  ],
  'is behind a link that leads to another': [
    async ({ at, inside }) => {
      await inside('mknod', '/run/other', 'c', '226', '1');
      symlinkSync('/run/other', at('/run/dri/new'));
      renameSync(at('/run/dri/new'), at(card.socket));
    },
    /^226:1$/,
  ],
  'is removed': [
    ({ at }) => unlinkSync(at(card.socket)),
    /^absent: there is no \/run\/dri\/card0 in container 'gpu'$/,
  ],
  'gives way to a block device': [
    async ({ at, inside }) => {
      unlinkSync(at(card.socket));
      await inside('mknod', card.socket, 'b', '7', '0');
    },
    /^refused: .*it is a block device; expected a character device/,
  ],
  'gives way to a FIFO': [
    async ({ at, inside }) => {
      unlinkSync(at(card.socket));
      await inside('mkfifo', card.socket);
    },
    /^refused: .*it is a FIFO; expected a character device/,
  ],
  'gives way to a socket': [
    ({ at }, t) => {
      unlinkSync(at(card.socket));
      return serve(t, at(card.socket), 'hello');
    },
    /^refused: .*it is a socket; expected a character device/,
  ],
  'gives way to a link that leads to a device of the host alone': [
    ({ at }) => {
      unlinkSync(at(card.socket));
      symlinkSync('/dev/kvm', at(card.socket));
    },
    /^absent: there is no/,
  ],
};

const inWords = (now: ProviderSight): string =>
  now.state === 'shown' ? (nodeOf(now) ?? 'shown') : `${now.state}: ${now.why}`;

for (const [what, [change, expected]] of Object.entries(changes)) {
  labTest(`[LINK-7] a node that ${what} is seen so at once`, async (t) => {
    const { sockets, container } = await seen(t);
    await change(container, t);
    t.regex(inWords(await sight(sockets, card, (now) => expected.test(inWords(now)))), expected);
  });
}

labTest('[LINK-11] an absolute link to a device of the host fools the naive, and not us', async (t) => {
  const { sockets, container } = await seen(t);
  unlinkSync(container.at(card.socket));
  symlinkSync('/dev/kvm', container.at(card.socket));
  const { rdev } = statSync(container.at(card.socket), { bigint: true });
  t.is(deviceText(deviceNumberOf(rdev)), '10:232', 'the naive way is not fooled: this test shows nothing');
  t.is((await sight(sockets, card, ({ state }) => state !== 'shown')).state, 'absent');
});

labTest(
  "[LINK-7] a device of a container's own /dev is seen, with users of the host and with its own",
  async (t) => {
    for (const unprivileged of [false, true]) {
      const name = unprivileged ? 'shifted' : 'plain';
      const container = await startLxc(t, { name, unprivileged });
      const { sockets } = openSockets(t);
      const zero: ProviderSocket = { container: name, socket: '/dev/zero', type: 'device' };
      await sockets.add([zero]);
      sockets.moved(name, container.pid);
      t.is(nodeOf(sockets.sightOf(zero)), '1:5');
      await container.stop();
      t.is((await sight(sockets, zero, ({ state }) => state !== 'shown')).state, 'absent');
    }
  },
);

labTest('[LINK-7] one path may be kept as a socket and as a device, and each is what it is', async (t) => {
  const { sockets } = await seen(t);
  const socket: ProviderSocket = { container: 'gpu', socket: card.socket };
  await sockets.add([socket]);
  t.is(sockets.sightOf(socket)?.state, 'refused');
  t.regex(sockets.problemOf(socket) ?? '', /it is a character device; expected a socket/);
  t.is(nodeOf(sockets.sightOf(card)), '226:0');
  await sockets.drop([socket]);
  t.is(nodeOf(sockets.sightOf(card)), '226:0');
});

/** Has `$ARGV[0]/x` be a device, a FIFO, a socket and a link to a device of the host in turn, as fast as it can. */
const swapper = `
  $| = 1;
  use POSIX 'mkfifo';
  use Socket;
  chdir $ARGV[0] or die;
  system('mknod', 'device', 'c', '226', '0') == 0 or die;
  mkfifo('fifo', 0600) or die;
  socket(my $socket, PF_UNIX, SOCK_STREAM, 0); bind($socket, sockaddr_un('socket')) or die;
  link 'device', 'x';
  print "begun\\n";
  for (;;) {
    for my $kind ('fifo', 'device', 'socket') { link $kind, 'new'; rename 'new', 'x' }
    symlink '/dev/kvm', 'new'; rename 'new', 'x';
  }`;

labTest('[LINK-11] what is looked at is what is opened, however fast a container swaps it', async (t) => {
  const container = await startContainer(t, await makeRoot(t));
  await begin(t, 'perl', '-e', swapper, container.at('/run'));
  const handle = new ContainerHandle(container.pid);
  const view = new ContainerView({ calls, handle });
  const found = { device: 0, other: 0, none: 0 };
  let fooled = 0;
  for (let round = 0; (found.device < 100 || fooled === 0) && round < 200_000; round++) {
    fooled += naiveIsFooled(container.at('/run/x')) ? 1 : 0;
    try {
      const opened = view.open({ path: '/run/x' });
      const stats = fstatSync(opened, { bigint: true });
      closeSync(opened);
      if (stats.isCharacterDevice()) {
        t.is(deviceText(deviceNumberOf(stats.rdev)), '226:0');
        found.device += 1;
      } else found.other += 1;
    } catch (error) {
      t.is((error as NodeJS.ErrnoException).code, 'ENOENT');
      found.none += 1;
    }
  }
  view.close();
  handle.close();
  t.true(found.device >= 100, JSON.stringify(found));
  t.true(fooled > 0, 'the naive way was never led astray: this test shows nothing');
});

/** Looks at what the path leads to, as the host sees it. */
function naiveIsFooled(path: string): boolean {
  const stats = statSync(path, { bigint: true, throwIfNoEntry: false });
  return stats?.isCharacterDevice() === true && deviceText(deviceNumberOf(stats.rdev)) === '10:232';
}

labTest('[LINK-11] a view of a container walks no way twice, and leaves nothing open', async (t) => {
  const container = await startContainer(t, await makeRoot(t));
  mkdirSync(container.at('/run/a/b'), { recursive: true });
  symlinkSync('/run/a', container.at('/run/link'));
  await container.inside('mount', '-t', 'tmpfs', 'tmpfs', '/run/a/b');
  for (let count = 0; count < 100; count++)
    mkdirSync(container.at(`/run/a/b/d${count}/e`), { recursive: true });
  await container.inside('mknod', '/run/a/b/x', 'c', '1', '3');
  const before = readdirSync('/proc/self/fd').length;
  const handle = new ContainerHandle(container.pid);
  const view = new ContainerView({ calls, handle });
  let bytes = 0;
  const open = (path: string) => closeSync(view.open({ path, reading: (read) => (bytes += read) }));
  open('/run/a/b/x');
  t.true(bytes > 0);
  bytes = 0;
  for (const path of ['/run/link/b/x', '/run/a/b/', '/run/a/b/d1/..', '/run/a'])
    t.notThrows(() => open(path));
  t.is(bytes, 0, 'no list of mounts was read again');
  t.throws(() => open('/run/a/b/none'), { code: 'ENOENT' });
  for (let count = 0; count < 100; count++) open(`/run/a/b/d${count}/e`);
  t.true(readdirSync('/proc/self/fd').length < before + 100, 'what is kept open is bounded');
  view.close();
  handle.close();
  t.is(readdirSync('/proc/self/fd').length, before);
});
