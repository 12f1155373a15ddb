import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import type { ExecutionContext } from 'ava';
import type { FlatState } from '../../../state/revision.ts';

/** A new directory that is gone when the test ends, with these files in it. */
export async function directoryOf(
  t: ExecutionContext,
  files: Readonly<Record<string, string | Uint8Array>> = {},
): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'holdfast-test-'));
  t.teardown(() => rm(directory, { recursive: true, force: true }));
  for (const [path, content] of Object.entries(files)) await writeInto(directory, path, content);
  return directory;
}

/** Writes one file, making the directories above it. */
export async function writeInto(
  directory: string,
  path: string,
  content: string | Uint8Array,
): Promise<void> {
  await mkdir(dirname(join(directory, path)), { recursive: true });
  await writeFile(join(directory, path), content);
}

/** A state of these entries as a directory has them: laid out as one, they need not say to which specification they are written. */
export function laidOut(entries: FlatState): FlatState {
  return { '#spec': 'pantavisor-service-system@1', ...entries };
}
