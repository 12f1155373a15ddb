import test from 'ava';
import type { HostLink, HostRoute } from '../../../adapters/linux/host-links.ts';
import { bridgeAlias } from '../../../adapters/linux/mark.ts';
import {
  type PoolPlanned,
  type PoolView,
  planEnsure,
  planRemove,
} from '../../../adapters/linux/pool-plan.ts';
import type { PoolRecord } from '../../../adapters/linux/pool-record.ts';
import { digestOf } from '../../../state/json.ts';
import type { BridgePoolSpec } from '../../../state/resource.ts';
import { bridgePool } from './network-bench.ts';

const instance = '0123abcd';
const spec = bridgePool('a', '10.0.5.0/24');
const mac = '02:00:0a:00:05:01';
const alias = bridgeAlias(instance, 'a');

function bridge(more: Partial<HostLink> = {}): HostLink {
  return {
    index: 2,
    name: 'br-a',
    kind: 'bridge',
    up: true,
    mac,
    alias,
    master: null,
    addresses: ['10.0.5.1/24'],
    ...more,
  };
}

function recordOf(of: BridgePoolSpec, more: Partial<PoolRecord> = {}): PoolRecord {
  return { spec: of, digest: digestOf(of), created: true, addresses: ['10.0.5.1/24'], ...more };
}

interface Situation {
  readonly links?: readonly HostLink[];
  readonly routes?: readonly HostRoute[];
  readonly records?: readonly PoolRecord[];
  readonly members?: readonly string[];
}

function viewOf({ links = [], routes = [], records = [], members = [] }: Situation): PoolView {
  return {
    instance,
    host: { links: new Map(links.map((link) => [link.name, link])), routes },
    records: new Map(records.map((record) => [record.spec.name, record])),
    members: () => members,
  };
}

function linesOf(planned: PoolPlanned): readonly string[] {
  return 'conflict' in planned ? [planned.conflict.code] : [...planned.removals, ...planned.additions];
}

const foreign = bridge({ alias: null, mac: '52:54:00:00:00:01', addresses: ['192.168.7.1/24'] });
const route = (destination: string, ...devices: readonly string[]): HostRoute => ({ destination, devices });

const ensures: readonly (readonly [what: string, situation: Situation, lines: readonly string[]])[] = [
  [
    'nothing there',
    {},
    [
      `link add name br-a address ${mac} type bridge`,
      `link set dev br-a alias ${alias} up`,
      'address add 10.0.5.1/24 broadcast + dev br-a',
    ],
  ],
  ['all as wanted', { links: [bridge()], records: [recordOf(spec)] }, []],
  ['down', { links: [bridge({ up: false })], records: [recordOf(spec)] }, ['link set dev br-a up']],
  [
    'another MAC',
    { links: [bridge({ mac: '02:00:00:00:00:99' })], records: [recordOf(spec)] },
    [`link set dev br-a address ${mac}`],
  ],
  [
    'made, not yet marked',
    { links: [bridge({ alias: null, up: false, addresses: [] })], records: [recordOf(spec)] },
    [`link set dev br-a alias ${alias} up`, 'address add 10.0.5.1/24 broadcast + dev br-a'],
  ],
  ['a bridge of others', { links: [foreign] }, ['address add 10.0.5.1/24 broadcast + dev br-a']],
  [
    'a bridge of others that is down',
    { links: [{ ...foreign, up: false }] },
    ['link set dev br-a up', 'address add 10.0.5.1/24 broadcast + dev br-a'],
  ],
  [
    'our address of before',
    {
      links: [bridge({ addresses: ['10.0.9.1/24'] })],
      records: [recordOf(spec, { addresses: ['10.0.9.1/24'] })],
    },
    ['address delete 10.0.9.1/24 dev br-a', 'address add 10.0.5.1/24 broadcast + dev br-a'],
  ],
  [
    'a renamed bridge',
    { links: [bridge({ name: 'br-x' })], records: [recordOf(spec)] },
    [
      'link delete dev br-x',
      `link add name br-a address ${mac} type bridge`,
      `link set dev br-a alias ${alias} up`,
      'address add 10.0.5.1/24 broadcast + dev br-a',
    ],
  ],
  [
    'a member without bridge, and one that does not run',
    {
      links: [
        bridge(),
        bridge({ name: 'hf1', kind: 'veth', alias: null }),
        bridge({ name: 'hf2', kind: 'veth', alias: null, master: 'br-a' }),
      ],
      records: [recordOf(spec)],
      members: ['hf1', 'hf2', 'hf3'],
    },
    ['link set dev hf1 master br-a'],
  ],
  [
    'a route over the same bridge',
    { links: [foreign], routes: [route('10.0.0.0/16', 'br-a')] },
    ['address add 10.0.5.1/24 broadcast + dev br-a'],
  ],
  [
    'a route over a bridge of another pool of ours',
    {
      links: [foreign, bridge({ name: 'br-b', alias: bridgeAlias(instance, 'b') })],
      routes: [route('10.0.5.0/24', 'br-b')],
    },
    ['address add 10.0.5.1/24 broadcast + dev br-a'],
  ],
  [
    'a route elsewhere that came later',
    { links: [bridge()], records: [recordOf(spec)], routes: [route('10.0.5.0/24', 'eth0')] },
    [],
  ],
  ['a route elsewhere', { routes: [route('10.0.5.128/25', 'eth0')] }, ['SubnetOverlapsHost']],
  ['a wider route without a device', { routes: [route('10.0.0.0/8')] }, ['SubnetOverlapsHost']],
  [
    'a neighbouring route',
    { routes: [route('10.0.4.0/24', 'eth0'), route('10.0.6.0/24', 'eth0')], links: [bridge()] },
    [],
  ],
  ['a device that is no bridge', { links: [bridge({ kind: 'veth', alias: null })] }, ['InterfaceTaken']],
  [
    'a bridge of another Holdfast',
    { links: [bridge({ alias: bridgeAlias('ffffffff', 'a') })] },
    ['InterfaceTaken'],
  ],
  [
    'a bridge of another pool',
    { links: [bridge({ alias: bridgeAlias(instance, 'b') })] },
    ['InterfaceTaken'],
  ],
];

