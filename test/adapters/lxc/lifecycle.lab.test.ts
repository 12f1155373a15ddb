import { once } from 'node:events';
import {
  copyFile,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  rename,
  rm,
  symlink,
  writeFile,
} from 'node:fs/promises';
import { connect } from 'node:net';
import { dirname, join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { createLxcAdapter } from '../../../adapters/lxc/lxc-adapter.ts';
import { systemClock } from '../../../controller/clock.ts';
import { type ContainerSpec, containerKey, poolKey, type RootVolume } from '../../../state/resource.ts';
import {
  bridgePool,
  container,
  ensurePool,
  lease,
  removeContainer,
  reserve,
  start,
  stop,
} from '../../contract/fixtures.ts';
import { applied, isContainer, listen, observed, pidOf, play, scenes } from '../../contract/stage.ts';
import { inits, packObject } from '../../lab/busybox-root.ts';
import { command, type LxcWorld, makeLxcWorld, readySocketIn, say } from './lxc-world.ts';

const scene = scenes(test, makeLxcWorld);

const directory = (path: string): RootVolume => ({ type: 'directory', path });
const web = containerKey('web');

async function factsOfWeb({ adapter }: Pick<LxcWorld, 'adapter'>) {
  const found = (await observed(adapter)).get(web);
  if (found === undefined || !isContainer(found)) throw new Error('there is no container web');
  return { ...found.facts, drift: found.drift };
}

/** Starts `web`, which waits for a signal; resolves to its socket as it sees it. */
async function startWaiting(
  t: ExecutionContext,
  { adapter, root }: LxcWorld,
  more: Partial<ContainerSpec> = {},
): Promise<string> {
  await play(t, adapter, [start(container('web', root, [], { goal: 'READY', ...more }))]);
  return readySocketIn(await pidOf(adapter, web));
}

/** Puts the host's perl into a root, for a container that signals by itself: busybox has no client for unix sockets. */
async function addPerl(root: string): Promise<void> {
  const libraries = (await command('ldd', '/usr/bin/perl')).match(/\/\S+/g) ?? [];
  for (const path of ['/usr/bin/perl', ...libraries]) {
    await mkdir(join(root, dirname(path)), { recursive: true });
    await copyFile(path, join(root, path));
  }
}

const signalling = `perl -e 'socket(S, 1, 1, 0); connect(S, pack("S a108", 1, "/run/holdfast/ready.sock")) or die "connect: $!";
syswrite(S, "ready\\n"); print "answer: ", scalar(<S>);'
${inits.sleep}`;

scene('[CTR-6] a container signals by itself, and its read-only socket is its own', async (t, world) => {
  const root = await world.makeRoot(signalling);
  await addPerl(root);
  const watch = listen(world.adapter);
  await play(t, world.adapter, [start(container('web', directory(root), [], { goal: 'READY' }))]);
  await watch.until(({ observed: seen }) => seen !== null && isContainer(seen) && seen.facts.ready);
  watch.stop();
  t.is(await world.inside('web', 'ls', '/run/holdfast'), 'ready.sock\n');
  await t.throwsAsync(world.inside('web', 'touch', '/run/holdfast/x'), { message: /Read-only file system/ });
});

scene('[CTR-6] the signal of Pantavisor’s pv-ctrl is taken, and answered with 200', async (t, world) => {
  const socket = await startWaiting(t, world);
  const url = 'http://localhost/signal';
  const data = ['--header', 'Content-Type: application/json', '--data', '{"type":"ready","payload":""}'];
  const curl = (...more: readonly string[]) =>
    command('curl', '--silent', '--unix-socket', socket, '--write-out', '%{http_code}', ...more);
  t.is(
    await curl('-X', 'PUT', '--data', '{"type":"alive"}', url),
    'expected {"type":"ready","payload":""}\n400',
  );
  t.is(await curl('-X', 'GET', url), 'expected POST\n405');
  t.is(await curl('-X', 'POST', ...data, 'http://localhost/other'), 'expected /signal\n404');
  t.false((await factsOfWeb(world)).ready);
  t.is(await curl('-X', 'POST', ...data, url), 'ok\n200');
  t.true((await factsOfWeb(world)).ready);
  t.is(await curl('-X', 'PUT', ...data, url), 'ok\n200', 'once more');
});

const nonsense: readonly (readonly [what: string, words: string | Buffer, answer: RegExp])[] = [
  ['nothing', '', /^error: expected/],
  ['another line', 'steady\n', /^error: expected/],
  ['a line without end', 'x'.repeat(100_000), /^error: expected/],
  ['bytes', Buffer.alloc(5000, 0xff), /^error: expected/],
  ['half a line', 'ready', /^error: expected/],
  ['a broken request', 'POST /signal HTTP/1.1\r\nContent-Length: x\r\n\r\n', /^HTTP\/1\.1 400/],
  [
    'a request with a long header',
    `POST /signal HTTP/1.1\r\nHost: a\r\nX: ${'x'.repeat(9000)}\r\n\r\n`,
    /^HTTP\/1\.1 431/,
  ],
  [
    'a request with a long body',
    `POST /signal HTTP/1.1\r\nHost: a\r\nContent-Length: 9000\r\n\r\n${' '.repeat(9000)}`,
    /^HTTP\/1\.1 413/,
  ],
  [
    'a request with no JSON',
    'POST /signal HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\n{]',
    /^HTTP\/1\.1 400/,
  ],
];

scene('[CTR-6] whatever else a container says is an error, and it can still signal', async (t, world) => {
  const socket = await startWaiting(t, world);
  for (const [what, words, answer] of nonsense) {
    const said = await say(socket, words).catch((error: NodeJS.ErrnoException) => error.code ?? '');
    t.true(answer.test(said) || /^E(PIPE|CONNRESET)$/.test(said), `${what}: ${said}`);
  }
  t.false((await factsOfWeb(world)).ready);
  t.is(await say(socket, 'ready\r\n'), 'ok\n');
  t.true((await factsOfWeb(world)).ready);
});

scene('[CTR-6] connections that say nothing are few, and end', async (t, world) => {
  const socket = await startWaiting(t, world);
  const idle = Array.from({ length: 8 }, () => connect(socket));
  const closed = idle.map((each) => once(each, 'close'));
  await Promise.all(closed.slice(4));
  t.is(idle.filter((each) => each.closed).length, 4, 'the first four may take their time');
  await Promise.all(closed);
  t.is(await say(socket, 'ready\n'), 'ok\n');
});

scene('[CTR-6] the next controller listens where the container looks', async (t, world) => {
  const first = world.another();
  await play(t, first, [start(container('web', world.root, [], { goal: 'READY' }))]);
  const socket = readySocketIn(await pidOf(first, web));
  await first.close();
  await t.throwsAsync(say(socket, 'ready\n'), { code: 'ECONNREFUSED' });
  const watch = listen(world.adapter);
  await observed(world.adapter);
  t.is(await say(socket, 'ready\n'), 'ok\n');
  watch.stop();
  t.true((await factsOfWeb(world)).ready);
});

scene('[CTR-6] readiness is that of one init: a container that ends has lost it', async (t, world) => {
  const socket = await startWaiting(t, world);
  await say(socket, 'ready\n');
  const watch = listen(world.adapter);
  await world.killContainer('web', await pidOf(world.adapter, web));
  await watch.until(({ observed: seen }) => seen?.drift[0] === 'not running');
  watch.stop();
  t.false((await factsOfWeb(world)).ready);
});

scene('[CTR-6] a container with a file system of its own on /run has the socket on it', async (t, world) => {
  const config = [{ key: 'lxc.mount.entry', value: 'tmpfs run tmpfs rw,nodev 0 0' }];
  t.is(await say(await startWaiting(t, world, { config }), 'ready\n'), 'ok\n');
});

scene('[CTR-6] an image whose /run leads out of its root gets its socket inside it', async (t, world) => {
  const path = await world.makeRoot(inits.sleep);
  // Not below /run, as everything else of a lab is: the link would lead to itself.
  const outside = await mkdtemp('/tmp/outside-');
  t.teardown(() => rm(outside, { recursive: true }));
  await symlink(outside, join(path, 'run'));
  await startWaiting(t, world, { root: directory(path) });
  t.is(await world.inside('web', 'ls', '/run/holdfast'), 'ready.sock\n');
  t.deepEqual(await readdir(outside), []);
});

scene(
  '[CTR-6] a link that a container left at /run makes nothing on the host when it starts again',
  async (t, world) => {
    const outside = join(world.directory, 'outside');
    await mkdir(outside);
    const config = [{ key: 'lxc.mount.entry', value: 'tmpfs run tmpfs rw,nodev,optional 0 0' }];
    const spec = container('web', world.root, [], { goal: 'READY', config, persistence: 'permanent' });
    await play(t, world.adapter, [start(spec), stop('web')]);
    const upper = join(world.directory, 'storage/web/permanent/upper');
    await rm(join(upper, 'run'), { recursive: true, force: true });
    await symlink(outside, join(upper, 'run'));
    const result = await world.adapter.apply(start(spec));
    t.is(result.outcome, 'failed');
    t.deepEqual(await readdir(outside), []);
  },
);

scene('[CTR-8] a status of 0 is told, too, and what nobody saw is told as such', async (t, world) => {
  const watch = listen(world.adapter);
  const ended = async (step: ReturnType<typeof start>, act: () => Promise<void>) => {
    await play(t, world.adapter, [step]);
    await act();
    const { observed: seen } = await watch.until(
      ({ key, observed: each }) => key === step.key && each?.drift[0] === 'not running',
    );
    return seen !== null && isContainer(seen) ? seen.facts.exit : null;
  };
  const zero = directory(await world.makeRoot('exit 0'));
  const host = container('zero', zero, [], { network: { mode: 'host' } });
  for (const spec of [container('none', zero, []), host]) {
    const exit = await ended(start(spec), async () => undefined);
    t.deepEqual([exit?.code, exit?.signal], [0, null], spec.name);
  }
  const lost = await ended(start(container('web', world.root, [])), async () => {
    process.kill(Number(await readFile(join(world.directory, 'lxc/web/monitor.pid'), 'utf8')), 'SIGKILL');
  });
  watch.stop();
  t.deepEqual([lost?.code, lost?.signal], [null, null]);
  t.deepEqual((await factsOfWeb({ adapter: world.another() })).exit, lost);
});

scene('[CTR-8] what ends while no controller runs is told by the next one', async (t, world) => {
  const first = world.another();
  await play(t, first, [start(container('web', world.root, []))]);
  const pid = await pidOf(first, web);
  await first.close();
  process.kill(pid, 'SIGKILL');
  const watch = listen(world.adapter);
  if ((await factsOfWeb(world)).running)
    await watch.until(({ observed: seen }) => seen?.drift[0] === 'not running');
  watch.stop();
  t.is((await factsOfWeb(world)).exit?.signal, 'SIGKILL');
});

scene(
  '[CTR-6] the image of a container that is only to be mounted is mounted as long as it exists',
  async (t, world) => {
    const root = {
      type: 'object',
      sha256: await packObject(await world.makeRoot(inits.sleep), world.objects),
    } as const;
    const point = join(world.directory, 'run/objects', root.sha256);
    const spec = container('web', root, [], { goal: 'MOUNTED' });
    t.deepEqual((await applied(t, world.adapter, start(spec)))?.drift, []);
    t.true((await readdir(point)).includes('sbin'));
    await command('umount', point);
    t.deepEqual((await factsOfWeb(world)).drift, ['not mounted']);
    t.deepEqual((await applied(t, world.adapter, start(spec)))?.drift, []);
    const run = join(world.directory, 'lxc/web/run.json');
    await writeFile(run, (await readFile(run, 'utf8')).replace(/"boot":"[^"]*"/, '"boot":"another"'));
    t.deepEqual((await factsOfWeb(world)).drift, ['not mounted'], 'after a reboot');
    await applied(t, world.adapter, removeContainer('web'));
    await t.throwsAsync(readdir(point), { code: 'ENOENT' });
  },
);

const pool = bridgePool(1);
const held = lease(1, 'web', 2);

/** Starts `web` with an interface; resolves to the name of its host end. */
async function startConnected(t: ExecutionContext, { adapter, root }: LxcWorld): Promise<string> {
  await play(t, adapter, [ensurePool(pool), reserve(held), start(container('web', root, [held]))]);
  const links = await command('ip', '-brief', 'link', 'show', 'type', 'veth');
  return /^hf[0-9a-f]{13}/.exec(links)?.[0] ?? '';
}

for (const [what, words, drift] of [
  ['set down', ['down'], /is down/],
  ['taken off its bridge', ['nomaster'], /is not attached/],
] as const) {
  scene(
    `[ENG-2] a container's interface that is ${what} is drift of its pool, and comes back`,
    async (t, world) => {
      const veth = await startConnected(t, world);
      const pid = await pidOf(world.adapter, web);
      const watch = listen(world.adapter);
      await observed(world.adapter);
      await command('ip', 'link', 'set', veth, ...words);
      await watch.until(
        ({ key, observed: seen }) => key === poolKey(pool.name) && drift.test(seen?.drift.join() ?? ''),
      );
      watch.stop();
      t.deepEqual((await applied(t, world.adapter, ensurePool(pool)))?.drift, []);
      t.regex(await world.inside('web', 'ping', '-c', '1', '-w', '5', '10.66.1.1'), / packets received/);
      t.is(await pidOf(world.adapter, web), pid);
    },
  );
}

scene('[ENG-2] an interface that is deleted is drift of its container', async (t, world) => {
  const veth = await startConnected(t, world);
  const watch = listen(world.adapter);
  await observed(world.adapter);
  await command('ip', 'link', 'delete', veth);
  await watch.until(({ observed: seen }) => seen?.drift.join() === `its interface '${veth}' is missing`);
  watch.stop();
  await applied(t, world.adapter, stop('web'));
  t.deepEqual((await applied(t, world.adapter, start(container('web', world.root, [held]))))?.drift, []);
});

scene(
  '[ENG-2] a container whose files are deleted while it runs is told, and made anew',
  async (t, world) => {
    const step = start(container('web', world.root, []));
    for (const gone of ['', 'config', 'holdfast.json']) {
      await play(t, world.adapter, [step]);
      const pid = await pidOf(world.adapter, web);
      const watch = listen(world.adapter);
      await rm(join(world.directory, 'lxc/web', gone), { recursive: true });
      await watch.until(({ observed: seen }) =>
        /^what it was made from was deleted/.test(seen?.drift[0] ?? ''),
      );
      watch.stop();
      await play(t, world.adapter, [stop('web')]);
      t.deepEqual((await applied(t, world.adapter, step))?.drift, [], gone);
      t.not(await pidOf(world.adapter, web), pid);
      await play(t, world.adapter, [stop('web')]);
    }
  },
);

scene(
  '[ENG-4] a container that runs and has no record any more is stopped and made anew',
  async (t, world) => {
    const step = start(container('web', world.root, []));
    const first = world.another();
    for (const gone of ['', 'holdfast.json']) {
      await play(t, first, [step]);
      await rename(join(world.directory, 'lxc/web', gone), join(world.directory, 'away'));
      const next = world.another();
      const { running, drift } = await factsOfWeb({ adapter: next });
      t.true(running && /^what it was made from was deleted/.test(drift[0] ?? ''));
      t.deepEqual((await applied(t, next, step))?.drift, [], gone);
      await play(t, next, [stop('web'), removeContainer('web')]);
      t.is((await observed(next)).size, 0);
      await rm(join(world.directory, 'away'), { recursive: true });
    }
    await first.close();
  },
);

scene('[ENG-9] a start that does not end is ended, and leaves nothing that runs', async (t, world) => {
  const { after } = systemClock();
  // The only timer of a minute is that of a start.
  const hasty = createLxcAdapter({
    root: world.directory,
    objects: (sha256) => sha256,
    after: (delayMs, fire) => after(delayMs === 60_000 ? 500 : delayMs, fire),
  });
  const fifo = join(world.directory, 'lxc/web/monitor.pid');
  await mkdir(dirname(fifo), { recursive: true });
  // LXC writes this file before it starts anything, and waits for a reader of this one for ever.
  await command('mkfifo', fifo);
  const result = await hasty.apply(start(container('web', world.root, [])));
  t.is(result.outcome === 'failed' && result.error.code, 'StepTimedOut', JSON.stringify(result));
  await rm(fifo);
  t.notRegex(
    await command('ps', '-eo', 'args'),
    new RegExp(`^(lxc-start|\\[lxc monitor\\]).*${world.directory}`, 'm'),
  );
  t.deepEqual((await applied(t, hasty, start(container('web', world.root, []))))?.drift, []);
  await hasty.close();
});
