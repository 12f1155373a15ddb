import { closeSync, constants, openSync } from 'node:fs';
import { inMountNamespace } from './mount-namespace.ts';
import { openBehind } from './open-path.ts';
import { SystemCallError, type SystemCalls } from './system-calls.ts';

/** Mounts of a single file, socket or device node: open_tree(2), move_mount(2), mount_setattr(2), umount2(2). */

const emptyPath = 0x1000;
const cloneTree = 0x1;
const closeOnExec = 0x80000;
const fromEmptyPath = 0x4;
const toEmptyPath = 0x40;
const beneath = 0x200;
const privatePropagation = 1n << 18n;
const detach = 0x2;
const noFollow = 0x8;

/** What a mount does not let anybody do. */
export const mountRestrictions = { noSetUserId: 0x2n, noDevices: 0x4n, noPrograms: 0x8n } as const;

/** What is below such a mount is not changed through it: neither its mode nor its owner. It can be connected to, or opened if it is a device. */
export const readOnlyMount = 0x1n;

/** Mounts over one of ours that are taken away with it in one go, which takes some milliseconds. */
const mostCovers = 256;

export interface CloneOptions {
  /** Open (O_PATH) on what is cloned: no directory. */
  readonly source: number;
  /** Open on the mount namespace that `source` was opened in: the kernel clones no mount of another one than the thread's. Null: that is the thread's. */
  readonly namespace: number | null;
  readonly restrictions: readonly bigint[];
}

/**
 * A mount of `source` alone, mounted nowhere yet: the descriptor that is returned is all there is of it. What is mounted over the source
 * later is not seen through it, nor the other way round. Throws SystemCallError.
 */
export function cloneMount(calls: SystemCalls, { source, namespace, restrictions }: CloneOptions): number {
  const clone = () => calls.open_tree(source, '', cloneTree | closeOnExec | emptyPath);
  const tree = namespace === null ? clone() : inMountNamespace(calls, namespace, clone);
  try {
    const set = restrictions.reduce((all, each) => all | each, 0n);
    calls.mount_setattr(tree, '', emptyPath, BigUint64Array.of(set, 0n, privatePropagation, 0n));
    return tree;
  } catch (error) {
    calls.close(tree);
    throw error;
  }
}

/** Mounts a clone over a file of this mount namespace. Throws SystemCallError. */
export function attachMount(calls: SystemCalls, tree: number, path: string): void {
  attach(calls, { tree, path, flags: 0 });
}

function attach(
  calls: SystemCalls,
  { tree, path, flags }: { readonly tree: number; readonly path: string; readonly flags: number },
): void {
  const target = openBehind(path);
  try {
    calls.move_mount(tree, '', target, '', fromEmptyPath | toEmptyPath | flags);
  } finally {
    closeSync(target);
  }
}

/** Takes away the uppermost mount at `path`. Whoever is connected through it stays so. False: nothing was mounted there. */
export function detachMount(calls: SystemCalls, path: string): boolean {
  try {
    calls.umount2(path, detach | noFollow);
    return true;
  } catch (error) {
    if (error instanceof SystemCallError && (error.code === 'EINVAL' || error.code === 'ENOENT'))
      return false;
    throw error;
  }
}

/** Takes away every mount at `path`. */
export function detachMounts(calls: SystemCalls, path: string): void {
  while (detachMount(calls, path));
}

/**
 * Mounts a clone in place of the one mount that is at `path`. No moment is without either, but on kernels before 6.5, which have no
 * MOVE_MOUNT_BENEATH: there what lies below is seen for some microseconds. Throws SystemCallError.
 */
export function replaceMount(calls: SystemCalls, tree: number, path: string): void {
  try {
    attach(calls, { tree, path, flags: beneath });
  } catch (error) {
    if (!(error instanceof SystemCallError) || error.code !== 'EINVAL') throw error;
    detachMounts(calls, path);
    return attachMount(calls, tree, path);
  }
  detachMount(calls, path);
}

/** A mount and a place in another mount namespace. */
export interface ForeignPlace {
  /** Open on the mount that is to be there, mounted nowhere yet. */
  readonly tree: number;
  /** Open (O_PATH) on a file there. */
  readonly target: number;
  /** Open on that namespace. */
  readonly namespace: number;
}

/** Mounts a clone over the very file that `target` is open on, whatever its name has become. Throws SystemCallError. */
export function attachMountIn(calls: SystemCalls, { tree, target, namespace }: ForeignPlace): void {
  inMountNamespace(calls, namespace, () =>
    calls.move_mount(tree, '', target, '', fromEmptyPath | toEmptyPath),
  );
}

/**
 * Mounts a clone below the mount that `target` is open on, the uppermost one of its file. Throws SystemCallError, EINVAL on kernels before 6.5 and
 * where that is mounted no more.
 */
export function attachMountBeneathIn(calls: SystemCalls, { tree, target, namespace }: ForeignPlace): void {
  inMountNamespace(calls, namespace, () =>
    calls.move_mount(tree, '', target, '', fromEmptyPath | toEmptyPath | beneath),
  );
}

/** What came of taking a mount away. `covered`: as many as were taken from over it in one go, more are. */
export type Detachment = 'detached' | 'absent' | 'covered';

/**
 * Takes away the very mount that `mount` is open on (O_PATH), wherever in its namespace it is by now, with all that others have mounted over it; what
 * is below it stays. No path of the namespace is looked up: the descriptor's link in our own /proc leads there. Throws SystemCallError.
 */
export function detachMountIn(
  calls: SystemCalls,
  { mount, namespace }: { readonly mount: number; readonly namespace: number },
): Detachment {
  const descriptors = openSync('/proc/self/fd', constants.O_RDONLY | constants.O_DIRECTORY);
  try {
    return inMountNamespace(calls, namespace, () => {
      calls.fchdir(descriptors);
      for (let count = 0; count < mostCovers; count++)
        if (!detachBehind(calls, `${mount}`)) return count > 0 ? 'detached' : 'absent';
      return 'covered';
    });
  } finally {
    closeSync(descriptors);
  }
}

/** Takes away what is uppermost where a link leads. The kernel says EINVAL of a mount that is none of this namespace, or of none any more. */
function detachBehind(calls: SystemCalls, link: string): boolean {
  try {
    calls.umount2(link, detach);
    return true;
  } catch (error) {
    if (error instanceof SystemCallError && error.code === 'EINVAL') return false;
    throw error;
  }
}
