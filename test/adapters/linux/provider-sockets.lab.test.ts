import { spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ExecutionContext } from 'ava';
import { firstValueFrom } from 'rxjs';
import { run } from '../../../adapters/linux/command.ts';
import { ownMounts } from '../../../adapters/linux/mount-info.ts';
import { createProviderSockets } from '../../../adapters/linux/mounted-provider-sockets.ts';
import type { ProviderSocket } from '../../../adapters/linux/provider-sockets.ts';
import { systemClock } from '../../../controller/clock.ts';
import { copyProgram } from '../../lab/copy-program.ts';
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

const web = { container: 'web', socket: '/run/app/x.sock' };

/** A container whose socket says `one`, kept and reached. */
async function reached(t: ExecutionContext) {
  const container = await startContainer(t, await makeRoot(t));
  mkdirSync(container.at('/run/app'));
  const end = await serve(t, container.at(web.socket), 'one');
  const bench = openSockets(t);
  bench.sockets.moved('web', container.pid);
  await bench.sockets.keep([web]);
  const path = bench.sockets.pathOf(web);
  t.is(await ask(path), 'one');
  return { ...bench, container, path, end };
}

labTest('[ING-10] a socket of a container is reached while it is there, and refused otherwise', async (t) => {
  const { sockets } = openSockets(t);
  const path = sockets.pathOf(web);
  await sockets.keep([web]);
  t.is(await ask(path), 'refused');
  const container = await startContainer(t, await makeRoot(t));
  sockets.moved('web', container.pid);
  t.is(sockets.problemOf(web), "there is no /run/app/x.sock in container 'web'");
  mkdirSync(container.at('/run/app'));
  const end = await serve(t, container.at(web.socket), 'hello');
  await answers(path, 'hello');
  t.is(sockets.problemOf(web), null);
  end();
  while (sockets.problemOf(web) === null) await firstValueFrom(sockets.changed);
  t.is(sockets.problemOf(web), "there is no /run/app/x.sock in container 'web'");
  t.is(await ask(path), 'refused');
  sockets.moved('web', null);
  t.is(await ask(path), 'refused');
  t.is(sockets.problemOf(web), "container 'web' does not run");
});

labTest('[ING-10] a socket of a container that does not run says so, whenever it is asked for', async (t) => {
  const { sockets } = openSockets(t);
  const more = { container: 'web', socket: '/run/app/y.sock' };
  const late = { container: 'late', socket: '/run/x.sock' };
  sockets.moved('web', null);
  for (const kept of [[web], [web, more], [web, more, late]]) {
    await sockets.keep(kept);
    t.deepEqual(
      kept.map((one) => sockets.problemOf(one)),
      kept.map(({ container }) => `container '${container}' does not run`),
    );
  }
});

labTest('[ENG-7] only of containers whose sockets are kept anything is open', async (t) => {
  const { sockets, container } = await reached(t);
  const before = readdirSync('/proc/self/fd').length;
  for (let count = 0; count < 1000; count++) sockets.moved(`c${count}`, container.pid);
  t.is(readdirSync('/proc/self/fd').length, before);
  t.is(await ask(sockets.pathOf(web)), 'one');
});

/** Ways in which a provider comes to another socket at the path. */
const renewals: Readonly<
  Record<string, (t: ExecutionContext, container: BareContainer) => Promise<unknown>>
