import test from 'ava';
import { clockProblems, silencedChecks } from '../../tools/house/habits.ts';
import { projectSources, sampleSources } from './project.ts';

test('nothing on the device tells the time, waits or draws lots outside the clock', (t) => {
  t.deepEqual(clockProblems(projectSources()), []);
});

test('no check is switched off', (t) => {
  t.deepEqual(silencedChecks(projectSources()), []);
});

const uses: readonly (readonly [code: string, named: string])[] = [
  ['export const a = Date.now();', 'Date.now'],
  ['export const a = new Date();', 'new Date()'],
  ['export const a = () => setTimeout(() => {}, 5);', 'setTimeout'],
  ['setInterval(() => {}, 5);', 'setInterval'],
  ['export const a = Math.random() * 2;', 'Math.random'],
  ['export const a = AbortSignal.timeout(5);', 'AbortSignal.timeout'],
  [`import { setTimeout as delay } from 'node:timers/promises'; await delay(5);`, 'node:timers/promises'],
  [`import { debounceTime } from 'rxjs'; export const a = debounceTime(5);`, 'debounceTime'],
];

for (const [code, named] of uses) {
  test(`time and chance outside the clock are found: ${code}`, (t) => {
    const problems = clockProblems(sampleSources({ 'adapters/lxc/a.ts': code }));
    t.true(problems.some((problem) => problem.startsWith(`adapters/lxc/a.ts uses ${named};`)));
  });
}

test('the clock itself, a given instant, tests and tools are in order', (t) => {
  const sources = sampleSources({
    'controller/clock.ts': 'export const now = () => Date.now();',
    'state/a.ts': 'export const a = (at: number) => new Date(at).toISOString();',
    'test/a.test.ts': 'export const a = Date.now();',
  });
  t.deepEqual(clockProblems(sources), []);
});

test('a switched-off check is found', (t) => {
  const comment = ['// @ts', 'expect-error later'].join('-');
  const [problem] = silencedChecks(
    sampleSources({ 'state/a.ts': `${comment}\nexport const a: string = 1;` }),
  );
  t.regex(problem ?? '', /^state\/a\.ts has @ts-expect-error/);
});
