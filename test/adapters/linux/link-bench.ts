import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import type { ExecutionContext } from 'ava';
import type { LinkSource, LinkTarget, LinkTargets } from '../../../adapters/linux/link-targets.ts';
import { readMountInfo } from '../../../adapters/linux/mount-info.ts';
import { createLinkTargets, type LinkTargetsOptions } from '../../../adapters/linux/mounted-link-targets.ts';
import { systemClock } from '../../../controller/clock.ts';
import { digestOf } from '../../../state/json.ts';
import {
  ask,
  type BareContainer,
  type ContainerOptions,
  makeRoot,
  serve,
  startContainer,
} from './socket-bench.ts';

/** What the suites about targets of links share. */

export interface LinkBench {
  readonly root: string;
  readonly links: LinkTargets;
}

/** The instance under test, below a directory of its own, or of an earlier one. */
export function openLinks(
  t: ExecutionContext,
  {
    root = mkdtempSync(join(tmpdir(), 'hf-')),
    after = systemClock().after,
    isInit = () => true,
  }: Partial<LinkTargetsOptions> = {},
): LinkBench {
  const links = createLinkTargets({ root, after, isInit });
  t.teardown(() => {
    links.close();
    rmSync(root, { recursive: true, force: true });
  });
  return { root, links };
}

/** A socket of the host that says `words`. */
export async function hostSocket(t: ExecutionContext, words: string): Promise<LinkSource> {
  const directory = mkdtempSync(join(tmpdir(), 'source-'));
  t.teardown(() => rmSync(directory, { recursive: true, force: true }));
  const path = join(directory, 'x.sock');
  await serve(t, path, words);
  return { path, type: 'socket' };
}

/** Where what is mounted in a container. */
export function mountPoints({ pid }: BareContainer): readonly string[] {
  return readMountInfo(readFileSync(`/proc/${pid}/mountinfo`, 'utf8')).map(({ mountPoint }) => mountPoint);
}

/** Which part of its file system each mount in a container shows (proc(5), mountinfo, field 4). */
export function mountRoots({ pid }: BareContainer): readonly string[] {
  const lines = readFileSync(`/proc/${pid}/mountinfo`, 'utf8').split('\n');
  return lines.map((line) => line.split(' ')[3] ?? '').map((root) => root.slice(root.lastIndexOf('/')));
}

/** Everything in a directory of a container, below it, too. */
export function everythingIn(container: BareContainer, path: string): readonly string[] {
  return readdirSync(container.at(path), { recursive: true }).map(String).sort();
}

/** The sight of a target is this one: that it never is, ends the test by its time limit. */
export async function becomes(links: LinkTargets, target: LinkTarget, state: string | null): Promise<void> {
  while ((links.sight(target)?.state ?? null) !== state) await new Promise(setImmediate);
}

/** What rests after changes of mounts listens again by then. */
const quietMs = 60;

/** Descriptors of this process, when nothing happens any more. */
export async function descriptorCount(): Promise<number> {
  const end = performance.now() + quietMs;
  while (performance.now() < end) await new Promise(setImmediate);
  return readdirSync('/proc/self/fd').length;
}

/** Starts a Perl program in a container, as its root, whose root directory has Perl (copy-program.ts). It ends with the test. */
export function perlIn(
  t: ExecutionContext,
  container: BareContainer,
  program: string,
  ...argv: readonly string[]
): ChildProcess {
  const { pid } = container;
  const isMapped = !readFileSync(`/proc/${pid}/uid_map`, 'utf8').trim().startsWith('0          0');
  const user = isMapped ? ['--user', '--setuid=0', '--setgid=0'] : [];
  const enter = ['--target', `${pid}`, ...user, '--mount', '--pid', '--root', '--wd=/', '--'];
  // Perl reads a program from its command line by way of /dev/null, which is not there.
  const file = `/${digestOf(program).slice(0, 8)}.pl`;
  writeFileSync(container.at(file), program);
  const child = spawn('nsenter', [...enter, '/usr/bin/perl', file, ...argv], {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: { LC_ALL: 'C', PATH: process.env.PATH },
  });
  const ended = once(child, 'exit');
  t.teardown(async () => {
    child.kill('SIGKILL');
    await ended;
  });
  return child;
}

/** What a program says until it ends, which it has to with 0. */
export async function saidBy(child: ChildProcess): Promise<string> {
  const ended = once(child, 'exit');
  const said = child.stdout === null ? '' : await text(child.stdout);
  const [code] = await ended;
  if (code !== 0) throw new Error(`a program ended with ${code}, and said: ${said}`);
  return said;
}

/** A program has said something: it has begun. */
export async function begun({ stdout }: ChildProcess): Promise<void> {
  if (stdout !== null) await once(stdout, 'data');
}

/** A program of the host that lives as long as the test, after it has said that it has begun. */
export async function beginProgram(
  t: ExecutionContext,
  program: string,
  ...argv: readonly string[]
): Promise<void> {
  const child = spawn(program, [...argv], { stdio: ['ignore', 'pipe', 'inherit'] });
  const ended = once(child, 'exit');
  t.teardown(async () => {
    child.kill('SIGKILL');
    await ended;
  });
  const [code] = await Promise.race([once(child.stdout, 'data'), ended]);
  if (typeof code === 'number') throw new Error(`${program} ended with ${code} before it had begun`);
}

/** Mounts a file system at `$ARGV[1]` in the mount namespace of process `$ARGV[0]` that never answers. setns and mount are system calls. */
export const silentFuse = `
  $| = 1;
  my ($setns, $mount) = (qx(uname -m) =~ /aarch64/) ? (268, 40) : (308, 165);
  open(my $fuse, '+<', '/dev/fuse') or die "fuse: $!";
  open(my $namespace, '<', "/proc/$ARGV[0]/ns/mnt") or die;
  syscall($setns, fileno($namespace), 0x20000) == 0 or die "setns: $!";
  my ($source, $target, $type) = ('none', $ARGV[1], 'fuse');
  my $options = 'fd=' . fileno($fuse) . ',rootmode=40000,user_id=0,group_id=0';
  syscall($mount, $source, $target, $type, 0, $options) == 0 or die "mount: $!";
  print "mounted\\n";
  sleep 1000;`;

/** Where the suites place what they place, unless they say otherwise. */
export const target = { container: 'client', target: '/run/pv/services/raw.sock' };

/** Containers that differ in whose users theirs are. */
export const kinds: Readonly<Record<string, ContainerOptions>> = {
  'a container': {},
  'a container with users of its own': { unprivileged: true },
};

/** A container in which a socket that says `one` is placed. */
export async function placed(t: ExecutionContext, options: ContainerOptions = {}) {
  const container = await startContainer(t, await makeRoot(t), options);
  const bench = openLinks(t);
  const one = await hostSocket(t, 'one');
  bench.links.moved('client', container.pid);
  await bench.links.place(target, one);
  const path = container.at(target.target);
  t.is(await ask(path), 'one');
  return { ...bench, container, one, path };
}
