import test from 'ava';
import { inDocumentOrder } from '../../state/document-order.ts';
import { finding } from '../../state/finding-catalog.ts';

const root = { 'b.json': { z: [{ q: 1 }, { p: 2 }], a: {} }, 'a.json': 1 };

function at(pointer: string) {
  return finding('WrongType', { pointer, found: 1, expected: 'x', message: pointer });
}

test('[REV-6] findings come in document order: a whole before its parts, what is missing after what is there', (t) => {
  const ordered = [
    '',
    '/b.json',
    '/b.json/z',
    '/b.json/z/0/q',
    '/b.json/z/0/missing',
    '/b.json/z/1/p',
    '/b.json/a',
    '/b.json/nothing/at/all',
    '/a.json',
    '/c.json',
  ];
  const shuffled = [...ordered].reverse();
  t.deepEqual(
    inDocumentOrder(shuffled.map(at), root).map((one) => one.pointer),
    ordered,
  );
});

test('findings about one place keep their order', (t) => {
  const first = { ...at('/a.json'), message: 'first' };
  const second = { ...at('/a.json'), message: 'second' };
  t.deepEqual(inDocumentOrder([first, second], root), [first, second]);
});
