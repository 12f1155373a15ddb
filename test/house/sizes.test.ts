import test from 'ava';
import { fileSizes, functionSizes, longFiles, spreadOf } from '../../tools/house/sizes.ts';
import { projectSources, sampleSources } from './project.ts';

/** What is measured: everything that runs on a device. */
const measured = projectSources().filter((source) =>
  /^(state|reconcilers|adapters|controller)\//.test(source.path),
);

test('files are of a size to be read at once', (t) => {
  const { median, ninetieth } = spreadOf(fileSizes(measured));
  t.true(median <= 190, `median ${median}`);
  t.true(ninetieth < 450, `90th percentile ${ninetieth}`);
  t.deepEqual(longFiles(measured, 450), []);
});

test('functions do one thing', (t) => {
  const { median, ninetieth } = spreadOf(functionSizes(measured));
  t.true(median <= 10, `median ${median}`);
  t.true(ninetieth < 40, `90th percentile ${ninetieth}`);
});

test('sizes are counted from head to closing brace, of functions that have a name', (t) => {
  const text = `
/** Two lines
    of docstring. */
export function three(): number {
  return [1].map((one) => one)[0] ?? 0;
}
export const one = () => 1;
export class Box {
  #four(): number {
    const value = 1;
    return value;
  }
  two = { get: () =>
    2 };
}
`;
  const [source] = sampleSources({ 'state/a.ts': text });
  t.deepEqual(source?.functions, [
    { name: 'three', line: 4, lines: 3 },
    { name: 'one', line: 7, lines: 1 },
    { name: '#four', line: 9, lines: 4 },
    { name: 'get', line: 13, lines: 2 },
  ]);
  t.is(source?.lines, 15);
});

test('the spread of sizes is that of the sorted sizes', (t) => {
  t.deepEqual(spreadOf([]), { median: 0, ninetieth: 0, greatest: 0 });
  t.deepEqual(spreadOf([7]), { median: 7, ninetieth: 7, greatest: 7 });
  t.deepEqual(spreadOf([10, 9, 8, 7, 6, 5, 4, 3, 2, 1]), { median: 6, ninetieth: 10, greatest: 10 });
});

test('a file that is too long is named with its length', (t) => {
  const sources = sampleSources({
    'state/a.ts': '\n'.repeat(10).concat('export {};'),
    'state/b.ts': 'export {};',
  });
  t.deepEqual(longFiles(sources, 10), ['state/a.ts has 11 lines, at most 10 are expected']);
});