for (const [what, situation, lines] of ensures) {
  test(`[POOL-4] [ENG-1] a pool that meets ${what} takes ${lines.length === 0 ? 'nothing' : lines.join('; ')}`, (t) => {
    t.deepEqual(linesOf(planEnsure(viewOf(situation), spec)), lines);
  });
}

const removals: readonly (readonly [what: string, situation: Situation, lines: readonly string[]])[] = [
  ['nothing', {}, []],
  ['its own bridge', { links: [bridge()], records: [recordOf(spec)] }, ['link delete dev br-a']],
  ['its own bridge without a record', { links: [bridge()] }, ['link delete dev br-a']],
  [
    'its own bridge under another name',
    { links: [bridge({ name: 'br-x' })], records: [recordOf(spec)] },
    ['link delete dev br-x'],
  ],
  ['a bridge of others without a record', { links: [foreign] }, []],
  [
    'an adopted bridge',
    {
      links: [{ ...foreign, addresses: ['192.168.7.1/24', '10.0.5.1/24'] }],
      records: [recordOf(spec, { created: false })],
    },
    ['address delete 10.0.5.1/24 dev br-a'],
  ],
  [
    'an adopted bridge that has lost our address',
    { links: [foreign], records: [recordOf(spec, { created: false })] },
    [],
  ],
  ['a bridge of others in place of its own', { links: [foreign], records: [recordOf(spec)] }, []],
  [
    'a bridge of another Holdfast',
    { links: [bridge({ alias: bridgeAlias('ffffffff', 'a') })], records: [recordOf(spec)] },
    [],
  ],
];

for (const [what, situation, lines] of removals) {
  test(`[ENG-4] removing a pool that has ${what} takes ${lines.length === 0 ? 'nothing' : lines.join('; ')}`, (t) => {
    t.deepEqual(linesOf(planRemove(viewOf(situation), spec)), lines);
  });
}

test('[POOL-4] what we add to an adopted bridge is on record before; what it had is not', (t) => {
  const added = planEnsure(viewOf({ links: [foreign] }), spec);
  t.like(added, {
    intent: { created: false, addresses: ['10.0.5.1/24'] },
    settled: { created: false, addresses: ['10.0.5.1/24'] },
  });
  const had = planEnsure(viewOf({ links: [{ ...foreign, addresses: ['10.0.5.1/24'] }] }), spec);
  t.like(had, { intent: { created: false, addresses: [] }, settled: { created: false, addresses: [] } });
});

test('[POOL-6] while an address changes, both are on record', (t) => {
  const record = recordOf(spec, { created: false, addresses: ['10.0.9.1/24'] });
  const planned = planEnsure(
    viewOf({ links: [{ ...foreign, addresses: ['10.0.9.1/24'] }], records: [record] }),
    spec,
  );
  t.like(planned, {
    intent: { addresses: ['10.0.9.1/24', '10.0.5.1/24'] },
    settled: { addresses: ['10.0.5.1/24'] },
  });
});

test('[REV-8] a name that ip could read as syntax is refused', (t) => {
  for (const more of [{ bridge: 'br-a\nlink delete dev eth0' }, { bridge: '-all' }, { name: 'a b' }]) {
    t.deepEqual(linesOf(planEnsure(viewOf({}), { ...spec, ...more })), ['UnusableName']);
  }
});

test('[POOL-3] a conflict names pool, interface and holder', (t) => {
  const planned = planEnsure(viewOf({ links: [bridge({ alias: bridgeAlias(instance, 'b') })] }), spec);
  t.like(planned, { conflict: { holder: 'pool/b' } });
  t.regex('conflict' in planned ? planned.conflict.message : '', /pool 'a'.*'br-a' belongs to pool 'b'/);
});
