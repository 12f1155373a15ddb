import { readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** Ends the name of a file until its content is whole. */
const unfinished = '.new';

/**
 * Replaces `path` whole: a reader, and whoever comes after a crash of this process, sees the old content or the new,
 * never a part. It is not synchronised to the disk: what is written so describes what runs on this host, and
 * after a power cut nothing runs. Only one writer for a path at a time.
 */
export function writeAtomically(path: string, content: string, mode: number): void {
  const aside = `${path}${unfinished}`;
  writeFileSync(aside, content, { mode });
  renameSync(aside, path);
}

/** Removes what a process that was killed has left of its writing to a directory of ours; nobody may be writing there now. */
export function removeUnfinished(directory: string): void {
  for (const entry of readdirSync(directory)) {
    if (entry.endsWith(unfinished)) rmSync(join(directory, entry), { force: true });
  }
}
