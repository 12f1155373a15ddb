import {
  appendFileSync,
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { ProxyError } from '../../../adapters/proxy/proxy.ts';
import { ShownSockets } from '../../../adapters/proxy/shown-sockets.ts';

/** Sockets `1` and `2`, which are files here: nobody connects to them. */
function ground(t: ExecutionContext) {
  const root = mkdtempSync(join(tmpdir(), 'holdfast-shown-'));
  t.teardown(() => rmSync(root, { recursive: true }));
  const own = join(root, 'own');
  const sockets = new ShownSockets(own);
  sockets.prepare();
  for (const name of ['1', '2']) writeFileSync(sockets.ownPath(name), name);
  return { root, own, sockets, place: join(root, 'place') };
}

test('[LINK-10] a socket is shown as the same inode, in the place of whatever was there, and again where it was taken away', (t) => {
  const { root, sockets, place } = ground(t);
  for (const stand of [
    () => undefined,
    () => writeFileSync(place, 'stale'),
    () => symlinkSync('/etc/passwd', place),
  ]) {
    rmSync(place, { force: true });
    stand();
    t.false(sockets.isShown('1', place));
    sockets.show('1', place);
    t.true(sockets.isShown('1', place));
    t.is(lstatSync(place).ino, lstatSync(sockets.ownPath('1')).ino);
  }
  sockets.show('2', place);
  t.deepEqual([sockets.isShown('1', place), sockets.isShown('2', place)], [false, true]);
  t.deepEqual(readdirSync(root).sort(), ['own', 'place']);
});

test('what stands in its place by now is not taken away with it', (t) => {
  const { sockets, place } = ground(t);
  sockets.show('1', place);
  sockets.show('2', place);
  sockets.hide('1', place);
  t.deepEqual([sockets.exists('1'), sockets.isShown('2', place)], [false, true]);
  sockets.hide('2', place);
  t.false(existsSync(place));
  sockets.hide('2', place);
});

test('whoever comes next finds all that was shown, also where a process was killed in the middle of it', (t) => {
  const { root, own, sockets, place } = ground(t);
  sockets.show('1', place);
  sockets.show('2', `${place}-2`);
  rmSync(`${place}-2`);
  writeFileSync(`${place}-2`, 'foreign');
  appendFileSync(join(own, 'places'), '["3","/half of a pa');
  new ShownSockets(own).removeAll();
  t.deepEqual(readdirSync(root), ['place-2']);
  new ShownSockets(own).removeAll();
});

test('places of sockets that are gone are forgotten', (t) => {
  const { own, sockets, place } = ground(t);
  sockets.show('1', place);
  sockets.hide('1', place);
  appendFileSync(join(own, 'places'), '["3","/half of a pa');
  const next = new ShownSockets(own);
  next.show('2', place);
  t.is(readFileSync(join(own, 'places'), 'utf8'), `["2",${JSON.stringify(place)}]\n`);
});

test('a place where nothing can be shown is refused, with the link and why', (t) => {
  const { root, sockets, place } = ground(t);
  mkdirSync(place);
  symlinkSync(root, join(root, 'link'));
  for (const [path, said] of [
    [place, /a directory is there/],
    [join(root, 'none/x'), /is no directory/],
    [join(root, 'link/x'), /is no directory/],
    ['/proc/x', /another file system/],
  ] as const) {
    const error = t.throws(() => sockets.requirePlace(path, 'a'), { instanceOf: ProxyError, message: said });
    t.is((error as ProxyError).listener, 'a');
  }
  t.notThrows(() => sockets.requirePlace(join(root, 'x'), 'a'));
});
