import { join } from 'node:path';
import test from 'ava';
import { runLines } from '../../tools/command.ts';

const play = join(import.meta.dirname, '../../tools/demo/play.ts');

test('the demo on a host in memory shows what it claims', async (t) => {
  const lines: string[] = [];
  const keep = (line: string) => void lines.push(line);
  const command = { program: process.execPath, arguments: [play, 'memory'] };
  t.is(await runLines(command, { out: keep, error: keep }), 0, lines.join('\n'));
  for (const claim of [
    'the server has 10.0.5.2 and the client 10.0.5.3',
    'HTTP reaches the server, without the prefix',
    'what no rule is for is not found',
    'bytes are carried to the server and back',
    'nothing listens at port',
    'it was committed after it had held',
    'both kept their process',
    'all 3 revisions are remembered',
    'no resource is left',
  ]) {
    t.true(
      lines.some((line) => line.includes(`✓ ${claim}`)),
      claim,
    );
  }
});
