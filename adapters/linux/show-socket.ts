import { closeSync, fstatSync } from 'node:fs';
import { type ContainerHandle, NoContainer } from './container-handle.ts';
import { type OpenInRoot, openInRoot, PathRefused } from './open-in-root.ts';
import type { SocketExposure } from './socket-exposure.ts';
import { SystemCallError, type SystemCalls } from './system-calls.ts';

/** A socket that is to be reached. */
export interface ShownSocket {
  readonly container: string;
  /** In the container. */
  readonly socket: string;
  /** On the host. */
  readonly path: string;
}

export interface ShowRequest extends ShownSocket {
  readonly handle: ContainerHandle;
  readonly calls: SystemCalls;
  readonly exposure: SocketExposure;
  /** See OpenInRoot. */
  readonly passing: OpenInRoot['passing'];
  readonly reading: OpenInRoot['reading'];
}

/** A problem that is none of a socket alone. */
export function notReached(container: string, why: string): string {
  return `container '${container}' is not reached: ${why}`;
}

function codeOf(error: unknown): unknown {
  return error instanceof Error && 'code' in error ? error.code : null;
}

/** What keeps a socket from being reached. */
function inWords({ container, socket }: ShownSocket, error: unknown): string {
  const code = codeOf(error);
  if (code === 'ENOENT' || code === 'ENOTDIR') return `there is no ${socket} in container '${container}'`;
  const message = error instanceof Error ? error.message : String(error);
  const lacks = error instanceof SystemCallError && (code === 'ENOSYS' || code === 'EPERM');
  const needs = lacks ? '; expected Linux 5.12 or newer, and root with CAP_SYS_ADMIN and CAP_SYS_CHROOT' : '';
  return `${socket} of container '${container}' is not reached: ${message}${needs}`;
}

function kindOf(descriptor: number): string {
  const stats = fstatSync(descriptor);
  if (stats.isDirectory()) return 'a directory';
  if (stats.isFIFO()) return 'a FIFO';
  if (stats.isFile()) return 'a file';
  return 'a device node';
}

function show({ handle, calls, exposure, passing, reading, socket, path }: ShowRequest): void {
  const root = handle.openRoot();
  try {
    const mounts = (limitBytes: number) => handle.mountList(limitBytes);
    const found = openInRoot({ calls, root, path: socket, mounts, passing, reading });
    try {
      // The very descriptor that is looked at is mounted: what the path leads to meanwhile makes no difference.
      if (!fstatSync(found).isSocket()) throw new PathRefused(`it is ${kindOf(found)}; expected a socket`);
      exposure.show(calls, path, { socket: found, openNamespace: () => handle.openMountNamespace() });
    } finally {
      closeSync(found);
    }
  } finally {
    closeSync(root);
  }
}

/** What is shown at the socket's path on the host is gone afterwards. Returns `why`, with what kept it from going, if anything did. */
export function hideSocket(
  { calls, exposure, path }: Pick<ShowRequest, 'calls' | 'exposure' | 'path'>,
  why: string,
): string {
  try {
    exposure.hide(calls, path);
    return why;
  } catch (error) {
    return `${why}; what was reached before is still at ${path}: ${error instanceof Error ? error.message : String(error)}`;
  }
}

/**
 * Looks for a socket in its container, and shows it on the host if it is there; whoever connects is refused if it is not. Returns null, or why
 * it is not reached, in words. Never throws.
 */
export function showSocket(request: ShowRequest): string | null {
  try {
    show(request);
    return null;
  } catch (error) {
    const why =
      error instanceof NoContainer ? notReached(request.container, error.message) : inWords(request, error);
    return hideSocket(request, why);
  }
}
