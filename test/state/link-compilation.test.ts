import test from 'ava';
import type { Json, JsonObject } from '../../state/json.ts';
import type { LinkSpec } from '../../state/resource.ts';
import type { FlatState } from '../../state/revision.ts';
import { DesiredStore } from '../../state/store.ts';
import { runOf } from './revisions.ts';
import { apply, merging, noFacts, storeOf, tryOut } from './stores.ts';

/** What a container provides and uses, and what else its run.json says. */
interface Short {
  readonly provides?: Json;
  readonly requires?: Json;
  readonly optional?: Json;
  readonly more?: JsonObject;
}

/** The documents of a container. */
function documentsOf(name: string, { provides, requires, optional, more = {} }: Short): FlatState {
  const services = {
    ...(requires === undefined ? {} : { required: requires }),
    ...(optional === undefined ? {} : { optional }),
  };
  return {
    [`${name}/run.json`]: runOf(name, null, { ...more, services }),
    ...(provides === undefined ? {} : { [`${name}/services.json`]: provides }),
  };
}

function linked(containers: Readonly<Record<string, Short>>, device: Json = {}): FlatState {
  const documents = Object.entries(containers).map(([name, short]) => documentsOf(name, short));
  return {
    '#spec': 'pantavisor-service-system@1',
    'device.json': device,
    ...Object.assign({}, ...documents),
  };
}

const raw = (more: JsonObject = {}): JsonObject => ({
  name: 'raw',
  type: 'unix',
  socket: '/run/example/raw.sock',
  ...more,
});

function specOf(store: DesiredStore, key: string): LinkSpec | undefined {
  return store.desired(`link/${key}`)?.spec as LinkSpec | undefined;
}

/** All findings of a state that nothing was before. */
function findingsOf(state: FlatState) {
  return new DesiredStore().propose({ type: 'replace', state }, noFacts).findings;
}

const target = '/run/pv/services/raw.sock';

test('[LINK-1] [LINK-3] a requirement is a link between the two containers, and its consumer starts after its provider', (t) => {
  const store = storeOf(linked({ client: { requires: [{ name: 'raw' }] }, server: { provides: [raw()] } }));
  t.deepEqual(store.findings, []);
  t.deepEqual(store.keys(), ['container/client', 'container/server', `link/client${target}`]);
  t.deepEqual(specOf(store, `client${target}`), {
    type: 'unix',
    service: 'raw',
    consumer: 'client',
    provider: 'server',
    socket: '/run/example/raw.sock',
    target,
    role: 'any',
    interface: null,
  });
  const link = store.desired(`link/client${target}`);
  t.deepEqual(link?.dependsOn, ['container/server', 'container/client']);
  t.deepEqual(link?.pointers, ['/client~1run.json/services/required/0', '/server~1services.json/0']);
  t.false(Object.hasOwn(link ?? {}, 'optional'));
  t.deepEqual(store.desired('container/client')?.dependsOn, ['container/server']);
  t.deepEqual(store.desired('container/server')?.dependsOn, []);
});

test('[LINK-1] an optional service is an optional link, for which its consumer does not wait', (t) => {
  const store = storeOf(
    linked({ client: { optional: [{ name: 'raw' }] }, server: { provides: { services: [raw()] } } }),
  );
  const link = store.desired(`link/client${target}`);
  t.true(link?.optional);
  t.deepEqual(link?.dependsOn, ['container/server', 'container/client']);
  t.deepEqual(link?.pointers, ['/client~1run.json/services/optional/0', '/server~1services.json/services/0']);
  t.deepEqual(store.desired('container/client')?.dependsOn, []);
});

test('[CTR-7] whether a service is required is no part of what a link or a container is made from', (t) => {
  const state = (list: 'requires' | 'optional') =>
    linked({ client: { [list]: [{ name: 'raw' }] }, server: { provides: [raw()] } });
  const store = storeOf(state('requires'));
  const keys = ['container/client', `link/client${target}`] as const;
  const digests = keys.map((key) => store.desired(key)?.digest);
  const { changes } = apply(store, { type: 'replace', state: state('optional') });
  t.deepEqual([...changes.keys()], keys);
  t.true(store.desired(keys[1])?.optional);
  t.deepEqual(
    keys.map((key) => store.desired(key)?.digest),
    digests,
  );
});

