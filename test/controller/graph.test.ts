import test from 'ava';
import { graphOf } from '../../controller/graph.ts';
import type { DesiredResource, Key, ObservedResource } from '../../state/resource.ts';
import { internalPool } from './fixtures.ts';
import { apiLink, desiredListener, httpListener, lostRoute } from './ingress-fixtures.ts';
import { busSpec, desiredLink, rawLink, rawSpec } from './link-fixtures.ts';

const running = (key: Key, pid: number | null): ObservedResource =>
  ({ key, kind: 'container', facts: { pid } }) as unknown as ObservedResource;

test('[LINK-9] a rule of ingress is a link of EXTERNAL with ten fields, role any and its type as interface', (t) => {
  const links = graphOf([desiredListener()], (key) =>
    key === 'container/api' ? running(key, 4242) : undefined,
  );
  t.deepEqual(links, [
    apiLink,
    {
      type: 'http',
      name: 'http',
      consumer: 'EXTERNAL',
      consumer_pid: 0,
      provider: 'web',
      provider_pid: 0,
      role: 'any',
      interface: 'http',
      target: ':80',
      socket: '10.0.5.2:80',
    },
  ]);
});

test('[LINK-9] a provider that does not run has process id 0, and a rule that leads to nothing no socket', (t) => {
  const [link] = graphOf([desiredListener([lostRoute])], (key) => running(key, null));
  t.like(link, { name: 'htpt', provider_pid: 0, socket: '' });
});

const pids: ReadonlyMap<Key, number> = new Map([
  ['container/client', 4321],
  ['container/server', 4242],
]);
const runningNow = (key: Key) => running(key, pids.get(key) ?? null);

test('[LINK-9] a link between containers has ten fields, and its type as interface where none is said', (t) => {
  const links = graphOf([desiredLink()], runningNow);
  t.deepEqual(links, [rawLink]);
  const fields = 'type,name,consumer,consumer_pid,provider,provider_pid,role,interface,target,socket';
  t.is(Object.keys(links[0] ?? {}).join(), fields, 'in the order in which Pantavisor has them');
});

test('[LINK-9] role and interface of a link are those that its consumer asks for', (t) => {
  t.like(graphOf([desiredLink(busSpec)], runningNow)[0], {
    ...{ type: 'dbus', name: 'system-bus', role: 'operator', interface: 'org.pantavisor.Example' },
  });
});

test('[LINK-9] an end of a link that does not run has process id 0', (t) => {
  const [unseen] = graphOf([desiredLink()], () => undefined);
  t.like(unseen, { consumer_pid: 0, provider_pid: 0, socket: rawSpec.socket });
  const [stopped] = graphOf([desiredLink()], (key) =>
    key === 'container/server' ? running(key, null) : runningNow(key),
  );
  t.like(stopped, { consumer_pid: 4321, provider_pid: 0 });
});

test('[LINK-9] links and rules of ingress come in the order in which they are desired', (t) => {
  const again = desiredLink({ ...rawSpec, target: '/run/again.sock' });
  const links = graphOf([desiredLink(busSpec), again, desiredListener(), desiredLink()], runningNow);
  t.deepEqual(
    links.map(({ name, target }) => `${name} ${target}`),
    [
      'system-bus /run/dbus/system_bus_socket',
      'raw /run/again.sock',
      'rest :80/api',
      'http :80',
      'raw /run/pv/services/raw.sock',
    ],
  );
});

test('links come listener by listener, and other kinds have none', (t) => {
  const ssh = { ...httpListener, type: 'tcp', port: 22, routes: [{ ...lostRoute, path: '' }] } as const;
  const pool: DesiredResource<'pool'> = {
    ...{ key: 'pool/internal', kind: 'pool', spec: internalPool },
    ...{ digest: 'd', dependsOn: [], pointers: [] },
  };
  const links = graphOf(
    [desiredListener(), pool, desiredListener([], { key: 'listener/[::1]:22', spec: ssh })],
    () => undefined,
  );
  t.deepEqual(
    links.map(({ target, type }) => `${type} ${target}`),
    ['http :80/api', 'http :80', 'tcp [::1]:22'],
  );
});
