import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { projectDirectory } from '../house/project.ts';

const text = (path: string): string => readFileSync(join(projectDirectory, path), 'utf8');

test('the launcher takes those verbs from the bundle of modules that the other bundle is built without', (t) => {
  const launched = /^ {2}([a-z |]+)\) entry=\$home\/dist\/entry\.js ;;$/m.exec(text('bin/holdfast'))?.[1];
  const left = /^const controllerVerbs = \[(.+)\];$/m.exec(text('tools/build.ts'))?.[1];
  t.truthy(launched);
  t.deepEqual(launched?.split(' | '), left?.replaceAll("'", '').split(', '));
});
