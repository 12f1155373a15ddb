import test from 'ava';
import type { Operation } from 'fast-json-patch';
import { diffTrees } from '../../state/diff.ts';
import { canonicalJson, type Json } from '../../state/json.ts';
import { mergeDocuments } from '../../state/merge-patch.ts';
import { patchDocuments } from '../../state/patch.ts';
import { pointerTo } from '../../state/pointer.ts';
import type { FlatState } from '../../state/revision.ts';
import { StateTree } from '../../state/tree.ts';
import { randomNumbers } from './random.ts';

const state: FlatState = {
  'device.json': { network: { pools: { a: { subnet: '10.0.0.0/24' } } }, list: [1, 2, 3], 'a/b~c': 1 },
  'web/run.json': { name: 'web', network: { pool: 'a' } },
  'db/run.json': { name: 'db' },
};
const tree = StateTree.empty.replacedBy(state);

const patched: readonly { what: string; operations: readonly Operation[]; change: (draft: Draft) => void }[] =
  [
    {
      what: 'add a member of a document',
      operations: [{ op: 'add', path: '/web~1run.json/network/static_ip', value: '10.0.0.9' }],
      change: (draft) => Object.assign(draft['web/run.json'].network, { static_ip: '10.0.0.9' }),
    },
    {
      what: 'add, replace and remove whole documents',
      operations: [
        { op: 'add', path: '/new~1run.json', value: { name: 'new' } },
        { op: 'replace', path: '/web~1run.json', value: { name: 'other' } },
        { op: 'remove', path: '/db~1run.json' },
      ],
      change: (draft) => {
        Object.assign(draft, { 'new/run.json': { name: 'new' }, 'web/run.json': { name: 'other' } });
        delete draft['db/run.json'];
      },
    },
    {
      what: 'insert into and append to an array, and remove from it',
      operations: [
        { op: 'add', path: '/device.json/list/0', value: 0 },
        { op: 'add', path: '/device.json/list/-', value: 4 },
        { op: 'remove', path: '/device.json/list/1' },
      ],
      change: (draft) => Object.assign(draft['device.json'], { list: [0, 2, 3, 4] }),
    },
    {
      what: 'change what an operation before has added',
      operations: [
        { op: 'add', path: '/x~1run.json', value: { deep: { list: [] } } },
        { op: 'add', path: '/x~1run.json/deep/list/-', value: { a: 1 } },
        { op: 'replace', path: '/x~1run.json/deep/list/0/a', value: 2 },
      ],
      change: (draft) => Object.assign(draft, { 'x/run.json': { deep: { list: [{ a: 2 }] } } }),
    },
    {
      what: 'move and copy between documents',
      operations: [
        { op: 'move', from: '/web~1run.json/network', path: '/db~1run.json/network' },
        { op: 'copy', from: '/db~1run.json', path: '/copy~1run.json' },
        { op: 'replace', path: '/copy~1run.json/network/pool', value: 'b' },
      ],
      change: (draft) => {
        delete draft['web/run.json'].network;
        Object.assign(draft, {
          'db/run.json': { name: 'db', network: { pool: 'a' } },
          'copy/run.json': { name: 'db', network: { pool: 'b' } },
        });
      },
    },
    {
      what: 'reach members with slashes and tildes in their names, once a test has passed',
      operations: [
        { op: 'test', path: '/device.json/a~1b~0c', value: 1 },
        { op: 'test', path: '/web~1run.json', value: { network: { pool: 'a' }, name: 'web' } },
        { op: 'remove', path: '/device.json/a~1b~0c' },
      ],
      change: (draft) => delete draft['device.json']['a/b~c'],
    },
    {
      what: 'replace the whole state',
      operations: [
        { op: 'test', path: '', value: state },
        { op: 'add', path: '/gone~1run.json', value: {} },
        { op: 'replace', path: '', value: { 'x/run.json': {} } },
        { op: 'add', path: '/y~1run.json', value: {} },
      ],
      change: (draft) => {
        for (const path of Object.keys(draft)) delete draft[path];
        Object.assign(draft, { 'x/run.json': {}, 'y/run.json': {} });
      },
    },
  ];

// biome-ignore lint/suspicious/noExplicitAny: tables edit documents of several shapes
type Draft = Record<string, any>;

for (const { what, operations, change } of patched) {
  test(`[REV-3] a patch can ${what}`, (t) => {
    const { changes, findings } = patchDocuments(tree, operations);
    const expected = structuredClone(state) as Draft;
    change(expected);
    t.deepEqual(findings, []);
    t.deepEqual(tree.with(changes).toFlat(), expected);
  });
}

