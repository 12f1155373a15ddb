import { rename, writeFile } from 'node:fs/promises';

/**
 * Replaces `path` whole: a reader, and whoever comes after a crash of this process, sees the old content or the new,
 * never a part. It is not synchronised to the disk: what is written so describes what runs on this host, and
 * after a power cut nothing runs. Only one writer for a path at a time.
 */
export async function writeAtomically(path: string, content: string, mode: number): Promise<void> {
  const aside = `${path}.new`;
  await writeFile(aside, content, { mode });
  await rename(aside, path);
}
