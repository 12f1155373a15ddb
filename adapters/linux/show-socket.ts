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

/** What there is of one that was looked for; with `found` open on it, which `showFound` closes. */
export type Found =
  | { readonly request: ShowRequest; readonly found: number; readonly stats: BigIntStats }
  | { readonly request: ShowRequest; readonly error: unknown };

/** Looks for a socket or a device node in its container. Never throws. */
export function findSocket(request: ShowRequest): Found {
  let found: number | null = null;
  try {
    found = request.view.open({ ...request, path: request.socket });
    const stats = fstatSync(found, { bigint: true });
    check(stats, request.type);
    return { request, found, stats };
  } catch (error) {
    if (found !== null) closeSync(found);
    return { request, error };
  }
}

function lookOf({ request, stats }: Extract<Found, { readonly found: number }>): Look {
  const node = request.type === 'socket' ? null : deviceNumberOf(stats.rdev);
  const sight = { state: 'shown', device: Number(stats.dev), inode: Number(stats.ino), node } as const;
  // Numbers of inodes may have 64 bits (overlayfs).
  return { sight, identity: `${stats.dev}:${stats.ino}:${stats.rdev}` };
}

function lookOfError(request: ShowRequest, error: unknown): Look {
  return { sight: hideSocket(request, sightOfError(request, error)), identity: null };
}

export interface ShowFound extends Pick<ShowRequest, 'calls' | 'exposure' | 'view'> {
  /** Of one container. */
  readonly all: readonly Found[];
}

/**
 * Shows on the host what was found; whoever connects to another is refused. The very descriptors that were looked at are mounted: what their paths lead to
 * meanwhile makes no difference. A device node is only looked at. Returns what there is to say of each, in their order. Never throws.
 */
export function showFound({ calls, exposure, view, all }: ShowFound): readonly Look[] {
  const found = all.filter((one) => 'found' in one);
  const sockets = found
    .filter(({ request }) => request.type === 'socket')
    .map(({ request, found: socket, stats }) => ({ socket, stats, path: request.path }));
  const errors = exposure.show({ calls, namespace: () => view.namespace, sockets });
  for (const { found: descriptor } of found) closeSync(descriptor);
  return all.map((one) => {
    if ('error' in one) return lookOfError(one.request, one.error);
    const { path } = one.request;
    return errors.has(path) ? lookOfError(one.request, errors.get(path)) : lookOf(one);
  });
}
