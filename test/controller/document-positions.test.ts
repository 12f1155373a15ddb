import test from 'ava';
import { newPositions } from '../../controller/document-positions.ts';

/** What is stored after `paths` was written over `before`; and how many rows that took. */
function write(before: ReadonlyMap<string, number>, paths: readonly string[]) {
  const changed = newPositions(paths, (path) => before.get(path));
  const after = new Map(paths.map((path) => [path, changed.get(path) ?? before.get(path) ?? Number.NaN]));
  const order = [...after].sort(([, a], [, b]) => a - b).map(([path]) => path);
  return { after, order, writes: changed.size };
}

const abcd = write(new Map(), ['a', 'b', 'c', 'd']).after;

const cases: Readonly<Record<string, { readonly paths: readonly string[]; readonly writes: number }>> = {
  'nothing changed': { paths: ['a', 'b', 'c', 'd'], writes: 0 },
  'one at the end': { paths: ['a', 'b', 'c', 'd', 'x'], writes: 1 },
  'two in between': { paths: ['a', 'x', 'y', 'b', 'c', 'd'], writes: 2 },
  'one at the start': { paths: ['x', 'a', 'b', 'c', 'd'], writes: 1 },
  'one gone': { paths: ['a', 'c', 'd'], writes: 0 },
  'the first one moved to the end': { paths: ['b', 'c', 'd', 'a'], writes: 1 },
  'all turned round': { paths: ['d', 'c', 'b', 'a'], writes: 3 },
  'nothing left': { paths: [], writes: 0 },
};

for (const [what, { paths, writes }] of Object.entries(cases)) {
  test(`order is kept at the price of the change: ${what}`, (t) => {
    const result = write(abcd, paths);
    t.deepEqual(result.order, paths);
    t.is(result.writes, writes);
  });
}

test('when no number is left between two positions, all are numbered anew', (t) => {
  let rows = abcd;
  let paths: readonly string[] = ['a', 'b', 'c', 'd'];
  let renumbered = 0;
  for (let round = 0; round < 200; round++) {
    paths = [paths[0] ?? '', `x${round}`, ...paths.slice(1)];
    const result = write(rows, paths);
    t.deepEqual(result.order, paths);
    if (result.writes > 1) renumbered++;
    rows = result.after;
  }
  t.true(renumbered >= 1 && renumbered <= 5);
});
