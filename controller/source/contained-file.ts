import { constants } from 'node:fs';
import { type FileHandle, open, readlink, realpath } from 'node:fs/promises';
import { sep } from 'node:path';
import { SourceProblem } from './source-problem.ts';

/** Bytes read at a time. */
const CHUNK_BYTES = 256 * 1024;

/** True when `path` is `root` or lies below it. Both absolute, without symbolic links. */
export function isInside(root: string, path: string): boolean {
  return path === root || path.startsWith(root.endsWith(sep) ? root : root + sep);
}

/**
 * Opens the regular file at `path` for reading, through symbolic links only where these lead to a place below `root`
 * (itself a real path). What was opened is what is judged: the check is on the open file, not on its name before.
 * Throws a SourceProblem for anything else: devices, FIFOs and sockets are never opened.
 */
export async function openContained(root: string, path: string): Promise<FileHandle> {
  const real = await realpath(path);
  if (!isInside(root, real)) throw leadsOutside(real);
  const handle = await open(real, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  try {
    const stats = await handle.stat();
    if (!stats.isFile()) throw notRegular();
    const opened =
      process.platform === 'linux' ? await readlink(`/proc/self/fd/${handle.fd}`) : await realpath(path);
    if (!isInside(root, opened)) throw leadsOutside(opened);
    return handle;
  } catch (error) {
    await handle.close();
    throw error;
  }
}

/** The whole content; a SourceProblem when it has more than `maxBytes`. */
export async function readContained(root: string, path: string, maxBytes: number): Promise<Uint8Array> {
  await using handle = await openContained(root, path);
  const { size } = await handle.stat();
  if (size > maxBytes) {
    throw new SourceProblem({
      code: 'TooLarge',
      found: `${size} bytes`,
      expected: `at most ${maxBytes} bytes of JSON`,
      hint: 'large files belong into objects, not into documents',
    });
  }
  const content = Buffer.alloc(size + 1);
  let length = 0;
  for (;;) {
    const { bytesRead } = await handle.read(content, length, content.length - length, length);
    length += bytesRead;
    if (bytesRead === 0 || length === content.length) break;
  }
  if (length !== size) throw changing();
  return content.subarray(0, length);
}

/** sha256 and size of the content; a SourceProblem when the file changes meanwhile. Memory does not grow with the file. */
export async function hashContained(
  root: string,
  path: string,
): Promise<{ readonly sha256: string; readonly size: number }> {
  await using handle = await openContained(root, path);
  const before = await handle.stat({ bigint: true });
  // Taken here, since loading it takes long, and a state JSON without objects needs no hash.
  const hash = process.getBuiltinModule('node:crypto').createHash('sha256');
  const chunk = Buffer.allocUnsafe(CHUNK_BYTES);
  for (;;) {
    const { bytesRead } = await handle.read(chunk, 0, chunk.length);
    if (bytesRead === 0) break;
    hash.update(chunk.subarray(0, bytesRead));
  }
  const after = await handle.stat({ bigint: true });
  if (before.mtimeNs !== after.mtimeNs || before.size !== after.size) throw changing();
  return { sha256: hash.digest('hex'), size: Number(after.size) };
}

/** Why a directory entry that is neither file nor directory is not read. */
export function notRegular(): SourceProblem {
  return new SourceProblem({
    code: 'NotARegularFile',
    found: 'a device, FIFO, socket, or a link to a directory',
    expected: 'a regular file or a directory',
    hint: 'copy the content here, or remove it',
  });
}

function leadsOutside(real: string): SourceProblem {
  return new SourceProblem({
    code: 'LinkLeadsOutside',
    found: `a symbolic link to ${real}`,
    expected: 'a file inside the directory of the revision',
    hint: 'copy the file here',
  });
}

function changing(): SourceProblem {
  return new SourceProblem({
    code: 'ChangedWhileRead',
    found: 'a file that is still being written',
    expected: 'a file at rest',
    hint: 'read it again when it is complete',
  });
}
