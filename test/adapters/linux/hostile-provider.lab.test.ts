import { spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  closeSync,
  fstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ExecutionContext } from 'ava';
import { ContainerHandle, NoContainer } from '../../../adapters/linux/container-handle.ts';
import { openInRoot } from '../../../adapters/linux/open-in-root.ts';
import { openPath, textOfLink } from '../../../adapters/linux/open-path.ts';
import { loadSystemCalls } from '../../../adapters/linux/system-calls.ts';
import { systemClock } from '../../../controller/clock.ts';
import { begin } from './begin-program.ts';
import { labTest } from './network-bench.ts';
import {
  answers,
  ask,
  type BareContainer,
  makeRoot,
  openSockets,
  serve,
  startContainer,
  watchCount,
} from './socket-bench.ts';

const calls = await loadSystemCalls();
const web = { container: 'web', socket: '/run/x.sock' };

/** A socket of the host that no container may lead anybody to. */
async function hostSocket(t: ExecutionContext): Promise<string> {
  const directory = mkdtempSync(join(tmpdir(), 'host-'));
  t.teardown(() => rmSync(directory, { recursive: true, force: true }));
  const path = join(directory, 'x.sock');
  await serve(t, path, 'secret of the host');
  return path;
}

interface Trap {
  readonly plant: (container: BareContainer, secret: string, t: ExecutionContext) => unknown;
  readonly problem: RegExp;
  /** A resolver that leaves the links to the kernel, from the host, gets to the host's socket. */
  readonly foolsTheNaive?: boolean;
}

const traps: Readonly<Record<string, Trap>> = {
  'an absolute link to a socket of the host': {
    plant: ({ at }, secret) => symlinkSync(secret, at(web.socket)),
    problem: /^there is no \/run\/x\.sock/,
    foolsTheNaive: true,
  },
  'a directory that is an absolute link': {
    plant: ({ at }, secret) => {
      symlinkSync(join(secret, '..'), at('/run/there'));
      symlinkSync('there/x.sock', at(web.socket));
    },
    problem: /^there is no \/run\/x\.sock/,
    foolsTheNaive: true,
  },
  'a link with forty times ..': {
    plant: ({ at }, secret) => symlinkSync(`${'../'.repeat(40)}${secret}`, at(web.socket)),
    problem: /^there is no \/run\/x\.sock/,
  },
  'a link through the root of another process': {
    plant: ({ at }, secret) => symlinkSync(`/proc/1/root${secret}`, at(web.socket)),
    problem: /leads into a file system of type proc, mounted at \/proc/,
  },
  'links in a circle': {
    plant: ({ at }) => symlinkSync('x.sock', at(web.socket)),
    problem: /leads through more than 40 symbolic links/,
  },
  'a FIFO': {
    plant: ({ inside }) => inside('mkfifo', web.socket),
    problem: /it is a FIFO; expected a socket/,
  },
  'a device': {
    plant: ({ inside }) => inside('mknod', web.socket, 'c', '1', '3'),
    problem: /it is a character device; expected a socket/,
  },
  'a file': {
    plant: ({ at }) => writeFileSync(at(web.socket), ''),
    problem: /it is a file; expected a socket/,
  },
  'a directory': {
    plant: ({ at }) => mkdirSync(at(web.socket)),
    problem: /it is a directory; expected a socket/,
  },
};

for (const [what, { plant, problem, foolsTheNaive = false }] of Object.entries(traps)) {
  labTest(`[LINK-11] where a socket should be, a container has ${what}: nothing is reached`, async (t) => {
    const secret = await hostSocket(t);
    const container = await startContainer(t, await makeRoot(t));
    await plant(container, secret, t);
    const { sockets } = openSockets(t);
    sockets.moved('web', container.pid);
    await sockets.keep([web]);
    t.is(await ask(sockets.pathOf(web)), 'refused');
    t.regex(sockets.problemOf(web) ?? '', problem);
    if (foolsTheNaive) t.is(await ask(container.at(web.socket)), 'secret of the host');
  });
}

labTest('[LINK-11] a path of only dots is the root, and no socket', async (t) => {
  const container = await startContainer(t, await makeRoot(t));
  const { sockets } = openSockets(t);
  sockets.moved('web', container.pid);
  const root = { container: 'web', socket: '/../..' };
  await sockets.keep([root]);
  t.regex(sockets.problemOf(root) ?? '', /is the root itself/);
});

