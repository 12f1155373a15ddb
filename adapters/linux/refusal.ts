import { type LinkTarget, TargetRefused } from './link-targets.ts';
import { PathRefused } from './open-in-root.ts';
import { PathTooLong, TooManyLinks } from './path-walk.ts';
import { SystemCallError } from './system-calls.ts';
import { isSystemFailure } from './system-failure.ts';

/** What a file system says of a target that can't be had there, however often it is tried, in words. */
const saidByFileSystem: Readonly<Record<string, string>> = {
  EROFS:
    'its file system is read-only; expected one where a file can be made: have a tmpfs mounted there, or choose a target in one, such as /run',
  ENOTDIR: 'its path leads through something that is no directory; expected directories',
  EACCES: "the container's root user may not make a file there; expected a directory where it may",
  EPERM: 'no file can be made there; expected a file system that takes files',
  ENAMETOOLONG: 'a name in its path is longer than file systems take; expected at most 255 bytes',
  EOVERFLOW: "its file system takes no files of the container's root user; expected one that does",
};

function reasonOf(error: unknown): string | null {
  if (error instanceof PathRefused || error instanceof TooManyLinks || error instanceof PathTooLong)
    return error.message;
  if (error instanceof SystemCallError || !isSystemFailure(error)) return null;
  return saidByFileSystem[String(error.code)] ?? null;
}

/** The refusal that an error of placing something at a target stands for; the error itself where it stands for none. */
export function refusalOf({ container, target }: LinkTarget, error: unknown): unknown {
  const reason = reasonOf(error);
  if (reason === null) return error;
  return new TargetRefused(
    'LinkTargetRefused',
    `${target} of container '${container}' can't be had: ${reason}`,
  );
}
