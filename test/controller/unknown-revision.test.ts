import test from 'ava';
import { unknownRevisionText } from '../../controller/unknown-revision.ts';

const texts: readonly (readonly [revision: number, remembered: readonly number[], text: string])[] = [
  [1, [], 'there is no revision 1: none is known yet'],
  [4, [1, 2, 3], 'there is no revision 4: those from 1 to 3 are remembered'],
  [0, [1], 'there is no revision 0: those from 1 to 1 are remembered'],
  [2, [1, 7, 8, 9], 'revision 2 is not remembered any more: those from 7 to 9 are, and 1'],
  [2, [5, 6], 'revision 2 is not remembered any more: those from 5 to 6 are'],
  [12, [1, 4, 8, 9], 'there is no revision 12: those from 8 to 9 are remembered, and 1, 4'],
  [3, [1, 2, 4, 6, 9], 'revision 3 is not remembered any more: those from 9 to 9 are, and 4 older ones'],
];
for (const [revision, remembered, text] of texts) {
  test(`[ROLL-6] of revision ${revision} and [${remembered.join(', ')}] it is said: ${text}`, (t) => {
    t.is(unknownRevisionText(revision, remembered), text);
  });
}
