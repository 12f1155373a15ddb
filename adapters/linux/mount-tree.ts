import { closeSync } from 'node:fs';
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

export interface CloneOptions {
  /** Open (O_PATH) on what is cloned: no directory. */
  readonly source: number;
  /** Open on the mount namespace that `source` was opened in: the kernel clones no mount of another one than the thread's. */
  readonly namespace: number;
  readonly restrictions: readonly bigint[];
}

/**
 * A mount of `source` alone, mounted nowhere yet: the descriptor that is returned is all there is of it. What is mounted over the source
 * later is not seen through it, nor the other way round. Throws SystemCallError.
 */
export function cloneMount(calls: SystemCalls, { source, namespace, restrictions }: CloneOptions): number {
  const tree = inMountNamespace(calls, namespace, () =>
    calls.open_tree(source, '', cloneTree | closeOnExec | emptyPath),
  );
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