const places: readonly (readonly [title: string, service: JsonObject, use: JsonObject, target: string])[] = [
  ['at its target', raw(), { name: 'raw', target: '/srv/x' }, '/srv/x'],
  ['by its name', raw({ type: 'wayland' }), { name: 'raw' }, target],
  [
    'where its provider has it, for a device',
    raw({ type: 'drm', socket: '/dev/dri/card0' }),
    { name: 'raw' },
    '/dev/dri/card0',
  ],
  [
    'at its target, for a device',
    raw({ type: 'drm', socket: '/dev/dri/card0' }),
    { name: 'raw', target: '/dev/card' },
    '/dev/card',
  ],
];

for (const [title, service, use, expected] of places) {
  test(`[LINK-3] a service appears ${title}`, (t) => {
    const store = storeOf(linked({ client: { requires: [use] }, server: { provides: [service] } }));
    t.is(specOf(store, `client${expected}`)?.target, expected);
  });
}

test('[LINK-3] one consumer has several links to one service, each with its own role', (t) => {
  const uses = [
    { name: 'raw', target: '/a', role: 'one' },
    { name: 'raw', target: '/b', role: 'two' },
  ];
  const store = storeOf(linked({ client: { requires: uses }, server: { provides: [raw()] } }));
  t.deepEqual(store.keys().slice(2), ['link/client/a', 'link/client/b']);
  t.is(specOf(store, 'client/a')?.role, 'one');
  t.is(specOf(store, 'client/b')?.role, 'two');
  t.deepEqual(store.desired('container/client')?.dependsOn, ['container/server']);
});

test('[LINK-1] of services of one name the type chooses, and a container is never its own provider', (t) => {
  const state = linked({
    client: { requires: [{ name: 'raw', type: 'rest' }], provides: [raw({ type: 'rest' })] },
    one: { provides: [raw()] },
    other: { provides: [raw({ type: 'rest', socket: '/run/rest.sock' })] },
  });
  t.like(specOf(storeOf(state), `client${target}`), { provider: 'other', socket: '/run/rest.sock' });
});

test('[LINK-1] an interface is one of D-Bus, and is left out of anything else with a warning', (t) => {
  const use = { name: 'raw', interface: 'org.example.Clock' };
  const state = (type: string) =>
    linked({ client: { requires: [use] }, server: { provides: [raw({ type })] } });
  const bus = storeOf(state('dbus'));
  t.is(specOf(bus, `client${target}`)?.interface, 'org.example.Clock');
  t.deepEqual(bus.findings, []);
  const plain = storeOf(state('rest'));
  t.is(specOf(plain, `client${target}`)?.interface, null);
  t.like(plain.findings, [
    {
      severity: 'warning',
      code: 'ServiceInterfaceUnused',
      pointer: '/client~1run.json/services/required/0/interface',
    },
  ]);
});

