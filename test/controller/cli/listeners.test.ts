import test, { type ExecutionContext } from 'ava';
import type { ResourceDescription } from '../../../controller/api/contract.ts';
import { waitingWeb, webItems } from '../fixtures.ts';
import { apiRoute, httpListener, listenerItem, lostRoute, routeItem, webRoute } from '../ingress-fixtures.ts';
import type { ScriptedService } from '../scripted-service.ts';
import { served } from '../served.ts';
import { commandLine, type Ended, type TerminalOptions } from './command.ts';

const carried = [
  { rule: 'api', listener: 'listener/:80', connections: 1, bytesIn: 999, bytesOut: 1_550 },
  { rule: 'web', listener: 'listener/:80', connections: 1_200, bytesIn: 1, bytesOut: 23_000_000 },
] as const;

/** A listener with two rules on a controller that is scripted by `script`, and a verb. */
async function asked(
  t: ExecutionContext,
  words: readonly string[],
  script: (service: ScriptedService) => void = () => undefined,
  options: TerminalOptions = {},
): Promise<Ended> {
  const { service, socket } = await served(t);
  service.items = [...webItems, listenerItem()];
  service.routeItems = [routeItem(apiRoute), routeItem(webRoute)];
  service.onTraffic = () => carried;
  script(service);
  return await commandLine([...words, '--socket', socket], options);
}

const failedApi = routeItem(apiRoute, 'Failed', "container 'api' is Failed: exited with code 1");
const broken = (service: ScriptedService) => {
  service.routeItems = [failedApi, routeItem(webRoute)];
};

test('[ING-2] listeners are listed with what they serve, by whom, and which rules they have', async (t) => {
  for (const word of ['listeners', 'listener', 'Listeners']) {
    const { code, out, err } = await asked(t, ['get', word]);
    t.deepEqual(
      [code, err, out],
      [
        0,
        '',
        'NAME  TYPE  CARRIER  SERVES  PHASE  RULES    MESSAGE\n' +
          ':80   http  haproxy  2/2     Ready  api,web  as desired\n',
      ],
    );
  }
});

test('a phase is never good over a rule that is not served: colour, number and message say so', async (t) => {
  const { out } = await asked(t, ['get', 'listeners'], broken, { columns: 120 });
  t.true(out.includes('\u001b[31mReady\u001b[39m'), out);
  t.regex(out, / 1\/2 .*1 rule not served: api: container 'api' is Failed: exited/);
});

test('a listener of which a host does without something says so', async (t) => {
  const facts = { carriers: ['kernel', 'builtin'], warnings: ['no nftables', 'slower'] };
  const { out } = await asked(t, ['get', 'listeners'], (service) => {
    const { observed } = listenerItem();
    service.items = [listenerItem('Ready', { observed: { ...(observed as object), facts } as never })];
  });
  t.regex(out, /kernel\+builtin .* no nftables; slower\n$/);
});

test('what is listed of listeners fits 80 columns, rules are cut before the message is', async (t) => {
  const routes = Array.from({ length: 30 }, (_each, index) => ({ ...webRoute, rule: `rule-${index}` }));
  const { out } = await asked(t, ['get', 'listeners'], (service) => {
    service.items = [listenerItem('Blocked', { spec: { ...httpListener, routes } as never })];
  });
  const lines = out.split('\n');
  t.true(
    lines.every((line) => [...line].length <= 80),
    out,
  );
  t.regex(out, /Blocked {2}rule-0,rule-1.*… {2}it is Blocked\n$/);
});

test('wide listeners have addresses and what they have carried in human units', async (t) => {
  const { out } = await asked(t, ['get', 'listeners', '-o', 'wide']);
  t.regex(out, / 0\.0\.0\.0:80,\[::\]:80 {2}1201 requests {2}1 kB +23 MB /);
});

test('where nobody can tell what was carried, there is a dash, and the reason stands beside the data', async (t) => {
  const silent = (service: ScriptedService) => {
    service.onTraffic = () => {
      throw new Error('haproxy does not answer');
    };
  };
  for (const kind of ['listeners', 'routes']) {
    const { code, out, err } = await asked(t, ['get', kind, '-o', 'wide'], silent);
    t.is(code, 0);
    t.regex(out, / - +- +- /);
    t.is(err, 'what was carried is not known: haproxy does not answer\n');
  }
});

test('narrow tables and data ask nobody what was carried', async (t) => {
  const traffic = (service: ScriptedService) => {
    service.onTraffic = () => t.fail('it was asked') as never;
  };
  for (const words of [['listeners'], ['listeners', '-o', 'json'], ['routes'], ['pools', '-o', 'wide']]) {
    t.is((await asked(t, ['get', ...words], traffic)).code, 0);
  }
});

test('get all has listeners last, each kind in its table', async (t) => {
  const { out } = await asked(t, ['get', 'all']);
  t.deepEqual(
    [...out.matchAll(/^[A-Z]+/gm)].map(([title]) => title),
    ['NAME', 'POOL', 'NAME', 'NAME'],
  );
  t.regex(out, /as desired\n$/);
});

