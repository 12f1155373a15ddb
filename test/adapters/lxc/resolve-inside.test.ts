import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { resolveInside } from '../../../adapters/lxc/resolve-inside.ts';

let root = '';
test.before(async () => {
  root = await mkdtemp(join(tmpdir(), 'holdfast-resolve-'));
  await mkdir(join(root, 'usr/lib'), { recursive: true });
  await writeFile(join(root, 'usr/lib/file'), '');
  await symlink('usr/lib', join(root, 'lib'));
  await symlink('/usr', join(root, 'absolute'));
  await symlink('../../../../../etc', join(root, 'usr/up'));
  await symlink('loop', join(root, 'loop'));
  await symlink('/absolute/lib/file', join(root, 'chain'));
});
test.after.always(() => rm(root, { recursive: true }));

const cases: readonly (readonly [path: string, followLast: boolean, resolved: string])[] = [
  ['usr/lib/file', false, 'usr/lib/file'],
  ['/usr//./lib/file', false, 'usr/lib/file'],
  ['lib/file', false, 'usr/lib/file'],
  ['absolute/lib/new/deep', false, 'usr/lib/new/deep'],
  ['usr/up/passwd', false, 'etc/passwd'],
  ['../../etc/passwd', false, 'etc/passwd'],
  ['lib', false, 'lib'],
  ['lib', true, 'usr/lib'],
  ['chain', true, 'usr/lib/file'],
  ['usr/lib/file/below', false, 'usr/lib/file/below'],
];
for (const [path, followLast, resolved] of cases) {
  test(`[CTR-4] ${path} leads to ${resolved} inside the root${followLast ? ', its last link followed' : ''}`, (t) => {
    t.is(resolveInside(root, path, { followLast }), resolved);
  });
}

test('[REV-8] links in a circle are an error', (t) => {
  t.throws(() => resolveInside(root, 'loop/file'), { message: /more than 40 symbolic links/ });
});
