import { spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import type { ExecutionContext } from 'ava';
import { firstValueFrom } from 'rxjs';
import { NoContainer } from '../../../adapters/linux/container-handle.ts';
import { TargetRefused } from '../../../adapters/linux/link-targets.ts';
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
  mountPoints,
  openLinks,
  perlIn,
  saidBy,
} from './link-bench.ts';
import { labTest } from './network-bench.ts';
import { client, provider, refused } from './passing-descriptors.ts';
import {
  answers,
  ask,
  type BareContainer,
  type ContainerOptions,
  makeRoot,
  startContainer,
  watchCount,
} from './socket-bench.ts';

const calls = await loadSystemCalls();
const target = { container: 'client', target: '/run/pv/services/raw.sock' };
const kinds: Readonly<Record<string, ContainerOptions>> = {
  'a container': {},
  'a container with users of its own': { unprivileged: true },
};

/** A container in which a socket that says `one` is placed. */
async function placed(t: ExecutionContext, options: ContainerOptions = {}) {
  const container = await startContainer(t, await makeRoot(t), options);
  const bench = openLinks(t);
  const one = await hostSocket(t, 'one');
  bench.links.moved('client', container.pid);
  await bench.links.place(target, one);
  const path = container.at(target.target);
  t.is(await ask(path), 'one');
  return { ...bench, container, one, path };
}

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
      t.deepEqual(readdirSync(join(root, 'run/link-targets')), ['closed']);
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