/** What is said of a client that requires `raw`, or can do without it, beside these. */
const findings: readonly {
  readonly title: string;
  readonly use?: JsonObject;
  readonly others: Readonly<Record<string, Short>>;
  readonly own?: Short;
  readonly device?: Json;
  readonly required: readonly [code: string, message: RegExp, hint?: RegExp];
  readonly optional: readonly [code: string, message: RegExp, hint?: RegExp] | null;
}[] = [
  {
    title: 'nobody provides it',
    others: {},
    required: [
      'ServiceRequiredMissing',
      /^required service 'raw' for 'client' not found: found none of that name, expected one other container with it in its services\.json$/,
    ],
    optional: ['ServiceOptionalMissing', /^optional service 'raw' for 'client' not found: found none/],
  },
  {
    title: 'something near it is provided',
    others: { server: { provides: [raw({ name: 'rav' }), raw({ name: 'telemetry' })] } },
    required: [
      'ServiceRequiredMissing',
      /^required service 'raw' for 'client' not found/,
      /^did you mean 'rav'\?$/,
    ],
    optional: ['ServiceOptionalMissing', /not found/, /^did you mean 'rav'\?$/],
  },
  {
    title: 'it is of another type',
    use: { type: 'rest' },
    others: { server: { provides: [raw()] } },
    required: [
      'ServiceRequiredMissing',
      /^required service 'raw' for 'client' not found: found one of type 'unix' in 'server', expected one other container with it as type 'rest'/,
      /`type`/,
    ],
    optional: ['ServiceOptionalMissing', /one of type 'unix' in 'server'/],
  },
  {
    title: 'it alone provides it itself',
    own: { provides: [raw()] },
    others: {},
    required: ['ServiceRequiredMissing', /found it in 'client' itself alone/],
    optional: ['ServiceOptionalMissing', /found it in 'client' itself alone/],
  },
  {
    title: 'two provide it',
    others: { one: { provides: [raw()] }, two: { provides: { services: [raw({ type: 'rest' })] } } },
    required: [
      'ServiceAmbiguous',
      /^found service 'raw' for 'client' in 'one' \(\/one~1services\.json\/0\), 'two' \(\/two~1services\.json\/services\/0\), expected one container/,
      /`type`/,
    ],
    optional: ['ServiceAmbiguous', /'one' .*'two' /],
  },
  {
    title: 'many provide it',
    own: { provides: [raw()] },
    others: Object.fromEntries(['a', 'b', 'c', 'd', 'e'].map((name) => [name, { provides: [raw()] }])),
    required: [
      'ServiceAmbiguous',
      /'a' \(.*'b' \(.*'c' \(.*'d' \(\/d~1services\.json\/0\) and others, expected/,
    ],
    optional: ['ServiceAmbiguous', /'a' .* and others/],
  },
  {
    title: 'its provider has no socket of it',
    others: { server: { provides: [{ name: 'raw', type: 'unix', port: 80 }] } },
    required: ['ServiceUnlinkable', /which has no `socket`/],
    optional: ['ServiceNotLinked', /which has no `socket`; nothing appears in 'client'/],
  },
  {
    title: 'nothing runs in its provider',
    others: { server: { provides: [raw()], more: { status_goal: 'MOUNTED' } } },
    required: ['ServiceUnlinkable', /nothing runs in 'server'/],
    optional: ['ServiceNotLinked', /nothing runs in 'server'/],
  },
  {
    title: 'nothing runs in its consumer',
    own: { more: { status_goal: 'MOUNTED' } },
    others: { server: { provides: [raw()] } },
    required: ['ServiceNotLinked', /nothing runs in 'client'/],
    optional: ['ServiceNotLinked', /nothing runs in 'client'/],
  },
  {
    title: 'it is reached at an address',
    use: { target: '/run/raw' },
    others: { server: { provides: [{ name: 'raw', type: 'tcp', port: 5432 }] } },
    required: [
      'ServiceNotLinked',
      /is of type 'tcp' and is reached at port 5432 of 'server', not at a target/,
    ],
    optional: ['ServiceNotLinked', /port 5432 of 'server'/],
  },
  {
    title: 'it is a device where nothing may appear',
    others: { server: { provides: [raw({ type: 'drm', socket: '/proc/card' })] } },
    required: ['ServiceTargetInvalid', /without a target, and its provider has it at "\/proc\/card"/],
    optional: ['ServiceTargetInvalid', /without a target/],
  },
  {
    title: 'its provider starts in a later group',
    own: { more: { group: 'early' } },
    others: { server: { provides: [raw()], more: { group: 'late' } } },
    device: { groups: [{ name: 'early' }, { name: 'late' }] },
    required: [
      'ServiceStartsLater',
      /'server', which is in the later group 'late', for 'client' in group 'early'/,
    ],
    optional: null,
  },
  {
    title: 'its provider starts after all groups',
    own: { more: { group: 'early' } },
    others: { server: { provides: [raw()] } },
    device: { groups: [{ name: 'early' }] },
    required: ['ServiceStartsLater', /in no group, and starts after all groups/],
    optional: null,
  },
];

for (const { title, use = {}, own = {}, others, device, required, optional } of findings) {
  for (const [list, expected] of [['requires', required] as const, ['optional', optional] as const]) {
    const what = list === 'requires' ? 'required' : 'optional';
    test(`[LINK-2] [REV-6] what is said of an ${what} service: ${title}`, (t) => {
      const client = { ...own, [list]: [{ name: 'raw', ...use }] };
      const state = linked({ client, ...others }, device);
      const found = findingsOf(state);
      t.is(found.length, expected === null ? 0 : 1, JSON.stringify(found));
      // However it comes about: all at once, or container by container.
      const store = storeOf(linked({}, device));
      for (const [name, short] of Object.entries(others)) apply(store, merging(documentsOf(name, short)));
      t.deepEqual(
        store
          .propose(merging(documentsOf('client', client)), noFacts)
          .findings.filter(({ code }) => code !== 'NothingLeft')
          .map(({ code }) => code),
        found.map(({ code }) => code),
      );
      if (expected === null) return;
      const [code, message, hint] = expected;
      t.like(found[0], { code, pointer: `/client~1run.json/services/${what}/0` });
      t.regex(found[0]?.message ?? '', message);
      if (hint !== undefined) t.regex(found[0]?.hint ?? '', hint);
      t.is(found[0]?.severity === 'warning', ['ServiceOptionalMissing', 'ServiceNotLinked'].includes(code));
    });
  }
}

test('[LINK-1] what is reached at an address makes no link, and holds nobody back', (t) => {
  const store = storeOf(
    linked({
      client: { requires: [{ name: 'db' }, { name: 'web', type: 'http' }] },
      server: {
        provides: [
          { name: 'db', type: 'tcp', port: 5432 },
          { name: 'web', type: 'http', port: 80 },
        ],
      },
    }),
  );
  t.deepEqual(store.findings, []);
  t.deepEqual(store.keys(), ['container/client', 'container/server']);
  t.deepEqual(store.desired('container/client')?.dependsOn, []);
});

test('[LINK-3] [REV-6] two services whose default targets are one path are an error that names both', (t) => {
  const uses = [{ name: 'raw' }, { name: 'log', target }];
  const found = findingsOf(
    linked({ client: { requires: uses }, server: { provides: [raw(), raw({ name: 'log' })] } }),
  );
  t.like(found, [{ code: 'ServiceTargetTwice', pointer: '/client~1run.json/services/required/1' }]);
  t.regex(
    found[0]?.message ?? '',
    /'client', and "raw" there too \(\/client~1run\.json\/services\/required\/0\)/,
  );
});

const odd: readonly (readonly [name: string, hasDefault: boolean])[] = [
  ['a/b', false],
  ['../../etc/x', false],
  ['x'.repeat(200), true],
  ['é'.repeat(200), false],
  ['..', true],
  ['a b{}%', true],
];

for (const [name, hasDefault] of odd) {
  test(`[LINK-3] [REV-6] a service named ${name.slice(0, 20)} has ${hasDefault ? 'a default target' : 'none, and needs one'}`, (t) => {
    const state = (use: JsonObject) =>
      linked({ client: { requires: [{ name, ...use }] }, server: { provides: [raw({ name })] } });
    t.deepEqual(findingsOf(state({ target: '/run/ab' })), []);
    const found = findingsOf(state({}));
    t.deepEqual(
      found.map(({ code, pointer }) => [code, pointer]),
      hasDefault ? [] : [['ServiceTargetInvalid', '/client~1run.json/services/required/0']],
    );
    if (!hasDefault) t.regex(found[0]?.message ?? '', /its name is no name of a file; expected an absolute/);
  });
}

test('[LINK-2] [REV-6] containers that require services of each other in a ring are one error that names it', (t) => {
  const ring = {
    a: { requires: [{ name: 'b' }], provides: [raw({ name: 'a' })] },
    b: { requires: [{ name: 'c' }], provides: [raw({ name: 'b' })] },
    c: { requires: [{ name: 'a' }], provides: [raw({ name: 'c' })] },
    outside: { requires: [{ name: 'a' }, { name: 'b' }] },
  };
  const found = findingsOf(linked(ring));
  t.like(found, [{ severity: 'error', code: 'ServiceRing', pointer: '/a~1run.json/services/required/0' }]);
  t.is(found.length, 1);
  t.regex(
    found[0]?.message ?? '',
    /'a' requires 'b' of 'b', 'b' requires 'c' of 'c', 'c' requires 'a' of 'a'; expected/,
  );
  const { requires, ...c } = ring.c;
  const broken = linked({ ...ring, c: { ...c, optional: requires } });
  t.deepEqual(findingsOf(broken), []);
  const store = storeOf(broken);
  const closed = store.propose(merging(documentsOf('c', { ...c, optional: null, requires })), noFacts);
  t.deepEqual(
    closed.findings.filter(({ code }) => code === 'ServiceRing'),
    found,
  );
});

test('[REV-6] a provider with errors of its own has no second finding, unless it has the service no more', (t) => {
  const client = { requires: [{ name: 'raw' }] };
  const codes = (server: Short) => findingsOf(linked({ client, server })).map(({ code }) => code);
  const broken = { 'root-volume': 'no-such-file' };
  t.deepEqual(codes({ provides: [raw()], more: broken }), ['FileMissing']);
  t.deepEqual(codes({ provides: [{ name: 'raw', type: 'unix' }], more: broken }), ['FileMissing']);
  t.deepEqual(codes({ provides: [raw({ type: 'unixx' })] }), ['UnknownValue']);
  t.deepEqual(codes({ provides: [raw({ socket: '/run/\n' })] }), ['ServiceSocketInvalid']);
  t.deepEqual(codes({ provides: [raw({ name: 'other' })], more: broken }), [
    'ServiceRequiredMissing',
    'FileMissing',
  ]);
});

test('[LINK-2] [ENG-6] a provider that comes, changes and goes changes what is said of its consumers', (t) => {
  const store = storeOf(linked({ client: { optional: [{ name: 'raw' }] }, idle: {} }));
  t.is(store.findings[0]?.hint, undefined);
  apply(store, merging(documentsOf('near', { provides: [raw({ name: 'ra' })] })));
  t.is(store.findings[0]?.hint, "did you mean 'ra'?");
  const come = apply(store, merging(documentsOf('server', { provides: [raw()] })));
  t.deepEqual(store.findings, []);
  t.deepEqual([...come.changes.keys()], ['container/server', `link/client${target}`]);
  const moved = apply(store, merging({ 'server/services.json': [raw({ socket: '/run/other.sock' })] }));
  t.deepEqual([...moved.changes.keys()], [`link/client${target}`]);
  t.is(specOf(store, `client${target}`)?.socket, '/run/other.sock');
  const second = store.propose(merging(documentsOf('second', { provides: [raw()] })), noFacts);
  t.like(second.findings, [{ code: 'ServiceAmbiguous' }]);
  const gone = apply(store, merging({ 'server/run.json': null, 'server/services.json': null }));
  t.deepEqual(
    [...gone.changes],
    [
      [`link/client${target}`, null],
      ['container/server', null],
    ],
  );
  t.is(store.findings[0]?.code, 'ServiceOptionalMissing');
});

test('[LINK-2] a required provider cannot go, nor become of another type, while its consumer stays', (t) => {
  const store = storeOf(
    linked({ client: { requires: [{ name: 'raw', type: 'unix' }] }, server: { provides: [raw()] } }),
  );
  for (const [documents, message] of [
    [{ 'server/run.json': null, 'server/services.json': null }, /found none of that name/],
    [{ 'server/services.json': null }, /found none of that name/],
    [{ 'server/services.json': [raw({ type: 'rest' })] }, /found one of type 'rest' in 'server'/],
  ] as const) {
    const {
      accepted,
      findings: [finding],
      changes,
    } = store.propose(merging(documents), noFacts);
    t.false(accepted);
    t.regex(finding?.message ?? '', message);
    t.is(changes.size, 0);
  }
  const both = apply(
    store,
    merging({
      'server/run.json': null,
      'server/services.json': null,
      'client/run.json': { services: null },
      'x/run.json': runOf('x', null),
    }),
  );
  t.deepEqual(
    [...both.changes.keys()],
    [`link/client${target}`, 'container/client', 'container/x', 'container/server'],
  );
});

test('[LINK-2] groups that change change what starts later, and whether something runs', (t) => {
  const groups = (names: readonly string[], more: JsonObject = {}): FlatState => ({
    'device.json': { groups: names.map((name) => ({ name, ...more })) },
  });
  const store = storeOf({
    ...linked({
      client: { requires: [{ name: 'raw' }], more: { group: 'late' } },
      server: { provides: [raw()], more: { group: 'early' } },
    }),
    ...groups(['early', 'late']),
  });
  t.deepEqual(store.findings, []);
  const swapped = store.propose(merging(groups(['late', 'early'])), noFacts);
  t.like(swapped.findings, [{ code: 'ServiceStartsLater' }]);
  const mounted = store.propose(merging(groups(['early', 'late'], { status_goal: 'MOUNTED' })), noFacts);
  t.like(mounted.findings, [{ code: 'ServiceUnlinkable' }]);
  t.true(store.propose(merging(groups(['early', 'between', 'late'])), noFacts).accepted);
});

test('[ROLL-7] what a trial linked is gone after it, and what it unlinked is there again, the very same', (t) => {
  const store = storeOf(
    linked({ client: { requires: [{ name: 'raw', target: '/a' }] }, server: { provides: [raw()] } }),
  );
  const before = store.desired('link/client/a');
  tryOut(store, merging({ 'client/run.json': { services: { required: [{ name: 'raw', target: '/b' }] } } }));
  t.is(store.desired('link/client/a'), undefined);
  t.not(store.desired('link/client/b'), undefined);
  const back = store.revert();
  t.deepEqual(
    [...back],
    [
      ['link/client/b', null],
      ['link/client/a', before],
    ],
  );
  t.is(store.desired('link/client/a'), before);
});

test('[LINK-10] links that go are told before all else, those that come after all else', (t) => {
  const store = storeOf(linked({ client: { requires: [{ name: 'raw' }] }, server: { provides: [raw()] } }));
  const next = documentsOf('client', { requires: [{ name: 'raw', target: '/x' }], more: { hostname: 'h' } });
  const { changes } = apply(
    store,
    merging({ ...next, 'client/args.json': { PV_NETWORK_HOSTNAME: 'h' }, 'z/run.json': runOf('z', null) }),
  );
  t.deepEqual(
    [...changes.keys()],
    [`link/client${target}`, 'container/client', 'container/z', 'link/client/x'],
  );
});

const many = 1000;
const services = Array.from({ length: many }, (_, place) => raw({ name: `s${place}` }));
const all = services.map(({ name }) => ({ name: name ?? '' }));

test('[REV-8] a device has at most 32,768 links, however they come about and wherever others go', (t) => {
  const consumers = (count: number) =>
    Object.fromEntries(Array.from({ length: count }, (_, place) => [`c${place}`, { requires: all }]));
  const store = storeOf(linked({ server: { provides: services }, ...consumers(32) }));
  t.is(store.keys().filter((key) => key.startsWith('link/')).length, 32_000);
  const [finding, ...others] = findingsOf(linked({ server: { provides: services }, ...consumers(40) }));
  t.deepEqual(others, []);
  t.is(finding?.code, 'TooManyLinks');
  t.regex(finding?.pointer ?? '', /^\/c\d+~1run\.json\/services\/required\/0$/);
  t.regex(
    finding?.message ?? '',
    /^found 33000 links to services with those of container 'c\d+', expected at most 32768 on one device$/,
  );
  const add = (count: number) => documentsOf('more', { requires: all.slice(0, count) });
  const adding = (count: number, more: FlatState = {}) =>
    store.propose(merging({ ...add(count), ...more }), noFacts).findings.map(({ code }) => code);
  t.deepEqual(adding(768), []);
  t.deepEqual(adding(769), ['TooManyLinks']);
  t.deepEqual(adding(769, { 'c31/run.json': null }), []);
});
