import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { readSources, type Source } from '../../tools/house/sources.ts';

/** The project as it stands, for the tests of the house. */
export const projectDirectory = join(import.meta.dirname, '../..');

export function projectText(path: string): string {
  return readFileSync(join(projectDirectory, path), 'utf8');
}

/** Every TypeScript file of the project. */
export function projectSources(): readonly Source[] {
  return readSources(join(projectDirectory, 'tsconfig.json'));
}

/** Paths of every file of the project, from its directory; without what tools write there. */
export function projectFiles(): readonly string[] {
  const ignored = ['node_modules', '.git', 'dist'];
  return globSync('**', {
    cwd: projectDirectory,
    withFileTypes: true,
    exclude: (entry) => ignored.includes(entry.name),
  })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(projectDirectory.length + 1))
    .sort();
}

/** Parses files that exist in a test alone, as if they were all of a project. */
export function sampleSources(files: Readonly<Record<string, string>>): readonly Source[] {
  const root = '/sample-project';
  const project = { files: Object.keys(files), compilerOptions: { noLib: true, types: [] } };
  const overlay = Object.entries(files).map(([path, text]) => [`${root}/${path}`, text] as const);
  const config = [`${root}/tsconfig.json`, JSON.stringify(project)] as const;
  return readSources(config[0], Object.fromEntries([config, ...overlay]));
}
