import test from 'ava';
import { findRings } from '../../state/service-rings.ts';
import { randomNumbers } from './random.ts';

/** `a>b` says that a needs b. Names are in the order of the alphabet. */
function ringsOf(edges: readonly string[], starts?: readonly string[]): readonly string[] {
  const needs = new Map<string, string[]>();
  for (const edge of edges) {
    const [one = '', other = ''] = edge.split('>');
    needs.set(one, [...(needs.get(one) ?? []), other]);
  }
  const rings = findRings(
    starts ?? needs.keys(),
    (name) => needs.get(name) ?? [],
    (name) => name.codePointAt(0) ?? 0,
  );
  return rings.map((ring) => ring.join(''));
}

const graphs: readonly (readonly [edges: string, rings: readonly string[]])[] = [
  ['', []],
  ['a>b b>c a>c', []],
  ['a>b b>a', ['ab']],
  ['b>c c>d d>b a>b d>e', ['bcd']],
  ['a>b b>a c>d d>c b>c', ['ab', 'cd']],
  ['a>b b>c c>a b>a', ['abc']],
  ['a>c c>a a>b b>a', ['ac']],
  ['d>c c>b b>a a>d', ['adcb']],
  ['a>b b>c c>b', ['bc']],
];

for (const [edges, rings] of graphs) {
  test(`[LINK-2] the rings of '${edges}' are ${rings.length === 0 ? 'none' : rings.join(' and ')}`, (t) => {
    t.deepEqual(ringsOf(edges.split(' ').filter((edge) => edge !== '')), rings);
  });
}

test('[LINK-2] a chain of 100,000 has no ring, and closed it is one, which begins with its first', (t) => {
  const length = 100_000;
  const next = (name: string) => [String(Number(name) + 1)];
  const chain = (name: string) => (Number(name) < length - 1 ? next(name) : []);
  t.deepEqual(findRings(['0'], chain, Number), []);
  const closed = (name: string) => (Number(name) < length - 1 ? next(name) : ['0']);
  const [ring] = findRings(['500'], closed, Number);
  t.is(ring?.length, length);
  t.deepEqual(ring?.slice(0, 2), ['0', '1']);
});

test('of very many rings, sixteen are told', (t) => {
  const pairs = Array.from({ length: 100 }, (_, index) => [`${2 * index}`, `${2 * index + 1}`]);
  const other = (name: string) => [String(Number(name) ^ 1)];
  t.is(findRings(pairs.flat(), other, Number).length, 16);
});

test('[ENG-6] the rings are the same from all containers and from one of each ring, and there are some exactly where something is in one', (t) => {
  const letters = [...'abcdefgh'];
  let some = 0;
  for (let seed = 1; seed <= 500; seed += 1) {
    const random = randomNumbers(seed);
    const edges = letters.flatMap((one) =>
      letters.filter((other) => other !== one && random(9) === 0).map((other) => `${one}>${other}`),
    );
    const needs = (name: string) => edges.filter((edge) => edge[0] === name).map((edge) => edge[2] ?? '');
    const reaches = (from: string, to: string, seen = new Set<string>()): boolean =>
      needs(from).some((next) => next === to || (!seen.has(next) && reaches(next, to, seen.add(next))));
    const inRing = letters.filter((name) => reaches(name, name));
    const rings = ringsOf(edges, letters);
    t.is(rings.length > 0, inRing.length > 0, edges.join(' '));
    t.deepEqual(ringsOf(edges, inRing), rings, edges.join(' '));
    for (const ring of rings) {
      [...ring].forEach((name, index) => {
        t.true(needs(name).includes(ring[(index + 1) % ring.length] ?? ''), `${ring} of ${edges.join(' ')}`);
      });
    }
    some += rings.length;
  }
  t.true(some > 100);
});
