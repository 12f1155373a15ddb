import test, { type ExecutionContext } from 'ava';
import type { ResourceDescription } from '../../../controller/api/contract.ts';
import type { LinkSpec } from '../../../state/resource.ts';
import { waitingWeb, webItems } from '../fixtures.ts';
import { status } from '../ingress-fixtures.ts';
import { busSpec, ends, linkItem, madeFacts, rawKey, rawSpec, rawUse } from '../link-fixtures.ts';
import type { ScriptedService } from '../scripted-service.ts';
import { served } from '../served.ts';
import { commandLine, type Ended, type TerminalOptions } from './command.ts';

const awaits = "there is no /run/dbus/system_bus_socket in container 'server'";
const bus = linkItem(busSpec, 'Waiting', awaits);
const traffic = { link: bus.key, sessions: 3, connections: 17 } as const;

/** Two links on a controller that is scripted by `script`, and a verb. */
async function asked(
  t: ExecutionContext,
  words: readonly string[],
  script: (service: ScriptedService) => void = () => undefined,
  options: TerminalOptions = {},
): Promise<Ended> {
  const { service, socket } = await served(t);
  service.items = [...webItems, linkItem(), bus];
  service.linkTraffic = [traffic];
  script(service);
  return await commandLine([...words, '--socket', socket], options);
}

test('[LINK-1] links are listed by consumer, service, type, provider and target, and say why they are not ready', async (t) => {
  for (const word of ['links', 'link', 'Links']) {
    const { code, out, err } = await asked(t, ['get', word], undefined, {
      columns: 140,
      env: { NO_COLOR: '1' },
    });
    t.deepEqual([code, err], [0, '']);
    t.is(
      out,
      'CONSUMER  SERVICE     TYPE  PROVIDER  TARGET                       PHASE    MESSAGE\n' +
        'client    raw         unix  server    /run/pv/services/raw.sock    Ready    -\n' +
        `client    system-bus  dbus  server    /run/dbus/system_bus_socket  Waiting  ${awaits}\n`,
    );
  }
});

test('links fit 80 columns: the message gives first, then the path but for its end, and names last', async (t) => {
  t.is(
    (await asked(t, ['get', 'links'])).out,
    'CONSUMER  SERVICE     TYPE  PROVIDER  TARGET               PHASE    MESSAGE\n' +
      'client    raw         unix  server    …/services/raw.sock  Ready    -\n' +
      'client    system-bus  dbus  server    …/system_bus_socket  Waiting  there is no…\n',
  );
  const long: LinkSpec = {
    ...rawSpec,
    ...{ type: 'wayland', service: 'wayland-compositor-0' },
    ...{ consumer: 'pv-example-wayland-client', provider: 'pv-example-wayland-server' },
  };
  const { out } = await asked(t, ['get', 'links'], (service) => {
    service.items = [linkItem(long, 'Blocked')];
  });
  t.is(
    out,
    'CONSUMER   SERVICE    TYPE     PROVIDER    TARGET          PHASE    MESSAGE\n' +
      '…d-client  …ositor-0  wayland  …nd-server  …ices/raw.sock  Blocked  it is Block…\n',
  );
});

test('wide links have role, interface, need, carrier and live sessions, and cut nothing', async (t) => {
  const { out } = await asked(t, ['get', 'links', '-o', 'wide'], (service) => {
    service.items = [
      {
        ...linkItem(busSpec, 'Ready', 'as desired', { ...madeFacts, carrier: 'dbus-proxy' }),
        optional: true,
      },
    ];
  });
  t.is(
    out,
    'CONSUMER  SERVICE     TYPE  PROVIDER  TARGET                       SOCKET                       ' +
      'ROLE      INTERFACE               NEED      CARRIER     SESSIONS  CONNECTIONS  PHASE  REVISION  MESSAGE\n' +
      'client    system-bus  dbus  server    /run/dbus/system_bus_socket  /run/dbus/system_bus_socket  ' +
      'operator  org.pantavisor.Example  optional  dbus-proxy  3         17           Ready  7         -\n',
  );
});

test('sessions of links are looked up for wide tables alone, and are a dash where nobody can tell', async (t) => {
  const silent = (service: ScriptedService) => {
    service.onTraffic = () => {
      throw new Error('haproxy does not answer');
    };
  };
  t.deepEqual(await asked(t, ['get', 'links'], silent), await asked(t, ['get', 'links']));
  const wide = await asked(t, ['get', 'links', '-o', 'wide'], silent);
  t.is(wide.err, 'what was carried is not known: haproxy does not answer\n');
  t.regex(wide.out, /\n.* kernel {3}- {9}- {12}Ready /);
});