test('[ING-4] routes are listed one a line over all listeners, with where each leads, or why it does not', async (t) => {
  const ssh = {
    ...routeItem({ ...webRoute, rule: 'ssh' }),
    listener: 'listener/[::1]:22',
    type: 'tcp',
  } as const;
  const lost = { ...routeItem({ ...lostRoute, host: 'a.example' }, 'Blocked'), reason: 'ServiceNotFound' };
  const { out } = await asked(t, ['get', 'routes'], (service) => {
    service.routeItems = [routeItem(apiRoute), lost, routeItem(webRoute), ssh];
  });
  t.is(
    out,
    'RULE  LISTENER  HOST       PATH   PROVIDER  SERVICE  BACKEND             PHASE\n' +
      'api   :80       -          /api   api       rest     unix:/run/api.sock  Ready\n' +
      'lost  :80       a.example  /lost  web       htpt     ServiceNotFound     Blocked\n' +
      'web   :80       -          /      web       http     10.0.5.2:80         Ready\n' +
      'ssh   [::1]:22  -          -      web       http     10.0.5.2:80         Ready\n',
  );
});

test('wide routes have what each has carried: requests of http, connections of tcp', async (t) => {
  const { out } = await asked(t, ['get', 'routes', '-o', 'wide'], (service) => {
    service.routeItems = [routeItem(apiRoute), { ...routeItem(webRoute), type: 'tcp' }];
  });
  t.regex(out, / 1 request {2,}999 B {2}1\.5 kB {2}serves\n.* 1200 connections {2}1 B {4}23 MB {3}serves\n$/);
});

test('routes are found by their own name, or that of their listener, provider or service', async (t) => {
  const rules = async (name: string) => (await asked(t, ['get', 'routes', name, '-o', 'name'])).out;
  t.deepEqual(
    [await rules('api'), await rules(':80'), await rules('http')],
    ['api\n', 'api\nweb\n', 'web\n'],
  );
  t.is((await asked(t, ['get', 'route/web', '-o', 'name'])).out, 'web\n');
  const wrong = await asked(t, ['get', 'routes', 'apo']);
  t.deepEqual([wrong.code, wrong.err], [5, "holdfast: there is no route 'apo'\nhint: did you mean 'api'?\n"]);
  const none = await asked(t, ['get', 'routes'], (service) => {
    service.routeItems = [];
  });
  t.deepEqual([none.code, none.out, none.err], [0, '', 'there are no routes\n']);
});

test('routes as JSON are what the control socket says', async (t) => {
  const { out } = await asked(t, ['get', 'routes', '-o', 'json']);
  t.deepEqual(JSON.parse(out), { items: [routeItem(apiRoute), routeItem(webRoute)] });
});

/** Runs a verb that does not end, and goes on with `steps`, one after each time that something was written. */
async function watched(
  t: ExecutionContext,
  words: readonly string[],
  ...steps: readonly ((service: ScriptedService) => void)[]
): Promise<Ended> {
  const { service, socket, close } = await served(t);
  service.items = [...webItems, listenerItem()];
  service.routeItems = [routeItem(apiRoute), routeItem(webRoute)];
  const rest = [...steps, () => void close()];
  return await commandLine([...words, '--socket', socket], { onOut: () => rest.shift()?.(service) });
}

const changed = (item: typeof failedApi | null) => (service: ScriptedService) =>
  service.routeSubject.next({ listener: 'listener/:80', rule: 'api', item });

test('a listener that is watched is shown again when a provider of it fails, though it has not changed itself', async (t) => {
  const { out } = await watched(t, ['get', 'listeners', '-w'], changed(failedApi), (service) => {
    // Makes no difference to the row, so that nothing is written for it.
    service.routeSubject.next({
      listener: 'listener/:80',
      rule: 'web',
      item: { ...routeItem(webRoute), reason: 'x' },
    });
    service.changeSubject.next({ key: 'listener/:80', item: null });
  });
  const [heading, first, second, third, end] = out.split('\n');
  t.regex(heading ?? '', /^NAME/);
  t.regex(first ?? '', /^:80 .* 2\/2 /);
  t.regex(second ?? '', /^:80 .* 1\/2 .* 1 rule not ser/);
  t.deepEqual([third, end], ['listener/:80 is gone', '']);
});

test('containers that are watched have nothing to do with routes', async (t) => {
  const { out } = await watched(t, ['get', 'pools', '-w'], (service) => {
    t.false(service.routeSubject.observed);
    service.changeSubject.next({ key: 'pool/internal', item: null });
  });
  t.regex(out, /\npool\/internal is gone\n$/);
});

test('routes that are watched are shown with every change, and those that go are named', async (t) => {
  const { out } = await watched(t, ['get', 'routes', 'api', '-w'], changed(failedApi), changed(null));
  const lines = out.split('\n');
  t.regex(lines[1] ?? '', /^api .* Ready$/);
  t.regex(lines[2] ?? '', /^api .* Failed$/);
  t.deepEqual(lines.slice(3), ['rule api of listener/:80 is gone', '']);
});

