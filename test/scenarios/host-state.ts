import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Device } from './device.ts';

/** What of the host a revision can change, each in an order and spelling of its own: equal when nothing was changed. */
export interface HostState {
  /** Links but those of containers, with whether they are up and their IPv4 addresses. */
  readonly links: readonly string[];
  /** Host ends of containers' interfaces, each with the bridge that it is attached to. */
  readonly ports: readonly string[];
  /** The whole rule set, as nft says it. */
  readonly rules: string;
  readonly forwarding: string;
  /** Names of containers that LXC knows, each with its state. */
  readonly containers: readonly string[];
  /** File systems that are mounted below the device's root. */
  readonly mounts: readonly string[];
  /** Monitors of containers, by their titles. */
  readonly monitors: readonly string[];
  /** Every file and directory below the device's root that is about what runs now. */
  readonly files: readonly string[];
  /** The contents of those that say who holds which address and who has which name, by their paths. */
  readonly contents: Readonly<Record<string, string>>;
}

interface Link {
  readonly ifname: string;
  readonly master?: string;
  readonly flags: readonly string[];
  readonly addr_info: readonly { readonly local: string; readonly prefixlen: number }[];
}

/** Lines of what a program says, sorted. */
async function lines(made: Device, ...command: readonly [string, ...string[]]): Promise<readonly string[]> {
  const { stdout } = await made.run(...command);
  return stdout
    .split('\n')
    .map((line) => line.trim().replace(/\s+/g, ' '))
    .filter((line) => line !== '')
    .sort();
}

function linkText({ ifname, flags, addr_info }: Link): string {
  const addresses = addr_info.map(({ local, prefixlen }) => `${local}/${prefixlen}`).sort();
  return [ifname, flags.includes('UP') ? 'up' : 'down', ...addresses].join(' ');
}

/**
 * What there is below the root: not the database and the objects, which remember revisions that are gone, nor the logs of the runs
 * before, nor when the rules were last read back, nor the process id of a monitor: the one before it may take that file away when it ends.
 */
async function filesOf(made: Device): Promise<readonly string[]> {
  const passed = ['holdfast.db*', 'objects/*', 'logs/*/*.1', 'run/rules.json', 'lxc/*/monitor.pid'];
  const excluded = passed.flatMap((path) => ['-not', '-path', join(made.root, path)]);
  const found = await lines(made, 'find', made.root, '-xdev', ...excluded);
  const boot = (await readFile('/proc/sys/kernel/random/boot_id', 'utf8')).trim();
  return found.map((path) => path.slice(made.root.length).replace(boot, 'THIS-BOOT')).sort();
}

async function monitorsOf(made: Device): Promise<readonly string[]> {
  const found = await lines(made, 'ps', '-ww', '-eo', 'args');
  return found.filter((line) => line.startsWith(`[lxc monitor] ${made.root}/`));
}

/** Looks at everything that a device's containers, pools and leases leave on this host. The lab's own links are `lo` and those of the test. */
export async function hostState(made: Device): Promise<HostState> {
  const links = JSON.parse((await made.run('ip', '-j', 'addr', 'show')).stdout) as readonly Link[];
  const mounts = (await readFile('/proc/self/mounts', 'utf8')).split('\n');
  const files = await filesOf(made);
  const told = files.filter((path) => /^\/run\/(leases|hosts)\/./.test(path));
  const texts = await Promise.all(told.map((path) => readFile(made.root + path, 'utf8')));
  const isPort = ({ ifname }: Link) => ifname.startsWith('hf');
  return {
    links: links
      .filter((link) => !isPort(link))
      .map((link) =>
        linkText({ ...link, addr_info: link.addr_info.filter(({ local }) => !local.includes(':')) }),
      )
      .sort(),
    ports: links
      .filter(isPort)
      .map(({ ifname, master = 'nothing' }) => `${ifname} on ${master}`)
      .sort(),
    rules: (await made.run('nft', 'list', 'ruleset')).stdout,
    forwarding: await readFile('/proc/sys/net/ipv4/ip_forward', 'utf8'),
    containers: (await lines(made, 'lxc-ls', '-P', join(made.root, 'lxc'), '-f', '-F', 'NAME,STATE')).filter(
      (line) => line !== 'NAME STATE',
    ),
    mounts: mounts
      .map((line) => line.split(' ')[1] ?? '')
      .filter((point) => point.startsWith(made.root))
      .map((point) => point.slice(made.root.length))
      .sort(),
    monitors: await monitorsOf(made),
    files,
    contents: Object.fromEntries(told.map((path, index) => [path, texts[index] ?? ''])),
  };
}

/** What of a host's state is listed, line by line. */
function linesOf(state: HostState): ReadonlySet<string> {
  const told = Object.entries(state).flatMap(([what, value]) => {
    if (typeof value === 'string') return value.split('\n').map((line, index) => `${what} ${index}: ${line}`);
    if (Array.isArray(value)) return value.map((line) => `${what}: ${line}`);
    return Object.entries(value).map(([path, text]) => `${what}: ${path}: ${text}`);
  });
  return new Set(told);
}

/** What there is more (`+`) and less (`-`) than before; nothing when both are the same. */
export function hostChanges(before: HostState, after: HostState): readonly string[] {
  const [former, present] = [linesOf(before), linesOf(after)];
  return [
    ...[...former].filter((line) => !present.has(line)).map((line) => `- ${line}`),
    ...[...present].filter((line) => !former.has(line)).map((line) => `+ ${line}`),
  ];
}
