import {
  closeSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  renameSync,
  rmSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import type { ExecutionContext } from 'ava';
import { ConsumerContainer } from '../../../adapters/linux/consumer-container.ts';
import { ContainerHandle, NoContainer } from '../../../adapters/linux/container-handle.ts';
import { DirectoryWatches } from '../../../adapters/linux/directory-watches.ts';
import { withSource } from '../../../adapters/linux/link-source.ts';
import { TargetRefused } from '../../../adapters/linux/link-targets.ts';
import { ownMounts } from '../../../adapters/linux/mount-info.ts';
import { attachMount, cloneMount } from '../../../adapters/linux/mount-tree.ts';
import { openBehind } from '../../../adapters/linux/open-path.ts';
import { loadSystemCalls } from '../../../adapters/linux/system-calls.ts';
import { TargetRecords } from '../../../adapters/linux/target-record.ts';
import { systemClock } from '../../../controller/clock.ts';
import {
  becomes,
  beginProgram,
  descriptorCount,
  everythingIn,
  hostSocket,
  mountPoints,
  mountRoots,
  openLinks,
  silentFuse,
} from './link-bench.ts';
import { labTest } from './network-bench.ts';
import { ask, type BareContainer, makeRoot, startContainer } from './socket-bench.ts';

const calls = await loadSystemCalls();
const target = { container: 'client', target: '/run/app/x.sock' };

/** A directory of the host that no container may lead anybody into. */
function hostDirectory(t: ExecutionContext): string {
  const directory = mkdtempSync(join(tmpdir(), 'host-'));
  t.teardown(() => rmSync(directory, { recursive: true, force: true }));
  return directory;
}

interface Trap {
  readonly plant: (container: BareContainer, host: string) => unknown;
  /** Null: it is placed in the container all the same. */
  readonly problem: RegExp | null;
  /** Who leaves the links to the kernel, from the host, makes the file in the host's directory. */
  readonly foolsTheNaive?: true;
}

const traps: Readonly<Record<string, Trap>> = {
  'an absolute link to a directory of the host above the target': {
    plant: ({ inside }, host) => inside('ln', '-s', host, '/run/app'),
    problem: null,
    foolsTheNaive: true,
  },
  'a link above the target with forty times ..': {
    plant: ({ inside }, host) => inside('ln', '-s', `${'../'.repeat(40)}${host}`, '/run/app'),
    problem: null,
  },
  'a link through the root of another process above the target': {
    plant: ({ inside }, host) => inside('ln', '-s', `/proc/1/root${host}`, '/run/app'),
    problem: /leads into a file system of type proc, mounted at \/proc/,
  },
  'a link through its own root above the target': {
    plant: ({ inside }, host) => inside('ln', '-s', `/proc/self/root${host}`, '/run/app'),
    problem: /leads into a file system of type proc, mounted at \/proc/,
  },
  'a link through a descriptor of another process above the target': {
    plant: ({ inside }) => inside('ln', '-s', '/proc/1/fd/0', '/run/app'),
    problem: /leads into a file system of type proc, mounted at \/proc/,
  },
  'links in a circle above the target': {
    plant: ({ inside }) => inside('ln', '-s', 'app', '/run/app'),
    problem: /leads through more than 40 symbolic links/,
  },
  'links of many names above the target': {
    plant: ({ inside }) => inside('ln', '-s', `/${'run/../'.repeat(200)}run`, '/run/app'),
    problem: /expected at most 128/,
  },
  'a link to a file of the host at the target': {
    plant: async ({ inside }, host) => {
      await inside('mkdir', '/run/app');
      await inside('ln', '-s', join(host, 'x.sock'), target.target);
    },
    problem: /it is a symbolic link to/,
    foolsTheNaive: true,
  },
  'a link through the root of another process at the target': {
    plant: async ({ inside }, host) => {
      await inside('mkdir', '/run/app');
      await inside('ln', '-s', `/proc/1/root${host}/x.sock`, target.target);
    },
    problem: /it is a symbolic link to/,
  },
};

for (const [what, { plant, problem, foolsTheNaive = false }] of Object.entries(traps)) {
  for (const unprivileged of [false, true]) {
    const whose = unprivileged ? 'a container with users of its own' : 'a container';
    labTest(`[LINK-11] ${whose} has ${what}: nothing is made or mounted outside of it`, async (t) => {
      const host = hostDirectory(t);
      const container = await startContainer(t, await makeRoot(t), { unprivileged });
      await plant(container, host);
      const source = await hostSocket(t, 'one');
      const before = { mounts: ownMounts(), inside: mountPoints(container).length };
      const { links } = openLinks(t);
      links.moved('client', container.pid);
      if (problem === null) await links.place(target, source);
      else await t.throwsAsync(links.place(target, source), { instanceOf: TargetRefused, message: problem });
      t.deepEqual(readdirSync(host), []);
      t.deepEqual(ownMounts(), before.mounts);
      t.is(mountPoints(container).length, before.inside + (problem === null ? 1 : 0));
      await links.remove(target);
      t.is(mountPoints(container).length, before.inside);
      if (!foolsTheNaive) return;
      naivelyMake(container.at(target.target));
      t.deepEqual(readdirSync(host), ['x.sock'], 'the naive way is not led astray: this test shows nothing');
    });
  }
}

/** As one would who trusts the paths of a container. */
function naivelyMake(path: string): void {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, '');
}

