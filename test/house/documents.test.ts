import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import test from 'ava';
import {
  machinePaths,
  npmCommands,
  relativeLinks,
  unpinnedPackages,
  unpinnedRanges,
} from '../../tools/house/documents.ts';
import { projectDirectory, projectFiles, projectText } from './project.ts';

const markdown = projectFiles().filter((path) => path.endsWith('.md'));
const manifest = JSON.parse(projectText('package.json'));

test('every npm command that a document names is a script', (t) => {
  for (const path of markdown) {
    const unknown = npmCommands(projectText(path)).filter((name) => manifest.scripts[name] === undefined);
    t.deepEqual(unknown, [], path);
  }
  t.deepEqual(npmCommands('`npm ci && npm run demo`, then `npm test`'), ['demo', 'test']);
});

test('every relative link of a document leads to a file', (t) => {
  for (const path of markdown) {
    const links = relativeLinks(projectText(path));
    const dead = links.filter((link) => !existsSync(join(projectDirectory, dirname(path), link)));
    t.deepEqual(dead, [], path);
  }
  t.deepEqual(relativeLinks('[a](b.md#c) [d](https://example.org/) [e](#f)'), ['b.md']);
});

test('every decision is in the index of decisions', (t) => {
  const pages = projectFiles().filter((path) => /^docs\/decisions\/(?!README)/.test(path));
  const linked = relativeLinks(projectText('docs/decisions/README.md')).map(
    (link) => `docs/decisions/${link}`,
  );
  t.true(pages.length > 0);
  t.deepEqual(
    pages.filter((page) => !linked.includes(page)),
    [],
  );
});

test('every package is pinned by version and by the sha512 of its content', (t) => {
  const lock = JSON.parse(projectText('package-lock.json'));
  t.deepEqual(unpinnedPackages(lock), []);
  t.deepEqual(
    unpinnedRanges({
      ...manifest.dependencies,
      ...manifest.devDependencies,
      ...manifest.optionalDependencies,
    }),
    [],
  );
  const loose = {
    packages: {
      '': {},
      a: { integrity: 'sha512-x' },
      b: { integrity: 'sha1-x' },
      c: {},
      d: { os: ['darwin'] },
    },
  };
  t.deepEqual(unpinnedPackages(loose), ['b', 'c']);
  t.deepEqual(unpinnedRanges({ a: '1.2.3', b: '^1.2.3' }), ['b@^1.2.3']);
});

test('no file names a path of the machine on which it was written', (t) => {
  for (const path of projectFiles()) t.deepEqual(machinePaths(projectText(path)), [], path);
  const home = ['', 'home', 'someone', 'holdfast'].join('/');
  t.deepEqual(machinePaths(`at ${home}/main.ts:3`), [`${home.slice(0, home.lastIndexOf('/'))}/holdfast`]);
  t.deepEqual(machinePaths('/etc/passwd, /var/lib/holdfast, ./home/a/b'), []);
});
