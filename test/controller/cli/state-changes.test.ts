import test from 'ava';
import { stateChangesText } from '../../../controller/cli/render/state-changes-text.ts';
import { type DocumentChange, stateChanges } from '../../../controller/cli/state-changes.ts';
import type { FlatState } from '../../../state/revision.ts';

const before: FlatState = {
  'device.json': { network: { pools: { a: { subnet: '10.0.1.0/24' }, b: { subnet: '10.0.2.0/24' } } } },
  'old/run.json': { name: 'old' },
  'web/run.json': { name: 'web', roles: ['a', 'b'], empty: {} },
};

const cases: readonly (readonly [what: string, after: FlatState, changes: readonly DocumentChange[]])[] = [
  ['nothing', structuredClone(before), []],
  [
    'a member that another value was given',
    { ...before, 'old/run.json': { name: 'new' } },
    [{ path: 'old/run.json', kind: 'changed', places: [{ pointer: '/name', from: 'old', to: 'new' }] }],
  ],
  [
    'members that came and went, where they stand',
    {
      ...before,
      'device.json': { network: { pools: { b: { subnet: '10.0.2.0/24', nat: true } } }, 'a/b': 1 },
    },
    [
      {
        path: 'device.json',
        kind: 'changed',
        places: [
          { pointer: '/network/pools/a', from: { subnet: '10.0.1.0/24' }, to: undefined },
          { pointer: '/network/pools/b/nat', from: undefined, to: true },
          { pointer: '/a~1b', from: undefined, to: 1 },
        ],
      },
    ],
  ],
  [
    'elements of an array, and a value of another shape',
    { ...before, 'web/run.json': { name: ['web'], roles: ['a', 'c', 'd'], empty: {} } },
    [
      {
        path: 'web/run.json',
        kind: 'changed',
        places: [
          { pointer: '/name', from: 'web', to: ['web'] },
          { pointer: '/roles/1', from: 'b', to: 'c' },
          { pointer: '/roles/2', from: undefined, to: 'd' },
        ],
      },
    ],
  ],
  [
    'documents that came and went, a new one by its members',
    {
      'device.json': before['device.json'] ?? null,
      'web/run.json': before['web/run.json'] ?? null,
      'db/run.json': { name: 'db', args: {} },
      'db/root.squashfs': 'f'.repeat(64),
    },
    [
      { path: 'old/run.json', kind: 'removed', places: [] },
      {
        path: 'db/run.json',
        kind: 'added',
        places: [
          { pointer: '/name', from: undefined, to: 'db' },
          { pointer: '/args', from: undefined, to: {} },
        ],
      },
      {
        path: 'db/root.squashfs',
        kind: 'added',
        places: [{ pointer: '', from: undefined, to: 'f'.repeat(64) }],
      },
    ],
  ],
];
for (const [what, after, changes] of cases) {
  test(`what differs between two states, in document order: ${what}`, (t) => {
    t.deepEqual(stateChanges(before, after), changes);
  });
}

const paper = { width: 80, paint: (_style: unknown, text: string): string => text };

test('a difference is one line where that fits, else each side has its own, and none is wider than 80 columns', (t) => {
  const text = stateChangesText(
    [
      {
        path: 'web/run.json',
        kind: 'changed',
        places: [
          { pointer: '/name', from: 'web', to: undefined },
          { pointer: '/root-volume', from: 'a'.repeat(64), to: 'b'.repeat(64) },
          { pointer: `/${'deep/'.repeat(20)}`, from: 1, to: 'long '.repeat(40) },
        ],
      },
      { path: 'old/run.json', kind: 'removed', places: [] },
    ],
    paper,
  );
  t.deepEqual(text.split('\n').slice(0, 5), [
    '  web/run.json  changed',
    '    /name: "web" → nothing',
    '    /root-volume:',
    `      from "${'a'.repeat(64)}"`,
    `      to   "${'b'.repeat(64)}"`,
  ]);
  t.regex(text, / {6}from 1\n {6}to {3}"long .*…\n {2}old\/run\.json {2}removed\n$/);
  t.true(text.split('\n').every((line) => [...line].length <= 80));
});

test('what a terminal would obey is shown, in names and in values', (t) => {
  const text = stateChangesText(
    [{ path: '\u001b[2J', kind: 'added', places: [{ pointer: '/\u009b', from: undefined, to: '\u202e' }] }],
    paper,
  );
  t.is(text, '  \\x1b[2J  added\n    /\\x9b: "\\u202e"\n');
});
