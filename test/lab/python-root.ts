import { execFile } from 'node:child_process';
import { symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { copyPaths, copyPrograms } from './copy-program.ts';

/** Debian's, not one that a developer has on PATH: Debian's packages are made for it. */
const python = '/usr/bin/python3';

/** Prints the interpreter's own path, then where each module lies that was loaded. */
const listing = `
import importlib, os, sys
# Of what a module loads only where it is installed, GLib's bindings are the large part, and no service here uses them.
sys.modules['gi'] = None
for name in sys.argv[1:]: importlib.import_module(name)
print(os.path.realpath(sys.executable))
for module in list(sys.modules.values()):
    path = getattr(module, '__file__', None)
    if path is not None: print(os.path.realpath(path))
`;

/**
 * Puts Debian's Python into a container's root as `/usr/bin/python3`, with these modules and all that they load. Rejects when one of them is
 * not installed.
 */
export async function addPython(root: string, modules: readonly string[]): Promise<void> {
  // Isolated, and without what else this machine has for every start of Python.
  const { stdout } = await promisify(execFile)(python, ['-I', '-c', listing, ...modules, 'encodings.idna']);
  const [program = '', ...files] = stdout.trim().split('\n');
  const isLinked = (path: string) => path.endsWith('.so');
  await copyPrograms([program, ...files.filter(isLinked)], root);
  await copyPaths(
    files.filter((path) => !isLinked(path)),
    root,
  );
  await symlink(program, join(root, python));
}
