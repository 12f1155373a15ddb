import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { ExecutionContext } from 'ava';
import { createProviderSockets } from '../../../adapters/linux/mounted-provider-sockets.ts';
import type { ProviderSockets } from '../../../adapters/linux/provider-sockets.ts';
import { systemClock } from '../../../controller/clock.ts';
import { makeBusyboxRoot } from '../../lab/busybox-root.ts';

/** What the suites about sockets of containers share: processes with a root, mounts and process ids of their own. */

/** Enters the root `$1` for good and stays. `/run` is a file system of its own, as containers like it. */
const enterRoot = `
set -e
mount --bind "$1" "$1"
cd "$1"
pivot_root . .old
exec /bin/busybox sh -c '
  /bin/busybox umount -l /.old
  /bin/busybox mount -t proc proc /proc
  /bin/busybox mount -t tmpfs tmpfs /run
  echo up
  exec /bin/busybox sleep 2147483647'`;

/** A container without LXC, as its kernel sees it. */
export interface BareContainer {
  /** Of its init, for the host. */
  readonly pid: number;
  /** How the host reaches a path in it: for what the test itself does there, with links that it has made itself. */
  readonly at: (path: string) => string;
  /** Runs a busybox applet in it. */
  readonly inside: (...argv: readonly string[]) => Promise<void>;
  /** Ends it, and resolves when it has. */
  readonly kill: () => Promise<void>;
}

async function initOf(child: ChildProcess): Promise<number> {
  await once(child.stdout ?? child, 'data');
  return Number(readFileSync(`/proc/${child.pid}/task/${child.pid}/children`, 'utf8').trim());
}

/** A busybox root in a directory that goes with the test. */
export async function makeRoot(t: ExecutionContext): Promise<string> {
  const directory = mkdtempSync(join(tmpdir(), 'container-'));
  t.teardown(() => rmSync(directory, { recursive: true, force: true }));
  const root = await makeBusyboxRoot(join(directory, 'root'));
  for (const name of ['run', '.old']) mkdirSync(join(root, name));
  return root;
}

/** Starts a container in a root of `makeRoot`; it ends with the test. */
export async function startContainer(t: ExecutionContext, root: string): Promise<BareContainer> {
  const namespaces = ['--mount', '--propagation', 'private', '--pid', '--fork', '--kill-child'];
  const child = spawn('unshare', [...namespaces, '--', 'sh', '-c', enterRoot, 'sh', root], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const ended = once(child, 'exit');
  const pid = await initOf(child);
  const kill = async () => {
    child.kill('SIGKILL');
    await ended;
  };
  t.teardown(kill);
  const enter = ['--target', `${pid}`, '--mount', '--pid', '--root', '--wd=/', '--', '/bin/busybox'];
  return {
    pid,
    at: (path) => `/proc/${pid}/root${path}`,
    inside: async (...argv) => void (await promisify(execFile)('nsenter', [...enter, ...argv])),
    kill,
  };
}

/** Listens at a path and says `words` to whoever connects; resolves to what ends it, which removes the socket. */
export async function serve(t: ExecutionContext, path: string, words: string): Promise<() => void> {
  const server = createServer((socket) => socket.on('error', () => undefined).end(words));
  server.listen(path);
  await once(server, 'listening');
  const close = () => void server.close();
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
  { root = mkdtempSync(join(tmpdir(), 'hf-')), after = systemClock().after } = {},
): SocketsBench {
  const sockets = createProviderSockets({ root, after });
  t.teardown(async () => {
    sockets.close();
    const last = createProviderSockets({ root, after });
    await last.keep([]);
    last.close();
    rmSync(root, { recursive: true, force: true });
  });
  return { root, sockets };
}