test('routes that are watched as JSON are one change a line', async (t) => {
  const { out } = await watched(t, ['get', 'routes', '-w', '-o', 'json'], changed(null));
  t.deepEqual(
    out
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line))
      .map(({ rule, item }) => [rule, item?.phase ?? null]),
    [
      ['api', 'Ready'],
      ['web', 'Ready'],
      ['api', null],
    ],
  );
});

const described: ResourceDescription = {
  ...waitingWeb,
  ...listenerItem(),
  why: "listener ':80' is Ready: as desired",
  pointers: ['/device.json/ingress/0'],
  routes: [failedApi, routeItem(webRoute)],
  conditions: [
    { type: 'Accepted', status: 'True', reason: 'Accepted', message: 'fine', revision: 7 },
    { type: 'ResolvedRefs', status: 'False', reason: 'ServiceNotFound', message: 'no service', revision: 7 },
  ],
};
const describing = (service: ScriptedService) => {
  service.descriptions = new Map([['listener/:80', described]]);
};

test('a listener is described with addresses, carriers, routes, conditions and counters', async (t) => {
  const { code, out } = await asked(t, ['describe', 'listener', ':80'], describing);
  t.is(code, 0);
  t.regex(out, /\nListens at: {3}0\.0\.0\.0:80, \[::\]:80\nCarried by: {3}haproxy\n/);
  t.regex(out, /\nCarried: {6}1201 requests, 1 kB in, 23 MB out\n/);
  t.regex(out, /\nRoutes:\n {2}RULE .*\n {2}api .* Failed\n {2}web .* Ready\nConditions:\n {2}Accepted /);
  t.regex(out, /\n {2}ResolvedRefs {2}False {4}ServiceNotFound, revision 7\n {4}no service\nSpec:\n/);
});

test('[ING-10] a listener that a proxy carries says which process that is, and how often it was made to reload', async (t) => {
  const proxied = (reloads: number) => (service: ScriptedService) => {
    describing(service);
    service.proxy = { name: 'haproxy', pid: 4711, reloads };
  };
  const { out } = await asked(t, ['describe', 'listener', ':80'], proxied(2));
  t.regex(out, /\nCarried by: {3}haproxy\nProxy: {8}haproxy, process 4711, 2 reloads since it was started\n/);
  const once = await asked(t, ['describe', 'listener', ':80'], proxied(1));
  t.regex(once.out, / 1 reload since/);
  const other = await asked(t, ['describe', 'listener', ':80'], (service) => {
    describing(service);
    service.proxy = { name: 'builtin', pid: 4711, reloads: 0 };
  });
  t.notRegex(other.out, /\nProxy:/, 'what carries others is not told of this one');
});

test('a listener of which each address is carried otherwise says by whom, and what it does without', async (t) => {
  const { observed } = listenerItem();
  const facts = { carriers: ['kernel', 'builtin'], warnings: ['no nftables for IPv6'] };
  const { out } = await asked(t, ['describe', 'listener/:80'], (service) => {
    const mixed = { ...described, observed: { ...(observed as object), facts } as never };
    service.descriptions = new Map([['listener/:80', mixed]]);
  });
  t.regex(out, /Carried by: {3}0\.0\.0\.0:80 kernel, \[::\]:80 builtin\nWarning: {6}no nftables for IPv6\n/);
});

test('a listener described as JSON has what it has carried beside it, null where that is not known', async (t) => {
  const known = await asked(t, ['describe', 'listener', ':80', '-o', 'json'], describing);
  t.deepEqual(JSON.parse(known.out), { ...described, traffic: carried, proxy: null });
  const unknown = await asked(t, ['describe', 'listener', ':80', '-o', 'json'], (service) => {
    describing(service);
    service.onTraffic = () => {
      throw new Error('gone');
    };
  });
  t.is(JSON.parse(unknown.out).traffic, null);
});

test('a rule is described on its own, and its first line says why it is as it is', async (t) => {
  const { out } = await asked(t, ['describe', 'route', 'api'], broken);
  t.is(
    out,
    "rule 'api' is Failed: container 'api' is Failed: exited with code 1\n\n" +
      'Phase:        Failed (ProviderNotReady)\n' +
      'Listener:     :80 (http)\n' +
      'For:          host *, path /api, which the provider does not see\n' +
      'Provider:     container api, service rest\n' +
      'Backend:      unix:/run/api.sock\n' +
      'Carried:      1 request, 999 B in, 1.5 kB out\n' +
      'Declared at:  /device.json/ingress/0\n',
  );
  t.is(
    (await asked(t, ['why', 'route', 'api'], broken)).out,
    "rule 'api' is Failed: container 'api' is Failed: exited with code 1\n",
  );
  t.is((await asked(t, ['describe', 'route/nothing'])).code, 5);
});

test('of a rule that is on its way to another listener, the one that stays is meant', async (t) => {
  const { out } = await asked(t, ['describe', 'route', 'web'], (service) => {
    const leaving = { ...routeItem(webRoute, 'Removing'), pointer: null, listener: 'listener/:81' } as const;
    service.routeItems = [leaving, routeItem(webRoute)];
  });
  t.regex(out, /Listener: {5}:80 /);
});
