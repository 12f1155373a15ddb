import { spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { ExecutionContext } from 'ava';
import { firstValueFrom } from 'rxjs';
import { run } from '../../../adapters/linux/command.ts';
import {
  type LinkSource,
  type LinkTarget,
  type LinkTargets,
  TargetRefused,
} from '../../../adapters/linux/link-targets.ts';
import { ownMounts } from '../../../adapters/linux/mount-info.ts';
import { loadSystemCalls } from '../../../adapters/linux/system-calls.ts';
import { systemClock } from '../../../controller/clock.ts';
import { copyProgram } from '../../lab/copy-program.ts';
import {
  becomes,
  begun,
  descriptorCount,
  everythingIn,
  hostSocket,
  kinds,
  mountPoints,
  mountRoots,
  openLinks,
  perlIn,
  placed,
  saidBy,
  target,
} from './link-bench.ts';
import { labTest } from './network-bench.ts';
import { client, connector, provider, refused } from './passing-descriptors.ts';
import { ask, type BareContainer, makeRoot, startContainer, watchCount } from './socket-bench.ts';

const calls = await loadSystemCalls();

for (const [what, options] of Object.entries(kinds)) {
  labTest(
    `[LINK-4] in ${what} a source is placed, replaced, cleared, placed again and removed`,
    async (t) => {
      const container = await startContainer(t, await makeRoot(t), options);
      const before = mountPoints(container);
      const { links, root } = openLinks(t);
      const [one, two] = [await hostSocket(t, 'one'), await hostSocket(t, 'two')];
      const path = container.at(target.target);
      t.is(links.sight(target), null);
      links.moved('client', container.pid);
      await links.place(target, one);
      t.is(await ask(path), 'one');
      const { dev: device, ino: inode } = statSync(one.path);
      t.deepEqual(links.sight(target), { state: 'placed', device, inode });
      await links.place(target, two);
      t.is(await ask(path), 'two');
      t.is(mountPoints(container).length, before.length + 1);
      await links.clear(target);
      t.is(await ask(path), 'refused');
      t.deepEqual(links.sight(target), { state: 'lost', why: 'it was cleared' });
      await links.place(target, one);
      t.is(await ask(path), 'one');
      await links.remove(target);
      t.is(links.sight(target), null);
      t.deepEqual(everythingIn(container, '/run'), []);
      t.deepEqual(mountPoints(container), before);
      t.false(existsSync(join(root, 'run/link-targets')));
    },
  );

  labTest(
    `[LINK-4] in ${what} what is made on the way belongs to its root, and is for everybody to pass`,
    async (t) => {
      const mask = calls.umask(0o077);
      t.teardown(() => void calls.umask(mask));
      const { container, links } = await placed(t, options);
      const root = options.unprivileged === true ? 100_000 : 0;
      for (const path of ['/run/pv', '/run/pv/services']) {
        const { uid, gid, mode } = statSync(container.at(path));
        t.deepEqual({ uid, gid, mode: mode & 0o7777 }, { uid: root, gid: root, mode: 0o755 });
      }
      await container.inside('umount', '-l', target.target);
      const { uid, gid, mode, size } = statSync(container.at(target.target));
      t.deepEqual({ uid, gid, mode: mode & 0o7777, size }, { uid: root, gid: root, mode: 0, size: 0 });
      t.is(calls.umask(0o077), 0o077);
      await links.remove(target);
    },
  );

  labTest(`[LINK-4] in ${what} bytes, their end, descriptors and the user pass both ways`, async (t) => {
    const root = await makeRoot(t);
    await copyProgram('/usr/bin/perl', root);
    const container = await startContainer(t, root, options);
    const { links } = openLinks(t);
    const source = await hostSocket(t, '');
    const path = `${source.path}.perl`;
    const server = spawn('perl', ['-e', provider, path], { stdio: ['ignore', 'pipe', 'inherit'] });
    t.teardown(() => server.kill('SIGKILL'));
    await begun(server);
    const served = saidBy(server);
    links.moved('client', container.pid);
    await links.place(target, { path, type: 'socket' });
    const said = await saidBy(perlIn(t, container, client, target.target, '1000'));
    t.is(said, 'from the provider; all of words\n');
    const user = options.unprivileged === true ? 101_000 : 1000;
    t.is(await served, `from the consumer; words; user ${user}\n`);
  });

  labTest(
    `[LINK-10] in ${what} who connects to a target that was cleared is refused, whichever user it is`,
    async (t) => {
      const root = await makeRoot(t);
      await copyProgram('/usr/bin/perl', root);
      const container = await startContainer(t, root, options);
      const { links } = openLinks(t);
      links.moved('client', container.pid);
      await links.place(target, await hostSocket(t, 'one'));
      await links.clear(target);
      for (const user of ['0', '1000'])
        t.is(await saidBy(perlIn(t, container, refused, target.target, user)), 'Connection refused');
    },
  );

  labTest(`[LINK-4] in ${what} a directory of another user has its targets, too`, async (t) => {
    const container = await startContainer(t, await makeRoot(t), options);
    const display = { container: 'client', target: '/run/user/1000/wayland-0' };
    await container.inside('mkdir', '-p', '/run/user/1000');
    await container.inside('chown', '1000:1000', '/run/user/1000');
    await container.inside('chmod', '700', '/run/user/1000');
    const { links } = openLinks(t);
    links.moved('client', container.pid);
    await links.place(display, await hostSocket(t, 'one'));
    t.is(await ask(container.at(display.target)), 'one');
    await links.remove(display);
    t.deepEqual(everythingIn(container, '/run'), ['user', 'user/1000']);
  });
}

for (const [what, options] of Object.entries(kinds)) {
  labTest(`[LINK-7] in ${what} a device node is placed as one that can be opened`, async (t) => {
    const container = await startContainer(t, await makeRoot(t), options);
    const { links } = openLinks(t);
    const directory = mkdtempSync(join(tmpdir(), 'device-'));
    t.teardown(() => rmSync(directory, { recursive: true }));
    const path = join(directory, 'null');
    await run(['mknod', '-m', '666', path, 'c', '1', '3']);
    links.moved('client', container.pid);
    await t.throwsAsync(links.place(target, { path, type: 'socket' }), {
      message: /is no socket; expected one/,
    });
    await links.place(target, { path, type: 'device' });
    t.deepEqual(links.sight(target), {
      state: 'placed',
      device: statSync(path).dev,
      inode: statSync(path).ino,
    });
    await container.inside('sh', '-c', `echo words >${target.target}`);
    await links.clear(target);
    await t.throwsAsync(container.inside('sh', '-c', `echo words >${target.target}`), {
      message: /No such device/,
    });
    await links.remove(target);
  });
}

/** What a container may have at a target. */
const foreign: Readonly<
  Record<string, { readonly make: (container: BareContainer) => unknown; readonly words: RegExp }>
> = {
  'a file': {
    make: ({ at }) => writeFileSync(at('/run/x'), 'words of its own'),
    words: /it is a file of 16 bytes/,
  },
  'an empty file': { make: ({ at }) => writeFileSync(at('/run/x'), ''), words: /it is a file of 0 bytes/ },
  'a directory': { make: ({ at }) => mkdirSync(at('/run/x')), words: /it is a directory/ },
  'a link': {
    make: ({ at }) => symlinkSync('/etc/passwd', at('/run/x')),
    words: /it is a symbolic link to \/etc\/passwd/,
  },
  'a link to nothing': {
    make: ({ at }) => symlinkSync('none', at('/run/x')),
    words: /it is a symbolic link to none/,
  },
  'a FIFO': { make: ({ inside }) => inside('mkfifo', '/run/x'), words: /it is a FIFO/ },
  'something mounted': {
    make: async ({ at, inside }) => {
      mkdirSync(at('/run/x'));
      await inside('mount', '-t', 'tmpfs', 'tmpfs', '/run/x');
    },
    words: /it is something that is mounted there/,
  },
};

for (const [what, { make, words }] of Object.entries(foreign)) {
  labTest(`[LINK-12] ${what} at a target stays as it is, is named, and is told when it goes`, async (t) => {
    const taken = { container: 'client', target: '/run/x' };
    const container = await startContainer(t, await makeRoot(t));
    await make(container);
    const source = await hostSocket(t, 'one');
    const seen = () => {
      const { ino, mode, size, mtimeMs } = lstatSync(container.at('/run/x'));
      return { ino, mode, size, mtimeMs, mounts: mountPoints(container) };
    };
    const before = seen();
    const { links, root } = openLinks(t);
    links.moved('client', container.pid);
    const error = await t.throwsAsync(links.place(taken, source), { instanceOf: TargetRefused });
    t.is((error as TargetRefused).code, 'LinkTargetTaken');
    t.regex(error?.message ?? '', words);
    t.regex(error?.message ?? '', /^\/run\/x of container 'client' is there already, and not ours/);
    t.is(links.sight(taken), null);
    await links.remove(taken);
    t.deepEqual(seen(), before);
    t.false(existsSync(join(root, 'run/link-targets')));
    await t.throwsAsync(links.place(taken, source));
    const told = firstValueFrom(links.changed);
    if (what === 'something mounted') await container.inside('umount', '/run/x');
    await container.inside('rm', '-rf', '/run/x');
    t.deepEqual(await told, taken);
    await places(links, taken, source);
    t.is(await ask(container.at('/run/x')), 'one');
  });
}

/** Places when what is there goes: that is told for each step of it. */
async function places(links: LinkTargets, where: LinkTarget, source: LinkSource): Promise<void> {
  for (;;) {
    try {
      return await links.place(where, source);
    } catch (error) {
      if (!(error instanceof TargetRefused)) throw error;
      await firstValueFrom(links.changed);
    }
  }
}

labTest('[LINK-12] what a container puts into the file below a target makes it its own', async (t) => {
  const { container, links, one } = await placed(t);
  await container.inside('umount', '-l', target.target);
  await becomes(links, target, 'lost');
  writeFileSync(container.at(target.target), 'words of its own');
  const error = await t.throwsAsync(links.place(target, one), { instanceOf: TargetRefused });
  t.regex(error?.message ?? '', /it is a file of 16 bytes/);
  await links.remove(target);
  t.is(readFileSync(container.at(target.target), 'utf8'), 'words of its own');
});

labTest(
  '[LINK-11] a target on a file system that is read-only is refused, and had when one that is not is there',
  async (t) => {
    const container = await startContainer(t, await makeRoot(t));
    await container.inside('mount', '-o', 'remount,ro', '/run');
    const { links, root } = openLinks(t);
    const source = await hostSocket(t, 'one');
    links.moved('client', container.pid);
    const error = await t.throwsAsync(links.place(target, source), { instanceOf: TargetRefused });
    t.is((error as TargetRefused).code, 'LinkTargetRefused');
    t.is(
      error?.message,
      "/run/pv/services/raw.sock of container 'client' can't be had: its file system is read-only; expected one where a file can be made: " +
        'have a tmpfs mounted there, or choose a target in one, such as /run',
    );
    t.false(existsSync(join(root, 'run/link-targets')));
    const told = firstValueFrom(links.changed);
    await container.inside('mount', '-t', 'tmpfs', 'tmpfs', '/run');
    t.deepEqual(await told, target);
    await links.place(target, source);
    t.is(await ask(container.at(target.target)), 'one');
  },
);

labTest('[LINK-11] a target below a file is refused, and had when that is a directory', async (t) => {
  const container = await startContainer(t, await makeRoot(t));
  writeFileSync(container.at('/run/pv'), '');
  const { links } = openLinks(t);
  const source = await hostSocket(t, 'one');
  links.moved('client', container.pid);
  const error = await t.throwsAsync(links.place(target, source), { instanceOf: TargetRefused });
  t.regex(error?.message ?? '', /its path leads through something that is no directory/);
  const told = firstValueFrom(links.changed);
  await container.inside('rm', '/run/pv');
  t.deepEqual(await told, target);
  await links.place(target, source);
  t.is(await ask(container.at(target.target)), 'one');
});

labTest(
  '[LINK-12] directories on the way go with the last target below them, and none that was there before',
  async (t) => {
    const container = await startContainer(t, await makeRoot(t));
    mkdirSync(container.at('/run/pv'));
    const at = (path: string) => ({ container: 'client', target: path });
    const [first, second, third] = [at('/run/pv/a/b/1'), at('/run/pv/a/2'), at('/run/pv/a/b/3')];
    const { links } = openLinks(t);
    const source = await hostSocket(t, 'one');
    links.moved('client', container.pid);
    for (const one of [first, second, third]) await links.place(one, source);
    await links.remove(first);
    t.deepEqual(everythingIn(container, '/run'), ['pv', 'pv/a', 'pv/a/2', 'pv/a/b', 'pv/a/b/3']);
    await links.remove(third);
    t.deepEqual(everythingIn(container, '/run'), ['pv', 'pv/a', 'pv/a/2']);
    await links.remove(second);
    t.deepEqual(everythingIn(container, '/run'), ['pv']);
  },
);

labTest(
  '[LINK-12] a directory that was made stays when the container has put something into it',
  async (t) => {
    const { container, links } = await placed(t);
    writeFileSync(container.at('/run/pv/mine'), '');
    await links.remove(target);
    t.deepEqual(everythingIn(container, '/run'), ['pv', 'pv/mine']);
  },
);

/** A place of ours is seen to be lost within this, and repaired by whoever is told. */
const drifts: Readonly<
  Record<
    string,
    { readonly drift: (container: BareContainer) => unknown; readonly why: RegExp; readonly isTaken?: true }
  >
> = {
  'is unmounted': {
    drift: ({ inside }) => inside('umount', '-l', target.target),
    why: /the container has taken it away/,
  },
  'has something mounted over it': {
    drift: async ({ inside, at }) => {
      writeFileSync(at('/run/other'), '');
      await inside('mount', '--bind', '/run/other', target.target);
    },
    why: /the container has mounted something over it/,
    isTaken: true,
  },
  'is moved elsewhere': {
    drift: async ({ inside, at }) => {
      writeFileSync(at('/run/other'), '');
      await inside('mount', '--move', target.target, '/run/other');
    },
    why: /something over it|leads to another|leads nowhere|not there/,
  },
  'is in a directory that is renamed': {
    drift: ({ at }) => renameSync(at('/run/pv'), at('/run/old')),
    why: /its path leads nowhere by now/,
  },
  'is in a directory that another is renamed over': {
    drift: ({ at }) => {
      mkdirSync(at('/run/new/services'), { recursive: true });
      renameSync(at('/run/pv'), at('/run/old'));
      renameSync(at('/run/new'), at('/run/pv'));
    },
    why: /its path leads (nowhere|to another directory) by now/,
  },
  'is below something that is mounted over its directory': {
    drift: ({ inside }) => inside('mount', '-t', 'tmpfs', 'tmpfs', '/run/pv'),
    why: /its path leads nowhere by now/,
  },
  'is below something that is mounted over a parent of its directory': {
    drift: ({ inside }) => inside('mount', '-t', 'tmpfs', 'tmpfs', '/run'),
    why: /its path leads nowhere by now/,
  },
};

for (const [what, { drift, why, isTaken = false }] of Object.entries(drifts)) {
  labTest(
    `[ENG-2] a target that ${what} is told within 50 ms, placed again, and removed without a trace`,
    async (t) => {
      const { container, links, one, path } = await placed(t);
      const source = statSync(one.path);
      await descriptorCount();
      const told = firstValueFrom(links.changed);
      await drift(container);
      const begin = performance.now();
      t.deepEqual(await told, target);
      const tookMs = performance.now() - begin;
      t.true(tookMs < 50, `it took ${tookMs} ms`);
      const sight = links.sight(target);
      t.regex(sight?.state === 'lost' ? sight.why : '', why);
      if (isTaken)
        await t.throwsAsync(links.place(target, one), { message: /something that is mounted there/ });
      else {
        await links.place(target, one);
        t.is(await ask(path), 'one');
      }
      await links.remove(target);
      t.false(mountRoots(container).includes('/x.sock'), 'it is mounted somewhere');
      t.deepEqual(
        everythingIn(container, '/run').filter((name) => name.includes('raw.sock')),
        [],
      );
      t.is(source.ino, statSync(one.path).ino);
    },
  );
}

/** How many of some thousand connections failed while `swap` was done fifty times. */
async function failuresDuring(
  t: ExecutionContext,
  container: BareContainer,
  swap: (round: number) => unknown,
) {
  const child = perlIn(t, container, connector, target.target);
  const lines = createInterface({ input: child.stdout ?? process.stdin })[Symbol.asyncIterator]();
  await lines.next();
  for (let round = 0; round < 50; round++) {
    await swap(round);
    await lines.next();
  }
  const { value } = await lines.next();
  child.kill('SIGKILL');
  return Number(value);
}

labTest('[LINK-10] no connection is refused while a source is replaced', async (t) => {
  const root = await makeRoot(t);
  await copyProgram('/usr/bin/perl', root);
  const container = await startContainer(t, root);
  const { links } = openLinks(t);
  const sources = [await hostSocket(t, 'one'), await hostSocket(t, 'two')] as const;
  links.moved('client', container.pid);
  await links.place(target, sources[0]);
  t.is(
    await failuresDuring(t, container, (round) => links.place(target, sources[round % 2 === 0 ? 1 : 0])),
    0,
  );
  const naive = async (round: number) => {
    await links.clear(target);
    await links.place(target, sources[round % 2 === 0 ? 1 : 0]);
  };
  t.true(
    (await failuresDuring(t, container, naive)) > 0,
    'the naive way refuses nobody: this test shows nothing',
  );
});

labTest('[LINK-10] a kernel that can not mount beneath replaces a source all the same', async (t) => {
  const container = await startContainer(t, await makeRoot(t));
  const root = mkdtempSync(join(tmpdir(), 'hf-'));
  t.teardown(() => rmSync(root, { recursive: true }));
  const [one, two] = [await hostSocket(t, 'one'), await hostSocket(t, 'two')];
  const inject = ['-e', 'trace=move_mount', '-e', 'inject=move_mount:error=EINVAL:when=2'];
  const program = [process.execPath, join(import.meta.dirname, 'place-links.ts'), root, `${container.pid}`];
  const strace = ['strace', '-f', '-qq', '-o', '/dev/null', ...inject, '--', ...program];
  await run([...strace, target.target, one.path, two.path]);
  t.is(await ask(container.at(target.target)), 'two');
  t.is(mountRoots(container).filter((path) => path === '/x.sock').length, 1);
});

labTest('[LINK-11] what a container does to the mount at a target changes nothing elsewhere', async (t) => {
  const { container, links, one, path } = await placed(t);
  await t.throwsAsync(container.inside('rm', target.target), { message: /busy/ });
  await t.throwsAsync(container.inside('chmod', '777', target.target), { message: /Read-only/ });
  await container.inside('mount', '-o', 'remount,bind,rw,suid,dev,exec', target.target);
  const modes = () => ownMounts().map(({ id, mountPoint }) => [id, mountPoint]);
  const before = modes();
  await container.inside('mount', '--make-shared', target.target);
  writeFileSync(container.at('/run/other'), '');
  await container.inside('mount', '--bind', '/run/other', target.target);
  t.deepEqual(modes(), before);
  t.is(await ask(one.path), 'one');
  await container.inside('umount', target.target);
  t.is(await ask(path), 'one');
  await links.remove(target);
  t.false(existsSync(path));
  t.is(await ask(one.path), 'one');
});

labTest(
  '[LINK-10] what follows the mounts of a container follows its targets, too, and keeps none',
  async (t) => {
    const container = await startContainer(t, await makeRoot(t));
    await container.inside('mount', '--make-shared', '/run');
    const { links } = openLinks(t);
    const [one, two] = [await hostSocket(t, 'one'), await hostSocket(t, 'two')];
    const enter = [
      '--target',
      `${container.pid}`,
      '--mount',
      '--root',
      '--wd=/',
      '/bin/busybox',
      'unshare',
      '-m',
    ];
    const sleep = ['/bin/busybox', 'sh', '-c', 'echo up; exec sleep 1000'];
    const followers: number[] = [];
    links.moved('client', container.pid);
    for (const propagation of ['slave', 'private', 'shared']) {
      if (propagation === 'private') await links.place(target, one);
      const argv = [...enter, '--propagation', propagation, ...sleep];
      const child = spawn('nsenter', argv, { stdio: ['ignore', 'pipe', 'inherit'] });
      const ended = once(child, 'exit');
      t.teardown(async () => {
        child.kill('SIGKILL');
        await ended;
      });
      await begun(child);
      followers.push(child.pid ?? 0);
    }
    const found = () =>
      followers.map((pid) => readFileSync(`/proc/${pid}/mountinfo`, 'utf8').split('raw.sock').length - 1);
    t.deepEqual(found(), [1, 1, 1]);
    await links.place(target, two);
    t.deepEqual(found(), [1, 1, 1]);
    await links.clear(target);
    await links.remove(target);
    t.deepEqual(found(), [0, 0, 0]);
  },
);

labTest('[LINK-10] two hundred rounds leave no descriptor, mount or watch behind', async (t) => {
  const container = await startContainer(t, await makeRoot(t));
  const { links, root } = openLinks(t);
  const sources = [await hostSocket(t, 'one'), await hostSocket(t, 'two')] as const;
  links.moved('client', container.pid);
  await links.place(target, sources[0]);
  const count = async () => ({
    descriptors: await descriptorCount(),
    mounts: [mountPoints(container).length, ownMounts().length],
    watches: watchCount(),
    files: everythingIn(container, '/run'),
    records: readdirSync(join(root, 'run/link-targets')).length,
  });
  await links.clear(target);
  await links.place(target, sources[0]);
  const before = await count();
  for (let round = 0; round < 200; round++) {
    await links.place(target, sources[round % 2 === 0 ? 1 : 0]);
    if (round % 3 === 0) await links.clear(target);
    if (round % 5 === 0) await links.remove(target);
    if (round % 7 === 0) links.moved('client', null);
    links.moved('client', container.pid);
    if (round % 11 === 0) await container.inside('umount', '-l', target.target).catch(() => undefined);
    if (round % 20 === 0) {
      const { links: other } = openLinks(t, { root: mkdtempSync(join(tmpdir(), 'hf-')) });
      other.moved('client', container.pid);
      await t.throwsAsync(other.place({ container: 'client', target: '/run' }, sources[0]));
      other.close();
    }
  }
  await links.place(target, sources[0]);
  t.deepEqual(await count(), before);
});

labTest('[LINK-10] with a thousand targets in a container, one more costs at most 2 ms', async (t) => {
  const container = await startContainer(t, await makeRoot(t));
  const { links, root } = openLinks(t);
  const source = await hostSocket(t, 'one');
  const at = (index: number) => ({ container: 'client', target: `/run/pv/services/service-${index}.sock` });
  links.moved('client', container.pid);
  for (let index = 0; index < 1000; index++) await links.place(at(index), source);
  const took: number[] = [];
  for (let index = 1000; index < 1040; index++) {
    const begin = performance.now();
    await links.place(at(index), source);
    took.push(performance.now() - begin);
    await new Promise(setImmediate);
  }
  const [median = Number.POSITIVE_INFINITY] = took.sort((left, right) => left - right).slice(20);
  t.log(`median ${median.toFixed(2)} ms, worst ${took.at(-1)?.toFixed(2)} ms`);
  t.true(median <= 2, `it took ${took.map((ms) => ms.toFixed(2))} ms`);
  links.close();
  const { links: next } = openLinks(t, { root });
  await next.attend();
  next.tidy();
  const begin = performance.now();
  next.moved('client', container.pid);
  await becomes(next, at(1039), 'placed');
  t.log(`all found again in ${(performance.now() - begin).toFixed(0)} ms`);
  for (let index = 0; index < 1040; index++) t.is(next.sight(at(index))?.state, 'placed');
  for (let index = 0; index < 1040; index++) await next.remove(at(index));
  t.deepEqual(everythingIn(container, '/run'), []);
});

labTest('[ENG-7] a container that is quiet costs no timer from when it is looked at', async (t) => {
  const timers: number[] = [];
  const after = (delayMs: number, fire: () => void) => {
    timers.push(delayMs);
    return systemClock().after(delayMs, fire);
  };
  const container = await startContainer(t, await makeRoot(t));
  const { links } = openLinks(t, { after });
  links.moved('client', container.pid);
  await links.place(target, await hostSocket(t, 'one'));
  // The container sleeps: whatever is awaited here is longer than anything that could still be due.
  await new Promise((resolve) => setTimeout(resolve, 100));
  const count = timers.length;
  await new Promise((resolve) => setTimeout(resolve, 100));
  t.is(timers.length, count, `${timers}`);
  t.true(count < 10, `${timers}`);
});
