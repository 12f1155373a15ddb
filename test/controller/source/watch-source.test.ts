import { mkdir, rename, rm, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import type { Clock } from '../../../controller/clock.ts';
import type { Source } from '../../../controller/source/source.ts';
import { watchSource } from '../../../controller/source/watch-source.ts';
import { wellMadeExport } from './archive.ts';
import { directoryOf, laidOut, writeInto } from './files.ts';

/** A clock that stands still until it is told that the quiet has lasted. */
class QuietClock implements Clock {
  armed = 0;
  #fire: (() => void) | null = null;
  #waiting: (() => void)[] = [];

  now(): number {
    return 0;
  }

  after(_delayMs: number, fire: () => void): () => void {
    this.#fire = fire;
    this.armed++;
    for (const wake of this.#waiting.splice(0)) wake();
    return () => {
      if (this.#fire === fire) this.#fire = null;
    };
  }

  /** Resolves when a change has been seen: quiet is being waited for. */
  async changeSeen(): Promise<void> {
    while (this.#fire === null) await new Promise<void>((resolve) => this.#waiting.push(resolve));
  }

  /** Waits for a change, and lets the quiet after it pass. */
  async pass(): Promise<void> {
    await this.changeSeen();
    const fire = this.#fire;
    this.#fire = null;
    fire?.();
  }
}

/** Replaces a file in one go: whoever reads meanwhile sees the old or the new one. */
async function replaceIn(
  t: ExecutionContext,
  directory: string,
  path: string,
  content: string,
): Promise<void> {
  const aside = await directoryOf(t, { file: content });
  await rename(join(aside, 'file'), join(directory, path));
}

interface Watched {
  readonly clock: QuietClock;
  /** The next source that is emitted. */
  readonly next: () => Promise<Source>;
  /** Lets quiet pass after each change until a source comes. */
  readonly settle: () => Promise<Source>;
}

function watched(t: ExecutionContext, path: string): Watched {
  const clock = new QuietClock();
  const arrived: Source[] = [];
  const takers: ((source: Source) => void)[] = [];
  const subscription = watchSource(path, { clock }).subscribe((source) => {
    const taker = takers.shift();
    if (taker === undefined) arrived.push(source);
    else taker(source);
  });
  t.teardown(() => subscription.unsubscribe());
  const next = (): Promise<Source> =>
    new Promise((resolve) => {
      const source = arrived.shift();
      if (source === undefined) takers.push(resolve);
      else resolve(source);
    });
  const settle = async (): Promise<Source> => {
    let done = false;
    const source = next().finally(() => {
      done = true;
    });
    while (!done) await Promise.race([source, clock.pass()]);
    return source;
  };
  return { clock, next, settle };
}

test('a watched directory is read at once, and again when a file has changed and it is quiet', async (t) => {
  const directory = await directoryOf(t, { 'web/run.json': '{"v":1}' });
  const { next, settle } = watched(t, directory);
  t.deepEqual((await next()).state, laidOut({ 'web/run.json': { v: 1 } }));
  await writeInto(directory, 'web/run.json', '{"v":2}');
  t.deepEqual((await settle()).state, laidOut({ 'web/run.json': { v: 2 } }));
});

test('new directories are watched too, and what is written into them late is read', async (t) => {
  const directory = await directoryOf(t, { 'web/run.json': '{}' });
  const { next, clock, settle } = watched(t, directory);
  await next();
  await mkdir(join(directory, 'db'));
  await clock.pass();
  // The new directory is looked at just now: what comes into it counts before and after.
  await replaceIn(t, directory, 'db/run.json', '{"late":true}');
  t.deepEqual((await settle()).state, laidOut({ 'db/run.json': { late: true }, 'web/run.json': {} }));
  await writeInto(directory, 'db/run.json', '{"later":true}');
  t.deepEqual((await settle()).state['db/run.json'], { later: true });
});

test('many changes are one reading, once it is quiet', async (t) => {
  const directory = await directoryOf(t, { 'web/run.json': '{}' });
  const { next, clock, settle } = watched(t, directory);
  await next();
  for (let round = 0; round < 50; round++) await writeInto(directory, `c${round % 5}.json`, String(round));
  await clock.changeSeen();
  t.is(Object.keys((await settle()).state).length, 7);
});

test('a half-written file is a finding, and its completion a source without', async (t) => {
  const directory = await directoryOf(t, { 'web/run.json': '{}' });
  const { next, settle } = watched(t, directory);
  await next();
  await writeInto(directory, 'web/run.json', '{"v":');
  t.deepEqual(
    (await settle()).findings.map(({ code }) => code),
    ['BadJson'],
  );
  await writeInto(directory, 'web/run.json', '{"v":1}');
  const complete = await settle();
  t.deepEqual([complete.findings, complete.state], [[], laidOut({ 'web/run.json': { v: 1 } })]);
});

test('a change that changes nothing is not told', async (t) => {
  const directory = await directoryOf(t, { 'web/run.json': '{"v":1}', 'web/.hidden': '1' });
  const { next, clock, settle } = watched(t, directory);
  await next();
  await writeInto(directory, 'web/run.json', '{"v":1}');
  await writeInto(directory, 'web/.hidden', '2');
  await clock.pass();
  await replaceIn(t, directory, 'web/run.json', '{"v":2}');
  t.deepEqual((await settle()).state, laidOut({ 'web/run.json': { v: 2 } }));
});

test('a source that is not there yet is a finding, and read when it comes, also by renaming', async (t) => {
  const base = await directoryOf(t, { 'ready/web/run.json': '{}' });
  const path = join(base, 'deep/source');
  const { next, settle } = watched(t, path);
  t.deepEqual(
    (await next()).findings.map(({ code }) => code),
    ['SourceNotFound'],
  );
  await mkdir(join(base, 'deep'));
  await rename(join(base, 'ready'), path);
  t.deepEqual((await settle()).state, laidOut({ 'web/run.json': {} }));
  await rm(path, { recursive: true });
  t.deepEqual(
    (await settle()).findings.map(({ code }) => code),
    ['SourceNotFound'],
  );
});

test('a link to the source that is turned to another one is a change', async (t) => {
  const base = await directoryOf(t, { '1/web/run.json': '{"v":1}', '2/web/run.json': '{"v":2}' });
  await symlink('1', join(base, 'current'));
  const { next, settle } = watched(t, join(base, 'current'));
  t.deepEqual((await next()).state, laidOut({ 'web/run.json': { v: 1 } }));
  await symlink('2', join(base, 'new'));
  await rename(join(base, 'new'), join(base, 'current'));
  t.deepEqual((await settle()).state, laidOut({ 'web/run.json': { v: 2 } }));
});

test('a state file is watched, also when it is replaced by renaming', async (t) => {
  const base = await directoryOf(t, { 'state.json': '{"a/run.json":1}' });
  const { next, settle } = watched(t, join(base, 'state.json'));
  t.deepEqual((await next()).state, { 'a/run.json': 1 });
  await writeInto(base, 'other.json', '{"a/run.json":2}');
  await rename(join(base, 'other.json'), join(base, 'state.json'));
  t.deepEqual((await settle()).state, { 'a/run.json': 2 });
});

test('a pvtx.d directory is merged anew when an export comes', async (t) => {
  const directory = await directoryOf(t, { 'device.json': '{}' });
  const { next, settle } = watched(t, directory);
  const first = await next();
  t.is(first.kind, 'directory');
  await writeInto(directory, 'web.pvrexport.tgz', wellMadeExport({ 'web/run.json': {} }));
  const second = await settle();
  t.teardown(second.close);
  t.deepEqual([second.kind, Object.keys(second.state)], ['pvtx', ['#spec', 'device.json', 'web/run.json']]);
});

test('nothing is watched any more, and no timer is armed, after unsubscribing', async (t) => {
  const directory = await directoryOf(t, { 'web/run.json': '{}' });
  const clock = new QuietClock();
  const first = await new Promise<Source>((resolve) => {
    const subscription = watchSource(directory, { clock }).subscribe((source) => {
      queueMicrotask(() => subscription.unsubscribe());
      resolve(source);
    });
  });
  t.deepEqual(first.state, laidOut({ 'web/run.json': {} }));
  await writeInto(directory, 'web/run.json', '{"v":2}');
  const witness = watched(t, directory);
  await witness.next();
  await writeInto(directory, 'web/run.json', '{"v":3}');
  await witness.settle();
  t.is(clock.armed, 0);
});
