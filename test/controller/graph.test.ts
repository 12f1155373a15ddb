import test from 'ava';
import { graphOf } from '../../controller/graph.ts';
import type { DesiredResource, Key, ObservedResource } from '../../state/resource.ts';
import { internalPool } from './fixtures.ts';
import { desiredListener, httpListener, lostRoute } from './ingress-fixtures.ts';

const running = (key: Key, pid: number | null): ObservedResource =>
  ({ key, kind: 'container', facts: { pid } }) as unknown as ObservedResource;

test('[LINK-9] a rule of ingress is a link of EXTERNAL with ten fields, role any and its type as interface', (t) => {
  const links = graphOf([desiredListener()], (key) =>
    key === 'container/api' ? running(key, 4242) : undefined,
  );
  t.deepEqual(links, [
    {
      type: 'http',
      name: 'rest',
      consumer: 'EXTERNAL',
      consumer_pid: 0,
      provider: 'api',
      provider_pid: 4242,
      role: 'any',
      interface: 'http',
      target: ':80/api',
      socket: '/run/api.sock',
    },
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
