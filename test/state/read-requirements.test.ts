import test from 'ava';
import type { Json } from '../../state/json.ts';
import type { ServiceRequirement } from '../../state/manifest.ts';
import { readRequirements } from '../../state/read-requirements.ts';

/** What a container's documents say of services: run.json's `services`, args.json, and `args` of src.json. */
interface Said {
  readonly run?: Json;
  readonly args?: Json;
  readonly src?: Json;
}

function read({ run, args, src }: Said) {
  return readRequirements('app', {
    run: run === undefined ? {} : { services: run },
    args: args === undefined ? undefined : { PV_SERVICES_REQUIRED: args },
    src: src === undefined ? undefined : { PV_SERVICES_REQUIRED: src },
  });
}

const inRun = (list: string, index: number): string => `/app~1run.json/services/${list}/${index}`;
const inArgs = (index: number): string => `/app~1args.json/PV_SERVICES_REQUIRED/${index}`;
const inSrc = (index: number): string => `/app~1src.json/args/PV_SERVICES_REQUIRED/${index}`;

/** `raw`, required, of which nothing else is said. */
const raw = (pointer: string, more: Partial<ServiceRequirement> = {}): ServiceRequirement => ({
  name: 'raw',
  type: null,
  target: null,
  interface: null,
  role: null,
  optional: false,
  pointer,
  ...more,
});

const readings: readonly (readonly [title: string, said: Said, expected: readonly ServiceRequirement[]])[] = [
  ['nothing', {}, []],
  ['lists of nothing', { run: { required: [], optional: [] }, args: [], src: [] }, []],
  [
    'all of one',
    {
      run: { required: [{ name: 'raw', type: 'dbus', target: '/run/raw', interface: 'a.b', role: 'root' }] },
    },
    [raw(inRun('required', 0), { type: 'dbus', target: '/run/raw', interface: 'a.b', role: 'root' })],
  ],
  [
    'required, then optional',
    { run: { optional: [{ name: 'log' }], required: [{ name: 'raw' }] } },
    [raw(inRun('required', 0)), raw(inRun('optional', 0), { name: 'log', optional: true })],
  ],
  ['args.json where run.json is silent', { args: [{ name: 'raw' }] }, [raw(inArgs(0))]],
  ['src.json where args.json is silent', { args: [], src: [{ name: 'raw' }] }, [raw(inSrc(0))]],
  [
    'args.json rather than src.json',
    { args: [{ name: 'raw' }], src: [{ name: 'raw', type: 'rest' }, { name: 'log' }] },
    [raw(inArgs(0))],
  ],
  [
    'run.json and args.json, what both say once',
    { run: { required: [{ name: 'raw' }] }, args: [{ name: 'log' }, { name: 'raw' }] },
    [raw(inRun('required', 0)), raw(inArgs(0), { name: 'log' })],
  ],
  [
    'what one of them leaves out',
    {
      run: { required: [{ name: 'raw', type: 'unix' }] },
      args: [{ name: 'raw', target: '/run/raw', role: 'root' }],
    },
    [raw(inRun('required', 0), { type: 'unix', target: '/run/raw', role: 'root' })],
  ],
  [
    'a target of the arguments that run.json leaves out, and one that the arguments leave out',
    {
      run: { required: [{ name: 'raw', target: '/a' }, { name: 'raw' }] },
      args: [{ name: 'raw', target: '/b' }, { name: 'raw' }],
    },
    [raw(inRun('required', 0), { target: '/a' }), raw(inRun('required', 1), { target: '/b' })],
  ],
  [
    '[LINK-3] one service at two targets',
    { run: { required: [{ name: 'raw', target: '/a' }] }, args: [{ name: 'raw', target: '/b' }] },
    [raw(inRun('required', 0), { target: '/a' }), raw(inArgs(0), { target: '/b' })],
  ],
  [
    'one optional service in both lists of run.json, at two targets',
    { run: { required: [{ name: 'raw', target: '/a' }], optional: [{ name: 'raw', target: '/b' }] } },
    [
      raw(inRun('required', 0), { target: '/a' }),
      raw(inRun('optional', 0), { target: '/b', optional: true }),
    ],
  ],
  [
    'nothing of what has a wrong shape',
    {
      run: {
        required: [
          null,
          'raw',
          {},
          { name: '' },
          { name: 'raw', target: 'run/raw' },
          { name: 'raw', target: 7 },
          { name: 'raw', type: 'pipe' },
          { name: 'raw', role: [] },
        ],
        optional: 'raw',
      },
      args: { name: 'raw' },
    },
    [],
  ],
];

