import { readdirSync, writeFileSync } from 'node:fs';
import { NoContainer } from './container-handle.ts';
import type { DeviceNumber } from './device-access.ts';
import { deviceText } from './device-number.ts';
import type { DeviceUse } from './device-rules.ts';
import { linkOf } from './open-path.ts';
import { readAtMost } from './read-at-most.ts';

/** Device rules of cgroup v1 (Linux, Documentation/admin-guide/cgroup-v1/devices.rst). */

/** A systemd has one for each of its services. What a container has beyond is its own affair: only it can make so many. */
const mostDescendants = 1000;

const longestListBytes = 64 * 1024;

/** The cgroup, or one below it, was removed meanwhile. */
function isGone(error: unknown): boolean {
  const { code } = error as NodeJS.ErrnoException;
  return code === 'ENOENT' || code === 'ENODEV';
}

/** Who may use every device has no list of those that he may. */
function mayUseAll(directory: string): boolean {
  return readAtMost(`${directory}/devices.list`, longestListBytes)?.startsWith('a ') === true;
}

function lettersOf({ read, write }: DeviceUse): string {
  return `${read ? 'r' : ''}${write ? 'w' : ''}`;
}

function write(directory: string, file: 'allow' | 'deny', device: DeviceNumber, letters: string): void {
  writeFileSync(`${directory}/devices.${file}`, `c ${deviceText(device)} ${letters}`);
}

function childrenOf(directory: string): readonly string[] {
  return readdirSync(directory, { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map((entry) => `${directory}/${entry.name}`);
}

/** A child that is made while we are at it has what its parent has by then. */
function allowBelow(top: string, device: DeviceNumber): void {
  const pending = [...childrenOf(top)];
  for (let done = 0; done < mostDescendants; done++) {
    const directory = pending.shift();
    if (directory === undefined) return;
    try {
      write(directory, 'allow', device, 'rw');
      pending.push(...childrenOf(directory));
    } catch (error) {
      if (!isGone(error)) throw error;
    }
  }
}

function inCgroup(directory: number, work: (path: string) => void): void {
  try {
    const path = linkOf(directory);
    if (!mayUseAll(path)) work(path);
  } catch (error) {
    if (isGone(error)) throw new NoContainer('its cgroup was removed');
    throw error;
  }
}

/**
 * Whatever is in the cgroup, open as `directory`, or in one below it may read and write the device. The kernel gives children what their parent has only
 * when they are made, so that each is told; of more than a thousand, the deepest are not. Throws NoContainer, or what the kernel says.
 */
export function allowInCgroup(directory: number, device: DeviceNumber): void {
  inCgroup(directory, (path) => {
    write(path, 'allow', device, 'rw');
    allowBelow(path, device);
  });
}

/** It may not any more, but for what is `kept`; nor may those below, which the kernel sees to. Throws NoContainer, or what the kernel says. */
export function denyInCgroup(directory: number, device: DeviceNumber, kept: DeviceUse): void {
  const letters = lettersOf({ read: !kept.read, write: !kept.write });
  if (letters === '') return;
  inCgroup(directory, (path) => write(path, 'deny', device, letters));
}
