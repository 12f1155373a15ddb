import { join } from 'node:path';
import test from 'ava';
import { runLines } from '../../tools/command.ts';

const play = join(import.meta.dirname, '../../tools/demo/play.ts');

/** Real bridges and containers: only inside a lab (test/lab/lab.ts), never in the machine's own network. */
const inLab = process.env.HOLDFAST_LAB === '1' ? test : test.skip;

inLab(
  'the demo on real LXC shows what it claims: leases, names, one restart, a rollback, a bridge that comes back',
  async (t) => {
    const lines: string[] = [];
    const keep = (line: string) => void lines.push(line);
    const command = { program: process.execPath, arguments: [play, 'lxc'] };
    t.is(await runLines(command, { out: keep, error: keep }), 0, lines.join('\n'));
    const claims = lines.filter((line) => line.includes('✓'));
    for (const claim of [
      'LXC says that both run',
      'the client came after the server had said that it is ready',
      'HTTP reaches the server',
      'bytes are carried to the server and back',
      'nothing listens at port',
      'the server kept its process',
      'it was committed after it had held',
      'the client, which was not concerned, kept its process',
      'bridges, addresses, rules and leases are what they were',
      'all 4 revisions are remembered',
      'was back',
      'no bridge is left',
    ]) {
      t.true(
        claims.some((line) => line.includes(claim)),
        claim,
      );
    }
  },
);
