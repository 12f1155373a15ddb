import test from 'ava';
import { PathTooLong, walkPath } from '../../../adapters/linux/path-walk.ts';

/** Walks where names that are in `links` are links, and all others are directories; tells what was looked at and what was left. */
function walk(path: string, links: Readonly<Record<string, string>> = {}) {
  const looked: string[] = [];
  const left: string[] = [];
  const look = (within: string, name: string, isLast: boolean) => {
    looked.push(`${name}${isLast ? '!' : ''}`);
    const link = links[name];
    return link === undefined ? { place: `${within}/${name}` } : { link };
  };
  const result = () => walkPath('', path, look, (place) => left.push(place)).at(-1);
  return { looked, left, result };
}

test('[LINK-11] every place that a path goes out of again is told, once', (t) => {
  const { looked, left, result } = walk('/a/b/../c/link/d/', { link: '/e' });
  t.is(result(), '/e/d');
  t.deepEqual(looked, ['a', 'b', 'c', 'link', 'e', 'd']);
  t.deepEqual(left, ['/a/b', '/a', '/a/c']);
  t.deepEqual(walk('/../..').left, []);
});

test('[LINK-11] only the last name is the last one', (t) => {
  const { looked, result } = walk('a/link', { link: 'b/c' });
  t.is(result(), '/a/b/c');
  t.deepEqual(looked, ['a', 'link!', 'b', 'c!']);
});

const worst = 'a/../'.repeat(800);
const tooLong: readonly (readonly [
  what: string,
  path: string,
  links: Record<string, string>,
  says: RegExp,
])[] = [
  ['129 names', '/a'.repeat(129), {}, /have 129 names; expected at most 128/],
  ['129 dots', './'.repeat(129), {}, /have 129 names; expected at most 128/],
  ['a link of 800 names', '/l', { l: `/${worst}` }, /^\/l and the symbolic links on its way have 1601 names/],
  [
    'links of 50 names each',
    '/l',
    { l: `/${'x/../'.repeat(25)}m`, m: `/${'x/../'.repeat(25)}l` },
    /have 154 names; expected at most 128/,
  ],
  ['4096 bytes', `/${'a'.repeat(4095)}`, {}, /leads through a path of 4096 bytes; expected at most 4095/],
];
for (const [what, path, links, says] of tooLong) {
  test(`[LINK-11] a path of ${what} is refused before more than 128 names are looked at`, (t) => {
    const { looked, result } = walk(path, links);
    t.throws(result, { instanceOf: PathTooLong, message: says });
    t.true(looked.length <= 128, `${looked.length} names`);
  });
}

test('[LINK-11] a path of 128 names and of any number of slashes is walked', (t) => {
  t.is(walk(`${'/a'.repeat(128)}`).result(), '/a'.repeat(128));
  t.is(walk(`${'/'.repeat(4000)}a`).result(), '/a');
});
