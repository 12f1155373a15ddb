import type { Stats } from 'node:fs';
import { chmod, link, lstat, mkdir, mkdtemp, rename, rm, unlink } from 'node:fs/promises';
import type { Server } from 'node:http';
import { connect } from 'node:net';
import { dirname, join } from 'node:path';
import { socketProbeTimeoutMs } from '../options.ts';

/** The control socket cannot be opened here; the message says what is in the way and what to do. */
export class ControlSocketError extends Error {
  readonly code = 'ControlSocket';
  constructor(message: string) {
    super(message);
    this.name = 'ControlSocketError';
  }
}

/** Bytes that the path of a unix socket may have on Linux, less the closing NUL (unix(7)). */
const maxSocketPathBytes = 107;

/** The socket is bound as `<prefix>XXXXXX/<name>` in its directory, before it gets its own name there. */
const birthplacePrefix = '.new-';
const birthName = 's';

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

/** Moves what a dead controller left at `path` to `aside`, and nothing else. */
async function setStaleAside(path: string, uid: number, aside: string): Promise<void> {
  const found = await statusAt(path);
  if (found === null) return;
  if (!found.isSocket() || found.uid !== uid) {
    throw new ControlSocketError(
      `found ${found.isSocket() ? 'a socket' : 'something that is no socket'} of uid ${found.uid} at ${path}, ` +
        `expected nothing or a socket that uid ${uid} left there: remove it, or name another path with --socket`,
    );
  }
  if (await isServed(path)) throw livingController(path);
  // Another controller may be doing the same, and have put its own socket there since: only the one looked at may go.
  try {
    await rename(path, aside);
  } catch (error) {
    throw (error as NodeJS.ErrnoException).code === 'ENOENT' ? livingController(path) : error;
  }
  const moved = await lstat(aside);
  if (moved.ino === found.ino && moved.dev === found.dev) return;
  await link(aside, path);
  throw livingController(path);
}

function listen(server: Server, path: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen({ path }, () => {
      server.off('error', reject);
      resolve();
    });
  });
}

/**
 * Binds where nobody else can look, and gives the socket its name only when it has its mode: at no instant could another
 * user connect. `link` fails where the name is taken, so of two controllers that start together one gets it.
 */
async function bindPrivately(server: Server, path: string, born: string): Promise<Stats> {
  try {
    await listen(server, born);
    await chmod(born, 0o600);
    await link(born, path);
    return await lstat(born);
  } catch (error) {
    server.close();
    throw (error as NodeJS.ErrnoException).code === 'EEXIST' ? livingController(path) : error;
  }
}

/** Takes the socket's name away, unless somebody else has taken it meanwhile. */
async function release(path: string, ours: Stats): Promise<void> {
  const found = await statusAt(path);
  if (found?.ino === ours.ino && found.dev === ours.dev) await unlink(path);
}

/**
 * Lets `server` listen on a unix socket at `path`, for this user alone (mode 0600, in a directory that nobody else can
 * write to). A socket that a dead controller left is replaced. Throws a ControlSocketError for a path that is too long,
 * for a directory or file that is not ours or a symbolic link, and when a living controller has it. Returns what takes
 * the socket's name away again; the server itself is the caller's to close.
 */
export async function openControlSocket(server: Server, path: string): Promise<() => Promise<void>> {
  const birthBytes = Buffer.byteLength(join(dirname(path), `${birthplacePrefix}XXXXXX`, birthName));
  const bytes = Math.max(Buffer.byteLength(path), birthBytes);
  if (bytes > maxSocketPathBytes) {
    throw new ControlSocketError(
      `the control socket's path needs ${bytes} bytes, expected ${maxSocketPathBytes} at most (unix(7)): ${path}`,
    );
  }
  const uid = process.geteuid?.() ?? -1;
  await ensureDirectory(dirname(path), uid);
  const birthplace = await mkdtemp(join(dirname(path), birthplacePrefix));
  try {
    await setStaleAside(path, uid, join(birthplace, 'stale'));
    const ours = await bindPrivately(server, path, join(birthplace, birthName));
    return () => release(path, ours);
  } finally {
    await rm(birthplace, { recursive: true, force: true });
  }
}
