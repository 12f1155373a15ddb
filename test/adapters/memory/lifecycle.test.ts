import test from 'ava';
import { expectation } from '../../../adapters/expectation.ts';
import { exitContainer, type HostModel, signalReady } from '../../../adapters/memory/host.ts';
import { MemoryAdapter } from '../../../adapters/memory/memory-adapter.ts';
import { containerKey, type ObservedResource, type StatusGoal } from '../../../state/resource.ts';
import { container, removeContainer, start, stop } from '../../contract/fixtures.ts';
import { applied, isContainer, observed } from '../../contract/stage.ts';

const web = (goal: StatusGoal) =>
  start(container('web', { type: 'directory', path: '/nowhere' }, [], { goal }));

const factsOf = (resource: ObservedResource | null | undefined) =>
  resource !== null && resource !== undefined && isContainer(resource)
    ? { ...resource.facts, pid: resource.facts.pid !== null, drift: resource.drift }
    : null;

/** What a container of this goal looks like after each change of the host. */
async function after(
  goal: StatusGoal,
  change: (host: HostModel) => void,
  { silent = false }: { readonly silent?: boolean } = {},
) {
  const adapter = new MemoryAdapter();
  if (silent) adapter.host.silent.add('web');
  await adapter.apply(web(goal));
  adapter.disturb(change);
  return factsOf((await observed(adapter)).get(containerKey('web')));
}

const exit = { code: 3, signal: null, at: 1000 };
const running = { running: true, pid: true, ready: false, exit: null, drift: [] };
const stopped = { running: false, pid: false, ready: false, exit: null, drift: ['not running'] };

test('[CTR-6] a container of the modelled host signals when it is started, unless it is silent or nobody waits', async (t) => {
  t.deepEqual(await after('READY', () => undefined), { ...running, ready: true });
  t.deepEqual(await after('READY', () => undefined, { silent: true }), running);
  t.deepEqual(await after('READY', (host) => signalReady(host, 'web'), { silent: true }), {
    ...running,
    ready: true,
  });
  t.deepEqual(await after('STARTED', (host) => signalReady(host, 'web')), running);
});

test('[CTR-6] a container that is to be mounted has no process and no drift', async (t) => {
  t.deepEqual(await after('MOUNTED', (host) => exitContainer(host, 'web', exit)), { ...stopped, drift: [] });
});

test('[CTR-8] how a modelled container ended is kept, its readiness is not', async (t) => {
  t.deepEqual(await after('READY', (host) => exitContainer(host, 'web', exit)), { ...stopped, exit });
  t.deepEqual(await after('READY', (host) => host.processes.clear()), stopped, 'nobody saw how');
});

test('[CTR-8] a start forgets how a container ended; being stopped is no exit', async (t) => {
  const adapter = new MemoryAdapter();
  await adapter.apply(web('STARTED'));
  exitContainer(adapter.host, 'web', exit);
  t.deepEqual(factsOf(await applied(t, adapter, web('STARTED'))), running);
  t.deepEqual(factsOf(await applied(t, adapter, stop('web'))), stopped);
});

test('[ENG-5] a dry run believes that a container reaches its goal', (t) => {
  const states = (['MOUNTED', 'STARTED', 'READY'] as const).map((goal) =>
    factsOf(expectation(web(goal), undefined).observed),
  );
  t.deepEqual(states, [
    { ...stopped, drift: [] },
    { ...running, pid: false },
    { ...running, pid: false, ready: true },
  ]);
});

test('[ENG-5] a dry run keeps how a container ended until it is started again', (t) => {
  const { observed: made } = expectation(web('STARTED'), undefined);
  if (made === null || !isContainer(made)) return t.fail('it is expected to be there');
  const ended = { ...made, facts: { ...made.facts, running: false, exit } };
  t.deepEqual(factsOf(expectation(stop('web'), ended).observed), { ...stopped, exit });
  t.deepEqual(factsOf(expectation(stop('web'), made).observed), stopped);
  t.is(expectation(removeContainer('web'), ended).observed, null);
});
