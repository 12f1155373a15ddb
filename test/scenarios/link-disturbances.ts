import { readdir, readFile } from 'node:fs/promises';
import type { Device } from './device.ts';
import { until } from './ingress-device.ts';

/** What can happen to one end of a link while nobody changes the revision. */

/** Kills what serves in a container whose init starts it anew (`supervised`), so that it makes its socket anew. */
export async function killServed(made: Device, container: string, program: string): Promise<void> {
  const { code, stderr } = await made.inside(container, 'busybox', 'killall', '-9', program);
  if (code !== 0) throw new Error(`${program} of ${container} could not be killed: ${stderr}`);
}

/** Kills a container's init; resolves once another one runs. */
export async function killContainer(made: Device, container: string): Promise<void> {
  const before = (await made.pids())[container] ?? 0;
  const { code, stderr } = await made.run('kill', '-9', String(before));
  if (code !== 0) throw new Error(`container '${container}' could not be killed: ${stderr}`);
  await until(`${container} runs again`, async () => {
    const now = (await made.pids())[container] ?? 0;
    return now !== 0 && now !== before;
  });
}

/** What may grow without anybody seeing it: descriptors of the controller, mounts, and devices that a container may open. */
export interface Holdings {
  readonly descriptors: number;
  readonly hostMounts: number;
  /** Of each container, by its name. */
  readonly mounts: Readonly<Record<string, number>>;
  /** Rules of its device cgroup (cgroup v1); of a host without that, none. */
  readonly devices: Readonly<Record<string, readonly string[]>>;
}

async function mountsOf(pid: number | 'self'): Promise<number> {
  return (await readFile(`/proc/${pid}/mountinfo`, 'utf8')).split('\n').length - 1;
}

async function devicesOf(pid: number): Promise<readonly string[]> {
  const groups = await readFile(`/proc/${pid}/cgroup`, 'utf8');
  const path = /^\d+:devices:(.*)$/m.exec(groups)?.[1];
  if (path === undefined) return [];
  return (await readFile(`/sys/fs/cgroup/devices${path}/devices.list`, 'utf8')).trim().split('\n').sort();
}

/** Looks at them now. */
export async function holdingsOf(made: Device): Promise<Holdings> {
  const pids = Object.entries(await made.pids());
  const each = async <Found>(look: (pid: number) => Promise<Found>) =>
    Object.fromEntries(await Promise.all(pids.map(async ([name, pid]) => [name, await look(pid)] as const)));
  return {
    descriptors: (await readdir(`/proc/${made.controller.pid}/fd`)).length,
    hostMounts: await mountsOf('self'),
    mounts: await each(mountsOf),
    devices: await each(devicesOf),
  };
}
