import test from 'ava';
import type { RevisionOutcome } from '../../../controller/api/contract.ts';
import { emptyPlane } from '../../../controller/cli/data-plane.ts';
import { readSelection, spelledName } from '../../../controller/cli/kinds.ts';
import { countsText } from '../../../controller/cli/render/counts-text.ts';
import { causeText, eventLine } from '../../../controller/cli/render/event-text.ts';
import { findingText } from '../../../controller/cli/render/finding-text.ts';
import { ago, localInstant } from '../../../controller/cli/render/moment.ts';
import { planText } from '../../../controller/cli/render/plan-text.ts';
import { progressLine } from '../../../controller/cli/render/progress-line.ts';
import { ResourceListing } from '../../../controller/cli/render/resource-listing.ts';
import { tableText } from '../../../controller/cli/render/table.ts';
import { cut, cutFront, printable, wrapped } from '../../../controller/cli/render/text.ts';
import { rootPath, socketPath } from '../../../controller/cli/socket-path.ts';
import type { Trigger } from '../../../state/status.ts';
import { appGroup, event, item, webContainer, webItems } from '../fixtures.ts';
import { outcomeOf } from '../scripted-service.ts';

const plain = { width: 80, paint: (_style: unknown, text: string): string => text };

const inTable = { wide: false, terminal: plain, plane: emptyPlane };
const inWide = { ...inTable, wide: true };

const obeyed: readonly (readonly [text: string, shown: string])[] = [
  ['web', 'web'],
  ['größe 容器', 'größe 容器'],
  ['\u001b[2Jgone', '\\x1b[2Jgone'],
  ['a\nb\tc', 'a b c'],
  ['\u009b31m', '\\x9b31m'],
  ['\u202egpj.exe', '\\u202egpj.exe'],
  ['\u0000\r\u007f', '\\x00\\x0d\\x7f'],
];
for (const [text, shown] of obeyed) {
  test(`what a terminal would obey is shown instead: ${JSON.stringify(text)}`, (t) => {
    t.is(printable(text), shown);
  });
}

test('text is cut with a mark and broken at spaces', (t) => {
  t.deepEqual([cut('abcdef', 6), cut('abcdef', 5), cut('😀😀😀', 2)], ['abcdef', 'abcd…', '😀…']);
  t.is(wrapped('one two three', 9, '  '), '  one two\n  three\n');
  t.is(wrapped('unbreakable', 4), 'unbreakable\n');
});

test('a table is as wide as it may be by cutting messages, never names', (t) => {
  const columns = [{ title: 'NAME' }, { title: 'MESSAGE', flexible: true }];
  const name = 'n'.repeat(30);
  const rows = [[{ text: name }, { text: 'm'.repeat(100) }]];
  const [, row = ''] = tableText(columns, rows, 60, plain.paint).split('\n');
  t.is(row, `${name}  ${'m'.repeat(27)}…`);
  const [, narrow = ''] = tableText(columns, rows, 20, plain.paint).split('\n');
  t.is(narrow, `${name}  ${'m'.repeat(11)}…`);
});

test('text is cut at its front where its end says most', (t) => {
  t.deepEqual(
    [
      cutFront('abcdef', 6),
      cutFront('abcdef', 5),
      cutFront('😀😀😀', 2),
      cutFront('ab', 1),
      cutFront('ab', 0),
    ],
    ['abcdef', '…cdef', '…😀', '…', ''],
  );
});

const turns: readonly (readonly [width: number, row: string])[] = [
  [46, '012345678901  012345678901  012345678901234567'],
  [42, '012345678901  012345678901  0123456789012…'],
  [34, '012345678901  012345678901  01234…'],
  [29, '012345678901  …678901  01234…'],
  [22, '…78901  …678901  01234…'],
  [10, '…78901  …678901  01234…'],
];
for (const [width, row] of turns) {
  test(`columns give in turn, each what it can, and keep the end that they are to keep: ${width} columns`, (t) => {
    const columns = [
      { title: 'LAST', flexible: 'last', least: 6, keeps: 'end' },
      { title: 'PATH', flexible: true, least: 7, keeps: 'end' },
      { title: 'FIRST', flexible: 'first', least: 6 },
    ] as const;
    const rows = ['012345678901', '012345678901', '012345678901234567'].map((text) => ({ text }));
    t.is(tableText(columns, [rows], width, plain.paint).split('\n')[1], row);
  });
}

test('tables fit 80 columns, and wide ones cut nothing', (t) => {
  const items = [item('container/web', webContainer, 'Failed', `exited: ${'why '.repeat(40)}end`)];
  const table = new ResourceListing(items, inTable).text();
  t.true(table.split('\n').every((line) => line.length <= 80));
  t.regex(new ResourceListing(items, inWide).text(), /why end\n$/);
});

