import test from 'ava';
import { item, waitingWeb, webContainer, webItems, webLease } from '../fixtures.ts';
import { served } from '../served.ts';
import { commandLine } from './command.ts';

const mistakes: readonly (readonly [words: readonly string[], says: RegExp])[] = [
  [['aply'], /unknown command 'aply'\n\(Did you mean apply\?\)/],
  [['apply'], /missing required argument 'path'/],
  [
    ['get', 'contaners'],
    /expected one of pools, leases, groups, containers, listeners, links, routes, all\nhint: did you mean 'containers'\?/,
  ],
  [['get', '-o', 'yaml'], /Allowed choices are table, wide, json, name/],
  [['apply', 'x', '--wait', '-1'], /seconds from 0/],
  [['apply', 'x', '--wait', '1e9'], /seconds from 0/],
  [['apply', 'x', '--commit-after', '86401'], /seconds from 0 to 86400/],
  [['run', '--commit-after', 'soon'], /seconds from 0 to 86400/],
  [['apply', 'x', '-m', 'm'.repeat(4097)], /at most 4096 characters/],
  [['rollback', 'last'], /the number of a revision; 'holdfast history' lists them/],
  [['diff', '3'], /missing required argument 'to'/],
  [['why', 'container'], /why needs a kind and a name\nhint: as in 'holdfast why container web'/],
  [['plan', 'x', '--adapter', 'lxd'], /Allowed choices are auto, lxc, docker, memory/],
  [['get', 'rotues'], /hint: did you mean 'routes'\?/],
  [['describe', 'route'], /describe needs the name of a rule\nhint: as in 'holdfast describe route web'/],
  [['why', 'route'], /why needs the name of a rule/],
  [['graph', '-o', 'svg'], /Allowed choices are table, json, dot, mermaid/],
  [['run', '--proxy', 'nginx'], /Allowed choices are auto, haproxy, builtin/],
  [['run', '--serve'], /found --serve with --adapter auto, expected --adapter memory/],
  [['run', '--serve', '--adapter', 'lxc'], /found --serve with --adapter lxc, expected --adapter memory/],
  [['run', '--adapter', 'memory', '--proxy', 'haproxy'], /of which nothing listens\nhint: add --serve/],
  [['describe', 'container'], /describe needs a kind and a name/],
  [['events', '--folow'], /unknown option '--folow'\n\(Did you mean --follow\?\)/],
];
for (const [words, says] of mistakes) {
  test(`a wrong command line exits with 64 and says what is meant: ${words.join(' ')}`, async (t) => {
    const { code, out, err } = await commandLine(words);
    t.is(code, 64);
    t.is(out, '');
    t.regex(err, says);
  });
}

test('a complaint shows no more of a word than names it, and nothing that a terminal would obey', async (t) => {
  const { code, err } = await commandLine(['apply', 'x', '-m', `\u001b[2J${'m'.repeat(9000)}`]);
  t.is(code, 64);
  t.regex(err, /argument '\\x1b\[2Jm+…' is invalid\. Expected at most 4096 characters\.\n/);
  t.true(err.length < 300, `${err.length} characters`);
});

test('help lists every verb and every exit code, and each verb has examples', async (t) => {
  const { code, out } = await commandLine(['--help']);
  t.is(code, 0);
  const verbs = [...out.matchAll(/^ {2}([a-z]+) .*[a-z]$/gm)].map(([, verb]) => verb ?? '');
  const expected = (
    'run validate plan explain apply patch rollback down get describe graph why history show diff events ' +
    'replay version'
  ).split(' ');
  t.deepEqual(
    verbs.filter((verb) => verb !== 'help'),
    expected,
  );
  for (const exit of [0, 1, 2, 3, 4, 5, 6, 64, 69, 70, 130]) t.regex(out, new RegExp(`^ *${exit}  `, 'm'));
  for (const verb of expected) {
    t.regex((await commandLine([verb, '--help'])).out, /Examples:\n {2}.*holdfast/, verb);
  }
});

const everyVerb =
  'run validate plan explain apply patch rollback down get describe graph why history show diff events replay version';
for (const verb of ['', ...everyVerb.split(' ')]) {
  test(`no line of the help is wider than 80 columns: ${verb}`, async (t) => {
    const { out } = await commandLine([...(verb === '' ? [] : [verb]), '--help']);
    t.deepEqual(
      out.split('\n').filter((line) => line.length > 80),
      [],
    );
  });
}

