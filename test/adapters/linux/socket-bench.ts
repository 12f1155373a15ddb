import { type ChildProcessByStdio, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Readable, Writable } from 'node:stream';
import { promisify } from 'node:util';
import type { ExecutionContext } from 'ava';
import {
  createProviderSockets,
  type ProviderSocketsOptions,
} from '../../../adapters/linux/mounted-provider-sockets.ts';
import type { ProviderSockets } from '../../../adapters/linux/provider-sockets.ts';
import { systemClock } from '../../../controller/clock.ts';
import { makeBusyboxRoot } from '../../lab/busybox-root.ts';

/** What the suites about sockets of containers share: processes with a root, mounts and process ids of their own. */

/**
 * Makes namespaces, those of users if `$ARGV[1]`, and when it is told that these have users, starts an init that has `$ARGV[0]` for its root for
 * good. `/run` is a file system of its own, as containers like it. unshare is a system call.
 */
const launcher = `
  $| = 1;
  my $unshare = (qx(uname -m) =~ /aarch64/) ? 97 : 272;
  syscall($unshare, 0x20000 | 0x20000000 | ($ARGV[1] ? 0x10000000 : 0)) == 0 or die "unshare: $!";
  print "made\n";
  <STDIN>;
  $) = '0 0';
  ($(, $<, $>) = (0, 0, 0);
  if (fork) { wait; exit }
  exec 'sh', '-c', <<'EOF', 'sh', $ARGV[0];
set -e
mount --make-rprivate /
mount --bind "$1" "$1"
cd "$1"
pivot_root . .old
exec /bin/busybox sh -c '
  /bin/busybox mount -t proc proc /proc
  /bin/busybox umount -l /.old
  /bin/busybox mount -t tmpfs tmpfs /run
  echo up
  exec /bin/busybox sleep 2147483647'
EOF`;

/** A container without LXC, as its kernel sees it. */
export interface BareContainer {
  /** Of its init, for the host. */
  readonly pid: number;
  /** How the host reaches a path in it: for what the test itself does there, with links that it has made itself. */
  readonly at: (path: string) => string;
  /** Runs a busybox applet in it. */
  readonly inside: (...argv: readonly string[]) => Promise<void>;
  /** Starts a program in it, which ends with it. */
  readonly begin: (...argv: readonly string[]) => void;
  /** Ends it, and resolves when it has. */
  readonly kill: () => Promise<void>;
}

/** The next thing that it says is said. */
async function hear({ stdout }: ChildProcessByStdio<Writable, Readable, null>): Promise<void> {
  await once(stdout, 'data');
}

function initOf(pid: number | undefined): number {
  return Number(readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim());
}

/** Its users 0 to 65535 are 100000 to 165535 of the host. */
function mapUsers(pid: number | undefined): void {
  for (const map of ['uid_map', 'gid_map']) writeFileSync(`/proc/${pid}/${map}`, '0 100000 65536');
}

/** A busybox root in a directory that goes with the test. */
export async function makeRoot(t: ExecutionContext): Promise<string> {
  const directory = mkdtempSync(join(tmpdir(), 'container-'));
  t.teardown(() => rmSync(directory, { recursive: true, force: true }));
  chmodSync(directory, 0o755);
  const root = await makeBusyboxRoot(join(directory, 'root'));
  for (const name of ['run', '.old']) mkdirSync(join(root, name));
  return root;
}

export interface ContainerOptions {
  /** It has users of its own, and the host's root is nobody there. */
  readonly unprivileged?: boolean;
}

/** Starts a container in a root of `makeRoot`; it ends with the test. */
export async function startContainer(
  t: ExecutionContext,
  root: string,
  { unprivileged = false }: ContainerOptions = {},
): Promise<BareContainer> {
  const child = spawn('perl', ['-e', launcher, root, unprivileged ? '1' : ''], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const ended = once(child, 'exit');
  await hear(child);
  if (unprivileged) mapUsers(child.pid);
  child.stdin.write('go\n');
  await hear(child);
  const pid = initOf(child.pid);
  const kill = async () => {
    if (child.exitCode === null) process.kill(pid, 'SIGKILL');
    await ended;
  };
  t.teardown(kill);
  const user = unprivileged ? ['--user', '--setuid=0', '--setgid=0'] : [];
  const enter = ['--target', `${pid}`, ...user, '--mount', '--pid', '--root', '--wd=/', '--'];
  return {
    pid,
    at: (path) => `/proc/${pid}/root${path}`,
    inside: async (...argv) =>
      void (await promisify(execFile)('nsenter', [...enter, '/bin/busybox', ...argv])),
    begin: (...argv) =>
      void spawn('nsenter', [...enter, ...argv], {
        stdio: ['ignore', 'ignore', 'inherit'],
        env: { LC_ALL: 'C', PATH: process.env.PATH },
      }),
    kill,
  };
}

/** Listens at a path and says `words` to whoever connects; resolves to what ends it, and removes the socket. */
export async function serve(t: ExecutionContext, path: string, words: string): Promise<() => Promise<void>> {
  const server = createServer((socket) => socket.on('error', () => undefined).end(words));
  server.listen(path);
  await once(server, 'listening');
  const close = async () => void (await promisify(server.close.bind(server))().catch(() => undefined));
  t.teardown(close);
  return close;
}

/** What is said at a socket; `refused` where nobody listens. */
export async function ask(path: string): Promise<string> {
  const socket = connect(path).setEncoding('utf8');
  let answer = '';
  try {
    for await (const text of socket) answer += text;
    return answer;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    return code === 'ECONNREFUSED' ? 'refused' : `${code}`;
  }
}

/** Asks until the answer is the expected one: that it never is, ends the test by its time limit. */
export async function answers(path: string, expected: string): Promise<void> {
  while ((await ask(path)) !== expected) await new Promise(setImmediate);
}

/** The instance under test, below a directory of its own, or of an earlier one. */
export interface SocketsBench {
  readonly root: string;
  readonly sockets: ProviderSockets;
}

export function openSockets(
  t: ExecutionContext,
  {
    root = mkdtempSync(join(tmpdir(), 'hf-')),
    after = systemClock().after,
    isInit = () => true,
  }: Partial<ProviderSocketsOptions> = {},
): SocketsBench {
  const sockets = createProviderSockets({ root, after, isInit });
  t.teardown(async () => {
    sockets.close();
    const last = createProviderSockets({ root, after, isInit });
    await last.keep([]);
    last.close();
    rmSync(root, { recursive: true, force: true });
  });
  return { root, sockets };
}

/** How many watches this process has (proc(5), fdinfo of inotify). */
export function watchCount(): number {
  return readdirSync('/proc/self/fdinfo').reduce((sum, name) => {
    try {
      return sum + readFileSync(`/proc/self/fdinfo/${name}`, 'utf8').split('inotify wd:').length - 1;
    } catch {
      return sum;
    }
  }, 0);
}
