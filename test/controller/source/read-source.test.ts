import { readdir, readFile, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { readSource } from '../../../controller/source/read-source.ts';
import type { Source } from '../../../controller/source/source.ts';
import { MAX_JSON_BYTES } from '../../../state/limits.ts';
import { sha256Of, wellMadeExport } from './archive.ts';
import { directoryOf, laidOut } from './files.ts';

async function read(t: ExecutionContext, path: string): Promise<Source> {
  const source = await readSource(path);
  t.teardown(source.close);
  return source;
}

const codes = (source: Source): readonly string[] =>
  source.findings.map(({ severity, code, pointer }) => `${severity} ${code} ${pointer}`);

async function* chunks(...parts: readonly (string | Uint8Array)[]): AsyncGenerator<Uint8Array> {
  for (const part of parts) yield Buffer.from(part);
}

const device = { groups: [{ name: 'root' }, { name: 'app' }] };

test('[REV-1] a state file is read with its entries in the order in which they stand', async (t) => {
  const state = {
    'web/run.json': { name: 'web' },
    'device.json': {},
    'db/run.json': { name: 'db' },
    'x/y': sha256Of('y'),
  };
  const directory = await directoryOf(t, { 'state.json': JSON.stringify(state) });
  const source = await read(t, join(directory, 'state.json'));
  t.deepEqual(source.findings, []);
  t.is(source.kind, 'state');
  t.deepEqual(Object.entries(source.state), Object.entries(state));
});

test('[REV-2] objects of a state file come from the directory `objects` beside it', async (t) => {
  const directory = await directoryOf(t, {
    'state.json': JSON.stringify({ 'web/root.squashfs': sha256Of('root'), 'web/other': sha256Of('absent') }),
    [`objects/${sha256Of('root')}`]: 'root',
    'objects/readme': 'no object',
  });
  const source = await read(t, join(directory, 'state.json'));
  t.deepEqual(
    [...source.objects],
    [[sha256Of('root'), { path: join(directory, 'objects', sha256Of('root')), size: 4 }]],
  );
});

test('[REV-2] a directory becomes a state: .json files are documents, all others are objects', async (t) => {
  const directory = await directoryOf(t, {
    'device.json': JSON.stringify(device),
    'web/run.json': '{"name":"web"}',
    'web/lxc.container.conf': 'lxc.uts.name = web\n',
    '_config/web/etc/.profile': 'umask 077\n',
    '_config/web/etc/app.json': '[1]',
  });
  const source = await read(t, directory);
  t.deepEqual(source.findings, []);
  t.is(source.kind, 'directory');
  t.deepEqual(source.state, {
    '#spec': 'pantavisor-service-system@1',
    'device.json': device,
    'web/lxc.container.conf': sha256Of('lxc.uts.name = web\n'),
    'web/run.json': { name: 'web' },
    '_config/web/etc/.profile': sha256Of('umask 077\n'),
    '_config/web/etc/app.json': [1],
  });
  const origin = source.objects.get(sha256Of('lxc.uts.name = web\n'));
  t.is(await readFile(origin?.path ?? '', 'utf8'), 'lxc.uts.name = web\n');
});

test('[REV-2] containers of a directory come in the order of their groups, then by name', async (t) => {
  const run = (group?: string): string => JSON.stringify(group === undefined ? {} : { group });
  const directory = await directoryOf(t, {
    'device.json': JSON.stringify(device),
    'bsp/run.json': '{}',
    'alone/run.json': run(),
    'b/run.json': run('app'),
    'a/run.json': run('app'),
    'z/run.json': run('root'),
    'z/args.json': '{}',
    'lost/run.json': run('unlisted'),
    '_config/a/x.json': '{}',
  });
  const { state } = await read(t, directory);
  t.deepEqual(Object.keys(state), [
    '#spec',
    'device.json',
    'bsp/run.json',
    'z/args.json',
    'z/run.json',
    'a/run.json',
    'b/run.json',
    'alone/run.json',
    'lost/run.json',
    '_config/a/x.json',
  ]);
});

test('[REV-2] an export is unpacked, its objects checked, and gone when the source is closed', async (t) => {
  const fragment = { 'web/run.json': { name: 'web' }, 'web/root.squashfs': sha256Of('root') };
  const directory = await directoryOf(t, { 'web.pvrexport.tgz': wellMadeExport(fragment, ['root']) });
  const scratch = await directoryOf(t);
  const source = await readSource(join(directory, 'web.pvrexport.tgz'), { temporaryDirectory: scratch });
  t.deepEqual([source.kind, source.state, source.findings], ['export', fragment, []]);
  const origin = source.objects.get(sha256Of('root'));
  t.is(await readFile(origin?.path ?? '', 'utf8'), 'root');
  await source.close();
  await source.close();
  t.deepEqual(await readdir(scratch), []);
});

test('[REV-2] an unpacked export is read like a packed one', async (t) => {
  const fragment = { 'web/run.json': {}, 'web/root.squashfs': sha256Of('root') };
  const directory = await directoryOf(t, {
    json: JSON.stringify(fragment),
    [`objects/${sha256Of('root')}`]: 'root',
  });
  const source = await read(t, directory);
  t.deepEqual([source.kind, source.state, source.findings], ['export', fragment, []]);
  t.deepEqual([...source.objects.keys()], [sha256Of('root')]);
});

test('[REV-2] a pvtx.d directory merges its device.json and its exports into one state', async (t) => {
  const directory = await directoryOf(t, {
    'device.json': JSON.stringify(device),
    'b.pvrexport.tgz': wellMadeExport({
      '#spec': 'pantavisor-service-system@1',
      'b/run.json': { group: 'app' },
    }),
    'a.pvrexport.tgz': wellMadeExport(
      { '#spec': 'pantavisor-service-system@1', 'a/run.json': {}, 'a/x': sha256Of('x') },
      ['x'],
    ),
    'z.tar.gz': wellMadeExport({ 'z/run.json': { group: 'root' } }),
    '_config/a/etc/motd': 'hello',
  });
  const source = await read(t, directory);
  t.deepEqual(source.findings, []);
  t.is(source.kind, 'pvtx');
  t.deepEqual(Object.keys(source.state), [
    '#spec',
    'device.json',
    'z/run.json',
    'b/run.json',
    'a/run.json',
    'a/x',
    '_config/a/etc/motd',
  ]);
  t.deepEqual([...source.objects.keys()].sort(), [sha256Of('x'), sha256Of('hello')].sort());
});

test('[REV-2] two exports that disagree on one path are an error that names both', async (t) => {
  const directory = await directoryOf(t, {
    'device.json': '{}',
    '1.tgz': wellMadeExport({ 'web/run.json': { name: 'web', group: 'a' }, 'device.json': {} }),
    '2.tgz': wellMadeExport({ 'web/run.json': { group: 'a', name: 'web' }, 'device.json': { groups: [] } }),
    '3.tgz': wellMadeExport({ 'web/run.json': { name: 'web', group: 'b' } }),
  });
  const source = await read(t, directory);
  t.deepEqual(codes(source), ['error EntriesConflict /device.json', 'error EntriesConflict /web~1run.json']);
  t.true(source.findings[0]?.message.includes(`${directory} and in ${join(directory, '2.tgz/json')}`));
  t.true(
    source.findings[1]?.message.includes(
      `${join(directory, '1.tgz/json')} and in ${join(directory, '3.tgz/json')}`,
    ),
  );
});

test('[REV-2] a broken export is a finding of its own, and the others are read', async (t) => {
  const directory = await directoryOf(t, {
    'bad.tgz': 'no gzip',
    'good.tgz': wellMadeExport({ 'web/run.json': {} }),
  });
  const source = await read(t, directory);
  t.deepEqual(codes(source), ['error ExportInvalid ']);
  t.is(source.findings[0]?.location?.file, join(directory, 'bad.tgz'));
  t.deepEqual(source.state, laidOut({ 'web/run.json': {} }));
});

test('[REV-2] standard input is a state JSON or an export, told apart by its content', async (t) => {
  const fragment = { 'web/run.json': {} };
  const text = JSON.stringify(fragment);
  const plain = await readSource('-', { standardInput: chunks(text.slice(0, 1), text.slice(1)) });
  t.deepEqual([plain.kind, plain.state], ['state', fragment]);
  const packed = wellMadeExport(fragment);
  const unpacked = await readSource('-', {
    standardInput: chunks(packed.subarray(0, 1), packed.subarray(1)),
  });
  t.teardown(unpacked.close);
  t.deepEqual([unpacked.kind, unpacked.state], ['export', fragment]);
});

test('[REV-8] what is not there, empty, or no state is one finding and no exception', async (t) => {
  const directory = await directoryOf(t, { 'list.json': '[]', 'empty.json': '', 'web/run.json': '{"a":1,}' });
  const empty = await directoryOf(t);
  t.deepEqual(codes(await read(t, join(directory, 'absent'))), ['error SourceNotFound ']);
  t.deepEqual(codes(await read(t, join(directory, 'list.json'))), ['error WrongType ']);
  t.deepEqual(codes(await read(t, join(directory, 'empty.json'))), ['error BadJson ']);
  t.deepEqual(codes(await read(t, join(directory, 'list.json/below'))), ['error SourceUnreadable ']);
  t.deepEqual(codes(await read(t, empty)), ['error SourceEmpty ']);
});

test('[REV-8] more JSON than the limit is refused, from a file and from an endless stream', async (t) => {
  const directory = await directoryOf(t, { 'device.json': Buffer.alloc(MAX_JSON_BYTES + 1, ' ') });
  t.deepEqual(codes(await read(t, join(directory, 'device.json'))), ['error TooLarge ']);
  t.deepEqual(codes(await read(t, directory)), ['error TooLarge /device.json']);
  let asked = 0;
  async function* endless(): AsyncGenerator<Uint8Array> {
    for (;;) {
      asked++;
      yield Buffer.alloc(1024 * 1024, ' ');
    }
  }
  const source = await readSource('-', { standardInput: endless() });
  t.deepEqual(codes(source), ['error TooLarge ']);
  t.is(asked, 17);
});

test('[REV-8] the JSON of all documents of a directory counts together', async (t) => {
  const half = Buffer.from(`"${'x'.repeat(MAX_JSON_BYTES / 2)}"`);
  const directory = await directoryOf(t, { 'a/run.json': half, 'b/run.json': half });
  t.deepEqual(codes(await read(t, directory)), ['error TooLarge /b~1run.json']);
});

test('[REV-8] a member or a directory named __proto__ is an entry like any other, and changes no object', async (t) => {
  const directory = await directoryOf(t, {
    'state.json': '{"__proto__":{"polluted":1},"a/run.json":{"__proto__":{"polluted":1}}}',
    'layout/__proto__/run.json': '{"name":"x"}',
  });
  const source = await read(t, join(directory, 'state.json'));
  t.deepEqual(Object.keys(source.state), ['__proto__', 'a/run.json']);
  t.is(Object.getPrototypeOf(source.state), Object.prototype);
  t.false('polluted' in source.state);
  const layout = await read(t, join(directory, 'layout'));
  t.deepEqual(Object.keys(layout.state), ['#spec', '__proto__/run.json']);
});

test('[REV-8] a link out of the directory is refused and nothing of its target is read; one inside is followed', async (t) => {
  const outside = await directoryOf(t, { secret: 'secret', 'tree/run.json': '{}' });
  const directory = await directoryOf(t, { 'web/run.json': '{}', 'web/real': 'content' });
  await symlink(join(outside, 'secret'), join(directory, 'web/absolute'));
  await symlink('../../../../../../../../etc/passwd', join(directory, 'web/relative'));
  await symlink(join(outside, 'tree'), join(directory, 'tree'));
  await symlink('../web', join(directory, 'web/loop'));
  await symlink('absent', join(directory, 'web/dangling'));
  await symlink('real', join(directory, 'web/same'));
  const source = await read(t, directory);
  t.deepEqual(codes(source), [
    'error LinkLeadsOutside /tree',
    'error LinkLeadsOutside /web~1absolute',
    'error SourceNotFound /web~1dangling',
    'error NotARegularFile /web~1loop',
    'error LinkLeadsOutside /web~1relative',
  ]);
  t.deepEqual(Object.keys(source.state), ['#spec', 'web/real', 'web/run.json', 'web/same']);
  t.is(source.state['web/same'], sha256Of('content'));
});

test('[REV-2] hidden files are passed over, with a warning where nobody expects them', async (t) => {
  const directory = await directoryOf(t, {
    'device.json': '{}',
    '.git/HEAD': 'ref',
    '.gitignore': '',
    'web/.DS_Store': '',
    'web/.run.json.swp': '',
  });
  const source = await read(t, directory);
  t.deepEqual(codes(source), ['warning HiddenFile ']);
  t.is(source.findings[0]?.location?.file, join(directory, 'web/.run.json.swp'));
  t.deepEqual(source.state, laidOut({ 'device.json': {} }));
});

test('[REV-6] every file that is wrong is reported at once, with file, line and column', async (t) => {
  const directory = await directoryOf(t, {
    'device.json': '{\n  "network": {\n}',
    'web/run.json': '{\n  "name": "web",\n  "name": "db"\n}',
  });
  const source = await read(t, directory);
  t.deepEqual(
    source.findings.map(({ code, location }) => ({ code, ...location })),
    [
      { code: 'BadJson', file: join(directory, 'device.json'), line: 3, column: 2 },
      { code: 'DuplicateMember', file: join(directory, 'web/run.json'), line: 3, column: 3 },
    ],
  );
});
