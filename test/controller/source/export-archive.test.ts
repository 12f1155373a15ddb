import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import test, { type ExecutionContext } from 'ava';
import { unpackExport } from '../../../controller/source/export-archive.ts';
import { SourceProblem } from '../../../controller/source/source-problem.ts';
import { MAX_JSON_BYTES } from '../../../state/limits.ts';
import { type ArchiveEntry, exportOf, sha256Of, tarOf, wellMadeExport } from './archive.ts';
import { directoryOf } from './files.ts';

async function* pieces(content: Uint8Array, size = 1000): AsyncGenerator<Uint8Array> {
  for (let start = 0; start < content.length; start += size) yield content.subarray(start, start + size);
}

/** Unpacks what must be refused: its code, after a look that nothing is left of it and nothing was written elsewhere. */
async function refusal(t: ExecutionContext, archive: Uint8Array, maxBytes?: number): Promise<string> {
  const scratch = await directoryOf(t);
  const error = await t.throwsAsync(unpackExport(pieces(archive), join(scratch, 'x'), maxBytes), {
    instanceOf: SourceProblem,
  });
  t.deepEqual(await readdir(scratch), []);
  return error instanceof SourceProblem ? error.details.code : '';
}

const json: ArchiveEntry = { path: 'json', content: '{}' };
const object = (content: string, path = `objects/${sha256Of(content)}`): ArchiveEntry => ({ path, content });

test('[REV-2] directories and a leading ./ are no harm, nor is the order of entries', async (t) => {
  const scratch = await directoryOf(t);
  const archive = exportOf([
    { path: './', type: 'Directory' },
    { path: './objects/', type: 'Directory' },
    object('one', `./objects/${sha256Of('one')}`),
    object(''),
    { path: './json', content: '{"a":1}' },
  ]);
  const { json: text, objects } = await unpackExport(pieces(archive, 7), join(scratch, 'x'));
  t.is(Buffer.from(text).toString(), '{"a":1}');
  t.deepEqual(new Set(await readdir(join(scratch, 'x'))), new Set([sha256Of('one'), sha256Of('')]));
  t.deepEqual(
    [...objects.values()].map(({ size }) => size),
    [3, 0],
  );
});

test('[REV-2] a large object passes through unharmed', async (t) => {
  const scratch = await directoryOf(t);
  const large = Buffer.alloc(5_000_001, 'holdfast');
  const archive = wellMadeExport({}, [large, 'small']);
  const { objects } = await unpackExport(pieces(archive, 4096), join(scratch, 'x'));
  t.is(objects.get(sha256Of(large))?.size, 5_000_001);
  t.is(objects.size, 2);
});

const hostile: Readonly<Record<string, readonly ArchiveEntry[]>> = {
  'a path with ..': [json, object('x', '../escaped')],
  'a path with .. inside objects': [json, object('x', `objects/../${sha256Of('x')}`)],
  'an absolute path': [json, object('x', '/tmp/escaped')],
  'a path below an object': [json, object('x', `objects/${sha256Of('x')}/y`)],
  'another name': [json, object('x', 'objects/readme')],
  'an upper-case sha256': [json, object('x', `objects/${sha256Of('x').toUpperCase()}`)],
  'a symbolic link': [
    json,
    { path: `objects/${sha256Of('x')}`, type: 'SymbolicLink', linkpath: '/etc/passwd' },
  ],
  'a hard link': [json, { path: `objects/${sha256Of('x')}`, type: 'Link', linkpath: '/etc/passwd' }],
  'json as a symbolic link': [{ path: 'json', type: 'SymbolicLink', linkpath: '/etc/passwd' }],
  'a device': [json, { path: `objects/${sha256Of('x')}`, type: 'CharacterDevice' }],
  'a FIFO': [json, { path: 'json', type: 'FIFO' }],
  'another directory': [json, { path: 'etc/', type: 'Directory' }],
  'a second json': [json, { path: './json', content: '{"device.json":{}}' }],
  'an object twice': [json, object('x'), object('x')],
};

for (const [what, entries] of Object.entries(hostile)) {
  test(`[REV-8] an export with ${what} is refused whole`, async (t) => {
    t.is(await refusal(t, exportOf([object('first'), ...entries, object('last')])), 'ExportEntryRefused');
  });
}

test('[REV-2] an object whose bytes have another sha256 than its name is refused', async (t) => {
  t.is(
    await refusal(t, exportOf([json, object('good'), object('bad', `objects/${sha256Of('x')}`)])),
    'ObjectMismatch',
  );
});

test('[REV-8] an export without json, or that is no tar, is refused', async (t) => {
  t.is(await refusal(t, exportOf([object('x')])), 'ExportInvalid');
  t.is(await refusal(t, gzipSync('no tar at all')), 'ExportInvalid');
  t.is(await refusal(t, gzipSync(Buffer.alloc(4096, 1))), 'ExportInvalid');
  t.is(await refusal(t, gzipSync('')), 'ExportInvalid');
  t.is(await refusal(t, tarOf([json])), 'ExportInvalid');
});

test('[REV-8] an export that is torn anywhere is refused, and no part of it is left', async (t) => {
  const whole = wellMadeExport({ 'web/run.json': {} }, [
    Buffer.from(Array.from({ length: 3000 }, (_, i) => i * 7919)),
  ]);
  for (let length = 2; length < whole.length; length += 97) {
    t.is(await refusal(t, whole.subarray(0, length)), 'ExportInvalid', `torn after ${length} bytes`);
  }
});

test('[REV-8] a tar that is torn inside a whole gzip is refused', async (t) => {
  const whole = tarOf([json, object('x'.repeat(2000))]);
  for (const length of [300, 1024 + 200, 1024 + 512 + 700]) {
    t.is(
      await refusal(t, gzipSync(whole.subarray(0, length))),
      'ExportInvalid',
      `torn after ${length} bytes`,
    );
  }
});

test('[REV-8] a header that claims more than follows is refused', async (t) => {
  t.is(await refusal(t, exportOf([{ ...json, size: 10 * 1024 ** 3 }])), 'ExportInvalid');
});

test('[REV-8] an archive that unpacks to more than the limit is stopped on its way', async (t) => {
  const zeroes = Buffer.alloc(3_000_000);
  t.is(await refusal(t, wellMadeExport({}, [zeroes]), 1_000_000), 'ExportTooLarge');
  t.is(
    await refusal(t, exportOf([{ path: 'json', content: Buffer.alloc(MAX_JSON_BYTES + 1, ' ') }])),
    'TooLarge',
  );
});

test('a failure of the stream itself is passed on as it is', async (t) => {
  const scratch = await directoryOf(t);
  async function* broken(): AsyncGenerator<Uint8Array> {
    yield wellMadeExport({}, ['x']).subarray(0, 20);
    throw new RangeError('the disk is gone');
  }
  await t.throwsAsync(unpackExport(broken(), join(scratch, 'x')), { instanceOf: RangeError });
  t.deepEqual(await readdir(scratch), []);
});
