import { isAbsolute, join, resolve } from 'node:path';

/** Files and directories of one container. */
export interface ContainerPaths {
  /** LXC's own directory of the container, below its lxcpath. */
  readonly directory: string;
  /** LXC configuration, mode 0600; written only while the container does not run. */
  readonly config: string;
  /** What it was made from, with our mark (container-record.ts). */
  readonly record: string;
  /** Holds the process id of the container's monitor while it runs; LXC removes it (lxc-start(1), `--pidfile`). */
  readonly monitorPid: string;
  /** What is known of its present or last run (runs.ts). */
  readonly run: string;
  /** Mounted into one whose goal is READY; holds the socket on which it says so (ready-sockets.ts). */
  readonly ready: string;
  /** A read-only layer over the root with the revision's files (CTR-4). */
  readonly files: string;
  /** What liblxc says of this run. */
  readonly log: string;
  /** What the container writes to its console. */
  readonly console: string;
  /** Kept until someone deletes it by hand. */
  readonly permanent: string;
  /** Holds `permanent` and one `revision-<digest>`. */
  readonly storage: string;
}

/** Where everything of this adapter is, below one directory. Nothing else of the file system is written to. */
export interface Layout {
  readonly root: string;
  readonly lxcPath: string;
  /** One record for each lease. */
  readonly leases: string;
  /** One hosts file for each set of pools (CTR-5). */
  readonly hosts: string;
  /** Mount points of squashfs objects. */
  readonly objects: string;
  /** Storage that ends with the boot: one directory a boot. */
  readonly boots: string;
  container(name: string): ContainerPaths;
}

/** What LXC and overlayfs take for a separator in the paths of layers, and what ends a line of a configuration. */
const unusableInLayers = /[:,\\"'\p{Cc}]|^\s|\s$/u;

/** True when `path` can be a layer of a container's root: absolute, and nothing in it that LXC or overlayfs would split at. */
export function isLayerPath(path: string): boolean {
  return isAbsolute(path) && resolve(path) === path && !unusableInLayers.test(path);
}

/** LXC container names become directory and socket names: no separators, no leading dot. */
const containerName = /^[A-Za-z0-9_][A-Za-z0-9._-]{0,63}$/;

/** True for a name that a container of ours can have. */
export function isContainerName(name: string): boolean {
  return containerName.test(name);
}

/**
 * Lays everything out below `root`. Throws RangeError where `root` is not absolute, or has characters in it that can't
 * stand in an overlay option or an LXC configuration.
 */
export function layoutOf(root: string): Layout {
  if (!isLayerPath(root)) {
    throw new RangeError(
      `the root directory is ${JSON.stringify(root)}; expected an absolute, normalised path without : , \\ quotes ` +
        'or control characters, since it becomes part of overlay mounts',
    );
  }
  const lxcPath = join(root, 'lxc');
  return {
    root,
    lxcPath,
    leases: join(root, 'run/leases'),
    hosts: join(root, 'run/hosts'),
    objects: join(root, 'run/objects'),
    boots: join(root, 'run/boot'),
    container: (name) => containerPaths(root, lxcPath, name),
  };
}

function containerPaths(root: string, lxcPath: string, name: string): ContainerPaths {
  if (!isContainerName(name)) {
    throw new RangeError(`the container name is ${JSON.stringify(name)}; expected ${containerName.source}`);
  }
  const directory = join(lxcPath, name);
  const logs = join(root, 'logs', name);
  return {
    directory,
    config: join(directory, 'config'),
    record: join(directory, 'holdfast.json'),
    monitorPid: join(directory, 'monitor.pid'),
    run: join(directory, 'run.json'),
    ready: join(root, 'run/ready', name),
    files: join(directory, 'files'),
    log: join(logs, 'lxc.log'),
    console: join(logs, 'console.log'),
    permanent: join(root, 'storage', name, 'permanent'),
    storage: join(root, 'storage', name),
  };
}