> = {
  'is removed and made anew': (t, { at }) => {
    unlinkSync(at(web.socket));
    return serve(t, at(web.socket), 'two');
  },
  'has another renamed over it': async (t, { at }) => {
    await serve(t, at('/run/app/.new'), 'two');
    renameSync(at('/run/app/.new'), at(web.socket));
  },
  'is in a directory that is made anew': (t, { at }) => {
    rmSync(at('/run/app'), { recursive: true });
    mkdirSync(at('/run/app'));
    return serve(t, at(web.socket), 'two');
  },
  'is in a directory that another is renamed over': async (t, { at }) => {
    mkdirSync(at('/run/new'));
    await serve(t, at('/run/new/x.sock'), 'two');
    renameSync(at('/run/app'), at('/run/old'));
    renameSync(at('/run/new'), at('/run/app'));
  },
  'is covered by a file system that is mounted over its directory': async (t, { inside, at }) => {
    await inside('mount', '-t', 'tmpfs', 'tmpfs', '/run/app');
    await serve(t, at(web.socket), 'two');
  },
  'is covered by a file system that is mounted over a parent of its directory': async (t, container) => {
    await container.inside('mount', '-t', 'tmpfs', 'tmpfs', '/run');
    mkdirSync(container.at('/run/app'));
    await serve(t, container.at(web.socket), 'two');
  },
  'is behind a link that leads elsewhere': async (t, { at }) => {
    mkdirSync(at('/run/other'));
    await serve(t, at('/run/other/x.sock'), 'two');
    renameSync(at('/run/app'), at('/run/old'));
    symlinkSync('/run/other', at('/run/app'));
  },
};

for (const [what, renew] of Object.entries(renewals)) {
  labTest(`[ING-10] a socket that ${what} is reached anew at the same path of the host`, async (t) => {
    const { container, path, sockets } = await reached(t);
    await renew(t, container);
    await answers(path, 'two');
    t.is(sockets.problemOf(web), null);
    t.is(ownMounts().filter(({ mountPoint }) => mountPoint === path).length, 1);
  });
}

labTest('[ING-10] no connection is refused while a socket is renamed over another', async (t) => {
  const { container, path } = await reached(t);
  for (let round = 0; round < 20; round++) {
    const words = `round ${round}`;
    await serve(t, container.at('/run/app/.new'), words);
    renameSync(container.at('/run/app/.new'), container.at(web.socket));
    let answer: string;
    do {
      answer = await ask(path);
      t.not(answer, 'refused');
    } while (answer !== words);
  }
});

labTest(
  '[ING-10] a socket of a container with users of its own is reached, on a file system of its own',
  async (t) => {
    const root = await makeRoot(t);
    await copyProgram('/usr/bin/perl', root);
    writeFileSync(join(root, 'listener.pl'), listener);
    const container = await startContainer(t, root, { unprivileged: true });
    const { sockets } = openSockets(t);
    sockets.moved('web', container.pid);
    const of = { container: 'web', socket: '/run/x.sock' };
    await sockets.keep([of]);
    container.begin('/usr/bin/perl', '/listener.pl', '/run/x.sock');
    await answers(sockets.pathOf(of), 'user 0');
    t.is(statSync(sockets.pathOf(of)).uid, 100_000);
  },
);

/** Listens on a unix socket at `$ARGV[0]` and tells whoever connects which user it is. */
const listener = `
  socket(my $listener, 1, 1, 0) or die;
  bind($listener, pack('S a*', 1, $ARGV[0] . chr(0))) or die "bind: $!";
  listen($listener, 9);
  while (accept(my $client, $listener)) { syswrite $client, "user $<"; close $client }`;

labTest('[ING-10] a container that runs anew is reached 50 ms after its socket is there', async (t) => {
  const { container, path, sockets } = await reached(t);
  await container.kill();
  await answers(path, 'refused');
  t.regex(sockets.problemOf(web) ?? '', /process \d+ has ended/);
  const next = await startContainer(t, await makeRoot(t));
  sockets.moved('web', next.pid);
  mkdirSync(next.at('/run/app'));
  await serve(t, next.at(web.socket), 'anew');
  const begun = performance.now();
  await answers(path, 'anew');
  const took = performance.now() - begun;
  t.true(took < 50, `it took ${took} ms`);
});

