import { type ChildProcess, spawn } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs';
import { delimiter, dirname, join } from 'node:path';
import { parseArgs } from 'node:util';

/**
 * `node test/lab/lab.ts [--name NAME] -- COMMAND [ARGUMENT…]` runs a command in a fresh lab and exits as it does.
 *
 * A lab has network, mount and pid namespaces and a cgroup of its own; `/run` is an empty tmpfs and `TMPDIR` is on it.
 * Real LXC and nftables work in it as on a device, and nothing of it reaches the machine. When its first process
 * ends — the command ended, a signal came, this process was killed — the kernel ends every process of the lab,
 * and with the last one its links, rules, mounts and loop devices are gone. What the command itself should have
 * taken down is reported before. The environment of the command has `HOLDFAST_LAB=1` and the project's tools on PATH.
 */

const prefix = 'holdfast-lab-';
const project = join(import.meta.dirname, '../..');

function say(message: string): void {
  process.stderr.write(`lab: ${message}\n`);
}

/** Where each cgroup hierarchy is mounted: from `controllers` (empty for v2) to the mount point. */
function hierarchies(): ReadonlyMap<string, string> {
  const mounts = new Map<string, string>();
  for (const line of readFileSync('/proc/self/mountinfo', 'utf8').split('\n')) {
    const fields = line.split(' ');
    const separator = fields.indexOf('-');
    const type = fields[separator + 1];
    const point = fields[4];
    if (point === undefined || (type !== 'cgroup' && type !== 'cgroup2')) continue;
    mounts.set(type === 'cgroup2' ? '' : point.slice(point.lastIndexOf('/') + 1), point);
  }
  return mounts;
}

/** The cgroup directories that this process is in, one for each mounted hierarchy. */
function ownCgroups(): readonly string[] {
  const mounts = hierarchies();
  return readFileSync('/proc/self/cgroup', 'utf8')
    .trim()
    .split('\n')
    .flatMap((line) => {
      const [, controllers = '', path = ''] = line.split(':');
      const point = mounts.get(controllers.replace(/^name=/, ''));
      return point === undefined ? [] : [join(point, path)];
    });
}

/** A cpuset takes no process before it has processors and memory; its parent's will do. */
function inheritCpuset(parent: string, child: string): void {
  for (const file of ['cpuset.cpus', 'cpuset.mems']) {
    writeFileSync(join(child, file), readFileSync(join(parent, file), 'utf8').trim());
  }
}

/**
 * Makes the lab's cgroup in every hierarchy; returns the directories that its first process joins. Under cgroup v2
 * that is `init.scope`: no process may live beside the cgroups that LXC makes, and LXC leaves that name out of its path.
 */
function makeCgroups(parents: readonly string[], name: string): readonly string[] {
  return parents.map((parent) => {
    const directory = join(parent, name);
    mkdirSync(directory, { recursive: true });
    const files = readdirSync(directory);
    if (files.includes('cpuset.cpus') && !files.includes('cgroup.controllers'))
      inheritCpuset(parent, directory);
    if (!files.includes('cgroup.controllers')) return directory;
    mkdirSync(join(directory, 'init.scope'), { recursive: true });
    return join(directory, 'init.scope');
  });
}

/** Removes a cgroup without processes and those below it; says so where one will not go. */
function removeCgroup(directory: string): void {
  try {
    for (const entry of readdirSync(directory, { withFileTypes: true })) {
      if (entry.isDirectory()) removeCgroup(join(directory, entry.name));
    }
    rmdirSync(directory);
  } catch (error) {
    say(`left over: cgroup ${directory}: ${error instanceof Error ? error.message : String(error)}`);
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

/** Cgroups of labs that were killed before they could remove them. A lab's name ends in the pid of its owner. */
function sweepDeadLabs(parents: readonly string[]): void {
  for (const parent of parents) {
    for (const entry of readdirSync(parent)) {
      if (!entry.startsWith(prefix) || isAlive(Number(entry.slice(entry.lastIndexOf('-') + 1)))) continue;
      removeCgroup(join(parent, entry));
    }
  }
}

/**
 * The project's tools come last, and this very Node first: a package's binary may have the name of a system program (`nft` has), and npm puts
 * such directories in front.
 */
function labPath(): string {
  const system = (process.env.PATH ?? '')
    .split(delimiter)
    .filter((path) => !path.endsWith('node_modules/.bin'));
  return [dirname(process.execPath), ...system, join(project, 'node_modules/.bin')].join(delimiter);
}

/** Starts the lab's first process; it dies with this one, however this one ends. */
function enter(command: readonly string[], cgroups: readonly string[]): ChildProcess {
  const namespaces = ['--net', '--mount', '--propagation', 'private', '--pid', '--fork', '--kill-child'];
  const script = join(import.meta.dirname, 'enter.sh');
  return spawn('setpriv', ['--pdeathsig', 'KILL', 'unshare', ...namespaces, '--', 'sh', script, ...command], {
    stdio: 'inherit',
    env: { ...process.env, PATH: labPath(), HOLDFAST_LAB_CGROUPS: cgroups.join(' ') },
  });
}

/** Asks the lab's first process to end its command; `unshare` itself passes no signal on. */
function interrupt(child: ChildProcess): void {
  const children = readFileSync(`/proc/${child.pid}/task/${child.pid}/children`, 'utf8').trim();
  if (children !== '') process.kill(Number(children.split(' ')[0]), 'SIGTERM');
}

function exitCode(child: ChildProcess): Promise<number> {
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('exit', (code) => resolve(code ?? 137));
  });
}

async function main(): Promise<number> {
  const { values, positionals: command } = parseArgs({
    options: { name: { type: 'string', default: 'run' } },
    allowPositionals: true,
  });
  if (command.length === 0) {
    say('no command given; usage: node test/lab/lab.ts [--name NAME] -- COMMAND [ARGUMENT…]');
    return 64;
  }
  if (process.getuid?.() !== 0) {
    say('a lab makes namespaces and real containers, which takes root; run it as root');
    return 77;
  }
  const name = `${prefix}${values.name}-${process.pid}`;
  const parents = ownCgroups();
  sweepDeadLabs(parents);
  try {
    const child = enter(command, makeCgroups(parents, name));
    const ended = exitCode(child);
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => interrupt(child));
    return await ended;
  } finally {
    for (const parent of parents) removeCgroup(join(parent, name));
  }
}

process.exitCode = await main();