test('get all has links last', async (t) => {
  const { out } = await asked(t, ['get', 'all']);
  t.deepEqual(
    [...out.matchAll(/^[A-Z]+/gm)].map(([title]) => title),
    ['NAME', 'POOL', 'NAME', 'CONSUMER'],
  );
});

const byName: readonly (readonly [words: readonly string[], targets: readonly string[]])[] = [
  [
    ['links', 'client'],
    [rawSpec.target, busSpec.target],
  ],
  [
    ['links', 'server'],
    [rawSpec.target, busSpec.target],
  ],
  [['links', 'raw'], [rawSpec.target]],
  [['links', 'client', 'raw'], [rawSpec.target]],
  [['link/client/system-bus'], [busSpec.target]],
  [['links', busSpec.target], [busSpec.target]],
  [['links', 'client', busSpec.target], [busSpec.target]],
];
for (const [words, targets] of byName) {
  test(`[LINK-3] links are found by who and what is at their ends: get ${words.join(' ')}`, async (t) => {
    const { code, out } = await asked(t, ['get', ...words, '-o', 'name']);
    t.is(code, 0);
    t.is(out, targets.map((target) => `link/client${target}\n`).join(''));
  });
}

test('what is between the slashes of a target names no link, and the nearest names are told', async (t) => {
  t.deepEqual(await asked(t, ['get', 'links', 'services']), {
    ...{ code: 5, out: '', err: "holdfast: there is no link 'services'\n" },
  });
  const { code, err } = await asked(t, ['get', 'links', 'clinet', 'raw']);
  t.deepEqual(
    [code, err],
    [5, "holdfast: there is no link 'clinet/raw'\nhint: did you mean 'client/raw'?\n"],
  );
  const described = await asked(t, ['describe', 'link', 'clinet', 'raw']);
  t.is(described.code, 5);
  t.regex(
    described.err,
    /there is no resource 'link\/clinet\/raw'\nhint: did you mean 'link\/client\/raw' or /,
  );
});

/** Runs a verb that does not end, and goes on with `steps`, one after each time that something was written. */
async function watched(
  t: ExecutionContext,
  words: readonly string[],
  ...steps: readonly ((service: ScriptedService) => void)[]
): Promise<Ended> {
  const { service, socket, close } = await served(t);
  service.items = [linkItem(), bus];
  service.linkTraffic = [traffic];
  const rest = [...steps, () => void close()];
  return await commandLine([...words, '--socket', socket], { onOut: () => rest.shift()?.(service) });
}

test('links that are watched are shown with every change, and by their key when they are gone', async (t) => {
  const { out } = await watched(
    t,
    ['get', 'links', 'raw', '-w'],
    (service) => {
      service.changeSubject.next({ key: bus.key, item: null });
      service.changeSubject.next({
        key: rawKey,
        item: linkItem(rawSpec, 'Waiting', 'its provider does not run'),
      });
    },
    (service) => service.changeSubject.next({ key: rawKey, item: null }),
  );
  t.is(
    out,
    'CONSUMER  SERVICE  TYPE  PROVIDER  TARGET                     PHASE  MESSAGE\n' +
      'client    raw      unix  server    /run/pv/services/raw.sock  Ready  -\n' +
      'client    raw      unix  server    …/pv/services/raw.sock  Waiting  its provide…\n' +
      'link/client/run/pv/services/raw.sock is gone\n',
  );
});

test('wide links that are watched have their sessions looked up with each change', async (t) => {
  const { out } = await watched(t, ['get', 'links', 'system-bus', '-w', '-o', 'wide'], (service) => {
    service.linkTraffic = [{ ...traffic, sessions: 4, connections: 18 }];
    service.changeSubject.next({ key: bus.key, item: linkItem(busSpec) });
  });
  t.regex(out, / 3 +17 +Waiting .*\n.* 4 +18 +Ready /);
});

const described: ResourceDescription = {
  ...waitingWeb,
  ...linkItem(),
  why: `link of container 'client' at ${rawSpec.target} is Ready: as desired (since revision 7)`,
  status: status('Ready', { since: Date.UTC(2026, 10, 22) }),
  pointers: ['/client~1run.json/services/required/0'],
  dependsOn: [
    { key: 'container/client', phase: 'Ready' },
    { key: 'container/server', phase: 'Ready' },
  ],
  ends: ends(),
  conditions: [
    { type: 'Accepted', status: 'True', reason: 'Accepted', message: 'fine', revision: 7 },
    { type: 'ResolvedRefs', status: 'False', reason: 'BackendNotFound', message: 'no socket', revision: 7 },
  ],
  events: [],
};