labTest('[ING-11] what is reached stays so without a controller, and is found by the next', async (t) => {
  const { root, path, sockets, container } = await reached(t);
  const mounted = () => ownMounts().filter(({ mountPoint }) => mountPoint.startsWith(root));
  const before = mounted();
  sockets.close();
  t.is(await ask(path), 'one');
  const { sockets: next } = openSockets(t, { root });
  await next.keep([web]);
  t.is(await ask(path), 'one');
  t.is(next.problemOf(web), null);
  next.moved('web', container.pid);
  t.deepEqual(mounted(), before);
  await next.keep([]);
  t.deepEqual(mounted(), []);
  t.deepEqual(readdirSync(join(root, 'run')), []);
  t.is(await ask(path), 'ENOENT');
});

labTest('[ING-11] a controller that was killed between two mounts is tidied up after', async (t) => {
  const { root, path, sockets, container } = await reached(t);
  sockets.close();
  await run(['mount', '--bind', path, path]);
  t.is(ownMounts().filter(({ mountPoint }) => mountPoint === path).length, 2);
  const { sockets: next } = openSockets(t, { root });
  next.moved('web', container.pid);
  await next.keep([web]);
  t.is(await ask(path), 'one');
  t.is(ownMounts().filter(({ mountPoint }) => mountPoint === path).length, 1);
});

labTest('[ENG-2] a socket that somebody unmounts from the host is there again, without a poll', async (t) => {
  const { path, sockets } = await reached(t);
  await run(['umount', path]);
  await answers(path, 'one');
  t.is(sockets.problemOf(web), null);
});

labTest('[ING-10] two hundred rounds leave no descriptor, mount or watch behind', async (t) => {
  const { container, path, sockets, end } = await reached(t);
  const count = async () => {
    // What Node has closed is closed a turn of its loop later.
    for (let turn = 0; turn < 100; turn++) await new Promise(setImmediate);
    return {
      descriptors: readdirSync('/proc/self/fd').length,
      mounts: ownMounts().length,
      watches: watchCount(),
    };
  };
  const before = await count();
  let endLast = end;
  for (let round = 0; round < 200; round++) {
    const endNext = await serve(t, container.at('/run/app/.new'), `${round}`);
    renameSync(container.at('/run/app/.new'), container.at(web.socket));
    if (round % 10 === 0) sockets.moved('web', null);
    if (round % 5 === 0) sockets.moved('web', container.pid);
    if (round % 20 === 0) await sockets.keep([]);
    if (round % 20 === 0) await sockets.keep([web]);
    await answers(path, `${round}`);
    await endLast();
    endLast = endNext;
  }
  t.deepEqual(await count(), before);
});

labTest('[ING-11] a mount namespace that follows the host has what the host has, and no more', async (t) => {
  const root = mkdtempSync(join(tmpdir(), 'hf-'));
  await run(['mount', '--bind', root, root]);
  await run(['mount', '--make-shared', root]);
  const other = spawn(
    'unshare',
    ['--mount', '--propagation', 'slave', 'sh', '-c', 'echo up; exec sleep 1000'],
    {
      stdio: ['ignore', 'pipe', 'inherit'],
    },
  );
  const ended = once(other, 'exit');
  t.teardown(async () => {
    other.kill('SIGKILL');
    await ended;
    await run(['umount', root]);
    rmSync(root, { recursive: true });
  });
  await once(other.stdout, 'data');
  const followed = () =>
    readFileSync(`/proc/${other.pid}/mountinfo`, 'utf8').split('/run/sockets/').length - 1;
  const container = await startContainer(t, await makeRoot(t));
  mkdirSync(container.at('/run/app'));
  await serve(t, container.at(web.socket), 'one');
  const sockets = createProviderSockets({ root, after: systemClock().after, isInit: () => true });
  sockets.moved('web', container.pid);
  await sockets.keep([web]);
  t.is(followed(), 1);
  await serve(t, container.at('/run/app/.new'), 'two');
  renameSync(container.at('/run/app/.new'), container.at(web.socket));
  await answers(sockets.pathOf(web), 'two');
  t.is(followed(), 1);
  await sockets.keep([]);
  t.is(followed(), 0);
  sockets.close();
});

