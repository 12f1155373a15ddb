import { closeSync, mkdirSync, mkdtempSync, readlinkSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { ownMounts } from '../../../adapters/linux/mount-info.ts';
import { openInRoot } from '../../../adapters/linux/open-in-root.ts';
import { linkOf, openBehind } from '../../../adapters/linux/open-path.ts';

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
    root: descriptor,
    path,
    mounts: ownMounts,
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
  ['/', { message: /is the root itself/ }],
  ['/run/..', { message: /is the root itself/ }],
];
for (const [path, expected] of refusals) {
  test(`[LINK-11] ${path} is refused: ${expected.code ?? expected.message?.source}`, (t) => {
    t.throws(() => walk(path), expected);
  });
}