labTest(
  '[LINK-11] a target that is the root, or has the name of a directory of it, is refused',
  async (t) => {
    const container = await startContainer(t, await makeRoot(t));
    const { links } = openLinks(t);
    const source = await hostSocket(t, 'one');
    links.moved('client', container.pid);
    for (const path of ['/', '/run', '/proc/x', '/proc/1/fd/3'])
      await t.throwsAsync(links.place({ container: 'client', target: path }, source), {
        instanceOf: TargetRefused,
      });
    const top = { container: 'client', target: '/x.sock' };
    await links.place(top, source);
    t.is(await ask(container.at('/x.sock')), 'one');
    await links.remove(top);
    t.false(existsSync(container.at('/x.sock')));
  },
);

/** Has `$ARGV[0]/app` be now a directory, now a link to a directory of the host, by an exchange of names (renameat2(2)), as fast as it can. */
const swapper = `
  $| = 1;
  my $renameat2 = (qx(uname -m) =~ /aarch64/) ? 276 : 316;
  chdir $ARGV[0] or die;
  ($(, $)) = ($ARGV[2], $ARGV[2]); ($<, $>) = ($ARGV[2], $ARGV[2]);
  (mkdir 'app') && symlink($ARGV[1], 'other') or die;
  print "begun\\n";
  my ($from, $to) = ('app', 'other');
  for (;;) { syscall($renameat2, -100, $from, -100, $to, 2) == 0 or die "renameat2: $!" }`;

