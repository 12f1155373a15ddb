import { chmod, chown, mkdir, readdir, readFile, stat, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { ObjectError, ObjectStore } from '../../controller/objects.ts';
import { freshObjectMs } from '../../controller/options.ts';
import { UnsafeDirectoryError } from '../../controller/private-directory.ts';
import { sha256Of } from './source/archive.ts';
import { directoryOf } from './source/files.ts';

async function* chunks(...parts: readonly string[]): AsyncGenerator<Uint8Array> {
  for (const part of parts) yield Buffer.from(part);
}

async function storeIn(
  t: ExecutionContext,
): Promise<{ readonly store: ObjectStore; readonly directory: string }> {
  const directory = join(await directoryOf(t), 'objects');
  return { store: await ObjectStore.open(directory), directory };
}

/** The code of the ObjectError that a promise is rejected with. */
async function refusal(t: ExecutionContext, promise: Promise<unknown>): Promise<string> {
  const error = await t.throwsAsync(promise, { instanceOf: ObjectError });
  return error instanceof ObjectError ? error.code : '';
}

test('[REV-2] an object that was put is there under its sha256, and nobody else can read the store', async (t) => {
  const { store, directory } = await storeIn(t);
  const sha256 = sha256Of('hello world');
  t.false(await store.has(sha256));
  await store.put(sha256, chunks('hello', ' ', 'world'));
  t.true(await store.has(sha256));
  t.is(await readFile(store.path(sha256), 'utf8'), 'hello world');
  t.is(await store.readText(sha256, 11), 'hello world');
  t.is((await stat(directory)).mode & 0o777, 0o700);
  t.is((await stat(store.path(sha256))).mode & 0o777, 0o400);
});

test('[REV-2] content with another sha256 is refused, and nothing of it is left', async (t) => {
  const { store, directory } = await storeIn(t);
  t.is(await refusal(t, store.put(sha256Of('expected'), chunks('other'))), 'ObjectMismatch');
  t.deepEqual(await readdir(directory), []);
});

test('a stream that fails half-way leaves nothing', async (t) => {
  const { store, directory } = await storeIn(t);
  async function* broken(): AsyncGenerator<Uint8Array> {
    yield Buffer.from('hal');
    throw new RangeError('torn');
  }
  await t.throwsAsync(store.put(sha256Of('half'), broken()), { instanceOf: RangeError });
  t.deepEqual(await readdir(directory), []);
});

test('one object put many times at once is there once', async (t) => {
  const { store, directory } = await storeIn(t);
  const sha256 = sha256Of('same');
  await Promise.all(Array.from({ length: 20 }, () => store.put(sha256, chunks('sa', 'me'))));
  t.deepEqual(await readdir(directory), [sha256]);
  t.is(await store.readText(sha256, 100), 'same');
});

test('a file is imported and stays; one that changed since it was hashed is refused', async (t) => {
  const { store } = await storeIn(t);
  const directory = await directoryOf(t, { file: 'content' });
  await store.importFile(sha256Of('content'), join(directory, 'file'));
  t.true(await store.has(sha256Of('content')));
  t.is(await readFile(join(directory, 'file'), 'utf8'), 'content');
  await writeFile(join(directory, 'file'), 'changed');
  t.is(await refusal(t, store.importFile(sha256Of('content 2'), join(directory, 'file'))), 'ObjectMismatch');
});

test('the bytes of a text are the bytes that were hashed: one changed behind our back is an error, and putting it again heals it', async (t) => {
  const { store } = await storeIn(t);
  const sha256 = sha256Of('text');
  await store.put(sha256, chunks('text'));
  await chmod(store.path(sha256), 0o600);
  await writeFile(store.path(sha256), 'evil');
  t.is(await refusal(t, store.readText(sha256, 100)), 'ObjectCorrupt');
  await store.put(sha256, chunks('text'));
  t.is(await store.readText(sha256, 100), 'text');
});

test('a text that is too long, no text, a link or not there is an error that says which', async (t) => {
  const { store } = await storeIn(t);
  const long = 'x'.repeat(101);
  await store.put(sha256Of(long), chunks(long));
  t.is(await refusal(t, store.readText(sha256Of(long), 100)), 'TooLarge');
  const binary = Buffer.of(0xff, 0xfe);
  await store.put(
    sha256Of(binary),
    (async function* () {
      yield binary;
    })(),
  );
  t.is(await refusal(t, store.readText(sha256Of(binary), 100)), 'NotUtf8');
  t.is(await refusal(t, store.readText(sha256Of('absent'), 100)), 'ObjectMissing');
  await symlink('/etc/hostname', store.path(sha256Of('link')));
  await t.throwsAsync(store.readText(sha256Of('link'), 100), { code: 'ELOOP' });
  t.false(await store.has(sha256Of('link')));
});

test('[REV-8] a name that is no sha256 never becomes a path', async (t) => {
  const { store } = await storeIn(t);
  for (const name of [
    '',
    '..',
    '../../etc/passwd',
    sha256Of('x').toUpperCase(),
    `${sha256Of('x')}/`,
    `${sha256Of('x')}\n`,
  ]) {
    t.throws(() => store.path(name), { instanceOf: ObjectError }, name);
    t.is(await refusal(t, store.put(name, chunks('x'))), 'NotADigest');
  }
});

test('what is missing is told once each, in the order of asking', async (t) => {
  const { store } = await storeIn(t);
  const [a, b, c] = [sha256Of('a'), sha256Of('b'), sha256Of('c')];
  await store.put(b, chunks('b'));
  t.deepEqual(await store.missing([c, a, b, c]), [c, a]);
});

/** A time at which no object that a test has put is fresh any more. */
const later = Date.now() + 2 * freshObjectMs;

test('collecting removes what is not kept, and nothing else', async (t) => {
  const { store: before, directory } = await storeIn(t);
  for (const content of ['a', 'b', 'c']) await before.put(sha256Of(content), chunks(content));
  await writeFile(join(directory, 'note'), '');
  const store = await ObjectStore.open(directory);
  t.deepEqual(await store.collect(new Set([sha256Of('b')]), later), [sha256Of('a'), sha256Of('c')].sort());
  t.deepEqual((await readdir(directory)).sort(), [sha256Of('b'), 'note'].sort());
});

test('[REV-2] collecting spares what was put for a revision that is about to come', async (t) => {
  const { store, directory } = await storeIn(t);
  await store.put(sha256Of('new'), chunks('new'));
  t.deepEqual(await store.collect(new Set(), later), []);
  const restarted = await ObjectStore.open(directory);
  t.deepEqual(await restarted.collect(new Set(), Date.now() + freshObjectMs / 2), []);
  t.deepEqual(await restarted.collect(new Set(), later), [sha256Of('new')]);
});

test('[REV-2] collecting spares what somebody was told is here and need not be put', async (t) => {
  const { store: before, directory } = await storeIn(t);
  await before.put(sha256Of('old'), chunks('old'));
  const store = await ObjectStore.open(directory);
  t.deepEqual(await store.missing([sha256Of('old'), sha256Of('other')]), [sha256Of('other')]);
  t.deepEqual(await store.collect(new Set(), later), []);
  t.deepEqual(await store.collect(new Set(), later + freshObjectMs - 1), []);
  t.true(await store.has(sha256Of('old')));
  t.deepEqual(await store.collect(new Set(), later + freshObjectMs), []);
  t.deepEqual(await store.collect(new Set(), later + 2 * freshObjectMs), [sha256Of('old')]);
});

test('what a crash left half-written is gone when the store is opened again, and whole objects stay', async (t) => {
  const { store, directory } = await storeIn(t);
  await store.put(sha256Of('whole'), chunks('whole'));
  await writeFile(join(directory, `${sha256Of('half')}.0b5c.partial`), 'ha');
  await ObjectStore.open(directory);
  t.deepEqual(await readdir(directory), [sha256Of('whole')]);
});

test('a store in a directory that is a link, or that others can write to, is refused', async (t) => {
  const base = await directoryOf(t);
  await mkdir(join(base, 'real'));
  await symlink('real', join(base, 'link'));
  await t.throwsAsync(ObjectStore.open(join(base, 'link')), {
    instanceOf: UnsafeDirectoryError,
    message: /symbolic link/,
  });
  await mkdir(join(base, 'open'));
  await chmod(join(base, 'open'), 0o777);
  await t.throwsAsync(ObjectStore.open(join(base, 'open')), {
    instanceOf: UnsafeDirectoryError,
    message: /mode 777/,
  });
  await mkdir(join(base, 'readable'));
  await chmod(join(base, 'readable'), 0o755);
  await ObjectStore.open(join(base, 'readable'));
  t.is((await stat(join(base, 'readable'))).mode & 0o777, 0o700);
});

const asRoot = process.geteuid?.() === 0 ? test : test.skip;
asRoot('a store in a directory of another user is refused', async (t) => {
  const base = await directoryOf(t);
  await mkdir(join(base, 'foreign'), { mode: 0o700 });
  await chown(join(base, 'foreign'), 65534, 65534);
  await t.throwsAsync(ObjectStore.open(join(base, 'foreign')), {
    instanceOf: UnsafeDirectoryError,
    message: /user 65534/,
  });
});