labTest('[ENG-8] a kernel that lacks a system call is named, and nothing crashes', async (t) => {
  const container = await startContainer(t, await makeRoot(t));
  mkdirSync(container.at('/run/app'));
  await serve(t, container.at(web.socket), 'one');
  for (const call of ['open_tree', 'move_mount', 'mount_setattr']) {
    const root = mkdtempSync(join(tmpdir(), 'hf-'));
    t.teardown(() => rmSync(root, { recursive: true }));
    const inject = ['-e', `trace=${call}`, '-e', `inject=${call}:error=ENOSYS`];
    const program = [process.execPath, join(import.meta.dirname, 'kept-socket.ts'), root, `${container.pid}`];
    const { stdout } = await run(['strace', '-f', '-qq', '-o', '/dev/null', ...inject, '--', ...program]);
    const { problem, answer } = JSON.parse(stdout);
    t.regex(problem, new RegExp(`${call}\\(2\\) failed with ENOSYS; expected Linux 5.12 or newer`));
    t.is(answer, 'refused');
  }
});

labTest('[ENG-7] a container that is quiet costs no timer from when it is looked at', async (t) => {
  const timers: number[] = [];
  const after = (delayMs: number, fire: () => void) => {
    timers.push(delayMs);
    return systemClock().after(delayMs, fire);
  };
  const container = await startContainer(t, await makeRoot(t));
  mkdirSync(container.at('/run/app'));
  await serve(t, container.at(web.socket), 'one');
  const { sockets } = openSockets(t, { after });
  sockets.moved('web', container.pid);
  await sockets.keep([web]);
  await answers(sockets.pathOf(web), 'one');
  // The container sleeps: whatever is awaited here is longer than anything that could still be due.
  await new Promise((resolve) => setTimeout(resolve, 250));
  t.deepEqual(
    timers.toSorted((left, right) => left - right),
    [0, 0, 0, 0, 200, 1000],
  );
});

labTest('[LINK-10] a socket that is made anew is told, although it is reached all the time', async (t) => {
  const { sockets, container } = await reached(t);
  const inode = () => {
    const sight = sockets.sightOf(web);
    return sight?.state === 'shown' ? sight.inode : null;
  };
  t.is(inode(), statSync(container.at(web.socket)).ino);
  const told = firstValueFrom(sockets.changed);
  await serve(t, container.at('/run/app/.new'), 'two');
  renameSync(container.at('/run/app/.new'), container.at(web.socket));
  t.deepEqual(await told, web);
  t.is(inode(), statSync(container.at(web.socket)).ino);
  t.is(sockets.problemOf(web), null);
});

labTest('[LINK-10] sockets are added and dropped beside those that are kept', async (t) => {
  const { root, sockets, container, path } = await reached(t);
  const more = { container: 'web', socket: '/run/app/y.sock' };
  const late = { container: 'late', socket: '/run/x.sock' };
  await serve(t, container.at(more.socket), 'more');
  await sockets.add([more, late, web]);
  t.is(await ask(sockets.pathOf(more)), 'more');
  t.deepEqual(sockets.sightOf(late), { state: 'absent', why: "container 'late' does not run" });
  await sockets.drop([more, late, { container: 'none', socket: '/none' }]);
  t.is(sockets.sightOf(more), null);
  t.is(await ask(sockets.pathOf(more)), 'ENOENT');
  t.is(await ask(path), 'one');
  t.is(readdirSync(join(root, 'run/sockets')).length, 1);
  await sockets.drop([web]);
  t.deepEqual(readdirSync(join(root, 'run')), []);
});

labTest('[LINK-10] what is added before it is told what is kept is not taken for all of it', async (t) => {
  const { root, path, sockets, container } = await reached(t);
  sockets.close();
  const { sockets: next } = openSockets(t, { root });
  const other = { container: 'other', socket: '/run/x.sock' };
  await next.add([other]);
  t.is(await ask(path), 'one');
  t.is(next.sightOf(other)?.state, 'absent');
  await next.keep([web]);
  t.is(await ask(path), 'one');
  t.deepEqual(next.sightOf(web), {
    state: 'absent',
    why: "it is not known yet whether container 'web' runs",
  });
  next.moved('web', container.pid);
  t.is(next.sightOf(web)?.state, 'shown');
  t.is(await ask(path), 'one');
});

