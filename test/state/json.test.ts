import test from 'ava';
import { canonicalJson, digestOf } from '../../state/json.ts';

const table: readonly (readonly [unknown, string])[] = [
  [null, 'null'],
  ['a"b\n', '"a\\"b\\n"'],
  [-0, '0'],
  [[], '[]'],
  [{}, '{}'],
  [['', null, [[]]], '["",null,[[]]]'],
  [{ b: 1, a: { d: [2], c: '' } }, '{"a":{"c":"","d":[2]},"b":1}'],
  [{ 10: 'x', 9: 'y', a: undefined }, '{"10":"x","9":"y"}'],
  [JSON.parse('{"__proto__":{"x":1}}'), '{"__proto__":{"x":1}}'],
];

for (const [value, text] of table) {
  test(`[REV-7] the canonical text is ${text}`, (t) => {
    t.is(canonicalJson(value), text);
    t.deepEqual(JSON.parse(text), JSON.parse(JSON.stringify(value)));
  });
}

test('[REV-7] the order of members is no part of a document, that of elements is', (t) => {
  t.is(digestOf({ a: 1, b: [1, 2] }), digestOf({ b: [1, 2], a: 1 }));
  t.not(digestOf({ a: 1, b: [1, 2] }), digestOf({ a: 1, b: [2, 1] }));
  t.is(digestOf({}), '44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a');
});
