import test from 'ava';
import { listenersOf } from '../../state/listeners.ts';
import { readDevice } from '../../state/read-device.ts';

type Short = readonly [name: string, external: string, host?: string];

/** What listens for these http rules: name → addresses and rules, in the order in which they are tried. */
function served(...rules: readonly Short[]) {
  const ingress = rules.map(([name, external, host]) => ({
    name,
    type: 'http',
    external,
    provider: 'web',
    service: 'site',
    ...(host === undefined ? {} : { host }),
  }));
  const { listeners, findings } = readDevice({ ingress });
  return {
    findings,
    listeners: Object.fromEntries(
      [...listeners.byName].map(([name, { addresses, rules }]) => [
        name,
        [addresses, rules.map((rule) => rule.name)],
      ]),
    ),
  };
}

const cases: readonly (readonly [title: string, rules: readonly Short[], expected: unknown])[] = [
  [
    '[ING-3] http rules that differ in path share a listener, the longest path first',
    [
      ['all', ':80'],
      ['api', ':80/api'],
      ['v1', ':80/api/v1'],
    ],
    {
      ':80': [
        ['0.0.0.0', '::'],
        ['v1', 'api', 'all'],
      ],
    },
  ],
  [
    '[ING-2] an exact host is tried before a wildcard, and that before every host',
    [
      ['every', ':80/longest/of/all'],
      ['below', ':80', '*.example'],
      ['deep', ':80', '*.a.example'],
      ['exact', ':80', 'a.example'],
    ],
    {
      ':80': [
        ['0.0.0.0', '::'],
        ['exact', 'deep', 'below', 'every'],
      ],
    },
  ],
  [
    '[ING-3] what is for every address is served at each one that has a listener of its own, too',
    [
      ['everywhere', ':80/everywhere'],
      ['here', '10.0.0.1:80/here'],
    ],
    {
      ':80': [['0.0.0.0', '::'], ['everywhere']],
      '10.0.0.1:80': [['10.0.0.1'], ['everywhere', 'here']],
    },
  ],
  [
    '[ING-2] 0.0.0.0 is every IPv4 address and no IPv6 address',
    [
      ['four', '0.0.0.0:80/four'],
      ['six', '[fd00::1]:80/six'],
    ],
    { '0.0.0.0:80': [['0.0.0.0'], ['four']], '[fd00::1]:80': [['fd00::1'], ['six']] },
  ],
  [
    '[ING-2] of every address, those of a family with a listener of its own are left to that',
    [
      ['any', ':80/any'],
      ['four', '0.0.0.0:80/four'],
    ],
    { ':80': [['::'], ['any']], '0.0.0.0:80': [['0.0.0.0'], ['four', 'any']] },
  ],
  [
    '[ING-2] where both families have one of their own, nothing is left',
    [
      ['any', ':80/any'],
      ['four', '0.0.0.0:80/four'],
      ['six', '[::]:80/six'],
    ],
    { '0.0.0.0:80': [['0.0.0.0'], ['four', 'any']], '[::]:80': [['::'], ['any', 'six']] },
  ],
];

for (const [title, rules, expected] of cases) {
  test(title, (t) => {
    const { listeners, findings } = served(...rules);
    t.deepEqual(findings, []);
    t.deepEqual(listeners, expected as never);
  });
}

test('[ENG-6] which listeners a container serves is known by its name', (t) => {
  const { listeners } = readDevice({
    ingress: ['a', 'b'].map((provider, index) => ({
      name: `rule-${index}`,
      type: 'tcp',
      external: `:${80 + index}`,
      provider,
      service: 'site',
    })),
  });
  t.deepEqual([...(listeners.byProvider.get('b') ?? [])], [':81']);
  t.deepEqual(listenersOf([]).byName.size, 0);
});
