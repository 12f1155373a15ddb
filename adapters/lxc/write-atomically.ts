import { renameSync, writeFileSync } from 'node:fs';

/**
 * Replaces `path` whole: a reader, and whoever comes after a crash of this process, sees the old content or the new,
 * never a part. It is not synchronised to the disk: what is written so describes what runs on this host, and
 * after a power cut nothing runs. Only one writer for a path at a time.
 */
export function writeAtomically(path: string, content: string, mode: number): void {
  const aside = `${path}.new`;
  writeFileSync(aside, content, { mode });
  renameSync(aside, path);
}
