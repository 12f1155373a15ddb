import { chmod, lstat, mkdir } from 'node:fs/promises';

/** A directory that is not ours alone was found where one had to be. */
export class UnsafeDirectoryError extends Error {
  override readonly name = 'UnsafeDirectoryError';
  readonly code = 'UnsafeDirectory';
  readonly path: string;

  constructor(path: string, found: string) {
    super(
      `found ${found} at ${path}, expected a directory that only this user can write to; ` +
        'look at who made it, and remove it or choose another place',
    );
    this.path = path;
  }
}

/**
 * Makes `path` (with those above it) a directory that belongs to this user and that nobody else can enter: mode 0700. One that is there
 * already is taken only if nobody else can have put anything into it: no symbolic link, our own, not writable for
 * group or others. Throws an UnsafeDirectoryError otherwise.
 */
export async function ensurePrivateDirectory(path: string): Promise<void> {
  await mkdir(path, { recursive: true, mode: 0o700 });
  const stats = await lstat(path);
  if (stats.isSymbolicLink()) throw new UnsafeDirectoryError(path, 'a symbolic link');
  const user = process.geteuid?.() ?? stats.uid;
  if (stats.uid !== user)
    throw new UnsafeDirectoryError(path, `a directory of user ${stats.uid}, not of ${user},`);
  const mode = stats.mode & 0o777;
  if ((mode & 0o022) !== 0) throw new UnsafeDirectoryError(path, `a directory of mode ${mode.toString(8)}`);
  if (mode !== 0o700) await chmod(path, 0o700);
}
