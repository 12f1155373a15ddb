import test from 'ava';
import type { StepResult } from '../../adapters/adapter.ts';
import { EventLog } from '../../controller/event-log.ts';
import { graphOf } from '../../controller/graph.ts';
import { ResourceViews } from '../../controller/resource-views.ts';
import type { FlatState } from '../../state/revision.ts';
import { Rig, revisionOf } from './rig.ts';

const busTarget = '/run/dbus/system_bus_socket';

/** `gpu` serves `server`, which serves `client`; `client` would use more, and a rule of ingress leads to `server`, too. */
function revision(): FlatState {
  const base = revisionOf({}, { client: {}, server: {}, gpu: {} });
  const withServices = (name: string, services: object) => ({
    [`${name}/run.json`]: { ...(base[`${name}/run.json`] as object), services } as FlatState[string],
  });
  const ingress = [{ name: 'web', type: 'http', external: ':80', provider: 'server', service: 'api' }];
  return {
    ...base,
    'device.json': { ...(base['device.json'] as object), ingress } as FlatState[string],
    ...withServices('client', {
      required: [{ name: 'raw' }, { name: 'raw', target: '/run/again.sock', role: 'operator' }],
      optional: [{ name: 'system-bus', target: busTarget, interface: 'org.a.B' }, { name: 'gps' }],
    }),
    ...withServices('server', { required: [{ name: 'card' }] }),
    'server/services.json': [
      { name: 'raw', type: 'unix', socket: '/run/example/raw.sock' },
      { name: 'api', type: 'rest', socket: '/run/example/api.sock' },
      { name: 'system-bus', type: 'dbus', socket: busTarget },
      { name: 'lonely', type: 'tcp', port: 22 },
    ],
    'gpu/services.json': [{ name: 'card', type: 'drm', socket: '/dev/dri/card0' }],
  };
}

async function begin() {
  const rig = await new Rig().start();
  await rig.commit(revision());
  const { engine, runner, store } = rig;
  return { rig, views: new ResourceViews({ engine, runner, store, events: new EventLog(10) }) };
}

test('[LINK-9] the graph is in the order of the revision, with the processes of both ends', async (t) => {
  const { rig } = await begin();
  const { store, engine } = rig;
  const graph = () =>
    graphOf(
      store.keys().flatMap((key) => store.desired(key) ?? []),
      (key) => engine.world.observed(key),
    );
  t.deepEqual(
    graph().map(({ consumer, name, target, role }) => `${consumer} ${name} ${target} ${role}`),
    [
      'EXTERNAL api :80 any',
      'client raw /run/pv/services/raw.sock any',
      'client raw /run/again.sock operator',
      `client system-bus ${busTarget} any`,
      'server card /dev/dri/card0 any',
    ],
  );
  const before = graph().slice(1);
  t.true(before.every(({ consumer_pid, provider_pid }) => consumer_pid > 0 && provider_pid > 0));
  t.is(before[0]?.provider_pid, before[3]?.consumer_pid, 'server is both');
});

test('a link is described with both ends and its conditions; other resources have no ends', async (t) => {
  const { views } = await begin();
  const link = views.describe('link/client/run/again.sock');
  t.like(link?.ends?.consumer, { container: 'client', path: '/run/again.sock' });
  t.like(link?.ends?.provider, { container: 'server', path: '/run/example/raw.sock' });
  t.is(link?.ends?.consumer.pid, link?.ends?.consumer.made?.pid);
  t.deepEqual(
    link?.conditions?.map(({ type, status }) => `${type} ${status}`),
    ['Accepted True', 'ResolvedRefs True', 'Programmed True'],
  );
  t.is(views.describe('container/client')?.ends, undefined);
  t.is(link?.services, undefined);
  t.is(views.describe('link/client/run/other.sock'), null);
});

test('[LINK-1] a link that its consumer can do without says so, and others do not', async (t) => {
  const { views } = await begin();
  t.true(views.describe(`link/client${busTarget}`)?.optional);
  t.is(views.describe('link/client/run/again.sock')?.optional, undefined);
});

test('[LINK-1] a container is described with what it provides, uses and lacks', async (t) => {
  const { views } = await begin();
  const { provides = [], uses = [], lacks = [] } = views.describe('container/server')?.services ?? {};
  t.deepEqual(
    provides.map(({ name, socket, port, users }) => [
      name,
      socket ?? port,
      users.map(({ consumer, target, phase }) => `${consumer} ${target} ${phase}`),
    ]),
    [
      [
        'raw',
        '/run/example/raw.sock',
        ['client /run/again.sock Ready', 'client /run/pv/services/raw.sock Ready'],
      ],
      ['api', '/run/example/api.sock', ['EXTERNAL :80 Ready']],
      ['system-bus', busTarget, [`client ${busTarget} Ready`]],
      ['lonely', 22, []],
    ],
  );
  t.deepEqual(
    uses.map(({ service, provider, optional }) => [service, provider, optional]),
    [['card', 'gpu', false]],
  );
  t.deepEqual(lacks, []);
  const client = views.describe('container/client')?.services;
  t.deepEqual(
    client?.uses.map(({ service, role, optional }) => [service, role, optional]),
    [
      ['raw', 'operator', false],
      ['system-bus', 'any', true],
      ['raw', 'any', false],
    ],
  );
  t.deepEqual(
    client?.lacks.map(({ code, pointer }) => [code, pointer]),
    [['ServiceOptionalMissing', '/client~1run.json/services/optional/1']],
  );
});

const failed: StepResult = {
  outcome: 'failed',
  error: { code: 'StartFailed', message: 'no such device' },
  observations: [],
};

test('[LINK-8] why a link waits is told down to the provider of its provider that does not start', async (t) => {
  const rig = await new Rig({
    fault: (step) => (step.key === 'container/gpu' ? failed : null),
  }).start();
  await rig.apply(revision());
  const { engine, runner, store } = rig;
  const views = new ResourceViews({ engine, runner, store, events: new EventLog(10) });
  const link = views.describe('link/client/run/again.sock');
  t.is(link?.phase, 'Waiting');
  t.regex(
    link?.why ?? '',
    /^container 'gpu' is Failed: no such device; link of container 'client' at \/run\/again\.sock is Waiting because of it, through container 'server'/,
  );
  t.deepEqual(
    link?.conditions?.map(({ status, reason }) => `${status} ${reason}`),
    ['Unknown Pending', 'False ProviderNotReady', 'False Pending'],
  );
});
