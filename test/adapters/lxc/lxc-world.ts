import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { Adapter } from '../../../adapters/adapter.ts';
import { createLxcAdapter, type LxcAdapterOptions } from '../../../adapters/lxc/lxc-adapter.ts';
import { systemClock } from '../../../controller/clock.ts';
import type { ContainerWorld } from '../../contract/container-contract.ts';
import { inits, makeBusyboxRoot } from '../../lab/busybox-root.ts';

/** Runs a program; resolves to its standard output, rejects with what it said unless it exits with 0. */
export async function command(program: string, ...argv: readonly string[]): Promise<string> {
  const { stdout } = await promisify(execFile)(program, [...argv], { encoding: 'utf8' });
  return stdout;
}

/** The socket on which a container says that it is ready, as the container sees it. */
export function readySocketIn(pid: number): string {
  return `/proc/${pid}/root/run/holdfast/ready.sock`;
}

/** Says something to a socket and hangs up; resolves to all that comes back. Rejects where nobody listens. */
export async function say(path: string, words: string | Buffer): Promise<string> {
  const socket = connect({ path, allowHalfOpen: true });
  socket.setEncoding('utf8');
  socket.end(words);
  let answer = '';
  for await (const text of socket) answer += text;
  return answer;
}

/** The contract's world on real LXC, with what tests of this adapter alone need. */
export interface LxcWorld extends ContainerWorld {
  /** The adapter's root. */
  readonly directory: string;
  readonly objects: string;
  /** A busybox root with this init; see `inits`. */
  makeRoot(init: string): Promise<string>;
}

async function putForeignThings(directory: string): Promise<() => Promise<unknown>> {
  const stranger = join(directory, 'lxc/stranger');
  await mkdir(stranger, { recursive: true });
  await writeFile(join(stranger, 'config'), 'lxc.uts.name = stranger\n');
  await writeFile(join(directory, 'lxc/.not-a-container'), '');
  await command('ip', 'link', 'add', 'foreign0', 'type', 'bridge');
  await command('ip', 'address', 'add', '10.99.0.1/24', 'dev', 'foreign0');
  await command(
    'nft',
    'add table inet foreign; add chain inet foreign c { type filter hook input priority 0; }',
  );
  await command('nft', 'add rule inet foreign c ip saddr 10.99.0.9 drop');
  return async () => ({
    container: [
      await readdir(join(directory, 'lxc')),
      await readdir(stranger),
      await readFile(join(stranger, 'config'), 'utf8'),
    ],
    links: (await command('ip', '-brief', 'link')).split('\n').filter((line) => !line.startsWith('hf')),
    addresses: await command('ip', '-brief', 'address', 'show', 'dev', 'foreign0'),
    rules: await command('nft', 'list', 'table', 'inet', 'foreign'),
    hosts: await readFile('/etc/hosts', 'utf8'),
  });
}

/** Takes away what `putForeignThings` and bridges of tests may have left; the lab's namespace is shared by all tests. */
async function takeForeignThings(): Promise<void> {
  const links = JSON.parse(await command('ip', '-json', 'link')) as readonly { ifname: string }[];
  for (const { ifname } of links) if (ifname === 'foreign0') await command('ip', 'link', 'delete', ifname);
  if ((await command('nft', 'list', 'tables')).includes('inet foreign')) {
    await command('nft', 'delete', 'table', 'inet', 'foreign');
  }
}

/** Must run in the lab (test/lab/lab.ts): it makes bridges, rules and containers. */
export async function makeLxcWorld(options: Pick<LxcAdapterOptions, 'proxy'> = {}): Promise<LxcWorld> {
  if (process.env.HOLDFAST_LAB !== '1') {
    throw new Error('this suite changes the network: run it with node test/lab/lab.ts -- ava FILE');
  }
  const directory = await mkdtemp(join(tmpdir(), 'lxc-'));
  const objects = join(directory, 'objects');
  const makeRoot = (init: string) =>
    mkdtemp(join(directory, 'root-')).then((path) => makeBusyboxRoot(path, init));
  const adapters: Adapter[] = [];
  const another = (): Adapter => {
    const adapter = createLxcAdapter({
      root: directory,
      objects: (sha256) => join(objects, sha256),
      after: systemClock().after,
      ...options,
    });
    adapters.push(adapter);
    return adapter;
  };
  return {
    directory,
    objects,
    makeRoot,
    adapter: another(),
    another,
    root: { type: 'directory', path: await makeRoot(inits.sleep) },
    server: { type: 'directory', path: await makeRoot(inits.httpd) },
    deleteBridge: async (name) => {
      await command('ip', 'link', 'delete', name);
    },
    signalReady: async (_name, pid) => {
      const answer = await say(readySocketIn(pid), 'ready\n');
      if (answer !== 'ok\n') throw new Error(`the signal was answered with ${JSON.stringify(answer)}`);
    },
    killContainer: async (_name, pid) => {
      process.kill(pid, 'SIGKILL');
    },
    putForeignThings: () => putForeignThings(directory),
    inside: (name, ...argv) => command('lxc-attach', '-P', join(directory, 'lxc'), '-n', name, '--', ...argv),
    dispose: async () => {
      for (const adapter of adapters) await adapter.close();
      await takeForeignThings();
      await rm(directory, { recursive: true });
    },
  };
}
