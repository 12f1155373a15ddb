import { lstatSync, statSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { ContainerSpec, RootVolume } from '../../state/resource.ts';
import type { Commands } from '../linux/command.ts';
import { StepConflict } from '../step-refusal.ts';
import { writeFilesLayer } from './files-layer.ts';
import { chooseHaltSignal } from './halt-signal.ts';
import { isLayerPath, type Layout } from './layout.ts';
import { ObjectMounts } from './object-mounts.ts';
import { type ReadyMount, readyMount } from './ready-mount.ts';
import { resolveInside } from './resolve-inside.ts';
import { Storage } from './storage.ts';

/** The layers of a container's root, and what was learnt of it. */
export interface PreparedRoot {
  /** Uppermost first. */
  readonly lowerLayers: readonly string[];
  readonly upperLayer: string;
  /** See chooseHaltSignal. */
  readonly haltSignal: string | null;
  /** Where `/etc/hosts` leads inside the root, without links and relative to it. It exists, and is a file. */
  readonly hostsTarget: string;
  /** Where its readiness socket is mounted; null: nobody waits for it. */
  readonly ready: ReadyMount | null;
}

/** What a root is prepared for. */
export interface RootRequest {
  readonly spec: ContainerSpec;
  readonly digest: string;
  /** A hosts file will be mounted over the root's own. */
  readonly mountsHosts: boolean;
}

function isFile(path: string): boolean {
  try {
    return lstatSync(path).isFile();
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    if (code === 'ENOENT' || code === 'ENOTDIR') return false;
    throw error;
  }
}

function isDirectory(path: string): boolean {
  try {
    return statSync(path).isDirectory();
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    if (code === 'ENOENT' || code === 'ENOTDIR') return false;
    throw error;
  }
}

export interface RootOptions {
  readonly layout: Layout;
  /** Path of an object in the object store. */
  readonly objects: (sha256: string) => string;
  readonly commands: Commands;
}

/**
 * Roots of containers (CTR-4): image or directory below, the revision's files over it, a writable layer on top. LXC mounts the overlay in the
 * container's own mount namespace, so that nothing of it is left when the container ends, from whatever cause.
 */
export class Root {
  readonly #layout: Layout;
  readonly #objects: (sha256: string) => string;
  readonly #mounts: ObjectMounts;
  readonly #storage: Storage;

  constructor({ layout, objects, commands }: RootOptions) {
    this.#layout = layout;
    this.#objects = objects;
    this.#mounts = new ObjectMounts(layout, objects, commands);
    this.#storage = new Storage(layout);
  }

  /** Throws StepConflict where this device can't have this root; disturbs nothing. */
  check(volume: RootVolume): void {
    if (volume.type === 'object') return;
    if (!isLayerPath(volume.path)) {
      throw new StepConflict({
        code: 'RootUnusable',
        message: `the root directory is ${JSON.stringify(volume.path)}; expected an absolute path without : , \\ and quotes`,
      });
    }
    if (isDirectory(volume.path)) return;
    throw new StepConflict({
      code: 'RootMissing',
      message: `the root directory ${volume.path} does not exist on this device`,
    });
  }

  /** The root volume is there now, where containers can be made of it. */
  isMounted(volume: RootVolume): boolean {
    return volume.type === 'object' ? this.#mounts.isMounted(volume.sha256) : isDirectory(volume.path);
  }

  /** Everything below and over the root for a start. The container must not run. */
  async prepare({ spec, digest, mountsHosts }: RootRequest): Promise<PreparedRoot> {
    const [lowest, upperLayer] = await Promise.all([
      spec.root.type === 'object' ? this.#mounts.ensure(spec.root.sha256) : spec.root.path,
      this.#storage.prepare(spec.name, spec.persistence, digest),
    ]);
    const { files, name } = spec;
    // LXC could make the file to mount over by itself, but it would follow a link of the image out to the host.
    const hostsTarget = resolveInside(lowest, 'etc/hosts', { followLast: true });
    const lacksHosts = mountsHosts && !isFile(join(lowest, hostsTarget));
    const haltSignal = chooseHaltSignal(spec.config, lowest);
    const ready = spec.goal === 'READY' ? readyMount({ lowest, upper: upperLayer, own: spec.config }) : null;
    const prepared = { upperLayer, haltSignal, hostsTarget, ready };
    const placeholders = lacksHosts ? [hostsTarget] : [];
    const directories = ready?.lacking === true ? [ready.target] : [];
    if (files.length + placeholders.length + directories.length === 0)
      return { ...prepared, lowerLayers: [lowest] };
    const layer = this.#layout.container(name).files;
    await writeFilesLayer({ layer, root: lowest, files, placeholders, directories, objects: this.#objects });
    return { ...prepared, lowerLayers: [layer, lowest] };
  }

  /** Removes what `prepare` made for this container alone, but for its permanent storage. */
  async remove(name: string): Promise<void> {
    await this.#storage.remove(name);
    await rm(this.#layout.container(name).files, { recursive: true, force: true });
  }

  /** Unmounts the images that none of these containers is made of. `containers` is asked again before each. */
  async sweep(containers: () => Iterable<ContainerSpec>): Promise<void> {
    await this.#mounts.sweep((sha256) => {
      for (const { root } of containers()) if (root.type === 'object' && root.sha256 === sha256) return true;
      return false;
    });
  }
}
