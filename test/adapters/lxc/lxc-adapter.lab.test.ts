import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, readdir, readFile, rename, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import test from 'ava';
import { createLxcAdapter } from '../../../adapters/lxc/lxc-adapter.ts';
import { systemClock } from '../../../controller/clock.ts';
import { containerKey, type MacvlanPoolSpec, type RootVolume } from '../../../state/resource.ts';
import {
  bridgePool,
  container,
  ensurePool,
  lease,
  removeContainer,
  removePool,
  reserve,
  start,
  stop,
} from '../../contract/fixtures.ts';
import { applied, clear, isContainer, listen, observed, pidOf, play, scenes } from '../../contract/stage.ts';
import { inits, packObject } from '../../lab/busybox-root.ts';
import { command, makeLxcWorld } from './lxc-world.ts';

const scene = scenes(test, makeLxcWorld);

const directory = (path: string): RootVolume => ({ type: 'directory', path });

/** Processes that `pid` has started and that run, each as its words. */
async function childrenOf(pid: number): Promise<ReadonlyMap<number, string>> {
  const children = (await readFile(`/proc/${pid}/task/${pid}/children`, 'utf8')).split(' ').filter(Boolean);
  const named = children.map(
    async (child) => [Number(child), await readFile(`/proc/${child}/cmdline`, 'utf8')] as const,
  );
  return new Map((await Promise.all(named)).map(([child, title]) => [child, title.replaceAll('\0', ' ')]));
}

/** Not gone, and more than an entry that waits to be collected by its parent (proc(5), state Z). */
async function isAlive(pid: number): Promise<boolean> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => ') Z');
  return !/\) [ZX]/.test(stat);
}

/** Mount points below a directory, as the kernel has them now. */
async function mountsBelow(path: string): Promise<readonly string[]> {
  const lines = (await readFile('/proc/self/mountinfo', 'utf8')).split('\n');
  return lines.map((line) => line.split(' ')[4] ?? '').filter((point) => point.startsWith(path));
}

scene(
  '[CTR-4] an image is mounted once for all its containers, found by the next controller, and unmounted with the last',
  async (t, world) => {
    const root = {
      type: 'object',
      sha256: await packObject(await world.makeRoot(inits.sleep), world.objects),
    } as const;
    const first = world.another();
    await Promise.all(['a', 'b', 'c'].map((name) => applied(t, first, start(container(name, root, [])))));
    t.deepEqual(await mountsBelow(world.directory), [join(world.directory, 'run/objects', root.sha256)]);
    t.deepEqual((await readdir(join(world.directory, 'lxc'))).sort(), ['a', 'b', 'c']);
    await first.close();
    await play(t, world.adapter, [start(container('d', root, []))]);
    t.is((await mountsBelow(world.directory)).length, 1);
    t.regex(await world.inside('d', 'ls', '/'), /^sbin$/m);
    for (const name of ['a', 'b', 'c', 'd'])
      await play(t, world.adapter, [stop(name), removeContainer(name)]);
    t.deepEqual(await mountsBelow(world.directory), []);
  },
);

scene(
  '[CTR-4] an image means nothing to the host: its device nodes and set-user-id programs are dead there',
  async (t, world) => {
    const path = await world.makeRoot(inits.sleep);
    const root = { type: 'object', sha256: await packObject(path, world.objects) } as const;
    await play(t, world.adapter, [start(container('a', root, []))]);
    const line = (await readFile('/proc/self/mountinfo', 'utf8'))
      .split('\n')
      .find((each) => each.includes(root.sha256));
    t.regex(line ?? '', / ro,nosuid,nodev,/);
  },
);

scene(
  '[CTR-5] an image whose /etc leads out of its root gets its names inside it, and nothing appears outside',
  async (t, world) => {
    const path = await world.makeRoot(inits.sleep);
    const outside = join(world.directory, 'outside');
    await mkdir(outside);
    await rename(join(path, 'etc'), join(path, 'was-etc'));
    await symlink(outside, join(path, 'etc'));
    const { adapter } = world;
    await play(t, adapter, [ensurePool(bridgePool(1)), reserve(lease(1, 'a', 2))]);
    await play(t, adapter, [start(container('a', directory(path), [lease(1, 'a', 2)]))]);
    t.regex(await world.inside('a', 'cat', '/etc/hosts'), /10\.66\.1\.2\ta/);
    t.deepEqual(await readdir(outside), []);
  },
);

