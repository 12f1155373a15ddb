import {
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { build } from 'esbuild';
import { firstValueFrom } from 'rxjs';
import { run } from '../../../adapters/linux/command.ts';
import { NoContainer } from '../../../adapters/linux/container-handle.ts';
import { loadSystemCalls } from '../../../adapters/linux/system-calls.ts';
import {
  becomes,
  descriptorCount,
  everythingIn,
  hostSocket,
  kinds,
  mountPoints,
  mountRoots,
  openLinks,
  placed,
  target,
} from './link-bench.ts';
import { labTest } from './network-bench.ts';
import { ask, type BareContainer, makeRoot, startContainer } from './socket-bench.ts';

/** Targets of links whose controller, or whose container, is another one than the one that they were placed by or in. */

const _calls = await loadSystemCalls();

for (const [what, options] of Object.entries(kinds)) {
  labTest(
    `[LINK-10] in ${what} what is placed stays without a controller, and is found by the next`,
    async (t) => {
      const { container, links, one, path, root } = await placed(t, options);
      const sight = links.sight(target);
      const before = mountPoints(container);
      links.close();
      t.is(await ask(path), 'one');
      const { links: next } = openLinks(t, { root });
      await next.attend();
      next.tidy();
      t.deepEqual(next.sight(target), { state: 'away' });
      next.moved('client', container.pid);
      await becomes(next, target, 'placed');
      t.deepEqual(next.sight(target), sight);
      await next.place(target, one);
      t.deepEqual(mountPoints(container), before);
      await next.clear(target);
      next.close();
      const { links: third } = openLinks(t, { root });
      await third.attend();
      third.moved('client', container.pid);
      await becomes(third, target, 'lost');
      t.deepEqual(third.sight(target), { state: 'lost', why: 'it was cleared' });
      t.is(await ask(path), 'refused');
      await third.remove(target);
      t.deepEqual(everythingIn(container, '/run'), []);
      t.is(mountPoints(container).length, before.length - 1);
    },
  );
}

/** What happens to a target while no controller looks, and what the next one finds. */
const meanwhile: Readonly<Record<string, (container: BareContainer) => unknown>> = {
  'was taken away': ({ inside }) => inside('umount', '-l', target.target),
  'was renamed with its directory': ({ at }) => renameSync(at('/run/pv'), at('/run/old')),
  'was moved': async ({ at, inside }) => {
    writeFileSync(at('/run/with space'), '');
    await inside('mount', '--move', target.target, '/run/with space');
  },
  'was replaced by something that has the number of its mount': async ({ at, inside }) => {
    writeFileSync(at('/run/other'), '');
    await inside('umount', '-l', target.target);
    await inside('mount', '--bind', '/run/other', target.target);
  },
};

for (const [what, happen] of Object.entries(meanwhile)) {
  labTest(
    `[LINK-10] a target that ${what} while no controller ran is lost for the next, and leaves nothing`,
    async (t) => {
      const { container, links, root } = await placed(t);
      links.close();
      await descriptorCount();
      await happen(container);
      const { links: next } = openLinks(t, { root });
      await next.attend();
      next.tidy();
      next.moved('client', container.pid);
      await becomes(next, target, 'lost');
      await next.remove(target);
      t.false(mountRoots(container).includes('/x.sock'), 'it is mounted somewhere');
      t.is(next.sight(target), null);
      t.false(existsSync(join(root, 'run/link-targets')));
    },
  );
}

labTest(
  '[LINK-10] a target that is covered while no controller runs is taken away when it can be reached',
  async (t) => {
    const { container, links, root } = await placed(t);
    links.close();
    await container.inside('mount', '-t', 'tmpfs', 'tmpfs', '/run');
    const { links: next } = openLinks(t, { root });
    await next.attend();
    next.tidy();
    next.moved('client', container.pid);
    await becomes(next, target, 'lost');
    await t.throwsAsync(next.remove(target), {
      message: /is still mounted at \/run\/pv\/services\/raw\.sock there, below something/,
    });
    t.is(next.sight(target), null);
    await container.inside('umount', '-l', '/run');
    while (existsSync(container.at('/run/pv'))) await new Promise(setImmediate);
    t.false(mountRoots(container).includes('/x.sock'));
    t.false(existsSync(join(root, 'run/link-targets')));
  },
);

labTest(
  '[LINK-10] a container that runs anew from the same root has its target again; what was removed meanwhile goes',
  async (t) => {
    const files = await makeRoot(t);
    const [kept, removed] = [
      { container: 'client', target: '/srv/a/kept.sock' },
      { container: 'client', target: '/srv/a/removed.sock' },
    ];
    const { links, root } = openLinks(t);
    const source = await hostSocket(t, 'one');
    const first = await startContainer(t, files);
    links.moved('client', first.pid);
    await links.place(kept, source);
    await links.place(removed, source);
    const before = await descriptorCount();
    const told = firstValueFrom(links.changed);
    await first.kill();
    await told;
    t.deepEqual(links.sight(kept), { state: 'away' });
    t.true((await descriptorCount()) < before - 4, 'something of it is held');
    await t.throwsAsync(links.place(kept, source), { instanceOf: NoContainer });
    await links.remove(removed);
    t.is(links.sight(removed), null);
    t.deepEqual(readdirSync(join(files, 'srv/a')), ['kept.sock', 'removed.sock']);
    const second = await startContainer(t, files);
    links.moved('client', second.pid);
    t.deepEqual(links.sight(kept), { state: 'lost', why: 'its container was started anew' });
    t.deepEqual(readdirSync(join(files, 'srv/a')), ['kept.sock']);
    await links.place(kept, source);
    t.is(await ask(second.at(kept.target)), 'one');
    await second.kill();
    links.moved('client', null);
    // A power cut has cost the record.
    rmSync(join(root, 'run/link-targets'), { recursive: true });
    const { links: next } = openLinks(t, { root });
    await next.attend();
    next.tidy();
    const third = await startContainer(t, files);
    next.moved('client', third.pid);
    await next.place(kept, source);
    t.is(await ask(third.at(kept.target)), 'one');
  },
);

labTest('[LINK-10] a container that is gone for good leaves no record', async (t) => {
  const { container, links, root } = await placed(t);
  await container.kill();
  links.moved('client', null);
  links.forget('client');
  t.is(links.sight(target), null);
  t.false(existsSync(join(root, 'run/link-targets')));
});

/** By these a process makes a difference to what there is. */
const tellingCalls = ['rename', 'mkdir', 'unlink', 'rmdir', 'move_mount', 'umount2'];

/** How often each of them is made by a process that places, replaces, clears and removes. */
async function callsOf(argv: readonly string[], directory: string): Promise<ReadonlyMap<string, number>> {
  const log = join(directory, 'strace');
  await run(['strace', '-f', '-qq', '-o', log, '-e', `trace=${tellingCalls}`, '--', ...argv]);
  const names = [...readFileSync(log, 'utf8').matchAll(/^\d+ +(\w+)\(/gm)].map(([, name = '']) => name);
  return new Map(tellingCalls.map((call) => [call, names.filter((name) => name === call).length]));
}

labTest('[LINK-10] whatever call a controller is killed in, the next one cleans up', async (t) => {
  t.timeout(120_000);
  const container = await startContainer(t, await makeRoot(t), { unprivileged: true });
  const [one, two] = [await hostSocket(t, 'one'), await hostSocket(t, 'two')];
  const before = mountPoints(container);
  const directory = mkdtempSync(join(tmpdir(), 'hf-'));
  t.teardown(() => rmSync(directory, { recursive: true }));
  const outfile = join(directory, 'place-links.mjs');
  const entryPoints = [join(import.meta.dirname, 'place-links.ts')];
  await build({
    entryPoints,
    outfile,
    bundle: true,
    platform: 'node',
    format: 'esm',
    logLevel: 'error',
    external: ['koffi'],
  });
  symlinkSync(join(import.meta.dirname, '../../../node_modules'), join(directory, 'node_modules'));
  const steps = [one.path, two.path, 'clear', one.path, 'remove', two.path];
  const argv = (root: string) => [
    process.execPath,
    outfile,
    root,
    `${container.pid}`,
    target.target,
    ...steps,
  ];
  const counts = await callsOf(argv(join(directory, 'counted')), directory);
  const { links: last } = openLinks(t, { root: join(directory, 'counted') });
  await last.attend();
  last.moved('client', container.pid);
  await last.remove(target);
  last.close();
  let unclean = 0;
  for (const [call, count] of counts) {
    t.true(count > 0, `${call} is never made`);
    for (let n = 1; n <= count; n++) {
      const root = join(directory, `${call}-${n}`);
      const inject = `inject=${call}:signal=KILL:when=${n}`;
      const strace = ['strace', '-f', '-qq', '-o', '/dev/null', '-e', `trace=${call}`, '-e', inject, '--'];
      await t.throwsAsync(run([...strace, ...argv(root)]), undefined, `${call} ${n} was survived`);
      const left = everythingIn(container, '/run').length + mountPoints(container).length - before.length;
      unclean += left > 0 ? 1 : 0;
      const { links } = openLinks(t, { root });
      await links.attend();
      links.tidy();
      links.moved('client', container.pid);
      if (links.sight(target) === null) t.deepEqual(everythingIn(container, '/run'), [], `${call} ${n}`);
      if (n % 2 === 0) await links.place(target, one);
      if (n % 2 === 0) t.is(await ask(container.at(target.target)), 'one', `${call} ${n}`);
      await links.remove(target);
      t.deepEqual(everythingIn(container, '/run'), [], `${call} ${n}`);
      t.deepEqual(mountPoints(container), before, `${call} ${n}`);
      t.false(existsSync(join(root, 'run/link-targets')), `${call} ${n}`);
      links.close();
    }
  }
  t.log(
    `${[...counts.values()].reduce((sum, count) => sum + count)} calls, after ${unclean} of which something was left`,
  );
  t.true(unclean > 10, 'nothing was ever left: this test shows nothing');
});
