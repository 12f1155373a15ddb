import test from 'ava';
import { importProblems } from '../../tools/house/imports.ts';
import { projectSources, sampleSources } from './project.ts';

test('every import of the project goes along the ring', (t) => {
  t.deepEqual(importProblems(projectSources()), []);
});

const refused: readonly (readonly [path: string, text: string, problem: RegExp])[] = [
  ['state/a.ts', `import { readFileSync } from 'node:fs'; export const a = readFileSync;`, /node:fs/],
  ['state/a.ts', `import { Subject } from 'rxjs'; export const a = new Subject();`, /imports rxjs/],
  ['state/a.ts', `import pino from 'pino'; export const a = pino();`, /imports pino/],
  ['state/a.ts', `export const a = await import('node:net');`, /node:net/],
  ['state/a.ts', `export { type Plan } from '../reconcilers/reconciler.ts';`, /of reconcilers/],
  ['state/a.ts', `import type { Step } from '../adapters/adapter.ts'; export type A = Step;`, /of adapter/],
  [
    'reconcilers/a.ts',
    `import { spawn } from 'node:child_process'; export const a = spawn;`,
    /child_process/,
  ],
  ['reconcilers/a.ts', `import type { A } from '../adapters/lxc/a.ts'; export type B = A;`, /of lxc/],
  ['reconcilers/a.ts', `import { a } from '../controller/a.ts'; export const b = a;`, /of controller/],
  [
    'adapters/adapter.ts',
    `import type { Plan } from '../reconcilers/a.ts'; export type B = Plan;`,
    /of reconcilers/,
  ],
  ['adapters/lxc/a.ts', `import { a } from '../memory/a.ts'; export const b = a;`, /of memory/],
  [
    'adapters/lxc/a.ts',
    `import { a } from '../../controller/clock.ts'; export const b = a;`,
    /of controller/,
  ],
  ['adapters/lxc/a.ts', `import fastify from 'fastify'; export const b = fastify;`, /fastify/],
  ['controller/engine.ts', `import { a } from '../adapters/lxc/a.ts'; export const b = a;`, /of lxc/],
  ['controller/a.ts', `import { a } from '../test/a.ts'; export const b = a;`, /outside the house/],
];

for (const [path, text, problem] of refused) {
  test(`an import against the ring is found: ${path}: ${text.slice(0, 60)}`, (t) => {
    const problems = importProblems(sampleSources({ [path]: text }));
    t.is(problems.length, 1);
    t.regex(problems[0] ?? '', problem);
  });
}

test('imports along the ring, and of types of any package, are in order', (t) => {
  const sources = sampleSources({
    'state/store.ts': `import { Subject } from 'rxjs'; export const a = new Subject();`,
    'state/a.ts': `import { createHash } from 'node:crypto'; import type { B } from 'rxjs'; export const a: B = createHash;`,
    'state/b.ts': `import a from '../docs/a.json' with { type: 'json' }; export const b = a;`,
    'reconcilers/a.ts': `import type { Step } from '../adapters/adapter.ts'; import { a } from '../state/a.ts'; export const b: Step = a;`,
    'adapters/lxc/a.ts': `import { a } from '../linux/a.ts'; import { spawn } from 'node:child_process'; export const b = [a, spawn];`,
    'controller/main.ts': `import { a } from '../adapters/lxc/a.ts'; export const b = a;`,
    'test/a.test.ts': `import { a } from '../adapters/lxc/a.ts'; export const b = a;`,
  });
  t.is(sources.length, 7);
  t.deepEqual(importProblems(sources), []);
});
