import type { TestFn } from 'ava';
import { digestOf } from '../../state/json.ts';
import { type ContainerSpec, containerKey, type Persistence, type RootVolume } from '../../state/resource.ts';
import type { ContractWorld } from './adapter-contract.ts';
import {
  bridgePool,
  container,
  ensurePool,
  lease,
  release,
  removeContainer,
  reserve,
  start,
  stop,
} from './fixtures.ts';
import { applied, listen, pidOf, play, scenes } from './stage.ts';

/** A world whose containers are real: programs run in them. */
export interface ContainerWorld extends ContractWorld {
  /** A root whose containers serve HTTP on port 8080. */
  readonly server: RootVolume;
  /** Runs a program inside a running container; resolves to its standard output, rejects unless it exits with 0. */
  inside(name: string, ...argv: readonly string[]): Promise<string>;
}

export interface ContainerSubject {
  readonly name: string;
  make(): Promise<ContainerWorld>;
}

const [one, two] = [bridgePool(1), bridgePool(2)];
const serverLease = lease(1, 'server', 2, ['server', 'app-1']);
const clientLease = lease(1, 'client', 3);
const strangerLease = lease(2, 'stranger', 2);

/** Two containers in one pool, one in another. */
function network({ root, server }: ContainerWorld) {
  return [
    ensurePool(one),
    ensurePool(two),
    ...[serverLease, clientLease, strangerLease].map(reserve),
    start(container('server', server, [serverLease])),
    start(container('client', root, [clientLease])),
    start(container('stranger', root, [strangerLease])),
  ];
}

