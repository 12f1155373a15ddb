import {
  chmodSync,
  closeSync,
  fstatSync,
  linkSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { HeldDirectories } from '../../../adapters/linux/held-directories.ts';
import {
  identityOf,
  isBareFile,
  type MadeEntry,
  makeDirectory,
  makeFile,
  openName,
  removeEntry,
} from '../../../adapters/linux/made-entry.ts';

const owner = process.getuid?.() ?? 0;

/** A directory that is held, and goes with the test. */
function directoryOf(t: ExecutionContext) {
  const path = mkdtempSync(join(tmpdir(), 'made-'));
  const held = new HeldDirectories();
  const descriptor = openSync(path, 'r');
  const directory = held.hold(descriptor);
  closeSync(descriptor);
  t.teardown(() => {
    held.close();
    rmSync(path, { recursive: true });
  });
  return { path, directory };
}

function statsOf(directory: number, name: string) {
  const found = openName(directory, name);
  if (found === null) throw new Error(`there is no ${name}`);
  try {
    return fstatSync(found, { bigint: true });
  } finally {
    closeSync(found);
  }
}

function made(directory: number, kind: MadeEntry['kind']): MadeEntry {
  if (kind === 'file') closeSync(makeFile(directory, 'x'));
  else makeDirectory(directory, 'x');
  return { name: 'x', kind, identity: identityOf(statsOf(directory, 'x')) };
}

for (const kind of ['file', 'directory'] as const) {
  test(`[LINK-12] a ${kind} that was made is removed, and again without harm`, (t) => {
    const { path, directory } = directoryOf(t);
    const entry = made(directory.descriptor, kind);
    removeEntry(directory, entry, owner);
    t.deepEqual(readdirSync(path), []);
    removeEntry(directory, entry, owner);
  });

  test(`[LINK-12] a ${kind} of which only the intent is known is removed, if it looks like it`, (t) => {
    const { path, directory } = directoryOf(t);
    const intent = { ...made(directory.descriptor, kind), identity: null };
    removeEntry(directory, intent, owner + 1);
    t.deepEqual(readdirSync(path), ['x']);
    removeEntry(directory, intent, owner);
    t.deepEqual(readdirSync(path), []);
  });

  test(`[LINK-12] a ${kind} that was made is found by its directory, wherever that is by now`, (t) => {
    const { path, directory } = directoryOf(t);
    const entry = made(directory.descriptor, kind);
    renameSync(path, `${path}.moved`);
    removeEntry(directory, entry, owner);
    t.deepEqual(readdirSync(`${path}.moved`), []);
    renameSync(`${path}.moved`, path);
  });
}

/** What may be in the place of a file that was made. */
const others: Readonly<Record<string, (path: string) => unknown>> = {
  'another empty file': (path) => {
    rmSync(path, { recursive: true });
    // The inode's number may be the same.
    writeFileSync(`${path}.first`, '');
    writeFileSync(path, '', { mode: 0 });
  },
  'a file with words': (path) => {
    chmodSync(path, 0o600);
    writeFileSync(path, 'words');
  },
  'a link': (path) => {
    rmSync(path);
    symlinkSync('elsewhere', path);
  },
  'a directory': (path) => {
    rmSync(path);
    mkdirSync(path);
  },
};

for (const [what, put] of Object.entries(others)) {
  test(`[LINK-12] ${what} in the place of a file that was made stays`, (t) => {
    const { path, directory } = directoryOf(t);
    const entry = made(directory.descriptor, 'file');
    put(join(path, 'x'));
    removeEntry(directory, entry, owner);
    t.true(readdirSync(path).includes('x'));
  });
}

test('[LINK-12] a directory that was made stays while something is in it', (t) => {
  const { path, directory } = directoryOf(t);
  const entry = made(directory.descriptor, 'directory');
  writeFileSync(join(path, 'x/y'), '');
  removeEntry(directory, entry, owner);
  t.deepEqual(readdirSync(path), ['x']);
});

test('[LINK-12] nothing is made where a name is there, whatever it is', (t) => {
  const { path, directory } = directoryOf(t);
  symlinkSync('nowhere', join(path, 'x'));
  t.throws(() => makeFile(directory.descriptor, 'x'), { code: 'EEXIST' });
  t.throws(() => makeDirectory(directory.descriptor, 'x'), { code: 'EEXIST' });
  t.deepEqual(readdirSync(path), ['x']);
});

/** Files that look almost like one that was made. */
const almostBare: Readonly<Record<string, (path: string) => unknown>> = {
  'may be read': (path) => chmodSync(path, 0o400),
  'has another name': (path) => linkSync(path, `${path}.other`),
};

for (const [what, change] of Object.entries(almostBare)) {
  test(`[LINK-12] an empty file that ${what} is not taken for one that was made`, (t) => {
    const { path, directory } = directoryOf(t);
    made(directory.descriptor, 'file');
    t.true(isBareFile(statsOf(directory.descriptor, 'x'), owner));
    t.false(isBareFile(statsOf(directory.descriptor, 'x'), owner + 1));
    change(join(path, 'x'));
    t.false(isBareFile(statsOf(directory.descriptor, 'x'), owner));
  });
}