const refused: readonly { what: string; operation: unknown; pointer: string; expected: RegExp }[] = [
  {
    what: 'a test that fails',
    operation: { op: 'test', path: '/db~1run.json/name', value: 'x' },
    pointer: '/db~1run.json/name',
    expected: /tests for, "x"/,
  },
  {
    what: 'replacing what is not there',
    operation: { op: 'replace', path: '/db~1run.json/x', value: 1 },
    pointer: '/db~1run.json/x',
    expected: /is there/,
  },
  {
    what: 'removing what is not there',
    operation: { op: 'remove', path: '/nobody~1run.json' },
    pointer: '/nobody~1run.json',
    expected: /is there/,
  },
  { what: 'removing everything', operation: { op: 'remove', path: '' }, pointer: '', expected: /as a whole/ },
  {
    what: 'making the state a number',
    operation: { op: 'replace', path: '', value: 7 },
    pointer: '',
    expected: /a state/,
  },
  {
    what: 'adding below nothing',
    operation: { op: 'add', path: '/db~1run.json/a/b', value: 1 },
    pointer: '/db~1run.json/a/b',
    expected: /object or array/,
  },
  {
    what: 'adding below a string',
    operation: { op: 'add', path: '/db~1run.json/name/b', value: 1 },
    pointer: '/db~1run.json/name/b',
    expected: /object or array/,
  },
  {
    what: 'an index past the end',
    operation: { op: 'add', path: '/device.json/list/4', value: 1 },
    pointer: '/device.json/list/4',
    expected: /from 0 to 3/,
  },
  {
    what: 'an index with a leading zero',
    operation: { op: 'replace', path: '/device.json/list/01', value: 1 },
    pointer: '/device.json/list/01',
    expected: /is there/,
  },
  {
    what: 'an empty index',
    operation: { op: 'add', path: '/device.json/list/', value: 1 },
    pointer: '/device.json/list/',
    expected: /from 0 to 3/,
  },
  {
    what: 'replacing an inherited member',
    operation: { op: 'replace', path: '/db~1run.json/toString', value: 1 },
    pointer: '/db~1run.json/toString',
    expected: /is there/,
  },
  {
    what: 'copying an inherited member',
    operation: { op: 'copy', from: '/db~1run.json/constructor', path: '/x.json' },
    pointer: '/x.json',
    expected: /at `from`/,
  },
  {
    what: 'moving a value into itself',
    operation: { op: 'move', from: '/db~1run.json', path: '/db~1run.json/a' },
    pointer: '/db~1run.json/a',
    expected: /does not contain/,
  },
  {
    what: 'moving what is not there',
    operation: { op: 'move', from: '/x', path: '/y' },
    pointer: '/y',
    expected: /is there/,
  },
  {
    what: 'a prototype as a path',
    operation: { op: 'add', path: '/__proto__/polluted', value: 1 },
    pointer: '/__proto__/polluted',
    expected: /without '__proto__'/,
  },
  {
    what: "a prototype's members",
    operation: { op: 'add', path: '/db~1run.json/constructor/prototype/x', value: 1 },
    pointer: '/db~1run.json/constructor/prototype/x',
    expected: /without/,
  },
  {
    what: 'an unknown operation',
    operation: { op: 'merge', path: '/a' },
    pointer: '/a',
    expected: /add, remove/,
  },
  {
    what: 'an operation that every object inherits',
    operation: { op: 'toString', path: '/a' },
    pointer: '/a',
    expected: /add, remove/,
  },
  {
    what: 'an operation without value',
    operation: { op: 'add', path: '/a' },
    pointer: '/a',
    expected: /a value for add/,
  },
  {
    what: 'an operation without from',
    operation: { op: 'copy', path: '/a' },
    pointer: '/a',
    expected: /as from/,
  },
  {
    what: 'a path that is no pointer',
    operation: { op: 'remove', path: 'db' },
    pointer: '',
    expected: /as path/,
  },
  { what: 'a path that is no text', operation: { op: 'remove', path: 7 }, pointer: '', expected: /as path/ },
  { what: 'no object', operation: null, pointer: '', expected: /an object/ },
  {
    what: 'a value nested without end',
    operation: { op: 'add', path: '/x.json', value: nested(5_000) },
    pointer: '',
    expected: /levels of nesting/,
  },
];
for (const { what, operation, pointer, expected } of refused) {
  test(`[REV-3] a patch with ${what} is refused whole, with its place`, (t) => {
    const first: Operation = { op: 'add', path: '/first.json', value: 1 };
    const { changes, findings } = patchDocuments(tree, [first, operation as Operation]);
    t.is(changes.size, 0);
    t.is(findings.length, 1);
    t.like(findings[0], { severity: 'error', code: 'PatchFailed', pointer });
    t.regex(findings[0]?.expected ?? '', expected);
    t.deepEqual(tree.toFlat(), state);
  });
}

