import test from 'ava';
import type { GraphLink } from '../../../controller/api/contract.ts';
import { dotText, graphTable, mermaidText } from '../../../controller/cli/render/graph-text.ts';
import { bytesText } from '../../../controller/cli/render/traffic-text.ts';
import { apiLink } from '../ingress-fixtures.ts';
import { rawLink } from '../link-fixtures.ts';
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

test('[LINK-9] links of containers fit 80 columns: paths give first, and keep their ends', (t) => {
  const bus: GraphLink = {
    ...rawLink,
    type: 'dbus',
    name: 'system-bus',
    role: 'operator',
    target: '/run/dbus/system_bus_socket',
    socket: '/run/dbus/system_bus_socket',
  };
  const table = graphTable([rawLink, bus, apiLink], plain);
  t.is(
    table,
    'CONSUMER       TARGET        TYPE  ROLE    PROVIDER       SERVICE   SOCKET\n' +
      'client (4321)  …es/raw.sock  unix  any     server (4242)  raw       …le/raw.sock\n' +
      'client (4321)  …_bus_socket  dbus  opera…  server (4242)  system-…  …_bus_socket\n' +
      'EXTERNAL       :80/api       http  any     api (4242)     rest      …un/api.sock\n',
  );
});

const graphs: readonly (readonly [
  what: string,
  links: readonly GraphLink[],
  dot: string,
  mermaid: string,
])[] = [
  [
    'a link from its consumer to its provider, with type and role',
    [rawLink],
    '  n0 [label="client"];\n  n1 [label="server"];\n' +
      '  n0 -> n1 [label="unix raw, role any, at /run/pv/services/raw.sock"];\n',
    '  n0["client"]\n  n1["server"]\n  n0 -->|"unix raw, role any, at /run/pv/services/raw.sock"| n1\n',
  ],
  [
    'every name once, and ids of its own, since names may be words of the language',
    [apiLink, { ...apiLink, consumer: 'api', provider: 'end' }],
    '  n0 [label="EXTERNAL"];\n  n1 [label="api"];\n  n2 [label="end"];\n' +
      '  n0 -> n1 [label="http rest, role any, at :80/api"];\n' +
      '  n1 -> n2 [label="http rest, role any, at :80/api"];\n',
    '  n0["EXTERNAL"]\n  n1["api"]\n  n2["end"]\n' +
      '  n0 -->|"http rest, role any, at :80/api"| n1\n  n1 -->|"http rest, role any, at :80/api"| n2\n',
  ],
  [
    'a rule that leads to nothing dashed',
    [lost],
    '  n0 [label="EXTERNAL"];\n  n1 [label="end"];\n' +
      '  n0 -> n1 [label="http htpt, role any, at :80", style=dashed];\n',
    '  n0["EXTERNAL"]\n  n1["end"]\n  n0 -.->|"http htpt, role any, at :80"| n1\n',
  ],
  ['nothing at all', [], '', ''],
];
for (const [what, links, dot, mermaid] of graphs) {
  test(`[LINK-9] a drawing for Graphviz has ${what}`, (t) => {
    t.is(dotText(links), `digraph holdfast {\n  rankdir=LR;\n  node [shape=box];\n${dot}}\n`);
  });
  test(`[LINK-9] a drawing for Mermaid has ${what}`, (t) => {
    t.is(mermaidText(links), `flowchart LR\n${mermaid}`);
  });
}

/** What a name may have in it that means something to a drawing, and how each language has it in quotes. */
const hostile: readonly (readonly [name: string, dot: string, mermaid: string])[] = [
  ['"];x', '\\"];x', '#34;#93;#59;x'],
  ['a\\', 'a\\\\', 'a#92;'],
  ['\\N\\G', '\\\\N\\\\G', '#92;N#92;G'],
  ['a\nb', 'a b', 'a b'],
  ['\u001b[2J', '\\\\x1b[2J', '#92;x1b#91;2J'],
  ['a&lt;b', 'a&amp;lt;b', 'a#38;lt#59;b'],
  ['<script>', '<script>', '#60;script#62;'],
  ['a|b', 'a|b', 'a#124;b'],
  ['#35;', '#35;', '#35;35#59;'],
  ['`**b**`', '`**b**`', '#96;#42;#42;b#42;#42;#96;'],
  ['%%{init}%%', '%%{init}%%', '#37;#37;#123;init#125;#37;#37;'],
  ['größe 容器', 'größe 容器', 'gr#246;#223;e #23481;#22120;'],
];
for (const [name, dot, mermaid] of hostile) {
  test(`nothing that a name has in it ends its place in a drawing: ${JSON.stringify(name)}`, (t) => {
    const link: GraphLink = { ...rawLink, name, consumer: name, target: name, role: name };
    const label = (each: string) => `unix ${each}, role ${each}, at ${each}`;
    t.deepEqual(dotText([link]).split('\n').slice(3), [
      `  n0 [label="${dot}"];`,
      '  n1 [label="server"];',
      `  n0 -> n1 [label="${label(dot)}"];`,
      '}',
      '',
    ]);
    t.deepEqual(mermaidText([link]).split('\n').slice(1), [
      `  n0["${mermaid}"]`,
      '  n1["server"]',
      `  n0 -->|"${label(mermaid)}"| n1`,
      '',
    ]);
  });
}

test('[LINK-9] graph shows it in each form, and says beside the data where there is nothing', async (t) => {
  const { service, socket } = await served(t);
  const graph = (...words: readonly string[]) => commandLine(['graph', ...words, '--socket', socket]);
  t.deepEqual(await graph(), { code: 0, out: '', err: 'nothing is connected\n' });
  const links = [rawLink, apiLink];
  service.links = links;
  t.regex((await graph()).out, /^CONSUMER .*\nclient /);
  t.deepEqual(JSON.parse((await graph('-o', 'json')).out), links);
  t.is((await graph('-o', 'dot')).out, dotText(links));
  t.is((await graph('-o', 'mermaid')).out, mermaidText(links));
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
