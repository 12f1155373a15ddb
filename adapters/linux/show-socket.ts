import { type BigIntStats, closeSync, fstatSync } from 'node:fs';
import { NoContainer } from './container-handle.ts';
import type { ContainerView } from './container-view.ts';
import { deviceNumberOf } from './device-number.ts';
import { type OpenInRoot, PathRefused } from './open-in-root.ts';
import type { ProviderSight } from './provider-sockets.ts';
import type { SocketExposure } from './socket-exposure.ts';
import { SystemCallError, type SystemCalls } from './system-calls.ts';

/** A socket that is to be reached, or a device node that is to be seen. */
export interface ShownSocket {
  readonly container: string;
  /** In the container. */
  readonly socket: string;
  readonly type: 'socket' | 'device';
  /** On the host. Of a device node: nothing is there. */
  readonly path: string;
}

export interface ShowRequest extends ShownSocket {
  readonly view: ContainerView;
  readonly calls: SystemCalls;
  readonly exposure: SocketExposure;
  /** See OpenInRoot. */
  readonly passing: OpenInRoot['passing'];
  readonly reading: OpenInRoot['reading'];
}

/** What keeps one from being reached. */
export type Missing = Exclude<ProviderSight, { readonly state: 'shown' }>;

/** What came of a look. */
export interface Look {
  readonly sight: ProviderSight;
  /** Another one when the container has made what is there anew; null: it is not there. */
  readonly identity: string | null;
}

/** A problem that is none of a socket alone. */
export function notReached(container: string, why: string): string {
  return `container '${container}' is not reached: ${why}`;
}

/** What is not there, in words. */
export function absent(why: string): Missing {
  return { state: 'absent', why };
}

function codeOf(error: unknown): unknown {
  return error instanceof Error && 'code' in error ? error.code : null;
}

/** What keeps a socket from being reached. */
function sightOfError({ container, socket }: ShownSocket, error: unknown): Missing {
  const code = codeOf(error);
  if (error instanceof NoContainer) return absent(notReached(container, error.message));
  if (code === 'ENOENT' || code === 'ENOTDIR')
    return absent(`there is no ${socket} in container '${container}'`);
  const message = error instanceof Error ? error.message : String(error);
  const lacks = error instanceof SystemCallError && (code === 'ENOSYS' || code === 'EPERM');
  const needs = lacks ? '; expected Linux 5.12 or newer, and root with CAP_SYS_ADMIN and CAP_SYS_CHROOT' : '';
  return {
    state: 'refused',
    why: `${socket} of container '${container}' is not reached: ${message}${needs}`,
  };
}

function kindOf(stats: BigIntStats): string {
  if (stats.isDirectory()) return 'a directory';
  if (stats.isFIFO()) return 'a FIFO';
  if (stats.isFile()) return 'a file';
  if (stats.isSocket()) return 'a socket';
  return `a ${stats.isBlockDevice() ? 'block' : 'character'} device`;
}

const expectedKinds = { socket: 'a socket', device: 'a character device' } as const;

/** Throws PathRefused for what is something else. */
function check(stats: BigIntStats, type: ShownSocket['type']): void {
  if (type === 'socket' ? stats.isSocket() : stats.isCharacterDevice()) return;
  throw new PathRefused(`it is ${kindOf(stats)}; expected ${expectedKinds[type]}`);
}

function show(request: ShowRequest): Look {
  const { calls, exposure, view, type } = request;
  // The very descriptor that is looked at is mounted: what the path leads to meanwhile makes no difference.
  const found = view.open({ ...request, path: request.socket });
  try {
    const stats = fstatSync(found, { bigint: true });
    check(stats, type);
    if (type === 'socket')
      exposure.show(calls, request.path, { socket: found, stats, namespace: () => view.namespace });
    const node = type === 'socket' ? null : deviceNumberOf(stats.rdev);
    const sight = { state: 'shown', device: Number(stats.dev), inode: Number(stats.ino), node } as const;
    // Numbers of inodes may have 64 bits (overlayfs).
    return { sight, identity: `${stats.dev}:${stats.ino}:${stats.rdev}` };
  } finally {
    closeSync(found);
  }
}

/** What is shown at the socket's path on the host is gone afterwards. Returns `missing`, with what kept it from going, if anything did. */
export function hideSocket(
  { calls, exposure, path, type }: Pick<ShowRequest, 'calls' | 'exposure' | 'path' | 'type'>,
  missing: Missing,
): Missing {
  if (type === 'device') return missing;
  try {
    exposure.hide(calls, path);
    return missing;
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    return { ...missing, why: `${missing.why}; what was reached before is still at ${path}: ${message}` };
  }
}

/**
 * Looks for a socket in its container, and shows it on the host if it is there; whoever connects is refused if it is not. A device node is only
 * looked at. Never throws.
 */
export function showSocket(request: ShowRequest): Look {
  try {
    return show(request);
  } catch (error) {
    return { sight: hideSocket(request, sightOfError(request, error)), identity: null };
  }
}
