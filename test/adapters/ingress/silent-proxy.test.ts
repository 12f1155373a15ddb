import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import test, { type ExecutionContext } from 'ava';
import { servingMemoryAdapter } from '../../../adapters/memory/serve.ts';
import type { Proxy as HostProxy } from '../../../adapters/proxy/proxy.ts';
import { container, ensureListener, listener, removeListener, start } from '../../contract/fixtures.ts';
import { isListener, observed, play } from '../../contract/stage.ts';
import { VirtualClock } from '../../controller/virtual-clock.ts';
import { ScriptedProxy } from '../memory/scripted-proxy.ts';

const site = listener(18_080, 'site');
const { key } = ensureListener(site);
const web = start(container('web', { type: 'directory', path: '/nowhere' }, []));

async function temporary(t: ExecutionContext): Promise<string> {
  const root = await mkdtemp(join(tmpdir(), 'silent-'));
  t.teardown(() => rm(root, { recursive: true }));
  return root;
}

async function stage(t: ExecutionContext, proxy: () => Promise<HostProxy>, root: string) {
  const clock = new VirtualClock();
  const adapter = servingMemoryAdapter({ root, proxy, after: (delayMs, fire) => clock.after(delayMs, fire) });
  t.teardown(() => adapter.close());
  const see = async () => {
    const seen = (await observed(adapter)).get(key);
    return seen !== undefined && isListener(seen) ? seen : undefined;
  };
  return { adapter, clock, see };
}

/** A proxy that serves `site`, with a container behind it. */
async function serving(t: ExecutionContext) {
  const proxy = new ScriptedProxy();
  const root = await temporary(t);
  const made = await stage(t, async () => proxy, root);
  await play(t, made.adapter, [web, ensureListener(site)]);
  proxy.calls.splice(0);
  return { ...made, proxy, root };
}

/** Lets the pause pass that is between two questions to a proxy. */
async function patiently<Result>(clock: VirtualClock, work: Promise<Result>): Promise<Result> {
  while (clock.nextInMs() !== 1_000) await setImmediate();
  clock.step(1_000);
  return work;
}

const mute = async (): Promise<never> => {
  throw new Error('its control socket is gone');
};

test('[ENG-8] a proxy that cannot be asked is drift of its listeners, and of nothing else', async (t) => {
  const { adapter, proxy, see } = await serving(t);
  proxy.observe = mute;
  t.deepEqual((await see())?.drift, [
    "what listens at 127.0.0.1:18080 can't be told: its control socket is gone",
  ]);
  t.deepEqual((await observed(adapter)).get(web.key)?.drift, []);
});

test('a proxy that never answers is told after ten seconds', async (t) => {
  const { proxy, clock, see } = await serving(t);
  proxy.observe = () => new Promise(() => undefined);
  const seen = see();
  while (clock.nextInMs() === null) await setImmediate();
  t.is(clock.nextInMs(), 10_000);
  clock.step(10_000);
  t.regex((await seen)?.drift[0] ?? '', /the proxy \(builtin\) did not answer within 10 s$/);
});

test('[ENG-2] a proxy that was asked twice in vain is ended, and listeners are served by a new one', async (t) => {
  const { adapter, proxy, clock } = await serving(t);
  const answer = proxy.observe.bind(proxy);
  proxy.observe = () => (proxy.process === null || proxy.calls.length > 0 ? answer() : mute());
  await patiently(clock, play(t, adapter, [ensureListener(site)]));
  t.deepEqual(
    proxy.calls.map((listeners) => listeners.map(({ name }) => name)),
    [[], ['127.0.0.1:18080']],
  );
});

test('[ENG-6] a listener that could not be taken away is still there', async (t) => {
  const { adapter, proxy, clock, see } = await serving(t);
  proxy.observe = mute;
  proxy.serve = async () => {
    throw new Error('it does not end');
  };
  const result = await patiently(clock, adapter.apply(removeListener(site)));
  t.is(result.outcome, 'failed', JSON.stringify(result));
  t.deepEqual(result.observations[0]?.observed?.spec, site);
  t.deepEqual((await see())?.spec, site);
});

test('[ENG-8] without a proxy to be had, listeners are told with the reason, until there is one', async (t) => {
  const { root, proxy } = await serving(t);
  let isInstalled = false;
  const { see } = await stage(
    t,
    async () => {
      if (!isInstalled) throw new Error('found no program haproxy');
      return proxy;
    },
    root,
  );
  const unknown = await see();
  t.deepEqual(unknown?.drift, ["how it is can't be told: found no program haproxy"]);
  t.deepEqual([unknown?.spec, unknown?.facts.carriers], [site, []]);
  isInstalled = true;
  t.deepEqual((await see())?.drift, []);
});

test('[ING-11] a controller that has no descriptor left to ask with ends no proxy', async (t) => {
  const { adapter, proxy } = await serving(t);
  proxy.observe = async () => {
    throw Object.assign(new Error('too many open files'), { code: 'EMFILE' });
  };
  const result = await adapter.apply(ensureListener(site));
  t.is(result.outcome, 'failed');
  t.deepEqual(proxy.calls, []);
});