/** Has `$ARGV[0]/app` be now a directory with a socket, now a link to a directory of the host, as fast as it can. */
const swapper = `
  $| = 1;
  chdir $ARGV[0] or die;
  print "begun\\n";
  for (;;) {
    rename 'app', 'real'; symlink $ARGV[1], 'app';
    unlink 'app'; rename 'real', 'app';
  }`;

labTest('[LINK-11] a directory that is swapped for a link all the time leads nowhere else', async (t) => {
  const secret = await hostSocket(t);
  const container = await startContainer(t, await makeRoot(t));
  mkdirSync(container.at('/run/app'));
  await serve(t, container.at('/run/app/x.sock'), 'of the container');
  const own = statSync(container.at('/run/app/x.sock')).ino;
  const foreign = statSync(secret).ino;
  await begin(t, 'perl', '-e', swapper, container.at('/run'), join(secret, '..'));
  const handle = new ContainerHandle(container.pid);
  const root = handle.openRoot();
  let found = 0;
  let fooled = 0;
  for (let round = 0; (found < 200 || fooled === 0) && round < 200_000; round++) {
    fooled += isInode(container.at('/run/app/x.sock'), foreign) ? 1 : 0;
    try {
      const socket = openInRoot({
        calls,
        root,
        path: '/run/app/x.sock',
        mounts: (limitBytes) => handle.mountList(limitBytes),
        passing: () => {},
        reading: () => {},
      });
      t.is(fstatSync(socket).ino, own);
      closeSync(socket);
      found += 1;
    } catch (error) {
      t.regex(`${(error as NodeJS.ErrnoException).code}`, /^ENOENT$/);
    }
  }
  closeSync(root);
  handle.close();
  t.true(found >= 200, `found ${found} times`);
  t.true(fooled > 0, 'the naive way was never led astray: this test shows nothing');
});

function isInode(path: string, inode: number): boolean {
  try {
    return statSync(path).ino === inode;
  } catch {
    return false;
  }
}

/** Mounts a file system at /run/fuse in the mount namespace of process `$ARGV[0]` that never answers. setns and mount are system calls. */
const silentFuse = `
  $| = 1;
  my ($setns, $mount) = (qx(uname -m) =~ /aarch64/) ? (268, 40) : (308, 165);
  open(my $fuse, '+<', '/dev/fuse') or die "fuse: $!";
  open(my $namespace, '<', "/proc/$ARGV[0]/ns/mnt") or die;
  syscall($setns, fileno($namespace), 0x20000) == 0 or die "setns: $!";
  my ($source, $target, $type) = ('none', '/run/fuse', 'fuse');
  my $options = 'fd=' . fileno($fuse) . ',rootmode=40000,user_id=0,group_id=0';
  syscall($mount, $source, $target, $type, 0, $options) == 0 or die "mount: $!";
  print "mounted\\n";
  sleep 1000;`;

labTest('[LINK-11] a file system that never answers is not asked', async (t) => {
  const container = await startContainer(t, await makeRoot(t));
  mkdirSync(container.at('/run/fuse'));
  await begin(t, 'perl', '-e', silentFuse, `${container.pid}`);
  const path = { container: 'web', socket: '/run/fuse/x.sock' };
  const naive = spawn('stat', [container.at(path.socket)], { stdio: 'ignore' });
  const naiveEnded = once(naive, 'exit');
  const { sockets } = openSockets(t);
  sockets.moved('web', container.pid);
  await sockets.keep([path]);
  t.regex(sockets.problemOf(path) ?? '', /leads into a file system of type fuse, mounted at \/run\/fuse/);
  t.is(naive.exitCode, null, 'the naive way does not wait: this test shows nothing');
  naive.kill('SIGKILL');
  await naiveEnded;
});

labTest('[LINK-11] a link is read as it was opened, whatever its name leads to meanwhile', async (t) => {
  const container = await startContainer(t, await makeRoot(t));
  symlinkSync('first', container.at('/run/link'));
  const link = openPath(container.at('/run/link'));
  t.teardown(() => closeSync(link));
  rmSync(container.at('/run/link'));
  symlinkSync('second', container.at('/run/link'));
  t.is(textOfLink(calls, link), 'first');
});

