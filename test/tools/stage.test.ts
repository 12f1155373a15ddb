import test from 'ava';
import { BrokenClaim, Stage } from '../../tools/demo/stage.ts';

function stage() {
  const lines: string[] = [];
  return { lines, stage: new Stage((line) => lines.push(line), [['/tmp/secret-place', 'place']]) };
}

test('a command is shown with what it prints, long paths by their short names', async (t) => {
  const { lines, stage: shown } = stage();
  const result = await shown.show({ program: 'echo', arguments: ['at', '/tmp/secret-place'] });
  t.deepEqual(lines, ['   $ echo at place', '     at place']);
  t.deepEqual(result, { code: 0, output: 'at /tmp/secret-place' });
});

test('a command that ends otherwise than expected breaks the story', async (t) => {
  const { stage: shown } = stage();
  await t.notThrowsAsync(shown.show({ program: 'false', arguments: [] }, 1));
  await t.throwsAsync(shown.show({ program: 'false', arguments: [] }), {
    instanceOf: BrokenClaim,
    message: 'the command ended with 1, expected 0',
  });
});

test('a claim is said only when it holds', (t) => {
  const { lines, stage: shown } = stage();
  shown.claim('two is two', true);
  t.throws(() => shown.claim('two is three', false, 2), {
    instanceOf: BrokenClaim,
    message: 'expected that two is three; found 2',
  });
  t.deepEqual(lines, ['   ✓ two is two']);
});