for (const [title, said, expected] of readings) {
  test(`[LINK-1] [REV-4] of requirements is read ${title}`, (t) => {
    t.deepEqual(read(said), { requirements: expected, findings: [] });
  });
}

/** A requirement of `raw` with one thing more, and what is wrong with it. */
const refused: readonly (readonly [member: string, value: string, code: string, message: RegExp])[] = [
  ['target', '/', 'ServiceTargetInvalid', /the root itself/],
  ['target', '/run/../etc', 'ServiceTargetInvalid', /the segment '\.\.'/],
  ['target', '/run/./raw', 'ServiceTargetInvalid', /the segment '\.'/],
  ['target', '/run//raw', 'ServiceTargetInvalid', /empty segment/],
  ['target', '/run/raw/', 'ServiceTargetInvalid', /empty segment/],
  ['target', '/run/a\nb', 'ServiceTargetInvalid', /control character/],
  ['target', '/run/a\u0000', 'ServiceTargetInvalid', /control character/],
  ['target', `/${'run/'.repeat(1200)}raw`, 'ServiceTargetInvalid', /more than 4095 bytes/],
  ['target', `/run/${'é'.repeat(128)}`, 'ServiceTargetInvalid', /more than 255 bytes/],
  ['target', '/run/\ud800', 'ServiceTargetInvalid', /surrogate/],
  ['target', '/proc', 'ServiceTargetInvalid', /a path in \/proc/],
  ['target', '/proc/self/root/x', 'ServiceTargetInvalid', /a path in \/proc/],
  ['target', '/sys/x', 'ServiceTargetInvalid', /a path in \/sys/],
  ['interface', '', 'ServiceInterfaceInvalid', /found ""/],
  ['interface', 'Clock', 'ServiceInterfaceInvalid', /"Clock"/],
  ['interface', '.example.Clock', 'ServiceInterfaceInvalid', /D-Bus/],
  ['interface', 'org..Clock', 'ServiceInterfaceInvalid', /D-Bus/],
  ['interface', 'org.example.', 'ServiceInterfaceInvalid', /D-Bus/],
  ['interface', 'org.1example', 'ServiceInterfaceInvalid', /D-Bus/],
  ['interface', ':1.7', 'ServiceInterfaceInvalid', /D-Bus/],
  ['interface', 'org.exämple', 'ServiceInterfaceInvalid', /D-Bus/],
  ['interface', 'org.example\n', 'ServiceInterfaceInvalid', /D-Bus/],
  ['interface', `a.${'b'.repeat(254)}`, 'ServiceInterfaceInvalid', /D-Bus/],
  ['role', '', 'ServiceRoleInvalid', /1-256 printable/],
  ['role', ' root', 'ServiceRoleInvalid', /space/],
  ['role', 'root ', 'ServiceRoleInvalid', /space/],
  ['role', 'a\r\nX-PV-Client: b', 'ServiceRoleInvalid', /printable/],
  ['role', 'rööt', 'ServiceRoleInvalid', /printable/],
  ['role', 'r'.repeat(257), 'ServiceRoleInvalid', /256/],
];

for (const [member, value, code, message] of refused) {
  const shown = JSON.stringify(value).slice(0, 40);
  test(`[LINK-1] [REV-6] [REV-8] the ${member} ${shown} is refused`, (t) => {
    const { findings } = read({ args: [{ name: 'raw', [member]: value }] });
    t.is(findings.length, 1);
    t.like(findings[0], { severity: 'error', code, pointer: `${inArgs(0)}/${member}` });
    t.regex(findings[0]?.message ?? '', message);
    t.regex(
      findings[0]?.message ?? '',
      /^found .* as PV_SERVICES_REQUIRED\.0\.[a-z]+ of app\/args\.json, expected /,
    );
  });
}

const taken: readonly (readonly [member: string, value: string])[] = [
  ['target', '/procedure'],
  ['target', '/run/pv/services/raw.sock'],
  ['target', '/dev/dri/card0'],
  ['target', `/${'a'.repeat(200)}/${'b'.repeat(200)}`],
  ['target', '/run/a b"c{}%\\é'],
  ['interface', 'org.example.Clock'],
  ['interface', '_a.b-c'],
  ['interface', `a.${'b'.repeat(253)}`],
  ['role', 'root'],
  ['role', '1000'],
  ['role', 'a b:c'],
  ['role', 'r'.repeat(256)],
];

