import {
  closeSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readlinkSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { ownMountList } from '../../../adapters/linux/mount-info.ts';
import { openInRoot } from '../../../adapters/linux/open-in-root.ts';
import { linkOf, openBehind } from '../../../adapters/linux/open-path.ts';
import { loadSystemCalls } from '../../../adapters/linux/system-calls.ts';

const calls = await loadSystemCalls();
let root = '';
let descriptor = 0;
test.before(() => {
  root = mkdtempSync(join(tmpdir(), 'root-'));
  for (const path of ['run/app', 'var']) mkdirSync(join(root, path), { recursive: true });
  writeFileSync(join(root, 'run/app/thing'), '');
  symlinkSync('/run', join(root, 'var/run'));
  symlinkSync('../../../../../run', join(root, 'var/up'));
  symlinkSync('/etc/passwd', join(root, 'run/app/passwd'));
  symlinkSync('loop', join(root, 'loop'));
  symlinkSync(`/${'run/../'.repeat(580)}run`, join(root, 'long'));
  symlinkSync(`/${'run/../'.repeat(60)}run/app/thing`, join(root, 'detour'));
  descriptor = openBehind(root);
});
test.after.always(() => {
  closeSync(descriptor);
  rmSync(root, { recursive: true, force: true });
});

interface Way {
  readonly place: string;
  /** Names that were looked up, with where. */
  readonly passed: readonly string[];
}

function walk(path: string): Way {
  const passed: string[] = [];
  const found = openInRoot({
    calls,
    root: descriptor,
    path,
    mounts: () => ownMountList(),
    reading: () => {},
    passing: (directory, name) =>
      passed.push(`${readlinkSync(linkOf(directory)).slice(root.length)}/${name}`),
  });
  try {
    return { place: readlinkSync(linkOf(found)).slice(root.length), passed };
  } finally {
    closeSync(found);
  }
}

const ways: readonly (readonly [path: string, place: string, passed: readonly string[]])[] = [
  ['/run/app/thing', '/run/app/thing', ['/run', '/run/app', '/run/app/thing']],
  ['run//app/./thing', '/run/app/thing', ['/run', '/run/app', '/run/app/thing']],
  ['/var/run/app/thing', '/run/app/thing', ['/var', '/var/run', '/run', '/run/app', '/run/app/thing']],
  ['/var/up/app/thing', '/run/app/thing', ['/var', '/var/up', '/run', '/run/app', '/run/app/thing']],
  ['/../../run/app/../app/thing', '/run/app/thing', ['/run', '/run/app', '/run/app', '/run/app/thing']],
];
for (const [path, place, passed] of ways) {
  test(`[LINK-11] ${path} leads to ${place}, and every name on the way is told`, (t) => {
    t.deepEqual(walk(path), { place, passed });
  });
}

const refusals: readonly (readonly [path: string, expected: { code?: string; message?: RegExp }])[] = [
  ['/run/nothing/x', { code: 'ENOENT' }],
  ['/run/app/passwd', { code: 'ENOENT' }],
  ['/run/app/thing/x', { code: 'ENOTDIR' }],
  ['/loop', { message: /more than 40 symbolic links/ }],
  ['/long', { message: /^\/long and the symbolic links on its way have 1162 names; expected at most 128/ }],
  ['/', { message: /is the root itself/ }],
  ['/run/..', { message: /is the root itself/ }],
];
for (const [path, expected] of refusals) {
  test(`[LINK-11] ${path} is refused: ${expected.code ?? expected.message?.source}`, (t) => {
    t.throws(() => walk(path), expected);
  });
}

const descriptors = () => readdirSync('/proc/self/fd').length;

test('[LINK-11] what a path goes out of again is closed at once, and all of it at the end', (t) => {
  const before = descriptors();
  let most = 0;
  const found = openInRoot({
    calls,
    root: descriptor,
    path: '/detour',
    mounts: () => ownMountList(),
    reading: () => {},
    passing: () => {
      most = Math.max(most, descriptors());
    },
  });
  t.is(descriptors(), before + 1);
  closeSync(found);
  t.true(most > before && most <= before + 3, `${most - before} were open at a time`);
  for (const [path] of refusals) t.throws(() => walk(path));
  t.is(descriptors(), before);
});

test('[LINK-11] lists of mounts are read up to a limit, whatever the path leads through', (t) => {
  const read: number[] = [];
  const own = openBehind('/');
  t.teardown(() => closeSync(own));
  const open = (mounts: (limitBytes: number) => string | null) => () =>
    openInRoot({
      calls,
      root: own,
      path: '/proc/self',
      mounts,
      passing: () => {},
      reading: (bytes) => read.push(bytes),
    });
  const before = descriptors();
  t.throws(
    open(() => null),
    {
      message:
        /^\/proc\/self leads through mounts, and the list of .* has more than 128 kB; expected at most/,
    },
  );
  t.deepEqual(read, [128 * 1024]);
  t.throws(
    open(() => 'nothing'),
    { message: /mounted no more/ },
  );
  t.deepEqual(read, [128 * 1024, 7]);
  t.is(descriptors(), before);
});
