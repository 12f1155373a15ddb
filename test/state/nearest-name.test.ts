import test from 'ava';
import { meantHint, nearestNames } from '../../state/nearest-name.ts';

const cases: readonly (readonly [name: string, known: readonly string[], nearest: readonly string[]])[] = [
  ['brigde', ['bridge', 'macvlan'], ['bridge']],
  ['Bridge', ['bridge'], ['bridge']],
  ['internl', ['dmz', 'internal'], ['internal']],
  ['hosname', ['host', 'hostname'], ['hostname']],
  ['ab', ['ba', 'abc', 'xyz'], ['ba', 'abc']],
  ['a1', ['a2', 'a3', 'a4', 'a5'], ['a2', 'a3', 'a4']],
  ['root', ['subnet', 'gateway'], []],
  ['', ['a', 'abc'], ['a']],
  ['x'.repeat(65), ['x'.repeat(65)], []],
];

for (const [name, known, nearest] of cases) {
  test(`names near '${name.slice(0, 20)}' among ${known.join(', ').slice(0, 40)}`, (t) => {
    t.deepEqual(nearestNames(name, known), nearest);
    t.is(meantHint(name, known), nearest[0] === undefined ? null : `did you mean '${nearest[0]}'?`);
  });
}
