import { closeSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { DirectoryWatches } from '../../../adapters/linux/directory-watches.ts';
import { openBehind } from '../../../adapters/linux/open-path.ts';
import { loadSystemCalls } from '../../../adapters/linux/system-calls.ts';
import { systemClock } from '../../../controller/clock.ts';

async function watches(t: ExecutionContext, overflowed: () => void = () => t.fail('nothing was lost')) {
  const path = mkdtempSync(join(tmpdir(), 'watched-'));
  const calls = await loadSystemCalls();
  const directories = new DirectoryWatches({ calls, after: systemClock().after, overflowed });
  // A watch alone keeps no process from ending.
  const alive = setInterval(() => undefined, 1_000_000);
  t.teardown(() => {
    clearInterval(alive);
    directories.close();
    rmSync(path, { recursive: true });
  });
  const directory = openBehind(path);
  const listen = (listener: (name: string) => void) => directories.watch(directory, listener);
  t.teardown(() => closeSync(directory));
  return { path, listen };
}

test('[ING-10] names that are made, renamed and removed are told in their order; writing is not', async (t) => {
  const { path, listen } = await watches(t);
  const names: string[] = [];
  const { promise, resolve } = Promise.withResolvers<void>();
  listen((name) => {
    names.push(name);
    if (name === 'last') resolve();
  });
  writeFileSync(join(path, 'a'), 'one');
  writeFileSync(join(path, 'a'), 'two');
  renameSync(join(path, 'a'), join(path, 'b-ü'));
  rmSync(join(path, 'b-ü'));
  writeFileSync(join(path, 'last'), '');
  await promise;
  t.deepEqual(names, ['a', 'a', 'b-ü', 'b-ü', 'last']);
});

test('[ING-10] a listener that ends leaves the others of its directory', async (t) => {
  const { path, listen } = await watches(t);
  const stop = listen(() => t.fail('it had ended'));
  const { promise, resolve } = Promise.withResolvers<string>();
  listen(resolve);
  stop();
  writeFileSync(join(path, 'a'), '');
  t.is(await promise, 'a');
});

test('[LINK-11] when more has happened than the kernel keeps, that is told', async (t) => {
  const { promise, resolve } = Promise.withResolvers<void>();
  const { path, listen } = await watches(t, resolve);
  listen(() => undefined);
  const [a, b] = [join(path, 'a'), join(path, 'b')];
  writeFileSync(a, '');
  // The queue has 16384 places by default (inotify(7)), and nothing is read before this ends.
  for (let round = 0; round < 6000; round++) {
    renameSync(a, b);
    renameSync(b, a);
  }
  await t.notThrowsAsync(promise);
});
