import { setImmediate } from 'node:timers/promises';
import test from 'ava';
import { ServedFronts } from '../../../adapters/links/served-fronts.ts';
import { ProxyError } from '../../../adapters/proxy/proxy.ts';

interface Front {
  readonly name: string;
  readonly at: number;
}

/** A process that notes what it is told, one call at a time, and refuses fronts by their names. */
class Process {
  readonly told: (readonly string[])[] = [];
  readonly refused = new Set<string>();
  serves: readonly Front[] | null = null;
  broken = false;
  #calls = 0;

  async serve(fronts: readonly Front[]): Promise<void> {
    this.#calls += 1;
    if (this.#calls > 1) throw new Error('two calls overlap');
    await setImmediate();
    this.#calls -= 1;
    this.told.push(fronts.map(({ name }) => name));
    if (this.broken) throw new ProxyError('ProxyFailed', 'it is broken');
    const bad = fronts.find(({ name }) => this.refused.has(name));
    if (bad !== undefined)
      throw new ProxyError('ProxyConfigurationRefused', `no ${bad.name}`, { listener: bad.name });
    this.serves = fronts;
  }

  async served(): Promise<readonly Front[] | null> {
    return this.serves;
  }
}

function stage() {
  const process = new Process();
  const fronts = new ServedFronts<Front>(async () => process);
  return { process, fronts };
}

test('[ENG-6] fronts that come while others are told are told together', async (t) => {
  const { process, fronts } = stage();
  const first = fronts.put({ name: 'a', at: 1 });
  await setImmediate();
  const others = ['b', 'c', 'd'].map((name) => fronts.put({ name, at: 1 }));
  await Promise.all([first, ...others]);
  t.deepEqual(process.told, [['a'], ['a', 'b', 'c', 'd']]);
  await fronts.put({ name: 'a', at: 1 });
  t.is(process.told.length, 2, 'what is served already is not told again');
});

test('[ENG-3] one that is refused keeps no other from being served', async (t) => {
  const { process, fronts } = stage();
  process.refused.add('bad');
  const [good, bad] = await Promise.allSettled([
    fronts.put({ name: 'good', at: 1 }),
    fronts.put({ name: 'bad', at: 1 }),
  ]);
  t.is(good.status, 'fulfilled');
  t.is(bad.status, 'rejected');
  t.deepEqual(
    process.serves?.map(({ name }) => name),
    ['good'],
  );
  await fronts.put({ name: 'next', at: 1 });
  t.deepEqual(
    process.serves?.map(({ name }) => name),
    ['good', 'next'],
    'it is not asked for again',
  );
});

test('[ENG-3] a front that could not be changed is served as it was before with the next change', async (t) => {
  const { process, fronts } = stage();
  await fronts.put({ name: 'a', at: 1 });
  process.broken = true;
  await t.throwsAsync(fronts.put({ name: 'a', at: 2 }), { message: 'it is broken' });
  t.regex(fronts.problemOf({ name: 'a', at: 1 }) ?? '', /did not take it: it is broken/);
  process.broken = false;
  await fronts.put({ name: 'b', at: 1 });
  t.deepEqual(process.serves, [
    { name: 'a', at: 1 },
    { name: 'b', at: 1 },
  ]);
});

test('[LINK-10] what is dropped is served no more when it resolves; what never was costs nothing', async (t) => {
  const { process, fronts } = stage();
  await fronts.put({ name: 'a', at: 1 });
  await fronts.drop('a');
  t.deepEqual(process.serves, []);
  await fronts.drop('never');
  t.is(process.told.length, 2);
});

test('[ENG-2] what another controller had served is found, and told where it does not hold', async (t) => {
  const { process, fronts } = stage();
  const front = { name: 'a', at: 1 };
  fronts.adopt([front]);
  t.is(fronts.problemOf(front), null, 'nothing is known before it was asked');
  await fronts.check();
  t.regex(fronts.problemOf(front) ?? '', /does not run/);
  process.serves = [{ name: 'a', at: 2 }];
  await fronts.check();
  t.regex(fronts.problemOf(front) ?? '', /otherwise/);
  process.serves = [];
  await fronts.check();
  t.regex(fronts.problemOf(front) ?? '', /does not know it/);
  process.serves = [front];
  await fronts.check();
  t.is(fronts.problemOf(front), null);
  await fronts.put(front);
  t.is(process.told.length, 0, 'nothing is told that holds');
  process.serves = null;
  await fronts.check();
  await fronts.put(front);
  t.deepEqual(process.serves, [front], 'a process that has ended is told anew');
});

test('[LINK-10] what could not be dropped is dropped when that is tried again', async (t) => {
  const { process, fronts } = stage();
  await fronts.put({ name: 'a', at: 1 });
  process.broken = true;
  await t.throwsAsync(fronts.drop('a'), { message: 'it is broken' });
  t.deepEqual(process.serves, [{ name: 'a', at: 1 }]);
  process.broken = false;
  await fronts.drop('a');
  t.deepEqual(process.serves, []);
});

test('[ENG-3] one whose change is refused goes on as it was, while others are changed', async (t) => {
  const { process, fronts } = stage();
  await fronts.put({ name: 'a', at: 1 });
  const serve = process.serve.bind(process);
  process.serve = (all) => {
    process.refused.clear();
    if (all.some(({ name, at }) => name === 'a' && at === 2)) process.refused.add('a');
    return serve(all);
  };
  const [changed, other] = await Promise.allSettled([
    fronts.put({ name: 'a', at: 2 }),
    fronts.put({ name: 'b', at: 1 }),
  ]);
  t.deepEqual([changed.status, other.status], ['rejected', 'fulfilled']);
  t.deepEqual(process.serves, [
    { name: 'a', at: 1 },
    { name: 'b', at: 1 },
  ]);
});