/** `describe` of one link, with what is said of it besides what every resource has. */
async function description(
  t: ExecutionContext,
  fields: Partial<ResourceDescription> = {},
  words: readonly string[] = ['link', 'client', 'raw'],
): Promise<string> {
  const { code, out, err } = await asked(t, ['describe', ...words], (service) => {
    const whole = { ...described, ...fields };
    service.descriptions = new Map([[whole.key, whole]]);
  });
  t.deepEqual([code, err], [0, '']);
  return out;
}

test('[LINK-9] a link is described with service, both ends, carrier and conditions', async (t) => {
  t.is(
    (await description(t)).split('Spec:', 1)[0],
    "link of container 'client' at /run/pv/services/raw.sock is Ready: as desired (since revision 7)\n\n" +
      'Key:          link/client/run/pv/services/raw.sock\n' +
      'Phase:        Ready (AsDesired) since 2026-11-22 00:00:00Z, revision 7\n' +
      'Message:      as desired\n' +
      'Service:      raw (unix), required\n' +
      'Role:         any\n' +
      'Interface:    -\n' +
      'Provider:     /run/example/raw.sock of container server, process 4242, inode 17\n' +
      'Consumer:     /run/pv/services/raw.sock of container client, process 4321, inode\n' +
      '              17\n' +
      'Carried by:   kernel: mounted into the consumer, no process is on the way\n' +
      'Sessions:     not counted: they do not go through us\n' +
      'Cause:        start of the controller\n' +
      'Declared at:  /client~1run.json/services/required/0\n' +
      'Waits for:    -\n' +
      'Depends on:   container/client Ready\n' +
      '              container/server Ready\n' +
      'Needed by:    -\n' +
      'Conditions:\n' +
      '  Accepted      True     Accepted, revision 7\n' +
      '    fine\n' +
      '  ResolvedRefs  False    BackendNotFound, revision 7\n' +
      '    no socket\n',
  );
});

test('a link is described by its key, or by whatever it alone is called', async (t) => {
  const whole = await description(t, {}, [`link/client${rawSpec.target}`]);
  for (const words of [
    ['link', `client${rawSpec.target}`],
    ['link', 'client', rawSpec.target],
    ['link/client/raw'],
    ['link', 'raw'],
    ['link', rawSpec.target],
  ]) {
    t.is(await description(t, {}, words), whole, words.join(' '));
  }
  const { code, err } = await asked(t, ['describe', 'link', 'client']);
  t.is(code, 64);
  t.is(
    err,
    `holdfast: 'client' names several links: 'client${rawSpec.target}', 'client${busSpec.target}'\nhint: give one of them\n`,
  );
});

const lines: readonly (readonly [what: string, fields: Partial<ResourceDescription>, line: RegExp])[] = [
  ['that its consumer can do without it', { optional: true }, /\nService: {6}raw \(unix\), optional\n/],
  [
    'that an end does not run, and for which process it was made',
    { ends: ends({ provider: { pid: null } }) },
    /\nProvider: .* of container server, which does not run \(the\s+link was made for process 4242\), inode 17\n/,
  ],
  [
    'that an end was started anew',
    { ends: ends({ consumer: { pid: 5000 } }) },
    /of container client, process 5000 \(the\s+link was made for process 4321\), inode 17\n/,
  ],
  [
    'what it awaits',
    linkItem(rawSpec, 'Ready', 'as desired', { ...madeFacts, awaits: 'there is no socket' }),
    /\nAwaits: {7}there is no socket\n/,
  ],
  [
    '[LINK-7] the device that it is',
    linkItem({ ...rawSpec, type: 'drm' }, 'Ready', 'as desired', { ...madeFacts, device: '226:128' }),
    /\nDevice: {7}226:128\n/,
  ],
  [
    'that nobody made it yet',
    { observed: null },
    /\nCarried by: {3}nobody: it was not made yet\nSessions: {5}-\n/,
  ],
  [
    'its drift',
    { observed: { spec: {}, facts: { ...madeFacts }, drift: ['it is gone'] } as never },
    /\nDrift: {8}it is gone\n/,
  ],
];
for (const [what, fields, line] of lines) {
  test(`the description of a link says ${what}`, async (t) => {
    t.regex(await description(t, fields), line);
  });
}