for (const unprivileged of [false, true]) {
  const whose = unprivileged ? 'a container with users of its own' : 'a container';
  labTest(
    `[LINK-11] a directory that ${whose} exchanges for a link all the time leads nowhere else`,
    async (t) => {
      const host = hostDirectory(t);
      writeFileSync(join(host, 'kept'), '');
      const container = await startContainer(t, await makeRoot(t), { unprivileged });
      const before = { mounts: ownMounts(), inside: mountPoints(container).length };
      await beginProgram(t, 'perl', '-e', swapper, container.at('/run'), host, unprivileged ? '100000' : '0');
      const { links } = openLinks(t);
      const source = await hostSocket(t, 'one');
      links.moved('client', container.pid);
      let placed = 0;
      let fooled = 0;
      for (let round = 0; (placed < 200 || fooled === 0) && round < 20_000; round++) {
        try {
          await links.place(target, source);
          placed += 1;
        } catch (error) {
          t.true(error instanceof Error && /try again|can't be had|ENOENT/.test(error.message), `${error}`);
        }
        if (round % 2 === 0) await links.remove(target);
        t.deepEqual(readdirSync(host), ['kept']);
        fooled += isFooled(container, host) ? 1 : 0;
      }
      await links.remove(target);
      t.true(placed >= 200, `placed ${placed} times`);
      t.true(fooled > 0, 'the naive way was never led astray: this test shows nothing');
      t.deepEqual(ownMounts(), before.mounts);
      t.is(mountPoints(container).length, before.inside, 'something is mounted still');
      t.deepEqual(
        everythingIn(container, '/run').filter((name) => name.endsWith('x.sock')),
        [],
      );
    },
  );
}

/** Makes and removes a file as one would who trusts the paths of a container; true where that was made in the host's directory. */
function isFooled(container: BareContainer, host: string): boolean {
  const name = `naive`;
  try {
    writeFileSync(container.at(`/run/app/${name}`), '');
  } catch {
    return false;
  }
  if (existsSync(join(host, name))) {
    unlinkSync(join(host, name));
    return true;
  }
  rmSync(container.at(`/run/app/${name}`), { force: true });
  rmSync(container.at(`/run/other/${name}`), { force: true });
  rmSync(join(host, name), { force: true });
  return false;
}

/** Renames the directory that the target is in, and back, as fast as it can. */
const renamer = `
  $| = 1;
  chdir $ARGV[0] or die;
  mkdir 'app';
  print "begun\\n";
  for (;;) { rename 'app', 'aside'; rename 'aside', 'app' }`;

labTest(
  '[LINK-11] a directory that is renamed all the time keeps no mount that was taken away',
  async (t) => {
    const container = await startContainer(t, await makeRoot(t));
    const before = mountPoints(container).length;
    await beginProgram(t, 'perl', '-e', renamer, container.at('/run'));
    const { links } = openLinks(t);
    const source = await hostSocket(t, 'one');
    links.moved('client', container.pid);
    let left = 0;
    for (let round = 0; round < 150; round++) {
      await links
        .place(target, source)
        .catch((error: Error) => t.regex(error.message, /try again|ENOENT|is there already/));
      await links.remove(target);
      t.is(mountPoints(container).length, before, `round ${round}`);
      if (round < 25) left += await naivelyPlaced(container);
    }
    t.true(left > 0, 'the naive way leaves no mount: this test shows nothing');
  },
);

/** Mounts and unmounts by paths; 1 where the mount was left, which is then taken away. */
async function naivelyPlaced(container: BareContainer): Promise<number> {
  const { inside } = container;
  const before = mountPoints(container).length;
  const quietly = (...argv: readonly string[]) => inside(...argv).catch(() => undefined);
  await quietly('mount', '-t', 'tmpfs', 'tmpfs', '/run/app');
  await quietly('umount', '/run/app');
  const left = mountPoints(container).length - before;
  while (mountPoints(container).length > before) await quietly('umount', '/run/aside');
  return left;
}

labTest(
  '[LINK-11] a file system that never answers is not asked, at the target, above it, and over it',
  async (t) => {
    const container = await startContainer(t, await makeRoot(t));
    mkdirSync(container.at('/run/fuse'));
    await beginProgram(t, 'perl', '-e', silentFuse, `${container.pid}`, '/run/fuse');
    const { links, root } = openLinks(t);
    const source = await hostSocket(t, 'one');
    links.moved('client', container.pid);
    const below = { container: 'client', target: '/run/fuse/x.sock' };
    await t.throwsAsync(links.place(below, source), {
      message: /leads into a file system of type fuse, mounted at \/run\/fuse/,
    });
    const at = { container: 'client', target: '/run/fuse' };
    await t.throwsAsync(links.place(at, source), { message: /something that is mounted there/ });
    await links.place(target, source);
    links.close();
    await container.inside('umount', '-l', target.target);
    unlinkSync(container.at(target.target));
    mkdirSync(container.at(target.target));
    await beginProgram(t, 'perl', '-e', silentFuse, `${container.pid}`, target.target);
    const { links: next } = openLinks(t, { root });
    await next.attend();
    next.tidy();
    next.moved('client', container.pid);
    t.is(next.sight(target)?.state, 'lost');
    await t.throwsAsync(next.place(target, source), { message: /something that is mounted there/ });
    await next.remove(target);
    t.is(next.sight(target), null);
  },
);

/** One container with nothing between it and the test. */
async function consumer(t: ExecutionContext) {
  const container = await startContainer(t, await makeRoot(t));
  const root = hostDirectory(t);
  const { after } = systemClock();
  const directories = new DirectoryWatches({ calls, after, overflowed: () => t.fail() });
  t.teardown(() => directories.close());
  const records = new TargetRecords(join(root, 'links'));
  const options = { name: 'client', calls, directories, records, after, changed: () => undefined };
  const under = new ConsumerContainer(options);
  t.teardown(() => under.close());
  return { container, under, records };
}

labTest(
  '[LINK-11] a container that ends between the look and the mount is no place for anything',
  async (t) => {
    const { container, under, records } = await consumer(t);
    const source = await hostSocket(t, 'one');
    const before = await descriptorCount();
    const mounts = ownMounts();
    under.runs(new ContainerHandle(container.pid));
    let isKilled = false;
    withSource(calls, source, (file) => {
      const clone = () => {
        process.kill(container.pid, 'SIGKILL');
        // It is gone when its /proc says so, and waited for by its parent after that.
        const handle = new ContainerHandle(container.pid);
        while (hasNamespace(handle));
        handle.close();
        isKilled = true;
        return file.clone();
      };
      const error = t.throws(() => under.place(target.target, { ...file, clone }));
      t.true(error instanceof NoContainer, `${error}`);
    });
    t.true(isKilled);
    await container.kill().catch((error: NodeJS.ErrnoException) => t.is(error.code, 'ESRCH'));
    under.isAway(new NoContainer('it has ended'));
    t.deepEqual(ownMounts(), mounts);
    // What was piped to it has gone, too.
    t.is(await descriptorCount(), before - 2);
    t.deepEqual(
      records.of('client').filter(({ state }) => state !== 'making'),
      [],
    );
  },
);

function hasNamespace(handle: ContainerHandle): boolean {
  try {
    closeSync(handle.openMountNamespace());
    return true;
  } catch {
    return false;
  }
}

labTest(
  '[LINK-11] a process that is not the init any more when it is held is no place for anything',
  async (t) => {
    const other = await startContainer(t, await makeRoot(t));
    const init = { ofClient: 0 };
    const { links } = openLinks(t, { isInit: (name, pid) => name === 'client' && pid === init.ofClient });
    const source = await hostSocket(t, 'one');
    const before = mountPoints(other);
    const descriptors = await descriptorCount();
    // The id was read from the client's monitor; since then it has ended, and another container's init has got it.
    links.moved('client', other.pid);
    await t.throwsAsync(links.place(target, source), {
      instanceOf: NoContainer,
      message: `process ${other.pid} is not its init any more; expected to be told which one is`,
    });
    t.deepEqual(mountPoints(other), before);
    t.true((await descriptorCount()) <= descriptors + 3, 'something of it is held');
    init.ofClient = other.pid;
    await links.place(target, source);
    t.is(await ask(other.at(target.target)), 'one', 'this test shows nothing');
  },
);

labTest('[LINK-11] a process of the host is no container', async (t) => {
  const { links } = openLinks(t);
  const directory = hostDirectory(t);
  const host = { container: 'client', target: join(directory, 'x.sock') };
  links.moved('client', process.pid);
  const source = await hostSocket(t, 'one');
  await t.throwsAsync(links.place(host, source), { instanceOf: NoContainer, message: /has the host's root/ });
  t.deepEqual(readdirSync(directory), []);
});

/** What a container can do as fast as it can. */
const floods: Readonly<Record<string, string>> = {
  names: `
    $| = 1;
    chdir "$ARGV[1]/run" or die;
    print "begun\\n";
    for (;;) { for my $i (1 .. 50) { open my $f, '>', "f$i"; close $f; rename "f$i", "g$i"; unlink "g$i" } }`,
  mounts: `
    $| = 1;
    my ($setns, $mount, $umount) = (qx(uname -m) =~ /aarch64/) ? (268, 40, 39) : (308, 165, 166);
    open(my $namespace, '<', "/proc/$ARGV[0]/ns/mnt") or die;
    syscall($setns, fileno($namespace), 0x20000) == 0 or die "setns: $!";
    my ($source, $at, $type, $options) = ('none', '/tmp', 'tmpfs', 'size=4k');
    print "begun\\n";
    for (;;) { syscall($mount, $source, $at, $type, 0, $options) == 0 or die "mount: $!"; syscall($umount, $at, 2) }`,
};

/** Of a processor: what a container may cost is some 1 %, and the rest is what this test does itself. */
const mostLoad = 0.25;

for (const [what, flood] of Object.entries(floods)) {
  labTest(`[LINK-11] a flood of ${what} costs little, and others are followed as ever`, async (t) => {
    const [noisy, quiet] = [
      await startContainer(t, await makeRoot(t)),
      await startContainer(t, await makeRoot(t)),
    ];
    const { links } = openLinks(t);
    const source = await hostSocket(t, 'one');
    const other = { container: 'other', target: '/run/y.sock' };
    links.moved('client', noisy.pid);
    links.moved('other', quiet.pid);
    await links.place(target, source);
    await links.place(other, source);
    await beginProgram(t, 'perl', '-e', flood, `${noisy.pid}`, noisy.at(''));
    // The first second is for getting tired.
    await new Promise((resolve) => setTimeout(resolve, 1000));
    const before = process.cpuUsage();
    await new Promise((resolve) => setTimeout(resolve, 1000));
    const { user, system } = process.cpuUsage(before);
    const load = (user + system) / 1e6;
    t.log(`${(load * 100).toFixed(1)} % of a processor`);
    t.true(load < mostLoad, `${load}`);
    const begin = performance.now();
    await quiet.inside('umount', '-l', other.target);
    await becomes(links, other, 'lost');
    t.true(performance.now() - begin < 200);
    await noisy.inside('umount', '-l', target.target);
    await becomes(links, target, 'lost');
    await links.place(target, source);
    t.is(await ask(noisy.at(target.target)), 'one');
    await links.remove(target);
    t.false(mountRoots(noisy).includes('/x.sock'));
  });
}

labTest(
  '[LINK-11] a thousand mounts over a target keep it from being taken away for no longer than they last',
  async (t) => {
    const container = await startContainer(t, await makeRoot(t));
    const { links } = openLinks(t);
    links.moved('client', container.pid);
    await links.place(target, await hostSocket(t, 'one'));
    const before = mountPoints(container).length - 1;
    writeFileSync(container.at('/run/cover'), '');
    const cover = `i=0; while [ $i -lt 1000 ]; do /bin/busybox mount --bind /run/cover ${target.target}; i=$((i+1)); done`;
    await container.inside('sh', '-c', cover);
    await links.remove(target);
    t.is(mountPoints(container).length, before);
    t.deepEqual(everythingIn(container, '/run'), ['cover']);
  },
);

/** Mounts more in a container than is read of what is mounted there, all of it in one place. */
async function mountMany({ inside }: BareContainer): Promise<void> {
  await inside('mkdir', '/run/m');
  await inside('mount', '-t', 'tmpfs', 'tmpfs', '/run/m');
  const many =
    'i=0; while [ $i -lt 3000 ]; do /bin/busybox mount -t tmpfs a-name-that-takes-quite-some-room /run/m; i=$((i+1)); done';
  await inside('sh', '-c', `/bin/busybox mkdir /run/m/m; ${many.replace('/run/m;', '/run/m/m;')}`);
}

labTest(
  '[LINK-11] a container with more mounts than are read is followed, and cleaned all the same',
  async (t) => {
    const container = await startContainer(t, await makeRoot(t));
    const { links } = openLinks(t);
    const source = await hostSocket(t, 'one');
    links.moved('client', container.pid);
    await links.place(target, source);
    await mountMany(container);
    await container.inside('umount', '-l', target.target);
    await becomes(links, target, 'lost');
    await links.place(target, source);
    t.is(await ask(container.at(target.target)), 'one');
    await links.remove(target);
    t.false(mountRoots(container).includes('/x.sock'));
  },
);

labTest(
  '[LINK-11] a container with more mounts than are read is not looked into anew until they are fewer',
  async (t) => {
    const container = await startContainer(t, await makeRoot(t));
    const { links, root } = openLinks(t);
    const source = await hostSocket(t, 'one');
    links.moved('client', container.pid);
    await links.place(target, source);
    links.close();
    await mountMany(container);
    const { links: next } = openLinks(t, { root });
    await next.attend();
    next.tidy();
    next.moved('client', container.pid);
    t.is(next.sight(target)?.state, 'lost');
    await t.throwsAsync(next.place({ container: 'client', target: '/run/y.sock' }, source), {
      instanceOf: TargetRefused,
      message: /has more than 128 kB; expected at most that/,
    });
    await t.throwsAsync(next.remove(target), { message: /is still mounted at/ });
    await container.inside('umount', '-l', '/run/m');
    while (mountRoots(container).includes('/x.sock')) await new Promise(setImmediate);
    t.is(next.sight(target), null);
    t.deepEqual(everythingIn(container, '/run'), ['m']);
  },
);

labTest('[LINK-11] a mount that attaches to a path of the host would be seen there', (t) => {
  // What the tests above compare, `ownMounts`, does tell.
  const directory = hostDirectory(t);
  const path = join(directory, 'x');
  writeFileSync(path, '');
  const source = openBehind(path);
  const tree = cloneMount(calls, { source, namespace: null, restrictions: [] });
  attachMount(calls, tree, path);
  calls.close(tree);
  closeSync(source);
  t.true(ownMounts().some(({ mountPoint }) => mountPoint === path));
  calls.umount2(path, 2);
  renameSync(path, `${path}.gone`);
});