for (const [member, value] of taken) {
  test(`[LINK-1] the ${member} ${JSON.stringify(value).slice(0, 40)} is taken`, (t) => {
    const { findings, requirements } = read({ run: { optional: [{ name: 'raw', [member]: value }] } });
    t.deepEqual(findings, []);
    t.like(requirements[0], { [member]: value });
  });
}

test('[REV-6] what is wrong is told wherever it stands, whether it counts or not', (t) => {
  const bad = [{ name: 'raw', role: '' }];
  const { findings } = read({ run: { required: bad, optional: bad }, args: bad, src: bad });
  t.deepEqual(
    findings.filter(({ code }) => code === 'ServiceRoleInvalid').map(({ pointer }) => pointer),
    [inRun('required', 0), inRun('optional', 0), inArgs(0), inSrc(0)].map((pointer) => `${pointer}/role`),
  );
});

const contradictions: readonly (readonly [
  said: string,
  run: Json,
  args: Json,
  pointer: string,
  message: RegExp,
])[] = [
  [
    'types',
    { required: [{ name: 'raw', type: 'unix' }] },
    [{ name: 'raw', type: 'rest' }],
    `${inArgs(0)}/type`,
    /"rest" in PV_SERVICES_REQUIRED\.0\.type of app\/args\.json, and "unix" in services\.required\.0\.type of app\/run\.json/,
  ],
  [
    'roles',
    { required: [{ name: 'raw', target: '/a', role: 'one' }] },
    [{ name: 'raw', target: '/a', role: 'two' }],
    `${inArgs(0)}/role`,
    /"two" in .*"one" in /,
  ],
  [
    'interfaces',
    { required: [{ name: 'raw', interface: 'a.b' }] },
    [{ name: 'raw', interface: 'a.c' }],
    `${inArgs(0)}/interface`,
    /"a\.c" in .*"a\.b" in /,
  ],
  [
    'needs',
    { optional: [{ name: 'raw' }] },
    [{ name: 'raw' }],
    inArgs(0),
    /"raw" as required in PV_SERVICES_REQUIRED\.0 of app\/args\.json, and "raw" as optional in services\.optional\.0 of app\/run\.json/,
  ],
];

for (const [said, run, args, pointer, message] of contradictions) {
  test(`[REV-4] [REV-6] ${said} that contradict each other are an error that names both places`, (t) => {
    const { findings } = read({ run, args });
    t.is(findings.length, 1);
    t.like(findings[0], { severity: 'error', code: 'SpellingsDisagree', pointer });
    t.regex(findings[0]?.message ?? '', message);
  });
}

const clashes: readonly (readonly [title: string, said: Said, pointer: string, other: string])[] = [
  [
    'one target of two services',
    {
      run: {
        required: [
          { name: 'raw', target: '/run/s' },
          { name: 'log', target: '/run/s' },
        ],
      },
    },
    inRun('required', 1),
    inRun('required', 0),
  ],
  [
    'one service twice at one target',
    { run: { required: [{ name: 'raw', target: '/run/s' }], optional: [{ name: 'raw', target: '/run/s' }] } },
    inRun('optional', 0),
    inRun('required', 0),
  ],
  [
    'one target in two documents',
    { run: { required: [{ name: 'raw', target: '/run/s' }] }, args: [{ name: 'log', target: '/run/s' }] },
    inArgs(0),
    inRun('required', 0),
  ],
  [
    'a target below another one',
    {
      run: {
        required: [
          { name: 'log', target: '/run/s/log' },
          { name: 'other', target: '/run/s-' },
          { name: 'raw', target: '/run/s' },
        ],
      },
    },
    inRun('required', 0),
    inRun('required', 2),
  ],
];

for (const [title, said, pointer, other] of clashes) {
  test(`[LINK-3] [REV-6] ${title} is an error that names both`, (t) => {
    const { findings } = read(said);
    t.is(findings.length, 1);
    t.like(findings[0], { severity: 'error', code: 'ServiceTargetTwice', pointer });
    t.true(findings[0]?.message.includes(other), findings[0]?.message);
  });
}
