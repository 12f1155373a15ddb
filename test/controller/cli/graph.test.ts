import test from 'ava';
import type { GraphLink } from '../../../controller/api/contract.ts';
import { dotText, graphTable, mermaidText } from '../../../controller/cli/render/graph-text.ts';
import { bytesText } from '../../../controller/cli/render/traffic-text.ts';
import { apiLink } from '../ingress-fixtures.ts';
import { served } from '../served.ts';
import { commandLine } from './command.ts';

const lost: GraphLink = {
  ...apiLink,
  name: 'htpt',
  provider: 'end',
  provider_pid: 0,
  target: ':80',
  socket: '',
};
const plain = { width: 80, paint: (_style: unknown, text: string): string => text };

test('[LINK-9] the graph is one line a connection, with the process id of who runs', (t) => {
  t.is(
    graphTable([apiLink, lost], plain),
    'CONSUMER  TARGET   TYPE  ROLE  PROVIDER    SERVICE  SOCKET\n' +
      'EXTERNAL  :80/api  http  any   api (4242)  rest     /run/api.sock\n' +
      'EXTERNAL  :80      http  any   end         htpt     -\n',
  );
});

test('the graph for Graphviz has every name once, and what leads to nothing dashed', (t) => {
  t.is(
    dotText([apiLink, lost]),
    'digraph holdfast {\n  rankdir=LR;\n  node [shape=box];\n' +
      '  "EXTERNAL";\n  "api";\n  "end";\n' +
      '  "EXTERNAL" -> "api" [label="http rest at :80/api"];\n' +
      '  "EXTERNAL" -> "end" [label="http htpt at :80", style=dashed];\n}\n',
  );
});

test('the graph for Mermaid has ids of its own, since names may be words of its language', (t) => {
  t.is(
    mermaidText([apiLink, lost]),
    'flowchart LR\n  n0["EXTERNAL"]\n  n1["api"]\n  n2["end"]\n' +
      '  n0 -->|"http rest at :80/api"| n1\n  n0 -.->|"http htpt at :80"| n2\n',
  );
});

test('nothing that a name has in it ends its place in a drawing', (t) => {
  const hostile = { ...apiLink, provider: '"];\u001b[2J\\', name: 'a"|b\n' };
  t.true(dotText([hostile]).includes('  "\\"];\\\\x1b[2J\\\\";\n'));
  t.regex(dotText([hostile]), /\[label="http a\\"\|b {2}at :80\/api"\];\n/);
  const drawn = mermaidText([hostile]);
  t.true(drawn.includes('n1["#34;#93;#59;#92;x1b#91;2J#92;"]\n'), drawn);
  t.true(drawn.includes('|"http a#34;#124;b  at :80/api"| n1'), drawn);
});

test('drawings of nothing are still drawings', (t) => {
  t.is(dotText([]), 'digraph holdfast {\n  rankdir=LR;\n  node [shape=box];\n}\n');
  t.is(mermaidText([]), 'flowchart LR\n');
});

test('[LINK-9] graph shows it in each form, and says beside the data where there is nothing', async (t) => {
  const { service, socket } = await served(t);
  const graph = (...words: readonly string[]) => commandLine(['graph', ...words, '--socket', socket]);
  t.deepEqual(await graph(), { code: 0, out: '', err: 'nothing is connected\n' });
  service.links = [apiLink];
  t.regex((await graph()).out, /^CONSUMER /);
  t.deepEqual(JSON.parse((await graph('-o', 'json')).out), [apiLink]);
  t.is((await graph('-o', 'dot')).out, dotText([apiLink]));
  t.is((await graph('-o', 'mermaid')).out, mermaidText([apiLink]));
});

const sizes: readonly (readonly [bytes: number, text: string])[] = [
  [0, '0 B'],
  [999, '999 B'],
  [1_000, '1 kB'],
  [1_550, '1.5 kB'],
  [9_999, '9.9 kB'],
  [10_900, '10 kB'],
  [999_999, '999 kB'],
  [1_200_000, '1.2 MB'],
  [5e9, '5 GB'],
  [Number.MAX_SAFE_INTEGER, '9 PB'],
];
for (const [bytes, text] of sizes) {
  test(`bytes are told in at most four digits: ${text}`, (t) => t.is(bytesText(bytes), text));
}
