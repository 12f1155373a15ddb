import type { Stats } from 'node:fs';
import { lstat, mkdir, rename, unlink } from 'node:fs/promises';
import type { Server } from 'node:http';
import { connect } from 'node:net';
import { dirname } from 'node:path';
import { socketProbeTimeoutMs } from '../options.ts';

/** The control socket cannot be opened here; the message says what is in the way and what to do. */
export class ControlSocketError extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'ControlSocketError';
  }
}

/** Bytes that the path of a unix socket may have on Linux, less the closing NUL (unix(7)). */
const maxSocketPathBytes = 107;

const octal = (mode: number): string => (mode & 0o7777).toString(8).padStart(4, '0');

/** Status of what is at `path` itself, not of what a symbolic link there points to; null when there is nothing. */
async function statusAt(path: string): Promise<Stats | null> {
  try {
    return await lstat(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw error;
  }
}

/**
 * Makes the socket's directory (0700) or checks the one that is there: a directory, no symbolic link, ours, and writable
 * for nobody else, since whoever can write to it can put a socket of his own in the place of ours.
 */
async function ensureDirectory(directory: string, uid: number): Promise<void> {
  if ((await mkdir(directory, { recursive: true, mode: 0o700 })) !== undefined) return;
  const found = await lstat(directory);
  if (!found.isDirectory()) {
    throw new ControlSocketError(
      `the control socket's directory ${directory} is a symbolic link, expected a directory: name the real path`,
    );
  }
  if (found.uid !== uid || (found.mode & 0o022) !== 0) {
    throw new ControlSocketError(
      `the control socket's directory ${directory} belongs to uid ${found.uid} with mode ${octal(found.mode)}, ` +
        `expected uid ${uid} and nobody else able to write to it: name a path in a private directory with --socket`,
    );
  }
}

/** Whether somebody answers on the socket at `path`. One that does not say in time is taken for alive. */
function isServed(path: string): Promise<boolean> {
  return new Promise((resolve, reject) => {
    const probe = connect(path);
    probe.setTimeout(socketProbeTimeoutMs);
    const settle = (served: boolean): void => {
      probe.destroy();
      resolve(served);
    };
    probe.once('connect', () => settle(true));
    probe.once('timeout', () => settle(true));
    probe.once('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'ECONNREFUSED' || error.code === 'ENOENT') settle(false);
      // A full queue of connections: somebody listens there.
      else if (error.code === 'EAGAIN') settle(true);
      else reject(error);
    });
  });
}

const livingController = (path: string): ControlSocketError =>
  new ControlSocketError(
    `another controller answers on ${path}: stop it first, or give this one a --socket and a --root of its own`,
  );

/** Takes away what a dead controller left at `path`, and nothing else. */
async function removeStale(path: string, uid: number): Promise<void> {
  const found = await statusAt(path);
  if (found === null) return;
  if (!found.isSocket() || found.uid !== uid) {
    throw new ControlSocketError(
      `found ${found.isSocket() ? 'a socket' : 'something that is no socket'} of uid ${found.uid} at ${path}, ` +
        `expected nothing or a socket that uid ${uid} left there: remove it, or name another path with --socket`,
    );
  }
  if (await isServed(path)) throw livingController(path);
  // Another controller may be doing the same and have put its own socket there since: only the one looked at may go.
  const aside = `${path}.${process.pid}`;
  await rename(path, aside);
  const moved = await lstat(aside);
  if (moved.ino !== found.ino || moved.dev !== found.dev) {
    await rename(aside, path);
    throw livingController(path);
  }
  await unlink(aside);
}

/** Binds with mode 0600 from the first instant on: binding happens before `listen` returns, the event comes later. */
function bindPrivately(server: Server, path: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const failed = (error: NodeJS.ErrnoException): void => {
      reject(error.code === 'EADDRINUSE' ? livingController(path) : error);
    };
    server.once('error', failed);
    const before = process.umask(0o177);
    try {
      server.listen({ path }, () => {
        server.off('error', failed);
        resolve();
      });
    } finally {
      process.umask(before);
    }
  });
}

/**
 * Lets `server` listen on a unix socket at `path`, for this user alone (mode 0600, in a directory that nobody else can
 * write to). A socket that a dead controller left is replaced. Throws a ControlSocketError for a path that is too long, for a directory
 * or file that is not ours or a symbolic link, and when a living controller has it. The socket goes when the server closes.
 */
export async function openControlSocket(server: Server, path: string): Promise<void> {
  const bytes = Buffer.byteLength(path);
  if (bytes > maxSocketPathBytes) {
    throw new ControlSocketError(
      `the control socket's path has ${bytes} bytes, expected ${maxSocketPathBytes} at most (unix(7)): ${path}`,
    );
  }
  const uid = process.geteuid?.() ?? -1;
  await ensureDirectory(dirname(path), uid);
  await removeStale(path, uid);
  await bindPrivately(server, path);
}
