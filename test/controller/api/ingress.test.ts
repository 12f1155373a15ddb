import test from 'ava';
import { apiLink, apiRoute, routeItem, webRoute } from '../ingress-fixtures.ts';
import { ask, linesOf, served } from '../served.ts';

test('[ING-1] routes are listed, and a stream of them goes on with every change', async (t) => {
  const { socket, service } = await served(t);
  service.routeItems = [routeItem(apiRoute), routeItem(webRoute)];
  t.deepEqual((await ask(socket, 'GET', '/v1/routes')).body, { items: service.routeItems });
  const lines = linesOf(socket, '/v1/routes?follow=1');
  t.deepEqual((await lines.next()).value, { items: service.routeItems });
  const change = { listener: 'listener/:80', rule: 'api', item: null } as const;
  service.routeSubject.next(change);
  t.deepEqual((await lines.next()).value, change);
  await lines.return(undefined);
});

test('what rules and links have carried is looked up when it is asked for', async (t) => {
  const { socket, service } = await served(t);
  let asked = 0;
  const items = [{ rule: 'api', listener: 'listener/:80', connections: 3, bytesIn: 1, bytesOut: 2 } as const];
  service.onTraffic = () => {
    asked++;
    return items;
  };
  t.is(asked, 0);
  const proxy = { name: 'haproxy', pid: 7, reloads: 2 } as const;
  service.proxy = proxy;
  const links = [{ link: 'link/client/run/raw.sock', sessions: 1, connections: 4 }] as const;
  service.linkTraffic = links;
  t.deepEqual((await ask(socket, 'GET', '/v1/traffic')).body, { items, links, proxy });
  t.is(asked, 1);
});

test('where the adapter cannot tell what was carried, its reason is answered with 503', async (t) => {
  const { socket, service, internalErrors } = await served(t);
  service.onTraffic = () => {
    throw new Error('haproxy does not answer');
  };
  const answer = await ask(socket, 'GET', '/v1/traffic');
  t.is(answer.status, 503);
  t.deepEqual(answer.body, { error: { code: 'TrafficUnknown', message: 'haproxy does not answer' } });
  t.is(internalErrors.length, 1, 'whoever logs is told');
});

for (const path of ['/v1/graph', '/xconnect-graph']) {
  test(`[LINK-9] GET ${path} answers with an array of links`, async (t) => {
    const { socket, service } = await served(t);
    service.links = [apiLink];
    t.deepEqual((await ask(socket, 'GET', path)).body, [apiLink]);
  });
}
