import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { copyPaths, copyPrograms } from './copy-program.ts';

/** The directory of shared objects of this machine's architecture (Debian's multiarch tuple). */
function libraryDirectory(): string {
  const directory = `/usr/lib/${process.arch === 'arm64' ? 'aarch64' : 'x86_64'}-linux-gnu`;
  if (existsSync(directory)) return directory;
  throw new Error(`found no ${directory}, expected a Debian with Weston`);
}

/**
 * Puts Weston into a container's root, with the backend that needs no hardware, the shell that needs no helpers, and a client that draws.
 * Rejects when it is not installed.
 */
export async function addWeston(root: string): Promise<void> {
  const libraries = libraryDirectory();
  // Loaded by name at run time: no program is linked to them.
  const modules = ['libweston-10/headless-backend.so', 'weston/fullscreen-shell.so'];
  await copyPrograms(
    ['/usr/bin/weston', '/usr/bin/weston-simple-shm', ...modules.map((name) => join(libraries, name))],
    root,
  );
  await copyPaths(['/usr/share/X11/xkb'], root);
}
