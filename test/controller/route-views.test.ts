import test from 'ava';
import { exitContainer } from '../../adapters/memory/host.ts';
import type { RouteChange } from '../../controller/api/contract.ts';
import { EventLog } from '../../controller/event-log.ts';
import { graphOf } from '../../controller/graph.ts';
import { ResourceViews } from '../../controller/resource-views.ts';
import type { FlatState } from '../../state/revision.ts';
import { Rig, revisionOf } from './rig.ts';

const pools = { lan: { bridge: 'pvbr0', subnet: '10.0.5.0/24' } };
const rule = (name: string, external: string, provider: string) => ({
  ...{ name, type: 'http', external, provider, service: 'http' },
});

/** Two containers, each with a service, and `ingress` for them. */
function revision(...ingress: readonly object[]): FlatState {
  const base = revisionOf(pools, { web: { pool: 'lan' }, api: { pool: 'lan' } });
  const services = [{ name: 'http', type: 'rest', port: 80 }];
  return {
    ...base,
    'device.json': { ...(base['device.json'] as object), ingress } as FlatState[string],
    'web/services.json': services,
    'api/services.json': services,
  };
}

async function begin(...ingress: readonly object[]) {
  const rig = await new Rig().start();
  await rig.commit(revision(...ingress));
  const { engine, runner, store } = rig;
  const views = new ResourceViews({ engine, runner, store, events: new EventLog(10) });
  const changes: RouteChange[] = [];
  views.routes.changes().subscribe((change) => changes.push(change));
  const told = () =>
    changes.splice(0).map(({ listener, rule, item }) => `${listener} ${rule} ${item?.phase ?? 'gone'}`);
  return { rig, views, told };
}

test('[ING-2] routes of all listeners are listed, with where they lead and that they are served', async (t) => {
  const { views } = await begin(
    rule('web', ':80', 'web'),
    rule('api', ':80/api', 'api'),
    rule('alt', ':81', 'web'),
  );
  t.deepEqual(
    views.routes.all().map(({ listener, rule, phase, pointer }) => [listener, rule, phase, pointer]),
    [
      ['listener/:80', 'api', 'Ready', '/device.json/ingress/1'],
      ['listener/:80', 'web', 'Ready', '/device.json/ingress/0'],
      ['listener/:81', 'alt', 'Ready', '/device.json/ingress/2'],
    ],
  );
});

test('a provider that ends is told of by the rules that lead to it, on every listener, and by no other', async (t) => {
  const { rig, views, told } = await begin(
    rule('web', ':80', 'web'),
    rule('api', ':80/api', 'api'),
    rule('alt', ':81', 'web'),
  );
  rig.adapter.disturb((host) => exitContainer(host, 'web', { code: 1, signal: null, at: rig.clock.now() }));
  await rig.settle();
  const rules = told().map((change) => change.split(' ').slice(0, 2).join(' '));
  t.deepEqual([...new Set(rules)].sort(), ['listener/:80 web', 'listener/:81 alt']);
  await rig.pass(60_000);
  told();
  t.true(views.routes.all().every(({ phase }) => phase === 'Ready'));
});

test('a rule that moves to another listener is gone from the one and there on the other', async (t) => {
  const { rig, told } = await begin(rule('web', ':80', 'web'), rule('api', ':80/api', 'api'));
  await rig.commit(revision(rule('web', ':80', 'web'), rule('api', ':81/api', 'api')));
  const changes = told();
  t.true(changes.includes('listener/:80 api gone'), changes.join('; '));
  t.is(changes.filter((change) => change.startsWith('listener/:81 api')).at(-1), 'listener/:81 api Ready');
});

test('nothing is told twice', async (t) => {
  const { rig, told } = await begin(rule('web', ':80', 'web'));
  await rig.commit(revision(rule('web', ':80', 'web'), rule('api', ':81', 'api')));
  const changes = told();
  t.deepEqual([...new Set(changes)], changes);
  t.false(changes.some((change) => change.startsWith('listener/:80')));
});

test('a listener is described with its routes and conditions; nothing else has any', async (t) => {
  const { views } = await begin(rule('web', ':80', 'web'), rule('lost', ':80/lost', 'wbe'));
  const description = views.describe('listener/:80');
  t.deepEqual(
    description?.routes?.map(({ rule, phase, reason }) => [rule, phase, reason]),
    [
      ['lost', 'Blocked', 'ServiceNotFound'],
      ['web', 'Ready', 'Serving'],
    ],
  );
  t.deepEqual(
    description?.conditions?.map(({ type, status }) => [type, status]),
    [
      ['Accepted', 'True'],
      ['ResolvedRefs', 'False'],
      ['Programmed', 'True'],
    ],
  );
  t.false('routes' in (views.describe('container/web') ?? {}));
  t.is(views.describe('listener/:81'), null);
});

test('[LINK-9] the graph of a device that runs has the process ids of its providers', async (t) => {
  const { rig } = await begin(rule('web', ':80', 'web'));
  const desired = rig.store.keys().flatMap((key) => rig.store.desired(key) ?? []);
  const [link] = graphOf(desired, (key) => rig.engine.world.observed(key));
  t.like(link, { consumer: 'EXTERNAL', provider: 'web', socket: '10.0.5.2:80', target: ':80' });
  t.true((link?.provider_pid ?? 0) > 0);
});
