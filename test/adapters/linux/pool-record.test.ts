import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { type PoolRecord, PoolRecords } from '../../../adapters/linux/pool-record.ts';
import { digestOf } from '../../../state/json.ts';
import { bridgePool } from './network-bench.ts';

const spec = bridgePool('a', '10.0.5.0/24');
const record: PoolRecord = { spec, digest: digestOf(spec), created: true, addresses: ['10.0.5.1/24'] };

function directory(t: ExecutionContext): string {
  const path = mkdtempSync(join(tmpdir(), 'records-'));
  t.teardown(() => rmSync(path, { recursive: true }));
  return path;
}

test('[ENG-1] records are found again after a restart', async (t) => {
  const path = directory(t);
  await new PoolRecords(path, 'boot 1').write('a', record);
  const again = new PoolRecords(path, 'boot 1');
  t.deepEqual([...(await again.all())], [['a', record]]);
  await again.remove('a');
  await again.remove('a');
  t.deepEqual(readdirSync(path), []);
});

test('[POOL-4] records of another boot are forgotten: what they speak of is gone', async (t) => {
  const path = directory(t);
  await new PoolRecords(path, 'boot 1').write('a', record);
  t.is((await new PoolRecords(path, 'boot 2').all()).size, 0);
  t.deepEqual(readdirSync(path), []);
});

const whole = { epoch: 'boot 1', ...record };

const broken: readonly (readonly [what: string, text: string])[] = [
  ['is empty', ''],
  ['is torn', JSON.stringify(whole).slice(0, 40)],
  ['is no object', '[]'],
  ['has no spec', JSON.stringify({ ...whole, spec: null })],
  ['has another spec than its digest', JSON.stringify({ ...whole, spec: { ...spec, nat: true } })],
  ['has no addresses', JSON.stringify({ ...whole, addresses: 'all' })],
  [
    'has the name of another file',
    JSON.stringify({ ...whole, spec: { ...spec, name: 'b' }, digest: digestOf({ ...spec, name: 'b' }) }),
  ],
  ['has a name that leads elsewhere', JSON.stringify({ ...whole, spec: { ...spec, name: '../a' } })],
];

for (const [what, text] of broken) {
  test(`[REV-8] a record that ${what} is none`, async (t) => {
    const path = directory(t);
    writeFileSync(join(path, 'a.json'), text);
    t.is((await new PoolRecords(path, 'boot 1').all()).size, 0);
    t.deepEqual(readdirSync(path), []);
  });
}