labTest('[LINK-11] a process of the host is no container', async (t) => {
  const { sockets } = openSockets(t);
  await serve(t, '/run/host.sock', 'secret of the host');
  const host = { container: 'web', socket: '/run/host.sock' };
  await sockets.keep([host]);
  sockets.moved('web', process.pid);
  t.regex(sockets.problemOf(host) ?? '', /has the host's root; expected the init of a container/);
  t.is(await ask(sockets.pathOf(host)), 'refused');
});

labTest('[LINK-11] a process that is not the init any more when it is held is not looked into', async (t) => {
  const other = await startContainer(t, await makeRoot(t));
  await serve(t, other.at(web.socket), 'of another container');
  const init = { ofWeb: 0 };
  const { sockets } = openSockets(t, { isInit: (name, pid) => name === 'web' && pid === init.ofWeb });
  const before = readdirSync('/proc/self/fd').length;
  // The id was read from web's monitor; since then web has ended, and another container's init has got it.
  sockets.moved('web', other.pid);
  await sockets.keep([web]);
  const problem = `container 'web' is not reached: process ${other.pid} is not its init any more; expected to be told which one is`;
  t.is(sockets.problemOf(web), problem);
  t.is(await ask(sockets.pathOf(web)), 'refused');
  sockets.moved('web', other.pid);
  t.is(sockets.problemOf(web), problem);
  await sockets.keep([]);
  for (let turn = 0; turn < 100; turn++) await new Promise(setImmediate);
  t.is(readdirSync('/proc/self/fd').length, before);
  init.ofWeb = other.pid;
  await sockets.keep([web]);
  t.is(await ask(sockets.pathOf(web)), 'of another container', 'this test shows nothing');
});

labTest('[LINK-11] a handle knows that its process is there until somebody has waited for it', async (t) => {
  const container = await startContainer(t, await makeRoot(t));
  const handle = new ContainerHandle(container.pid);
  t.true(handle.isThere);
  await container.kill();
  t.false(handle.isThere);
  handle.close();
});

labTest('[LINK-11] a process that has ended is never taken for the one that has its id next', async (t) => {
  const container = await startContainer(t, await makeRoot(t));
  const handle = new ContainerHandle(container.pid);
  closeSync(handle.openRoot());
  await container.kill();
  t.throws(() => handle.openRoot(), { instanceOf: NoContainer, message: /has ended/ });
  t.throws(() => handle.openMountNamespace(), { instanceOf: NoContainer });
  t.throws(() => handle.mountList(1e6), { instanceOf: NoContainer });
  t.throws(() => new ContainerHandle(container.pid), { instanceOf: NoContainer });
  handle.close();
});

/** What a container can put in the way of a look. In each, `/run/x.sock` is the way. */
const hindrances: Readonly<
  Record<string, { readonly plant: (container: BareContainer) => unknown; readonly problem: RegExp }>
> = {
  'links of 800 names each': {
    plant: ({ at }) => {
      mkdirSync(at('/run/a'));
      symlinkSync(`/${'run/a/../../'.repeat(330)}run/l1`, at(web.socket));
      for (let link = 1; link < 39; link++) {
        symlinkSync(`/${'run/a/../../'.repeat(330)}run/l${link + 1}`, at(`/run/l${link}`));
      }
    },
    problem: /and the symbolic links on its way have 1324 names; expected at most 128/,
  },
  'sixty times into another mount and out': {
    plant: ({ at }) => symlinkSync(`/${'run/../'.repeat(60)}run/none`, at(web.socket)),
    problem: /^there is no \/run\/x\.sock/,
  },
  'four thousand mounts, one over the other,': {
    plant: async ({ at, inside }) => {
      mkdirSync(at('/run/m'));
      await inside(
        'sh',
        '-c',
        'i=0; while [ $i -lt 4000 ]; do /bin/busybox mount -t tmpfs a-name-that-takes-quite-some-room /run/m; i=$((i+1)); done',
      );
    },
    problem: /the list of all that is mounted in the container has more than 128 kB; expected at most that/,
  },
};

/** Of the processor, since others work on the same machine; the kernel may count in steps of 4 ms. */
const lookLimitMs = 30;

for (const [what, { plant, problem }] of Object.entries(hindrances)) {
  labTest(`[LINK-11] a container with ${what} does not hold us up`, async (t) => {
    const container = await startContainer(t, await makeRoot(t));
    await plant(container);
    const before = readdirSync('/proc/self/fd').length;
    const handle = new ContainerHandle(container.pid);
    const root = handle.openRoot();
    const took = Array.from({ length: 5 }, () => {
      const before = process.threadCpuUsage();
      t.throws(() =>
        closeSync(
          openInRoot({
            calls,
            root,
            path: web.socket,
            mounts: (limitBytes) => handle.mountList(limitBytes),
            passing: () => {},
            reading: () => {},
          }),
        ),
      );
      const { user, system } = process.threadCpuUsage(before);
      return (user + system) / 1000;
    });
    t.true(Math.min(...took) < lookLimitMs, `it took ${took} ms`);
    closeSync(root);
    handle.close();
    t.is(readdirSync('/proc/self/fd').length, before);
    const { sockets } = openSockets(t);
    sockets.moved('web', container.pid);
    await sockets.keep([web]);
    t.regex(sockets.problemOf(web) ?? '', problem);
    t.is(await ask(sockets.pathOf(web)), 'refused');
  });
}

/** Makes, renames and removes files as fast as it can. */
const flood = `
  $| = 1;
  chdir $ARGV[0] or die;
  print "begun\\n";
  for (;;) { for my $i (1 .. 50) { open my $f, '>', "f$i"; close $f; rename "f$i", "g$i"; unlink "g$i" } }`;

labTest(
  '[LINK-11] a container that floods its watch is looked at once a second, and others as ever',
  async (t) => {
    const rests: (() => void)[] = [];
    const after = (delayMs: number, fire: () => void) => {
      if (delayMs === 0) return systemClock().after(0, fire);
      rests.push(fire);
      return () => undefined;
    };
    const [noisy, quiet] = [
      await startContainer(t, await makeRoot(t)),
      await startContainer(t, await makeRoot(t)),
    ];
    const { sockets } = openSockets(t, { after });
    const other = { container: 'other', socket: '/run/x.sock' };
    await sockets.keep([web, other]);
    sockets.moved('other', quiet.pid);
    const before = watchCount();
    sockets.moved('web', noisy.pid);
    await begin(t, 'perl', '-e', flood, noisy.at('/run'));
    while (watchCount() > before) await new Promise(setImmediate);
    t.is(sockets.problemOf(web), "there is no /run/x.sock in container 'web'");
    await serve(t, noisy.at(web.socket), 'noisy');
    await serve(t, quiet.at(other.socket), 'quiet');
    await answers(sockets.pathOf(other), 'quiet');
    t.is(await ask(sockets.pathOf(web)), 'refused');
    for (const fire of rests.splice(0)) fire();
    t.is(await ask(sockets.pathOf(web)), 'noisy');
  },
);

labTest('[LINK-11] a container with many costly sockets is looked at bit by bit', async (t) => {
  const rests: (() => void)[] = [];
  const after = (delayMs: number, fire: () => void) => {
    if (delayMs === 0) return systemClock().after(0, fire);
    rests.push(fire);
    return () => undefined;
  };
  const container = await startContainer(t, await makeRoot(t));
  mkdirSync(container.at('/run/a'));
  await serve(t, container.at('/run/real.sock'), 'real');
  const all = Array.from({ length: 8 }, (_, index) => ({ container: 'web', socket: `/run/${index}.sock` }));
  for (const { socket } of all) {
    symlinkSync(`/${'run/a/../../'.repeat(30)}run/real.sock`, container.at(socket));
  }
  const { sockets } = openSockets(t, { after });
  sockets.moved('web', container.pid);
  await sockets.keep(all);
  const waiting = () =>
    all.filter((one) => sockets.problemOf(one)?.includes('looked at again within a second'));
  const first = waiting().length;
  t.true(first > 0 && first < all.length, `${first} wait`);
  for (let round = 0; round < all.length && waiting().length > 0; round++) {
    for (const fire of rests.splice(0)) fire();
  }
  t.deepEqual(
    all.map((one) => sockets.problemOf(one)),
    all.map(() => null),
  );
  for (const one of all) t.is(await ask(sockets.pathOf(one)), 'real');
});