/** What every adapter with real containers must do beyond `adapterContract`. */
export function containerContract(test: TestFn, { name, make }: ContainerSubject): void {
  const scene = scenes(test, make, name);

  scene(
    '[CTR-3] [LEASE-3] a container has its address, prefix, MAC, default route and host name',
    async (t, world) => {
      await play(t, world.adapter, network(world));
      const face = await world.inside('client', 'ip', 'addr', 'show', 'eth0');
      t.regex(face, /inet 10\.66\.1\.3\/24/);
      t.regex(face, /link\/ether 02:00:0a:42:01:03/);
      t.regex(await world.inside('client', 'ip', 'route'), /^default via 10\.66\.1\.1 dev eth0/m);
      t.is(await world.inside('client', 'cat', '/proc/sys/kernel/hostname'), 'client\n');
      t.regex(await world.inside('client', 'ping', '-c', '1', '10.66.1.1'), /1 packets received/);
    },
  );

  scene(
    '[CTR-5] containers of a pool reach each other by name and host name, and no others',
    async (t, world) => {
      await play(t, world.adapter, network(world));
      t.is(
        await world.inside('client', 'wget', '-q', '-O', '-', 'http://app-1:8080/'),
        'hello from server\n',
      );
      t.regex(await world.inside('client', 'ping', '-c', '1', 'server'), /1 packets received/);
      await t.throwsAsync(world.inside('client', 'ping', '-c', '1', 'stranger'), { message: /bad address/ });
      await t.throwsAsync(world.inside('stranger', 'ping', '-c', '1', 'server'), { message: /bad address/ });
    },
  );

  scene('[CTR-5] a running container learns names that come and forgets those that go', async (t, world) => {
    await play(t, world.adapter, network(world));
    const late = lease(1, 'late', 9);
    await applied(t, world.adapter, reserve(late));
    t.regex(await world.inside('client', 'cat', '/etc/hosts'), /^10\.66\.1\.9\tlate$/m);
    await applied(t, world.adapter, release(late));
    t.notRegex(await world.inside('client', 'cat', '/etc/hosts'), /late/);
  });

  scene('[CTR-5] a container in two pools knows the names of both', async (t, world) => {
    const both = [lease(1, 'both', 4), { ...lease(2, 'both', 4), interface: 'eth1' }];
    await play(t, world.adapter, [
      ...network(world),
      ...both.map(reserve),
      start(container('both', world.root, both)),
    ]);
    t.regex(await world.inside('both', 'ping', '-c', '1', 'server'), /1 packets received/);
    t.regex(await world.inside('both', 'ping', '-c', '1', 'stranger'), /1 packets received/);
  });

  scene('[CTR-5] a hosts file that the revision brings is left alone', async (t, world) => {
    const files = [{ path: 'etc/hosts', document: { mine: true } }];
    const spec = container('client', world.root, [clientLease], { files });
    await play(t, world.adapter, [ensurePool(one), reserve(clientLease), start(spec)]);
    t.deepEqual(JSON.parse(await world.inside('client', 'cat', '/etc/hosts')), { mine: true });
  });

  scene('[ENG-2] a bridge that comes back has its containers on it again', async (t, world) => {
    await play(t, world.adapter, network(world));
    const pid = await pidOf(world.adapter, containerKey('client'));
    await world.deleteBridge(one.bridge);
    await applied(t, world.adapter, ensurePool(one));
    t.regex(await world.inside('client', 'ping', '-c', '1', '-w', '5', 'server'), /1 packets received/);
    t.is(await pidOf(world.adapter, containerKey('client')), pid);
  });

  scene(
    '[CTR-2] without a network there is only loopback; with the host’s there are its interfaces',
    async (t, world) => {
      const alone = container('alone', world.root, []);
      const host = container('host', world.root, [], { network: { mode: 'host' } });
      await play(t, world.adapter, [ensurePool(one), start(alone), start(host)]);
      t.regex(await world.inside('alone', 'ip', 'link'), /^1: lo: <[^>]*\bUP\b/);
      t.notRegex(await world.inside('alone', 'ip', 'link'), /^\d+: (?!lo:|sit0|tunl0|ip6tnl0)/m);
      t.regex(await world.inside('host', 'ip', 'link'), /hf1/);
    },
  );

  const kept: readonly (readonly [Persistence, same: boolean, changed: boolean, removed: boolean])[] = [
    ['permanent', true, true, true],
    ['revision', true, false, false],
    ['boot', true, true, false],
  ];
  for (const [persistence, same, changed, removed] of kept) {
    scene(
      `[CTR-4] storage "${persistence}" is kept over a restart, and over a change ${changed ? 'too' : 'not'}`,
      async (t, world) => {
        const spec = container('web', world.root, [], { persistence });
        const isKept = async (next: ContainerSpec): Promise<boolean> => {
          await play(t, world.adapter, [start(next)]);
          const found = await world.inside('web', 'ls', '/');
          return found.split('\n').includes('kept');
        };
        await play(t, world.adapter, [start(spec)]);
        await world.inside('web', 'touch', '/kept');
        await play(t, world.adapter, [stop('web')]);
        t.is(await isKept(spec), same, 'restart');
        await play(t, world.adapter, [stop('web')]);
        t.is(await isKept({ ...spec, hostname: 'changed' }), changed, 'change');
        await world.inside('web', 'touch', '/kept');
        await play(t, world.adapter, [stop('web'), removeContainer('web')]);
        t.is(await isKept(spec), removed, 'removal');
      },
    );
  }

  scene('[CTR-4] files of the revision are in the root, and follow it', async (t, world) => {
    const files = (value: string) => [{ path: 'etc/app/settings.json', document: { value } }];
    const first = container('web', world.root, [], { files: files('first') });
    const second = { ...first, files: files('second') };
    t.not(digestOf(first), digestOf(second));
    await play(t, world.adapter, [start(first)]);
    t.deepEqual(JSON.parse(await world.inside('web', 'cat', '/etc/app/settings.json')), { value: 'first' });
    t.regex(
      await world.inside('web', 'cat', '/etc/passwd'),
      /^root:/,
      'the directory it lies in is still there',
    );
    await play(t, world.adapter, [stop('web'), start(second)]);
    t.deepEqual(JSON.parse(await world.inside('web', 'cat', '/etc/app/settings.json')), { value: 'second' });
  });

  scene('[CTR-7] the watch tells that a container ended, and when it runs again', async (t, world) => {
    const spec = container('web', world.root, []);
    const watch = listen(world.adapter);
    await play(t, world.adapter, [start(spec)]);
    await watch.until(({ observed }) => observed?.kind === 'container' && observed.drift.length === 0);
    await world.killContainer('web', await pidOf(world.adapter, containerKey('web')));
    const ended = await watch.until(({ observed }) => observed?.drift[0] === 'not running');
    watch.stop();
    t.is(ended.key, containerKey('web'));
  });
}
