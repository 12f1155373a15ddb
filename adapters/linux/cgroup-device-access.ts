import { closeSync } from 'node:fs';
import type { LxcConfigItem } from '../../state/resource.ts';
import {
  type DeviceHierarchy,
  deviceHierarchies,
  isLxcPayload,
  type OwnsCgroup,
  openCgroup,
} from './cgroup-directory.ts';
import { allowInCgroup, denyInCgroup } from './cgroup-v1-devices.ts';
import { allowByProgram, denyByProgram } from './cgroup-v2-devices.ts';
import { ContainerHandle, NoContainer } from './container-handle.ts';
import type { DeviceAccess, DeviceNumber } from './device-access.ts';
import { useGiven } from './device-rules.ts';
import { ownMounts } from './mount-info.ts';
import { loadSystemCalls, type SystemCalls } from './system-calls.ts';

export interface DeviceAccessOptions {
  /** The container's init has this process id at this moment. Asked while that process is held, which is what makes it the init's for good. */
  readonly isInit: (container: string, pid: number) => boolean;
  /** The device rules that a container was started with, in their order: what these give is never taken away. */
  readonly rulesOf: (container: string) => readonly LxcConfigItem[];
  /** Absent: as LXC names them. */
  readonly owns?: OwnsCgroup;
  /** Absent: those of this host. */
  readonly hierarchies?: readonly DeviceHierarchy[];
}

type Container = Parameters<DeviceAccess['allow']>[0];

/** What is to be done in a cgroup, open on its directory. */
interface Work {
  readonly v1: (directory: number) => void;
  readonly v2: (directory: number, calls: SystemCalls) => void;
}

/**
 * Device rules of containers, in both hierarchies where a host has both: there, each has to let a device through (docs/decisions/device-links.md). Nothing
 * is done to a cgroup that is not the container's alone.
 */
export function createDeviceAccess(options: DeviceAccessOptions): DeviceAccess {
  return new CgroupDeviceAccess(options);
}

class CgroupDeviceAccess implements DeviceAccess {
  readonly #options: DeviceAccessOptions;
  #calls: Promise<SystemCalls> | null = null;
  #found: readonly DeviceHierarchy[] | null = null;

  constructor(options: DeviceAccessOptions) {
    this.#options = options;
  }

  allow(container: Container, device: DeviceNumber): Promise<void> {
    return this.#inCgroups(container, {
      v1: (directory) => allowInCgroup(directory, device),
      v2: (directory, calls) => allowByProgram(calls, directory, device),
    });
  }

  async deny(container: Container, device: DeviceNumber): Promise<void> {
    const kept = useGiven(this.#options.rulesOf(container.name), 'v1', device);
    try {
      await this.#inCgroups(container, {
        v1: (directory) => denyInCgroup(directory, device, kept),
        v2: (directory, calls) => denyByProgram(calls, directory, device),
      });
    } catch (error) {
      // Its rules are gone with it.
      if (!(error instanceof NoContainer)) throw error;
    }
  }

  async #inCgroups({ name, pid }: Container, work: Work): Promise<void> {
    const found = this.#hierarchies();
    this.#calls ??= loadSystemCalls();
    const calls = await this.#calls;
    const handle = new ContainerHandle(pid);
    try {
      this.#checkInit(name, handle);
      const done = found.map((hierarchy) => this.#inCgroup({ name, handle, hierarchy }, work, calls));
      if (!done.includes(true)) {
        throw new NoContainer(`process ${pid} is in no cgroup that is the own one of container '${name}'`);
      }
    } finally {
      handle.close();
    }
  }

  /** Looked up once: the list of mounts is long where many links are. */
  #hierarchies(): readonly DeviceHierarchy[] {
    this.#found ??= this.#options.hierarchies ?? deviceHierarchies(ownMounts());
    if (this.#found.length > 0) return this.#found;
    this.#found = null;
    throw new Error(
      'no hierarchy of cgroups is mounted that says who may open a device (cgroups(7)); mount one',
    );
  }

  /** False: there is none that is the container's. */
  #inCgroup(
    { name, handle, hierarchy }: { name: string; handle: ContainerHandle; hierarchy: DeviceHierarchy },
    work: Work,
    calls: SystemCalls,
  ): boolean {
    const { owns = isLxcPayload } = this.#options;
    const directory = openCgroup({ container: name, handle, hierarchy, owns });
    if (directory === null) return false;
    try {
      if (hierarchy.version === 'v1') work.v1(directory);
      else work.v2(directory, calls);
      return true;
    } finally {
      closeSync(directory);
    }
  }

  #checkInit(name: string, handle: ContainerHandle): void {
    if (this.#options.isInit(name, handle.pid) && handle.isThere) return;
    throw new NoContainer(`process ${handle.pid} is not the init of container '${name}' any more`);
  }
}
