import { execFile, execFileSync } from 'node:child_process';
import {
  chmodSync,
  closeSync,
  constants,
  mkdirSync,
  mkdtempSync,
  openSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { ExecutionContext } from 'ava';
import { inMountNamespace } from '../../../adapters/linux/mount-namespace.ts';
import { cloneMount, mountRestrictions } from '../../../adapters/linux/mount-tree.ts';
import { openBehind, openPath } from '../../../adapters/linux/open-path.ts';
import { loadSystemCalls } from '../../../adapters/linux/system-calls.ts';
import { makeRoot } from './socket-bench.ts';

/** What the suites about devices share: containers of LXC itself, with the device rules that it gives them. */

/** A device that every Linux has, that opening does nothing to, and that LXC gives to no container. */
export const fuse = { major: 10, minor: 229 };

/** The rules of a container that says nothing itself. */
const defaultRules = ['deny = a', 'allow = c *:* m', 'allow = b *:* m', 'allow = c 1:3 rwm'];

/** MOVE_MOUNT_F_EMPTY_PATH, MOVE_MOUNT_T_EMPTY_PATH (move_mount(2)). */
const byDescriptors = 0x4 | 0x40;

export interface LxcContainer {
  readonly name: string;
  readonly pid: number;
  /** How the host reaches a path in it. */
  readonly at: (path: string) => string;
  /** Runs a program in it, in its cgroup; resolves to what it says, and to what it complains about if it fails. */
  readonly attach: (...argv: readonly string[]) => Promise<string>;
  /** Mounts a node of the host over a file of it, as a link does. */
  readonly mountNode: (node: string, path: string) => Promise<void>;
  /** `opened`, or what the shell says. */
  readonly tryOpen: (path: string) => Promise<string>;
  readonly stop: () => Promise<void>;
}

export interface LxcOptions {
  readonly name: string;
  /** Its users are 100000 to 165535 of the host. */
  readonly unprivileged?: boolean;
  /** Device rules after the usual ones, such as `allow = c 10:229 rwm`. */
  readonly rules?: readonly string[];
}

const exec = promisify(execFile);

function configuration(root: string, { name, unprivileged = false, rules = [] }: LxcOptions): string {
  const lines = [
    `lxc.uts.name = ${name}`,
    `lxc.rootfs.path = dir:${root}`,
    'lxc.net.0.type = empty',
    'lxc.mount.auto = proc:mixed sys:mixed',
    ...[...defaultRules, ...rules].map((rule) => `lxc.cgroup.devices.${rule}`),
    ...(unprivileged ? ['lxc.idmap = u 0 100000 65536', 'lxc.idmap = g 0 100000 65536'] : []),
  ];
  return `${lines.join('\n')}\n`;
}

/** Starts a container that LXC makes; it ends with the test. */
export async function startLxc(t: ExecutionContext, options: LxcOptions): Promise<LxcContainer> {
  const { name, unprivileged = false } = options;
  const root = await makeRoot(t);
  if (unprivileged) execFileSync('chown', ['-R', '100000:100000', root]);
  const path = mkdtempSync(join(tmpdir(), 'lxc-'));
  // Users of the container look their way up there.
  chmodSync(path, 0o755);
  const config = join(path, 'config');
  writeFileSync(config, configuration(root, options));
  const lxc = (tool: string, ...argv: readonly string[]) => exec(tool, ['-P', path, '-n', name, ...argv]);
  await lxc('lxc-start', '-f', config, '-d', '-o', join(path, 'log'));
  const stop = async () => void (await lxc('lxc-stop', '-k').catch(() => undefined));
  t.teardown(async () => {
    await stop();
    rmSync(path, { recursive: true });
  });
  const pid = Number((await lxc('lxc-info', '-p', '-H')).stdout);
  const attach = async (...argv: readonly string[]) =>
    lxc('lxc-attach', '--clear-env', '--', '/bin/busybox', ...argv).then(
      ({ stdout }) => stdout.trim(),
      (error: { readonly stderr: string }) => error.stderr.trim(),
    );
  const at = (inside: string) => `/proc/${pid}/root${inside}`;
  return {
    name,
    pid,
    at,
    attach,
    mountNode: (node, inside) => mountNode(node, { pid, path: at(inside) }),
    tryOpen: (inside) => attach('sh', '-c', `: <>${inside} && echo opened`),
    stop,
  };
}

async function mountNode(node: string, { pid, path }: { readonly pid: number; readonly path: string }) {
  writeFileSync(path, '');
  const calls = await loadSystemCalls();
  const opened = [
    openPath(node),
    openSync('/proc/self/ns/mnt', constants.O_RDONLY),
    openSync(`/proc/${pid}/ns/mnt`, constants.O_RDONLY),
    openBehind(path),
  ] as const;
  const [source, ours, namespace, target] = opened;
  const { noSetUserId, noPrograms } = mountRestrictions;
  const tree = cloneMount(calls, { source, namespace: ours, restrictions: [noSetUserId, noPrograms] });
  inMountNamespace(calls, namespace, () => calls.move_mount(tree, '', target, '', byDescriptors));
  calls.close(tree);
  for (const descriptor of opened) closeSync(descriptor);
}

/** The directory of a process's cgroup that says which devices it may open. */
export function deviceCgroup(pid: number): string {
  const path = /^\d+:devices:(.*)$/m.exec(readFileSync(`/proc/${pid}/cgroup`, 'utf8'))?.[1];
  if (path === undefined) throw new Error('this kernel has no cgroup v1 for devices');
  return join('/sys/fs/cgroup/devices', path);
}

/** `opened`, or what the shell says, of a program of the host in a cgroup. */
export async function tryOpenIn(cgroup: string, path: string): Promise<string> {
  const script = 'echo $$ > "$1/cgroup.procs" && : <>"$2" && echo opened';
  return exec('sh', ['-c', script, 'sh', cgroup, path]).then(
    ({ stdout }) => stdout.trim(),
    (error: { readonly stderr: string }) => error.stderr.trim(),
  );
}

/** A cgroup that goes with the test, once nothing is in it. */
export function makeCgroup(t: ExecutionContext, path: string): string {
  mkdirSync(path, { recursive: true });
  t.teardown(() => rmSync(path, { recursive: true, force: true }));
  return path;
}
