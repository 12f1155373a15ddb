import { execFileSync } from 'node:child_process';
import { existsSync, lstatSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';

/**
 * What a test run could leave behind on this machine: one line for each thing, such as `mount /mnt/x (overlay)`. Two
 * inventories differ by what was left. Processes are found by the run's mark in their environment, which they inherit
 * however often they fork, so those of others are never taken for ours.
 */
export type Inventory = ReadonlySet<string>;

/** Name of the environment variable that marks every process of one run. */
export const runMark = 'HOLDFAST_TEST_RUN';

export interface InventoryScope {
  /** Value of `HOLDFAST_TEST_RUN` in the environment of the run's processes. */
  readonly run: string;
  /** The run's own directory for temporary files. */
  readonly temporary: string;
  /** The checkout, where its files are to be listed too; null: others may be writing there. */
  readonly checkout: string | null;
}

/** Reading failed because the thing is gone, was never there, or is another user's: no leftover of ours. */
function isAbsence(error: unknown): boolean {
  const absent = ['ENOENT', 'ENOTDIR', 'EACCES', 'EPERM', 'ESRCH', 'EINVAL'];
  return error instanceof Error && 'code' in error && absent.includes(String(error.code));
}

function entries(directory: string): readonly string[] {
  try {
    return readdirSync(directory);
  } catch (error) {
    if (isAbsence(error)) return [];
    throw error;
  }
}

function directories(path: string): readonly string[] {
  return entries(path).filter(
    (name) => lstatSync(join(path, name), { throwIfNoEntry: false })?.isDirectory() === true,
  );
}

function text(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    if (isAbsence(error)) return '';
    throw error;
  }
}

function mounts(): readonly string[] {
  const lines = text('/proc/self/mountinfo').split('\n');
  return lines
    .filter((line) => line !== '')
    .map((line) => {
      const fields = line.split(' ');
      return `mount ${fields[4]} (${fields[fields.indexOf('-') + 1]})`;
    });
}

function loopDevices(): readonly string[] {
  return entries('/sys/block').flatMap((device) => {
    const file = text(`/sys/block/${device}/loop/backing_file`).trim();
    return file === '' ? [] : [`loop device /dev/${device} (${file})`];
  });
}

/** The cgroup of a lab whose owner lives: somebody's work under way, not a leftover. The name ends in the owner's pid. */
function isLivingLab(name: string): boolean {
  const pid = name.match(/^holdfast-lab-.*-(\d+)$/)?.[1];
  return pid !== undefined && existsSync(`/proc/${pid}`);
}

/** Cgroups that are named as LXC and our labs name theirs, below `directory`; others are made all the time, by others. */
function cgroups(directory: string, depth: number): readonly string[] {
  if (depth === 0) return [];
  return directories(directory).flatMap((name) => {
    const path = join(directory, name);
    if (isLivingLab(name)) return [];
    return [...(/^(holdfast|lxc)/.test(name) ? [`cgroup ${path}`] : []), ...cgroups(path, depth - 1)];
  });
}

function rules(): readonly string[] {
  if (process.getuid?.() !== 0 || !existsSync('/usr/sbin/nft')) return [];
  const lines = execFileSync('/usr/sbin/nft', ['list', 'tables'], { encoding: 'utf8' }).trim().split('\n');
  return lines.filter((line) => line !== '').map((line) => `nftables ${line}`);
}

function processes(run: string): readonly string[] {
  const mark = `${runMark}=${run}`;
  return entries('/proc').flatMap((pid) => {
    if (!/^\d+$/.test(pid) || Number(pid) === process.pid) return [];
    if (!text(`/proc/${pid}/environ`).split('\0').includes(mark)) return [];
    return [`process ${pid}: ${text(`/proc/${pid}/cmdline`).replaceAll('\0', ' ').trim()}`];
  });
}

function checkoutFiles(checkout: string | null): readonly string[] {
  if (checkout === null || !existsSync(join(checkout, '.git'))) return [];
  const output = execFileSync('git', ['-C', checkout, 'status', '--porcelain'], { encoding: 'utf8' });
  return output
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => `file in the checkout: ${line}`);
}

/** Everything there is now. Throws when part of it cannot be told. */
export function takeInventory(scope: InventoryScope): Inventory {
  return new Set([
    ...entries('/run/netns').map((name) => `network namespace ${name}`),
    ...entries('/sys/class/net').map((name) => `network link ${name}`),
    ...mounts(),
    ...loopDevices(),
    ...cgroups('/sys/fs/cgroup', 3),
    ...rules(),
    `net.ipv4.ip_forward = ${text('/proc/sys/net/ipv4/ip_forward').trim()}`,
    ...entries('/run').map((name) => `/run/${name}`),
    ...entries(scope.temporary).map((name) => `temporary file ${name}`),
    ...processes(scope.run),
    ...checkoutFiles(scope.checkout),
  ]);
}

/** What is in `after` and was not in `before`, in words, sorted. */
export function leftovers(before: Inventory, after: Inventory): readonly string[] {
  return [...after].filter((line) => !before.has(line)).sort();
}

/** Leftovers that stay: the kernel takes down mounts and namespaces a moment after the last process that used them. */
export async function lastingLeftovers(before: Inventory, scope: InventoryScope): Promise<readonly string[]> {
  for (let attempt = 0; attempt < 20; attempt += 1) {
    if (leftovers(before, takeInventory(scope)).length === 0) return [];
    await delay(100);
  }
  return leftovers(before, takeInventory(scope));
}
