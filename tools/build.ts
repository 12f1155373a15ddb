import { copyFile, mkdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';

/**
 * `npm run build`, and the last part of `npm ci`: puts the command line and the controller into a few files under `dist/`, with which
 * both start in less time (docs/decisions/bundle.md). Without esbuild, as in an installation for production, nothing is built, and
 * the sources are run.
 */

const project = join(import.meta.dirname, '..');
const output = join(project, 'dist');
const aside = join(project, 'dist.new');

/** Files that the bundle looks for beside itself. */
const companions = ['adapters/lxc/side-by-side.sh'];

/** Programs of their own, which outlive the controller and load nothing of it. */
const processes = {
  'builtin-proxy': 'adapters/proxy/builtin/process.ts',
  'dbus-proxy': 'adapters/proxy/dbus/process.ts',
};

/** CommonJS packages call `require`, which modules do not have. */
const banner =
  "import { createRequire as requireFrom } from 'node:module'; const require = requireFrom(import.meta.url);";

async function loadEsbuild(): Promise<typeof import('esbuild') | null> {
  try {
    return await import('esbuild');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ERR_MODULE_NOT_FOUND') return null;
    throw error;
  }
}

/**
 * Verbs that do what the controller does: their bundle is cut into modules, of which each start loads what it needs. bin/holdfast
 * starts them, and no others, from there.
 */
const controllerVerbs = ['run', 'plan', 'validate', 'replay'];

/** The other bundle does without them, and without all that only they need. */
const withoutControllerVerbs: import('esbuild').Plugin = {
  name: 'without the verbs of the controller',
  setup({ onLoad }) {
    const contents = "throw new Error('bin/holdfast starts this verb from dist/entry.js');";
    onLoad({ filter: new RegExp(`/cli/verbs/(${controllerVerbs.join('|')})\\.ts$`) }, () => ({ contents }));
  },
};

const esbuild = await loadEsbuild();
if (esbuild === null) {
  process.stderr.write('build: esbuild is not installed; bin/holdfast will run the sources\n');
} else {
  await rm(aside, { recursive: true, force: true });
  await mkdir(aside);
  const common: import('esbuild').BuildOptions = {
    absWorkingDir: project,
    entryPoints: ['controller/cli/entry.ts'],
    outdir: aside,
    bundle: true,
    platform: 'node',
    // It loads its native part from beside itself.
    external: ['koffi'],
    target: 'node24',
    // Some packages have a UMD form for `main`, whose requires no bundler can follow.
    mainFields: ['module', 'main'],
    logLevel: 'warning',
  };
  await esbuild.build({ ...common, splitting: true, format: 'esm', banner: { js: banner } });
  for (const [entryNames, entryPoint] of Object.entries(processes)) {
    const entryPoints = [entryPoint];
    await esbuild.build({ ...common, entryPoints, entryNames, format: 'esm', banner: { js: banner } });
  }
  await esbuild.build({
    ...common,
    entryNames: 'verbs',
    outExtension: { '.js': '.cjs' },
    format: 'cjs',
    plugins: [withoutControllerVerbs],
  });
  for (const file of companions)
    await copyFile(join(project, file), join(aside, file.slice(file.lastIndexOf('/') + 1)));
  await rm(output, { recursive: true, force: true });
  await rename(aside, output);
}