test('a changed resource is shown in the columns of the table before it, one that is gone by its key', (t) => {
  const listing = new ResourceListing(webItems, inTable);
  const changed = item('container/web', webContainer, 'Progressing', 'starts');
  t.is(
    listing.change({ key: 'container/web', item: changed }),
    'web   10.0.5.2  -     Progressing  starts\n',
  );
  t.is(listing.change({ key: 'pool/internal', item: null }), 'pool/internal is gone\n');
});

test('a resource that is being removed is shown as it is observed', (t) => {
  const [pool] = webItems;
  const removing = pool === undefined ? [] : [{ ...pool, phase: 'Removing', spec: null } as const];
  t.regex(new ResourceListing(removing, inTable).text(), /internal {2}bridge {2}br0 .* Removing\n$/);
});

const sums: readonly (readonly [
  ready: number,
  waiting: number,
  blocked: number,
  failed: number,
  text: string,
])[] = [
  [0, 0, 0, 0, 'nothing is wanted and nothing is there'],
  [1, 0, 0, 0, 'its resource is ready'],
  [3, 0, 0, 0, 'all 3 resources are ready'],
  [0, 1, 0, 0, '0 of 1 resource ready, 1 waiting'],
  [1, 2, 3, 4, '1 of 10 resources ready, 2 waiting, 3 blocked, 4 failed'],
];
for (const [ready, waiting, blocked, failed, text] of sums) {
  test(`counts are summed up: ${text}`, (t) => {
    t.is(countsText({ ready, waiting, blocked, failed }), text);
  });
}

const resources = { ready: 1, waiting: 9, blocked: 0, failed: 0 };
const progress: readonly (readonly [what: string, outcome: RevisionOutcome, text: string])[] = [
  [
    'phase and counts',
    outcomeOf(7, { phase: 'INPROGRESS', resources }),
    'revision 7 is INPROGRESS: 1 of 10 resources ready, 9 waiting',
  ],
  [
    '[ROLL-2] seconds until it is committed, rounded up',
    outcomeOf(7, { phase: 'TESTING', resources: { ...resources, waiting: 0 }, commitAt: 10_001 }),
    'revision 7 is TESTING: its resource is ready, commits in 8 s',
  ],
  [
    'no time that has passed already',
    outcomeOf(7, { phase: 'TESTING', resources, commitAt: 1 }),
    'revision 7 is TESTING: 1 of 10 resources ready, 9 waiting, commits in 0 s',
  ],
  [
    '[ROLL-1] the way back after a failure',
    outcomeOf(7, { phase: 'ERROR', desired: 6, resources }),
    'revision 7 is ERROR, back to revision 6: 1 of 10 resources ready, 9 waiting',
  ],
];
for (const [what, outcome, text] of progress) {
  test(`the line of progress shows ${what}`, (t) => t.is(progressLine(outcome, 3_000, 100), text));
}

test('the line of progress leaves the last column free, so that no terminal wraps it', (t) => {
  t.is(progressLine(outcomeOf(1, { resources }), 0, 20).length, 19);
});

const moments: readonly (readonly [seconds: number, text: string])[] = [
  [-5, 'just now'],
  [0.9, 'just now'],
  [1, '1 second ago'],
  [59, '59 seconds ago'],
  [60, '1 minute ago'],
  [7_199, '1 hour ago'],
  [86_400 * 3, '3 days ago'],
];
for (const [seconds, text] of moments) {
  test(`what happened ${seconds} s before is told as ${text}`, (t) => {
    t.is(ago(1_000_000_000_000 - seconds * 1000, 1_000_000_000_000), text);
  });
}

test('a moment is shown in the time of the place, with its distance from UTC', (t) => {
  const moment = Date.UTC(2026, 10, 22, 23, 30, 5);
  t.is(localInstant(moment, 0), '2026-11-22 23:30:05 +0000');
  t.is(localInstant(moment, -330), '2026-11-23 05:00:05 +0530');
  t.is(localInstant(moment, 210), '2026-11-22 20:00:05 -0330');
});

test('the place of a finding is told once, though its message begins with it', (t) => {
  const finding = {
    severity: 'error',
    code: 'BadJson',
    pointer: '',
    found: 'x',
    expected: 'JSON',
    location: { file: 'a.json', line: 1, column: 6 },
  } as const;
  for (const place of ['a.json:1:6: ', 'a.json: ', '']) {
    t.is(
      findingText({ ...finding, message: `${place}found x` }, plain),
      'error BadJson  a.json:1:6\n  found x\n',
    );
  }
});

test('[CTR-6] groups are listed with their place and how long they may take', (t) => {
  t.is(
    new ResourceListing([item('group/app', appGroup, 'Waiting', 'waits')], inTable).text(),
    'NAME  PLACE  TIMEOUT  PHASE    MESSAGE\napp   2      120 s    Waiting  waits\n',
  );
});