test('a name that no resource has exits with 5 and the nearest names', async (t) => {
  const { service, socket } = await served(t);
  service.items = webItems;
  const listed = await commandLine(['get', 'containers', 'wbe', '--socket', socket]);
  t.deepEqual(
    [listed.code, listed.err],
    [5, "holdfast: there is no container 'wbe'\nhint: did you mean 'web'?\n"],
  );
  const described = await commandLine(['describe', 'container', 'wbe', '--socket', socket]);
  t.is(described.code, 5);
  t.regex(described.err, /there is no resource 'container\/wbe'\nhint: did you mean 'container\/web'\?/);
});

test('a lease is described by its container where that has one alone, and all are named where it has more', async (t) => {
  const { service, socket } = await served(t);
  const [first, second] = [item('lease/a/web/eth0', webLease), item('lease/b/web/eth1', webLease)];
  const describe = () => commandLine(['describe', 'lease', 'web', '--socket', socket]);
  service.items = [first];
  service.descriptions = new Map([[first.key, { ...waitingWeb, ...first }]]);
  t.is((await describe()).code, 0);
  service.items = [first, second];
  const several = await describe();
  t.is(several.code, 64);
  t.regex(several.err, /'a\/web\/eth0', 'b\/web\/eth1'/);
});

test('get -o name prints keys, and a filter that takes a part of a name finds the leases of a container', async (t) => {
  const { service, socket } = await served(t);
  service.items = webItems;
  const { out } = await commandLine(['get', 'leases', 'web', '-o', 'name', '--socket', socket]);
  t.is(out, 'lease/internal/web/eth0\n');
  t.is(
    (await commandLine(['get', 'container/web', '-o', 'name', '--socket', socket])).out,
    'container/web\n',
  );
});

test('where there is nothing, get says so beside the data', async (t) => {
  const { socket } = await served(t);
  const { code, out, err } = await commandLine(['get', 'pools', '--socket', socket]);
  t.deepEqual([code, out, err], [0, '', 'there are no pools\n']);
});

test('on a terminal phases are coloured and say the same in words; NO_COLOR and dumb terminals are respected', async (t) => {
  const { service, socket } = await served(t);
  service.items = [item('container/web', webContainer, 'Failed', 'exited with code 1')];
  const shown = (env: Readonly<Record<string, string>>) =>
    commandLine(['get', 'containers', '--socket', socket], { columns: 80, env });
  t.true((await shown({})).out.includes('\u001b[31mFailed\u001b[39m'));
  for (const env of [{ NO_COLOR: '1' }, { TERM: 'dumb' }]) {
    t.is((await shown(env)).out.includes('\u001b'), false);
  }
});

test('an error of the controller is told as such', async (t) => {
  const { service, socket } = await served(t);
  service.onApply = () => {
    throw new Error('disk full');
  };
  const { code, err } = await commandLine(['down', '--socket', socket]);
  t.is(code, 70);
  t.regex(err, /the controller failed: disk full\nhint: its log says more/);
});

test('explain knows every code, finds the nearest for a wrong one, and lists them all', async (t) => {
  const known = await commandLine(['explain', 'BadJson']);
  t.is(known.code, 0);
  t.regex(known.out, /^BadJson \(error\): .*\n\n[\s\S]*\nWhat to do:\n {2}/);
  const wrong = await commandLine(['explain', 'BadJsn']);
  t.deepEqual([wrong.code, wrong.err.includes("did you mean 'BadJson'?")], [5, true]);
  const all = await commandLine(['explain']);
  t.regex(all.out, /^CODE .*SEVERITY .*MEANING\n/);
  t.deepEqual(
    all.out.split('\n').filter((line) => line.length > 80),
    [],
  );
});

test('the place of the control socket: option, environment, root, user', async (t) => {
  const place = async (words: readonly string[], env: Readonly<Record<string, string>>): Promise<string> =>
    /no controller at (.*):/.exec((await commandLine(['events', ...words], { env })).err)?.[1] ?? '';
  t.is(await place(['--socket', '/nowhere/a'], { HOLDFAST_SOCKET: '/nowhere/b' }), '/nowhere/a');
  t.is(await place([], { HOLDFAST_SOCKET: '/nowhere/b' }), '/nowhere/b');
});
