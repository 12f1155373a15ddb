import test from 'ava';
import { addTallies, closeTally, emptyTally, readTapLine, tapStart } from '../../tools/tap.ts';

/** Reads a whole output; what is shown of it, and what it amounts to. */
function read(output: string) {
  let state = tapStart;
  const shown: string[] = [];
  for (const line of output.split('\n')) {
    const next = readTapLine(state, line);
    state = next.state;
    if (next.show) shown.push(line);
  }
  return { shown, tally: state.tally };
}

test('results are counted, and only failures with their explanations, skips and notes are shown', (t) => {
  const { shown, tally } = read(
    [
      'TAP version 13',
      'ok 1 - a › good',
      'not ok 2 - a › bad',
      '  ---',
      '    message: boom',
      '  ...',
      'ok 3 - a › [POOL-3] good too',
      '  ---',
      '  ...',
      'ok 4 - a › later # SKIP',
      '#   a note of the test',
      '# a › before hook',
      '',
      '1..4',
      '# tests 3',
      '# pass 2',
      '# fail 1',
    ].join('\n'),
  );
  t.deepEqual(tally, { passed: 2, failed: 1, skipped: 1 });
  t.deepEqual(shown, [
    'not ok 2 - a › bad',
    '  ---',
    '    message: boom',
    '  ...',
    'ok 4 - a › later # SKIP',
    '#   a note of the test',
  ]);
});

test('a run that ends badly without a failed test counts as one failure', (t) => {
  const passed = { passed: 3, failed: 0, skipped: 0 };
  t.deepEqual(closeTally(passed, 0), passed);
  t.deepEqual(closeTally(passed, 1), { ...passed, failed: 1 });
  t.deepEqual(closeTally({ ...passed, failed: 2 }, 1), { ...passed, failed: 2 });
});

test('tallies add up', (t) => {
  const one = { passed: 1, failed: 2, skipped: 3 };
  t.deepEqual(addTallies(one, emptyTally), one);
  t.deepEqual(addTallies(one, one), { passed: 2, failed: 4, skipped: 6 });
});