labTest('[LINK-10] two instances below one root have directories of their own', async (t) => {
  const { root, sockets, container, path } = await reached(t);
  const options = { root, directory: 'run/link-sockets', after: systemClock().after, isInit: () => true };
  const links = createProviderSockets(options);
  links.moved('web', container.pid);
  await links.keep([web]);
  t.is(links.pathOf(web), path.replace('/run/sockets/', '/run/link-sockets/'));
  t.is(await ask(links.pathOf(web)), 'one');
  await links.keep([]);
  links.close();
  t.is(await ask(path), 'one');
  t.is(sockets.sightOf(web)?.state, 'shown');
  t.deepEqual(readdirSync(join(root, 'run')), ['sockets']);
});

/** Milliseconds of this thread's processor: others work on the same machine. It waits for nobody while it is at it. */
async function processorTime(work: () => Promise<void>): Promise<number> {
  const before = process.threadCpuUsage();
  await work();
  const { user, system } = process.threadCpuUsage(before);
  return (user + system) / 1000;
}

labTest('[LINK-10] a thousand sockets of one provider cost 150 ms, and one more takes 2', async (t) => {
  const container = await startContainer(t, await makeRoot(t));
  mkdirSync(container.at('/run/app'));
  const many = Array.from({ length: 1000 }, (_, index) => ({
    container: 'web',
    socket: `/run/app/${index}.sock`,
  }));
  for (const { socket } of many) await serve(t, container.at(socket), socket);
  const more = { container: 'web', socket: '/run/app/more.sock' };
  await serve(t, container.at(more.socket), 'more');
  const { sockets } = openSockets(t);
  sockets.moved('web', container.pid);
  const all: number[] = [];
  for (let round = 0; round < 4; round++) {
    await sockets.drop(many);
    all.push(await processorTime(() => sockets.add(many)));
  }
  t.true(many.every((one) => sockets.sightOf(one)?.state === 'shown'));
  const each: number[] = [];
  for (let round = 0; round < 10; round++) {
    const begun = performance.now();
    await sockets.add([more]);
    each.push(performance.now() - begun);
    t.is(await ask(sockets.pathOf(more)), 'more');
    await sockets.drop([more]);
  }
  const [thousand, one] = [Math.min(...all), Math.min(...each)];
  t.log(`a thousand: ${thousand.toFixed(0)} ms; one more: ${one.toFixed(2)} ms`);
  t.true(thousand < 150, `${all}`);
  t.true(one < 2, `${each}`);
});

labTest(
  '[ENG-7] of a thousand sockets in one directory, one that is made anew is looked at alone',
  async (t) => {
    const container = await startContainer(t, await makeRoot(t));
    mkdirSync(container.at('/run/app'));
    const many = Array.from({ length: 1000 }, (_, index) => ({
      container: 'web',
      socket: `/run/app/${index}.sock`,
    }));
    for (const { socket } of many) await serve(t, container.at(socket), socket);
    const { sockets } = openSockets(t);
    sockets.moved('web', container.pid);
    await sockets.add(many);
    const told: ProviderSocket[] = [];
    const subscription = sockets.changed.subscribe((socket) => told.push(socket));
    t.teardown(() => subscription.unsubscribe());
    await serve(t, container.at('/run/app/.new'), 'anew');
    renameSync(container.at('/run/app/.new'), container.at('/run/app/500.sock'));
    await answers(sockets.pathOf({ container: 'web', socket: '/run/app/500.sock' }), 'anew');
    t.deepEqual(told, [{ container: 'web', socket: '/run/app/500.sock' }]);
  },
);
