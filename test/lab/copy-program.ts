import { execFile } from 'node:child_process';
import { copyFile, cp, mkdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';

/** Where the loader and libraries of programs are, as ldd(1) says: the part after `=>`, or the path alone. */
function librariesIn(text: string): readonly string[] {
  return text
    .split('\n')
    .map((line) => /(?:=> )?(\/\S+) \(0x/.exec(line)?.[1])
    .filter((path) => path !== undefined);
}

/** As `copyProgram`, of several programs or shared objects at once. */
export async function copyPrograms(programs: readonly string[], root: string): Promise<void> {
  const { stdout } = await promisify(execFile)('ldd', programs);
  for (const path of new Set([...programs, ...librariesIn(stdout)])) {
    await mkdir(join(root, dirname(path)), { recursive: true });
    await copyFile(path, join(root, path));
  }
}

/**
 * Copies a program of the host, with the libraries that it is linked to, to the same paths in a container's root: for what busybox lacks.
 * Rejects when the program is not there.
 */
export function copyProgram(program: string, root: string): Promise<void> {
  return copyPrograms([program], root);
}

/** Copies files, and directories with all that is in them, of the host to the same paths in a container's root; links are followed. */
export async function copyPaths(paths: readonly string[], root: string): Promise<void> {
  for (const path of paths) await cp(path, join(root, path), { recursive: true, dereference: true });
}