scene(
  '[CTR-4] a file of the revision goes where its path leads inside the root, never out of it',
  async (t, world) => {
    const path = await world.makeRoot(inits.sleep);
    const outside = join(world.directory, 'outside');
    await mkdir(outside);
    await mkdir(join(path, 'usr/lib'), { recursive: true });
    await symlink('usr/lib', join(path, 'lib'));
    await symlink(outside, join(path, 'evil'));
    await symlink('../../../../../../../../..', join(path, 'up'));
    const files = ['lib/app.json', 'evil/file.json', `up${outside}/up.json`].map((each) => ({
      path: each,
      document: { each },
    }));
    await play(t, world.adapter, [start(container('a', directory(path), [], { files }))]);
    t.deepEqual(await readdir(outside), []);
    t.deepEqual(JSON.parse(await world.inside('a', 'cat', '/usr/lib/app.json')), { each: 'lib/app.json' });
    t.deepEqual(JSON.parse(await world.inside('a', 'cat', `${outside}/file.json`)), {
      each: 'evil/file.json',
    });
    t.deepEqual(JSON.parse(await world.inside('a', 'cat', '/evil/up.json')), {
      each: `up${outside}/up.json`,
    });
  },
);

scene('[REV-2] an object that was changed after it was stored is refused', async (t, world) => {
  await mkdir(world.objects);
  const sha256 = 'ab'.repeat(32);
  await writeFile(join(world.objects, sha256), 'something else');
  const result = await world.adapter.apply(
    start(container('a', world.root, [], { files: [{ path: 'etc/key', sha256 }] })),
  );
  t.is(result.outcome, 'failed');
  t.regex(JSON.stringify(result), new RegExp(`expected ${sha256}`));
  t.deepEqual((await observed(world.adapter)).get(containerKey('a'))?.drift, ['not running']);
});

scene('[ENG-8] a root directory that is not there is a conflict, and nothing is made', async (t, world) => {
  const result = await world.adapter.apply(start(container('a', directory('/nonexistent'), [])));
  t.is(result.outcome === 'conflict' && result.conflict.code, 'RootMissing');
  t.is((await observed(world.adapter)).size, 0);
});

scene('[ENG-4] a container that someone else made under our path is not taken over', async (t, world) => {
  await mkdir(join(world.directory, 'lxc/a'));
  await writeFile(join(world.directory, 'lxc/a/config'), 'lxc.uts.name = a\n');
  const result = await world.adapter.apply(start(container('a', world.root, [])));
  t.is(result.outcome === 'conflict' && result.conflict.code, 'ContainerExists');
  await play(t, world.adapter, [removeContainer('a')]);
  t.is(await readFile(join(world.directory, 'lxc/a/config'), 'utf8'), 'lxc.uts.name = a\n');
});

scene('a container that cannot start says why', async (t, world) => {
  const spec = container('a', world.root, [], { config: [{ key: 'lxc.init.cmd', value: '/bin/absent' }] });
  const result = await world.adapter.apply(start(spec));
  t.is(result.outcome, 'failed');
  if (result.outcome !== 'failed') return;
  t.is(result.error.code, 'StartFailed');
  t.regex(result.error.log?.join('\n') ?? '', /\/bin\/absent/);
});

scene('a container that ends tells how: its status, or the signal', async (t, world) => {
  const watch = listen(world.adapter);
  await world.adapter.apply(start(container('status', directory(await world.makeRoot(inits.failing)), [])));
  const ended = await watch.until(
    ({ key, observed: seen }) => key === containerKey('status') && seen?.drift.length === 3,
  );
  t.deepEqual(ended.observed?.drift, [
    'not running',
    'its init exited with code 3',
    'it said last: no such device: /dev/nonsense',
  ]);
  t.regex(await readFile(join(world.directory, 'logs/status/console.log'), 'utf8'), /no such device/);
  await play(t, world.adapter, [start(container('signal', world.root, []))]);
  await world.killContainer('signal', await pidOf(world.adapter, containerKey('signal')));
  const killed = await watch.until(
    ({ key, observed: seen }) => key === containerKey('signal') && seen?.drift.length === 2,
  );
  watch.stop();
  t.deepEqual(killed.observed?.drift, ['not running', 'its init was ended by SIGKILL']);
});

scene('a container is asked to stop before it is forced', async (t, world) => {
  await play(t, world.adapter, [start(container('a', directory(await world.makeRoot(inits.graceful)), []))]);
  const console = join(world.directory, 'logs/a/console.log');
  await play(t, world.adapter, [stop('a')]);
  t.regex(await readFile(console, 'utf8'), /stopping/);
});

scene('one that ignores the request is forced after the timeout', async (t, world) => {
  const impatient = createLxcAdapter({
    root: world.directory,
    objects: (sha256) => sha256,
    stopTimeoutSeconds: 1,
    after: systemClock().after,
  });
  const stubborn = 'trap : TERM\nwhile :; do sleep 2147483647 & wait $!; done';
  await play(t, impatient, [start(container('a', directory(await world.makeRoot(stubborn)), [])), stop('a')]);
  await play(t, impatient, [removeContainer('a')]);
  await impatient.close();
  t.deepEqual(await readdir(join(world.directory, 'lxc')), []);
});

