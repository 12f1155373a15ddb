import { existsSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { isSameInit, type TargetRecord, TargetRecords } from '../../../adapters/linux/target-record.ts';

const record: TargetRecord = {
  target: { container: 'client', target: '/run/x.sock' },
  state: 'placed',
  init: { pid: 7, startTime: '8', boot: 'b' },
  mounts: [{ id: 1, node: '2', device: '3', inode: '18446744073709551615' }],
  made: [{ name: 'x.sock', kind: 'file', identity: { inode: '4', birth: '5' } }],
};
const other: TargetRecord = { ...record, target: { container: 'client', target: '/run/y.sock' } };

function directoryOf(t: ExecutionContext): string {
  const path = mkdtempSync(join(tmpdir(), 'records-'));
  t.teardown(() => rmSync(path, { recursive: true }));
  return join(path, 'run/link-targets');
}

test('[LINK-10] what is written is read by whoever comes next, and nobody else may look', (t) => {
  const path = directoryOf(t);
  const records = new TargetRecords(path);
  t.deepEqual([...records.containers], []);
  records.write(record);
  records.write(other);
  records.write({ ...other, state: 'removed' });
  const next = new TargetRecords(path);
  t.deepEqual([...next.containers], ['client']);
  t.deepEqual(next.get(record.target), record);
  t.is(next.get(other.target)?.state, 'removed');
  t.is(next.get({ ...record.target, container: 'another' }), null);
  t.is(next.of('client').length, 2);
  t.is(statSync(path).mode & 0o777, 0o700);
  next.remove(record.target);
  next.remove(record.target);
  t.is(next.get(record.target), null);
  next.remove(other.target);
  t.deepEqual([...next.containers], []);
  t.false(existsSync(path), 'and nothing with the last');
});

test('[LINK-10] what a crash has left of writing, or a power cut of a record, is removed by who acts here', (t) => {
  const path = directoryOf(t);
  new TargetRecords(path).write(record);
  writeFileSync(join(path, 'torn.json'), '{"target":');
  writeFileSync(join(path, 'empty.json'), '');
  writeFileSync(join(path, 'other.json.new'), '');
  const next = new TargetRecords(path);
  t.deepEqual(next.of('client'), [record]);
  t.is(readdirSync(path).length, 4, 'reading touches nothing');
  next.tidy();
  t.is(readdirSync(path).length, 1);
});

test('[LINK-11] an init is another one with another start, on another boot, or with another id', (t) => {
  const { init } = record;
  if (init === null) return t.fail();
  t.true(isSameInit(init, { ...init }));
  for (const changed of [{ pid: 9 }, { startTime: '9' }, { boot: 'c' }])
    t.false(isSameInit(init, { ...init, ...changed }));
  t.false(isSameInit(init, null));
  t.false(isSameInit(null, null));
});