test('[LINK-6] a link that a process carries says which, what may be called, and its live sessions', async (t) => {
  const out = await description(
    t,
    { ...linkItem(busSpec, 'Ready', 'as desired', { ...madeFacts, carrier: 'dbus-proxy' }) },
    ['link', 'client', 'system-bus'],
  );
  t.regex(out, /\nRole: {9}operator\nInterface: {4}org\.pantavisor\.Example\n/);
  t.regex(
    out,
    /\nCarried by: {3}dbus-proxy, a process apart from the controller, which judges each\n {14}message\n/,
  );
  t.regex(out, /\nSessions: {5}3 open, 17 connections since the process was started\n/);
});

test('a link described as JSON has what goes over it beside it, null where nobody counts that', async (t) => {
  const json = async (fields: Partial<ResourceDescription>, words: readonly string[]) =>
    JSON.parse(await description(t, fields, [...words, '-o', 'json']));
  t.deepEqual(await json({}, ['link', 'raw']), { ...described, traffic: null });
  t.deepEqual((await json(bus, ['link', 'system-bus'])).traffic, traffic);
});

test('why says of a link what its description begins with', async (t) => {
  const { out } = await asked(t, ['why', 'link', 'client', 'raw'], (service) => {
    service.descriptions = new Map([[rawKey, described]]);
  });
  t.is(out, `${described.why}\n`);
});

test('nothing that a provider calls itself or its socket reaches the terminal as it is', async (t) => {
  const evil = linkItem(
    { ...rawSpec, service: 'a\u001b[2J', socket: '/run/\u009b' },
    'Waiting',
    '\u001b]0;x',
  );
  for (const words of [
    ['get', 'links'],
    ['get', 'links', '-o', 'wide'],
    ['describe', 'link', 'client'],
  ]) {
    const { out } = await asked(t, words, (service) => {
      service.items = [evil];
      service.descriptions = new Map([[evil.key, { ...described, ...evil }]]);
    });
    // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what this looks for
    t.notRegex(out, /[\u001b\u009b]/, words.join(' '));
  }
});

const web = { ...waitingWeb, services: { provides: [], uses: [], lacks: [] } };

test('[LINK-1] a container is described with the services that it provides and uses, and how each link stands', async (t) => {
  const waiting = { ...rawUse, consumer: 'other', phase: 'Waiting', message: awaits } as const;
  const { out } = await asked(t, ['describe', 'container', 'web'], (service) => {
    const services: ResourceDescription['services'] = {
      provides: [
        { name: 'raw', type: 'unix', socket: '/run/example/raw.sock', port: null, users: [rawUse, waiting] },
        { name: 'http', type: 'tcp', socket: null, port: 80, users: [] },
      ],
      lacks: [
        {
          ...{
            severity: 'warning',
            code: 'ServiceOptionalMissing',
            pointer: '/web~1run.json/services/optional/0',
          },
          ...{ found: 'gps', expected: 'one', message: "optional service 'gps' for 'web' not found" },
        },
      ],
      uses: [{ ...rawUse, service: 'api', type: 'rest', provider: 'backend', role: 'admin', optional: true }],
    };
    service.descriptions = new Map([['container/web', { ...web, services }]]);
  });
  t.is(
    out.slice(out.indexOf('Provides:'), out.indexOf('Spec:')),
    'Provides:\n' +
      '  SERVICE  TYPE  AT              USED BY  TARGET           PHASE    MESSAGE\n' +
      '  raw      unix  …mple/raw.sock  client   …vices/raw.sock  Ready    -\n' +
      '  raw      unix  …mple/raw.sock  other    …vices/raw.sock  Waiting  there is no…\n' +
      '  http     tcp   :80             -        -                -        -\n' +
      'Uses:\n' +
      '  SERVICE  TYPE  PROVIDER  TARGET                     ROLE   NEED      PHASE\n' +
      '  api      rest  backend   /run/pv/services/raw.sock  admin  optional  Ready\n' +
      "Lacks:\n  optional service 'gps' for 'web' not found\n",
  );
});

test('a container that has nothing to do with services says nothing of them', async (t) => {
  const { out } = await asked(t, ['describe', 'container', 'web'], (service) => {
    service.descriptions = new Map([['container/web', web]]);
  });
  t.notRegex(out, /Provides|Uses|Lacks/);
});