scene(
  '[CTR-9] containers live on when their controller is killed, nothing else does, and the next one finds them',
  async (t, world) => {
    const controller = spawn(
      process.execPath,
      [join(import.meta.dirname, 'killed-controller.ts'), world.directory],
      {
        stdio: ['ignore', 'pipe', 'inherit'],
        env: { ...process.env, HOLDFAST_TEST_ROOT: (world.root as { path: string }).path },
      },
    );
    const [line] = (await once(createInterface(controller.stdout), 'line')) as [string];
    const exited = once(controller, 'exit');
    t.teardown(() => controller.kill('SIGKILL'));
    // Nobody waits for the monitors before a container is started: they come beside it.
    const monitors = ['ip -oneline monitor', 'nft monitor'];
    let children = await childrenOf(controller.pid ?? 0);
    const runs = (monitor: string) => [...children.values()].some((words) => words.includes(monitor));
    while (!monitors.every(runs)) children = await childrenOf(controller.pid ?? 0);
    controller.kill('SIGKILL');
    await exited;
    for (const child of children.keys()) while (await isAlive(child));
    t.is(await pidOf(world.adapter, containerKey('survivor')), Number(line));
    t.is((await world.inside('survivor', 'echo', 'alive')).trim(), 'alive');
  },
);

scene(
  '[ENG-2] a container whose LXC monitor is killed is seen to have ended, and starts again',
  async (t, world) => {
    const step = start(container('a', world.root, []));
    await play(t, world.adapter, [step]);
    const watch = listen(world.adapter);
    process.kill(Number(await readFile(join(world.directory, 'lxc/a/monitor.pid'), 'utf8')), 'SIGKILL');
    await watch.until(({ observed: seen }) => seen?.drift[0] === 'not running');
    watch.stop();
    t.deepEqual((await applied(t, world.adapter, step))?.drift, []);
  },
);

scene('[ENG-1] what a power cut left of a container that never ran is cleaned away', async (t, world) => {
  const first = world.another();
  await play(t, first, [start(container('a', world.root, [])), stop('a')]);
  await first.close();
  await writeFile(join(world.directory, 'lxc/a/holdfast.json'), '{"instance":"');
  t.is((await observed(world.adapter)).size, 0);
  t.deepEqual(await readdir(join(world.directory, 'lxc')), []);
});

scene('[CTR-9] a root with a long path is observed like any other', async (t, world) => {
  const long = join(world.directory, 'x'.repeat(100));
  const adapter = createLxcAdapter({ root: long, objects: (sha256) => sha256, after: systemClock().after });
  const found = await applied(t, adapter, start(container('a', world.root, [])));
  t.deepEqual(found?.drift, []);
  t.true(found !== null && isContainer(found) && found.facts.pid !== null);
  await clear(adapter);
  await adapter.close();
});

scene('[POOL-7] a container of a macvlan pool is on its parent’s network', async (t, world) => {
  const pool: MacvlanPoolSpec = {
    type: 'macvlan',
    name: 'lan',
    parent: 'lan0',
    subnet: '10.77.0.0/24',
    gateway: '10.77.0.1',
  };
  await command('ip', 'link', 'add', 'lan0', 'type', 'veth', 'peer', 'name', 'router0');
  await command('ip', 'address', 'add', '10.77.0.1/24', 'dev', 'router0');
  for (const name of ['lan0', 'router0']) await command('ip', 'link', 'set', name, 'up');
  try {
    const held = { ...lease(1, 'a', 2), pool: 'lan', address: '10.77.0.2', mac: '02:00:0a:4d:00:02' };
    const face = {
      name: 'eth0',
      pool: 'lan',
      type: 'macvlan',
      link: 'lan0',
      prefix: 24,
      gateway: '10.77.0.1',
    } as const;
    const network = {
      mode: 'pool',
      interfaces: [{ ...face, address: held.address, mac: held.mac }],
    } as const;
    await play(t, world.adapter, [
      ensurePool(pool),
      reserve(held),
      start(container('a', world.root, [], { network })),
    ]);
    t.regex(await world.inside('a', 'ping', '-c', '1', '-w', '5', '10.77.0.1'), / packets received/);
    await clear(world.adapter);
  } finally {
    await command('ip', 'link', 'delete', 'lan0');
  }
});

scene('[LEASE-7] twenty containers start side by side, each with its own address', async (t, world) => {
  const leases = Array.from({ length: 20 }, (_, index) => lease(1, `c${index}`, index + 2));
  await play(t, world.adapter, [ensurePool(bridgePool(1))]);
  await Promise.all(leases.map((held) => world.adapter.apply(reserve(held))));
  const results = await Promise.all(
    leases.map((held) => world.adapter.apply(start(container(held.container, world.root, [held])))),
  );
  t.deepEqual(new Set(results.map((result) => result.outcome)), new Set(['done']));
  for (const held of leases) {
    t.true(
      (await world.inside(held.container, 'ip', 'addr')).includes(`inet ${held.address}/24`),
      held.container,
    );
  }
  await Promise.all(leases.map((held) => world.adapter.apply(stop(held.container))));
  await clear(world.adapter);
  await play(t, world.adapter, [removePool(bridgePool(1))]);
  t.deepEqual(await readdir(join(world.directory, 'lxc')), []);
});