test('[REV-8] a patch that copies its own copies is stopped before it fills the memory', (t) => {
  const doubling: Operation[] = [{ op: 'add', path: '/x.json', value: { a: [] } }];
  for (let round = 0; round < 60; round += 1) {
    doubling.push({ op: 'copy', from: '/x.json/a', path: '/x.json/b' });
    doubling.push({ op: 'move', from: '/x.json/b', path: '/x.json/a/-' });
    doubling.push({ op: 'copy', from: '/x.json/a', path: '/x.json/c' });
    doubling.push({ op: 'move', from: '/x.json/c', path: '/x.json/a/-' });
  }
  t.like(patchDocuments(tree, doubling).findings, [{ code: 'PatchFailed' }]);
});

test('[REV-8] what is no list of operations is refused', (t) => {
  for (const operations of [null, 7, {}, 'x']) {
    const { findings } = patchDocuments(tree, operations as unknown as readonly Operation[]);
    t.like(findings, [{ code: 'PatchFailed' }]);
  }
});

const merges: readonly { patch: Json; change: (draft: Draft) => void }[] = [
  { patch: {}, change: () => undefined },
  {
    patch: { 'web/run.json': { network: { pool: null, mode: 'host' } } },
    change: (draft) => Object.assign(draft['web/run.json'], { network: { mode: 'host' } }),
  },
  { patch: { 'db/run.json': null, 'no/run.json': null }, change: (draft) => delete draft['db/run.json'] },
  {
    patch: { 'new/run.json': { a: null, b: { c: null } } },
    change: (draft) => Object.assign(draft, { 'new/run.json': { b: {} } }),
  },
  {
    patch: { 'device.json': { list: [null] } },
    change: (draft) => Object.assign(draft['device.json'], { list: [null] }),
  },
  { patch: { 'db/run.json': 'x' }, change: (draft) => Object.assign(draft, { 'db/run.json': 'x' }) },
];
for (const { patch, change } of merges) {
  test(`[REV-3] merging ${canonicalJson(patch)} does what RFC 7396 says`, (t) => {
    const { changes, findings } = mergeDocuments(tree, patch);
    const expected = structuredClone(state) as Draft;
    change(expected);
    t.deepEqual(findings, []);
    t.deepEqual(tree.with(changes).toFlat(), expected);
  });
}

for (const [what, patch] of [
  ['an array', [1]],
  ['null', null],
  ['a text', 'x'],
  ['nested without end', { a: nested(5_000) }],
] as const) {
  test(`[REV-3] a merge patch that is ${what} is refused`, (t) => {
    const { changes, findings } = mergeDocuments(tree, patch as Json);
    t.is(changes.size, 0);
    t.like(findings, [{ code: 'PatchFailed', severity: 'error' }]);
  });
}

test('[REV-8] merging a member named __proto__ changes no prototype', (t) => {
  const patch = JSON.parse('{"db/run.json": {"__proto__": {"polluted": true}}}') as Json;
  const document = mergeDocuments(tree, patch).changes.get('db/run.json');
  t.true(Object.hasOwn(document as object, '__proto__'));
  t.is((document as { polluted?: boolean }).polluted, undefined);
});

test('[REV-3] the difference of two states, as a patch, makes one of the other', (t) => {
  const random = randomNumbers(7);
  for (let round = 0; round < 300; round += 1) {
    const before = StateTree.empty.replacedBy(randomState(random));
    const after = before.replacedBy(randomState(random));
    const operations = diffTrees(before, after, after.changedSince(before));
    const { changes, findings } = patchDocuments(before, operations);
    t.deepEqual(findings, [], `round ${round}`);
    t.is(before.with(changes).digest, after.digest, `round ${round}`);
  }
});

test('[ENG-6] the difference names nothing that did not change', (t) => {
  const after = tree.with(new Map([['web/run.json', { name: 'web', network: { pool: 'b' } }]]));
  t.deepEqual(diffTrees(tree, after, after.changedSince(tree)), [
    { op: 'replace', path: pointerTo('web/run.json', 'network', 'pool'), value: 'b' },
  ]);
});

function nested(depth: number): Json {
  let value: Json = [];
  for (let level = 0; level < depth; level += 1) value = [value];
  return value;
}

function randomState(random: (below: number) => number): FlatState {
  const paths = ['device.json', 'a/run.json', 'a/b~c.json', 'b/run.json', '_config/b/x.json'];
  return Object.fromEntries(paths.filter(() => random(4) > 0).map((path) => [path, randomValue(random, 3)]));
}

function randomValue(random: (below: number) => number, depth: number): Json {
  const kind = depth === 0 ? random(3) : random(6);
  if (kind < 3) return [null, random(3), `text ${random(3)}`][kind] ?? null;
  const names = ['a', 'b/c', '~', 'toString', '0'].filter(() => random(2) > 0);
  if (kind === 3) return names.map(() => randomValue(random, depth - 1));
  return Object.fromEntries(names.map((name) => [name, randomValue(random, depth - 1)]));
}
