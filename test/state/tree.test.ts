import test from 'ava';
import type { Json } from '../../state/json.ts';
import type { FlatState } from '../../state/revision.ts';
import { StateTree } from '../../state/tree.ts';

function treeOf(state: FlatState): StateTree {
  return StateTree.empty.replacedBy(state);
}

const small: FlatState = {
  '#spec': 'pantavisor-service-system@1',
  'device.json': { network: {} },
  'web/run.json': { name: 'web' },
  '_config/web/etc/app.json': { port: 1 },
  'db/run.json': { name: 'db' },
  'web/args.json': { a: [1, 2] },
};

test('a tree gives back the state that it was made of, component by component', (t) => {
  const tree = treeOf(small);
  t.deepEqual(tree.toFlat(), small);
  t.deepEqual(
    tree.components().map((component) => [component.key, component.name]),
    [
      ['#spec', null],
      ['device.json', null],
      ['web/', 'web'],
      ['db/', 'db'],
    ],
  );
  t.deepEqual(tree.component('web/')?.documents, {
    'web/run.json': { name: 'web' },
    '_config/web/etc/app.json': { port: 1 },
    'web/args.json': { a: [1, 2] },
  });
  t.is(tree.size, 6);
  t.deepEqual(tree.document('db/run.json'), { name: 'db' });
  t.is(tree.document('db/args.json'), undefined);
  t.is(tree.document('toString'), undefined);
});

test('[LEASE-1] a container stands where its own first document does, not where its configuration does', (t) => {
  const tree = treeOf({ '_config/z/a.json': 1, '_config/only/a.json': 1, 'a/run.json': 1, 'z/run.json': 1 });
  t.deepEqual(
    tree.components().map((component) => component.key),
    ['only/', 'a/', 'z/'],
  );
});

test('[LEASE-1] a container that is added by a change comes last, one that is changed stays where it is', (t) => {
  const tree = treeOf(small).with(
    new Map<string, Json>([
      ['new/run.json', {}],
      ['web/run.json', { name: 'other' }],
      ['_config/early/x.json', {}],
    ]),
  );
  const keys = (of: StateTree) => of.components().map((component) => component.key);
  t.deepEqual(keys(tree), ['#spec', 'device.json', 'web/', 'db/', 'new/', 'early/']);
  t.deepEqual(keys(tree.with(new Map([['last/run.json', {}]])).with(new Map([['early/run.json', {}]]))), [
    ...['#spec', 'device.json', 'web/', 'db/', 'new/', 'last/', 'early/'],
  ]);
});

test('[REV-7] a digest names content alone: neither the order of members nor that of components is content', (t) => {
  const reordered = Object.fromEntries(
    Object.entries({ ...small, 'web/args.json': { a: [1, 2] } }).reverse(),
  );
  t.is(treeOf(reordered).digest, treeOf(small).digest);
  t.is(treeOf({ a: { x: 1, y: 2 } }).digest, treeOf({ a: { y: 2, x: 1 } }).digest);
  t.not(treeOf({ 'a/b.json': [1, 2] }).digest, treeOf({ 'a/b.json': [2, 1] }).digest);
  t.not(treeOf({ 'a/b.json': {} }).digest, treeOf({ 'a/c.json': {} }).digest);
  t.regex(treeOf(small).digest, /^[0-9a-f]{64}$/);
});

test('[REV-7] the digest is the same whether a state was made at once or change by change', (t) => {
  let tree = StateTree.empty;
  for (const [path, document] of Object.entries(small)) tree = tree.with(new Map([[path, document]]));
  t.is(tree.digest, treeOf(small).digest);
  const detour = tree.with(new Map([['x/run.json', {}]])).with(new Map([['x/run.json', undefined]]));
  t.is(detour.digest, tree.digest);
  t.deepEqual([...detour.changedSince(tree)], []);
});

test('[REV-7] a change that makes no difference gives back the same tree', (t) => {
  const tree = treeOf(small);
  t.is(tree.with(new Map([['db/run.json', { name: 'db' }]])), tree);
  t.is(tree.with(new Map([['nobody/run.json', undefined]])), tree);
  t.is(tree.with(new Map()), tree);
});

test('[ENG-6] a change shares every component that it does not touch, and names those that it does', (t) => {
  const before = treeOf(small);
  const after = before.with(
    new Map<string, Json | undefined>([
      ['web/args.json', { a: [] }],
      ['db/run.json', undefined],
      ['new/run.json', {}],
    ]),
  );
  t.deepEqual([...after.changedSince(before)].sort(), ['db/', 'new/', 'web/']);
  t.is(after.component('device.json'), before.component('device.json'));
  t.is(after.document('web/run.json'), before.document('web/run.json'));
  t.is(after.component('db/'), undefined);
  t.deepEqual(before.toFlat(), small);
});

test('[ENG-6] replacing a state by one that is nearly equal shares what is equal, also where the order differs', (t) => {
  const before = treeOf(small);
  const { 'db/run.json': db, ...rest } = structuredClone(small);
  const after = before.replacedBy({
    'db/run.json': db ?? null,
    ...rest,
    'device.json': { network: { pools: {} } },
  });
  t.deepEqual([...after.changedSince(before)], ['device.json']);
  t.is(after.component('web/')?.documents, before.component('web/')?.documents);
  t.deepEqual(
    after.components().map((component) => component.key),
    ['db/', '#spec', 'device.json', 'web/'],
  );
});

test('documents are frozen to their depth', (t) => {
  const args = treeOf(structuredClone(small)).document('web/args.json') as { a: number[] };
  t.throws(() => args.a.push(3), { instanceOf: TypeError });
});

test('[REV-8] a path that is the name of a prototype is a path like any other', (t) => {
  const state = JSON.parse('{"__proto__": {"polluted": true}, "constructor": 1}') as FlatState;
  const tree = treeOf(state);
  t.deepEqual(tree.document('__proto__'), { polluted: true });
  t.is(tree.document('polluted'), undefined);
  t.deepEqual(Object.keys(tree.toFlat()), ['__proto__', 'constructor']);
  t.is(({} as Record<string, unknown>).polluted, undefined);
});
