import test from 'ava';
import { quotedRules, specProblems, statedRules } from '../../tools/house/spec.ts';
import { projectSources, projectText, sampleSources } from './project.ts';

test('every rule of docs/spec.md has a test, and every rule that a test quotes is stated', (t) => {
  const tests = projectSources().filter((source) => /^test\/(?!house\/)/.test(source.path));
  t.deepEqual(specProblems(projectText('docs/spec.md'), tests), []);
});

const titles: readonly (readonly [title: string, rules: readonly string[]])[] = [
  ['[POOL-3] an overlapping subnet is refused', ['POOL-3']],
  ['[POOL-3][ENG-8] both', ['POOL-3', 'ENG-8']],
  ['[POOL-3, ENG-8] both', ['POOL-3', 'ENG-8']],
  ['[POOL-3] [CTR-10] both', ['POOL-3', 'CTR-10']],
  ['an id in the middle [POOL-3] proves nothing', []],
  ['POOL-3 without brackets', []],
  ['[not a rule]', []],
];

for (const [title, rules] of titles) {
  test(`the rules that a title quotes are read: ${title}`, (t) => {
    t.deepEqual(quotedRules(title), rules);
  });
}

test('a rule without a test, a rule stated twice and an unknown id are found', (t) => {
  const spec = '# Rules\n- **AAA-1** one, see BBB-9\n- **AAA-2** two\n- **AAA-1** again\n';
  const tests = sampleSources({
    'test/a.test.ts': `test('[AAA-1] one', run); for (const row of rows) test(\`[CCC-3] \${row}\`, run);`,
  });
  t.deepEqual(statedRules(spec), ['AAA-1', 'AAA-2', 'AAA-1']);
  t.deepEqual(specProblems(spec, tests), [
    'AAA-1 is stated twice',
    'AAA-2 is stated and no test quotes it',
    'test/a.test.ts quotes CCC-3, which docs/spec.md does not state',
  ]);
});
