import { execFile } from 'node:child_process';
import { copyFile, mkdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';

/** Where the loader and libraries of a program are, as ldd(1) says: the part after `=>`, or the path alone. */
function librariesIn(text: string): readonly string[] {
  return text
    .split('\n')
    .map((line) => /(?:=> )?(\/\S+) \(0x/.exec(line)?.[1])
    .filter((path) => path !== undefined);
}

/**
 * Copies a program of the host, with the libraries that it is linked to, to the same paths in a container's root: for what busybox lacks.
 * Rejects when the program is not there.
 */
export async function copyProgram(program: string, root: string): Promise<void> {
  const { stdout } = await promisify(execFile)('ldd', [program]);
  for (const path of [program, ...librariesIn(stdout)]) {
    await mkdir(join(root, dirname(path)), { recursive: true });
    await copyFile(path, join(root, path));
  }
}