test('a finding shows severity, code, place, message and hint, in 80 columns', (t) => {
  const finding = {
    severity: 'warning',
    code: 'UnknownField',
    pointer: '/web~1run.json/nam',
    found: 'x',
    expected: 'a known field',
    message: `found "nam", expected one of ${'name '.repeat(20)}`.trim(),
    hint: "did you mean 'name'?",
    location: { file: 'web/run.json', line: 3, column: 5 },
  } as const;
  const lines = findingText(finding, plain).split('\n');
  t.is(lines[0], 'warning UnknownField  web/run.json:3:5  /web~1run.json/nam');
  t.is(lines.at(-2), "  hint: did you mean 'name'?");
  t.true(lines.every((line) => line.length <= 80));
});

test('a plan shows its steps in order, and what would not become ready', (t) => {
  const text = planText(
    {
      steps: [
        { action: 'pool.ensure', key: 'pool/a' },
        { action: 'container.start', key: 'container/web' },
      ],
      findings: [],
      problems: [{ key: 'container/db', why: 'its address is taken' }],
    },
    plain,
  );
  t.is(
    text,
    '2 steps to take:\n  pool.ensure      pool/a\n  container.start  container/web\n' +
      '1 resource would not become ready:\n  its address is taken\n',
  );
});

const triggers: readonly (readonly [trigger: Trigger, text: string])[] = [
  [{ type: 'start' }, 'start of the controller'],
  [{ type: 'revision', revision: 7 }, 'revision 7'],
  [{ type: 'drift', key: 'pool/a', detail: 'bridge is gone' }, 'drift of pool/a (bridge is gone)'],
  [{ type: 'retry', key: 'pool/a', attempt: 2 }, 'retry 2 of pool/a'],
  [{ type: 'resync' }, 'resync'],
  [{ type: 'down' }, 'down'],
  [{ type: 'rollback', from: 8, to: 7 }, 'rollback from revision 8 to 7'],
];
for (const [trigger, text] of triggers) {
  test(`a cause begins with its trigger: ${text}`, (t) => {
    t.is(causeText({ trigger, via: ['pool/a', 'container/web'] }), `${text} → pool/a → container/web`);
  });
}

test('an event is one line with its number, time and cause, whatever a container wrote into it', (t) => {
  t.is(
    eventLine(event(3, 'log: \u001b[2J\nfatal'), plain.paint),
    '3 2026-11-22 02:00:03Z container/web StepSucceeded: log: \\x1b[2J fatal [revision 7 → pool/internal]\n',
  );
  t.regex(
    eventLine({ ...event(4), severity: 'warning', key: null }, plain.paint),
    /Z warning StepSucceeded: /,
  );
});

test('kinds are taken in singular and plural, and with a name after a slash', (t) => {
  t.deepEqual(readSelection('pools', undefined), { kind: 'pool' });
  t.deepEqual(readSelection('Container', 'web'), { kind: 'container', name: 'web' });
  t.deepEqual(readSelection('lease/a/web/eth0', undefined), { kind: 'lease', name: 'a/web/eth0' });
  t.deepEqual(readSelection('groups', 'app'), { kind: 'group', name: 'app' });
  t.deepEqual(readSelection('all', undefined), {});
});

const spelled: readonly (readonly [words: readonly string[], name: string | undefined])[] = [
  [[], undefined],
  [['web'], 'web'],
  [['internal', 'web', 'eth0'], 'internal/web/eth0'],
  [['client', 'raw'], 'client/raw'],
  [['client', '/run/raw.sock'], 'client/run/raw.sock'],
  [['/run/raw.sock'], '/run/raw.sock'],
];
for (const [words, name] of spelled) {
  test(`a name may be given in several words: ${words.join(' ') || 'none'}`, (t) =>
    t.is(spelledName(words), name));
}

test('defaults of socket and root follow the user', (t) => {
  t.is(socketPath(undefined, {}, 0), '/run/holdfast/control.sock');
  t.is(socketPath(undefined, { XDG_RUNTIME_DIR: '/run/user/7' }, 7), '/run/user/7/holdfast/control.sock');
  t.throws(() => socketPath(undefined, {}, 7), { message: /XDG_RUNTIME_DIR is not set/ });
  t.is(rootPath(undefined, { HOME: '/people/a' }, 0), '/var/lib/holdfast');
  t.is(rootPath(undefined, { HOME: '/people/a' }, 7), '/people/a/.local/state/holdfast');
  t.is(rootPath(undefined, { HOME: '/people/a', XDG_STATE_HOME: '/state' }, 7), '/state/holdfast');
  t.throws(() => rootPath(undefined, {}, 7), { message: /neither XDG_STATE_HOME nor HOME is set/ });
});
