import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { type LinkRecord, noFormer } from '../../../adapters/links/link-record.ts';
import { LinkRecords } from '../../../adapters/links/link-records.ts';
import { digestOf } from '../../../state/json.ts';
import { type LinkSpec, linkKey } from '../../../state/resource.ts';

function recordOf(target: string): LinkRecord {
  const spec: LinkSpec = {
    type: 'unix',
    service: 'raw',
    consumer: 'client',
    provider: 'server',
    socket: '/run/example/raw.sock',
    target,
    role: 'any',
    interface: null,
  };
  const key = linkKey('client', target);
  return {
    key,
    spec,
    digest: digestOf(spec),
    carrier: 'kernel',
    ends: null,
    sourceInode: null,
    front: null,
    device: null,
    former: noFormer,
  };
}

function directoryFor(t: ExecutionContext): string {
  const parent = mkdtempSync(join(tmpdir(), 'holdfast-links-'));
  t.teardown(() => rmSync(parent, { recursive: true }));
  return join(parent, 'run/links');
}

test('[ENG-2] records are found again by the next controller, and the directory goes with the last', (t) => {
  const directory = directoryFor(t);
  const records = new LinkRecords(directory);
  const [one, other] = [recordOf('/run/one'), recordOf('/run/other')];
  t.is(records.all().size, 0);
  records.put(one);
  records.put(other);
  const made: LinkRecord = { ...one, ends: { provider: 1, consumer: 2 } };
  records.put(made);
  const again = new LinkRecords(directory);
  t.deepEqual([...again.all().values()].sort(byKey), [made, other].sort(byKey));
  again.remove(one.key);
  t.deepEqual([...new LinkRecords(directory).all().values()], [other]);
  again.remove(other.key);
  t.throws(() => readdirSync(directory), { code: 'ENOENT' });
});

test('[ENG-2] what is torn, of another format, or under another name counts as none', (t) => {
  const directory = directoryFor(t);
  const records = new LinkRecords(directory);
  records.put(recordOf('/run/one'));
  const [name = ''] = readdirSync(directory);
  mkdirSync(directory, { recursive: true });
  const whole = JSON.stringify({ format: 1, ...recordOf('/run/other') });
  const files: readonly (readonly [name: string, text: string])[] = [
    ['torn.json', whole.slice(0, 40)],
    ['elsewhere.json', whole],
    ['array.json', '[]'],
    [`${name}.new`, whole],
  ];
  for (const [file, text] of files) writeFileSync(join(directory, file), text);
  t.deepEqual([...new LinkRecords(directory).all().values()], [recordOf('/run/one')]);
  t.true(readdirSync(directory).includes(`${name}.new`), 'reading touches nothing');
  new LinkRecords(directory).tidy();
  t.false(readdirSync(directory).includes(`${name}.new`), 'what was not written to its end is swept');
  writeFileSync(join(directory, name), whole.replace('"format":1', '"format":2'));
  t.is(new LinkRecords(directory).all().size, 0);
  writeFileSync(
    join(directory, name),
    JSON.stringify({ format: 1, ...recordOf('/run/one'), digest: 'other' }),
  );
  t.is(new LinkRecords(directory).all().size, 0);
});

test('[LINK-5] two kinds of processes never listen at one path', (t) => {
  const records = new LinkRecords('/x');
  const { key } = recordOf('/run/one');
  t.not(records.socketOf(key, 'rest'), records.socketOf(key, 'dbus'));
  t.not(records.socketOf(key, 'rest'), records.socketOf(recordOf('/run/other').key, 'rest'));
});

function byKey(one: LinkRecord, other: LinkRecord): number {
  return one.key < other.key ? -1 : 1;
}

test('[LINK-10] records are found by either of their containers, also after they were changed or read anew', (t) => {
  const directory = directoryFor(t);
  const records = new LinkRecords(directory);
  const [one, other] = [recordOf('/run/one'), recordOf('/run/other')];
  records.put(one);
  records.put(other);
  t.deepEqual(records.of('client'), [one, other]);
  const moved: LinkRecord = { ...one, spec: { ...one.spec, provider: 'backup' } };
  records.put({ ...moved, digest: digestOf(moved.spec) });
  for (const all of [records, new LinkRecords(directory)]) {
    const keysOf = (container: string) => all.of(container).map(({ key }) => key);
    t.deepEqual([keysOf('server'), keysOf('backup')], [[other.key], [one.key]]);
    t.is(keysOf('client').length, 2);
  }
  records.remove(one.key);
  t.deepEqual([records.of('backup'), records.of('client')], [[], [other]]);
});
