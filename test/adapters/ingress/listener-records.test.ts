import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { ListenerRecords } from '../../../adapters/ingress/listener-records.ts';
import { digestOf } from '../../../state/json.ts';
import type { Key, ListenerSpec } from '../../../state/resource.ts';

const spec: ListenerSpec = { type: 'http', addresses: ['::'], port: 80, routes: [] };
const one = new Map<Key, { readonly spec: ListenerSpec; readonly digest: string }>([
  ['listener/[::]:80', { spec, digest: digestOf(spec) }],
]);

test('[ING-11] what was made is known to the next controller, and of nothing there is no file', (t) => {
  const directory = mkdtempSync(join(tmpdir(), 'listeners-'));
  t.teardown(() => rmSync(directory, { recursive: true }));
  const path = join(directory, 'listeners.json');
  new ListenerRecords(path).replace(one);
  const next = new ListenerRecords(path);
  t.deepEqual(next.all(), one);
  next.replace(new Map());
  t.deepEqual(readdirSync(directory), []);
  t.is(new ListenerRecords(path).all().size, 0);
});

const damaged: readonly (readonly [title: string, text: string])[] = [
  ['that is torn', '{"format":1,"listeners":{"listener/:1":{"spe'],
  ['of nothing', ''],
  [
    'of another format',
    JSON.stringify({ format: 9, listeners: { 'listener/[::]:80': one.get('listener/[::]:80') } }),
  ],
  [
    'whose digest is not that of its spec',
    JSON.stringify({ format: 1, listeners: { 'listener/:1': { spec, digest: 'x' } } }),
  ],
  [
    'about something else',
    JSON.stringify({ format: 1, listeners: { 'pool/a': { spec, digest: digestOf(spec) } } }),
  ],
];

for (const [title, text] of damaged) {
  test(`[ENG-4] a record ${title} is none`, (t) => {
    const directory = mkdtempSync(join(tmpdir(), 'listeners-'));
    t.teardown(() => rmSync(directory, { recursive: true }));
    const path = join(directory, 'listeners.json');
    writeFileSync(path, text);
    t.is(new ListenerRecords(path).all().size, 0);
  });
}
