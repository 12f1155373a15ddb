import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { ExecutionContext } from 'ava';
import { filter, firstValueFrom, type Observable, type Subscription } from 'rxjs';
import type { WatchEvent } from '../../../adapters/adapter.ts';
import { bridgeAlias, tableName, vethName } from '../../../adapters/linux/mark.ts';
import { bridgeMac } from '../../../adapters/linux/pool-plan.ts';
import { networkEpoch } from '../../../adapters/linux/pool-record.ts';
import { digestOf } from '../../../state/json.ts';
import type { BridgePoolSpec, PoolSpec } from '../../../state/resource.ts';
import {
  addresses,
  type Bench,
  bench,
  bridgePool,
  guest,
  labTest,
  link,
  output,
  reaches,
} from './network-bench.ts';

/** What others may do to a pool, and what is then seen of it. */
interface Damage {
  readonly what: string;
  readonly drift: RegExp;
  readonly act: (spec: BridgePoolSpec, table: string) => Promise<unknown>;
}

const damages: readonly Damage[] = [
  {
    what: 'a deleted bridge',
    drift: /bridge 'br-drift' is missing/,
    act: ({ bridge }) => output('ip', 'link', 'delete', bridge),
  },
  {
    what: 'a bridge that was set down',
    drift: /is down/,
    act: ({ bridge }) => output('ip', 'link', 'set', bridge, 'down'),
  },
  {
    what: 'a lost gateway address',
    drift: /has lost its address 10\.73\.0\.1\/24/,
    act: ({ bridge }) => output('ip', 'address', 'flush', 'dev', bridge),
  },
  {
    what: 'a renamed bridge',
    drift: /'br-drift' is missing; bridge 'br-renamed' is left over/,
    act: ({ bridge }) => output('ip', 'link', 'set', bridge, 'name', 'br-renamed'),
  },
  {
    what: 'a flushed chain',
    drift: /rules were changed/,
    act: (_, table) => output('nft', 'flush', 'chain', 'inet', table, 'postrouting'),
  },
  {
    what: 'a deleted table',
    drift: /rules are missing/,
    act: (_, table) => output('nft', 'delete', 'table', 'inet', table),
  },
  { what: 'a flushed rule set', drift: /rules are missing/, act: () => output('nft', 'flush', 'ruleset') },
  {
    what: 'a deleted rule',
    drift: /rules were changed/,
    act: async (_, table) => {
      const listing = await output('nft', '-a', 'list', 'chain', 'inet', table, 'forward');
      const handle = /drop # handle (\d+)/.exec(listing)?.[1] ?? '';
      await output('nft', 'delete', 'rule', 'inet', table, 'forward', 'handle', handle);
    },
  },
  {
    what: 'a deleted element of a set',
    drift: /rules were changed/,
    act: (_, table) => output('nft', 'delete', 'element', 'inet', table, 'isolated', '{ "br-drift" }'),
  },
  {
    what: 'forwarding that was switched off',
    drift: /IPv4 forwarding is off/,
    act: () => output('sysctl', '-qw', 'net.ipv4.ip_forward=0'),
  },
];

const hasDrift = (event: WatchEvent): boolean =>
  event.type === 'observation' && (event.observed?.drift.length ?? 0) > 0;

/** Keeps the monitors running for the length of a test, and counts what they report. */
function watching(
  t: ExecutionContext,
  network: Bench['network'],
): { readonly seen: WatchEvent[]; readonly subscription: Subscription } {
  const seen: WatchEvent[] = [];
  const subscription = network.watch().subscribe((event) => seen.push(event));
  t.teardown(() => subscription.unsubscribe());
  return { seen, subscription };
}

function next(events: Observable<WatchEvent>): Promise<WatchEvent> {
  return firstValueFrom(events.pipe(filter(hasDrift)));
}

const drifting = bridgePool('drift', '10.73.0.0/24', { nat: true });

for (const { what, drift, act } of damages) {
  labTest(`[ENG-2] ${what} is seen within a second, and made right`, async (t) => {
    const { ensure, observe, network } = bench(t);
    await ensure(drifting);
    await observe('drift');
    watching(t, network);
    const event = next(network.watch());
    const began = performance.now();
    await act(drifting, tableName(network.instance));
    const seen = await event;
    t.true(performance.now() - began < 1000);
    t.regex(seen.type === 'observation' ? (seen.observed?.drift.join('; ') ?? '') : '', drift);
    t.is((await ensure(drifting)).outcome, 'done');
    t.deepEqual((await observe('drift'))?.drift, []);
    t.deepEqual(await addresses(drifting.bridge), ['10.73.0.1/24']);
    t.is(await link('br-renamed'), undefined);
  });
}

labTest(
  '[ENG-2] damage after damage is seen by the monitors that run, without looking in between',
  async (t) => {
    const { ensure, network, takeRuns } = bench(t);
    await ensure(drifting);
    watching(t, network);
    for (const { act } of damages) {
      const event = next(network.watch());
      await act(drifting, tableName(network.instance));
      t.is((await event).type, 'observation');
      t.is((await ensure(drifting)).outcome, 'done');
    }
    takeRuns();
  },
);

labTest(
  '[POOL-6] a bridge that was deleted comes back with its members, and they are reachable at once',
  async (t) => {
    const veths: string[] = [];
    const { ensure, observe, network } = bench(t, { members: () => veths });
    await ensure(drifting);
    veths.push(
      vethName(network.instance, 'lease/drift/a/eth0'),
      vethName(network.instance, 'lease/drift/b/eth0'),
    );
    await guest(t, 'drift-a', veths[0] ?? '', drifting, '10.73.0.2');
    await guest(t, 'drift-b', veths[1] ?? '', drifting, '10.73.0.3');
    t.true(await reaches('drift-a', '10.73.0.1'));
    await output('ip', 'link', 'delete', drifting.bridge);
    t.is((await ensure(drifting)).outcome, 'done');
    t.deepEqual((await observe('drift'))?.drift, []);
    t.true(await reaches('drift-a', '10.73.0.3'));
    t.true(await reaches('drift-a', '10.73.0.1'), 'the gateway has the MAC that the guest remembers');
  },
);

labTest('[ENG-2] a member that is taken off its bridge is seen, and put back', async (t) => {
  const veths: string[] = [];
  const { ensure, observe, network } = bench(t, { members: () => veths });
  await ensure(drifting);
  const veth = vethName(network.instance, 'lease/drift/a/eth0');
  veths.push(veth);
  await guest(t, 'drift-a', veth, drifting, '10.73.0.2');
  watching(t, network);
  const event = next(network.watch());
  await output('ip', 'link', 'set', veth, 'nomaster');
  const seen = await event;
  t.deepEqual(seen.type === 'observation' ? seen.observed?.drift : [], [
    `'${veth}' is not attached to bridge 'br-drift'`,
  ]);
  await ensure(drifting);
  t.deepEqual((await observe('drift'))?.drift, []);
});

labTest('[ENG-7] guests that come and go, and our own steps, cause no look at the host', async (t) => {
  const { ensure, observe, network, takeRuns } = bench(t);
  await ensure(drifting);
  const { seen } = watching(t, network);
  for (const act of [
    () => output('nft', 'delete', 'table', 'inet', tableName(network.instance)),
    () => output('ip', 'link', 'delete', drifting.bridge),
  ]) {
    const event = next(network.watch());
    await act();
    await event;
    await ensure(drifting);
  }
  await observe('drift');
  const before = seen.length;
  /** Guests come and go: whatever is run on the host meanwhile. */
  const comeAndGo = async () => {
    takeRuns();
    for (let count = 0; count < 5; count += 1) await visit(count);
    return takeRuns();
  };
  const visit = async (count: number) => {
    const veth = vethName(network.instance, `lease/drift/${count}/eth0`);
    // In one call: an end of ours that stays off its bridge is looked at, and rightly.
    const peer = ['type', 'veth', 'peer', 'name', `peer${count}`];
    await output('ip', 'link', 'add', veth, 'master', drifting.bridge, 'up', ...peer);
    await output('ip', 'link', 'set', `peer${count}`, 'up');
    await output('ip', 'link', 'delete', veth);
  };
  // On a busy machine, news of what was done above may come as late as now, and is looked at rightly: once.
  const late = await comeAndGo();
  t.deepEqual(late.length === 0 ? late : await comeAndGo(), [], 'no look');
  await ensure({ ...drifting, nat: false });
  await output('nft', 'add', 'table', 'inet', 'unrelated');
  await output('nft', 'delete', 'table', 'inet', 'unrelated');
  const last = next(network.watch());
  await output('ip', 'link', 'delete', drifting.bridge);
  await last;
  t.is(seen.length, before + 1, 'one observation: the one of the bridge');
});

labTest(
  '[ENG-2] [POOL-3] a pool that the host refused is reported when the host would take it',
  async (t) => {
    await output('ip', 'link', 'add', 'lan1', 'type', 'bridge');
    await output('ip', 'link', 'set', 'lan1', 'up');
    await output('ip', 'address', 'add', '10.73.1.1/24', 'dev', 'lan1');
    const { ensure, network } = bench(t);
    const spec = bridgePool('late', '10.73.1.0/24');
    t.is((await ensure(spec)).outcome, 'conflict');
    const event = firstValueFrom(network.watch());
    await output('ip', 'link', 'delete', 'lan1');
    t.deepEqual(await event, { type: 'observation', key: 'pool/late', observed: null });
    t.is((await ensure(spec)).outcome, 'done');
  },
);

labTest('[POOL-7] [ENG-2] a parent that vanishes and returns is seen both times', async (t) => {
  const spec: PoolSpec = {
    type: 'macvlan',
    name: 'gone',
    parent: 'lan2',
    subnet: '10.73.2.0/24',
    gateway: '10.73.2.1',
  };
  const present = async () => {
    await output('ip', 'link', 'add', 'lan2', 'type', 'bridge');
    await output('ip', 'link', 'set', 'lan2', 'up');
  };
  await present();
  t.teardown(() => output('ip', 'link', 'delete', 'lan2'));
  const { ensure, network } = bench(t);
  await ensure(spec);
  watching(t, network);
  const gone = next(network.watch());
  await output('ip', 'link', 'delete', 'lan2');
  t.like(await gone, { observed: { drift: ["parent interface 'lan2' is missing"] } });
  t.like(await ensure(spec), { outcome: 'conflict', conflict: { code: 'ParentMissing' } });
  const returned = firstValueFrom(network.watch());
  await present();
  t.like(await returned, { key: 'pool/gone', observed: { drift: [] } });
});

labTest('[ENG-2] a monitor that is killed is started again, and a relist is asked for', async (t) => {
  const { ensure, network } = bench(t);
  await ensure(drifting);
  watching(t, network);
  const warm = next(network.watch());
  await output('ip', 'link', 'delete', drifting.bridge);
  await warm;
  await ensure(drifting);
  const relist = firstValueFrom(
    network
      .watch()
      .pipe(filter((event) => event.type === 'relist' && event.reason.includes('started again'))),
  );
  const monitors = (await output('pidof', 'ip')).trim().split(' ').map(Number);
  for (const pid of monitors) process.kill(pid, 'SIGKILL');
  t.like(await relist, { type: 'relist' });
  const event = next(network.watch());
  await output('ip', 'link', 'delete', drifting.bridge);
  t.is((await event).type, 'observation');
});

/** The moments of making a bridge at which the controller can die. */
const crashes: readonly (readonly [string, (alias: string) => Promise<unknown>])[] = [
  ['nothing was done', async () => {}],
  [
    'the bridge was made, not yet marked',
    () => output('ip', 'link', 'add', 'br-crash', 'address', '02:00:0a:49:03:01', 'type', 'bridge'),
  ],
  [
    'the bridge was marked, without address and rules',
    async (alias) => {
      await output('ip', 'link', 'add', 'br-crash', 'address', '02:00:0a:49:03:01', 'type', 'bridge');
      await output('ip', 'link', 'set', 'br-crash', 'alias', alias);
    },
  ],
];

for (const [when, strand] of crashes) {
  labTest(
    `[ENG-1] after a crash when ${when}, the pool is completed, or removed without a trace`,
    async (t) => {
      const spec = bridgePool('crash', '10.73.3.0/24', { nat: true });
      t.is(bridgeMac(spec), '02:00:0a:49:03:01');
      const stranded = async (): Promise<Bench> => {
        const { root, network } = bench(t);
        const record = {
          epoch: networkEpoch(),
          spec,
          digest: digestOf(spec),
          created: true,
          addresses: ['10.73.3.1/24'],
        };
        mkdirSync(join(root, 'run/pools'), { recursive: true });
        writeFileSync(join(root, 'run/pools/crash.json'), JSON.stringify(record));
        await strand(bridgeAlias(network.instance, 'crash'));
        return bench(t, { root });
      };
      const completed = await stranded();
      t.true(((await completed.observe('crash'))?.drift.length ?? 0) > 0);
      t.is((await completed.ensure(spec)).outcome, 'done');
      t.deepEqual((await completed.observe('crash'))?.facts, { adopted: false });
      await completed.remove(spec);
      const removed = await stranded();
      t.is((await removed.remove(spec)).outcome, 'done');
      t.is(await link('br-crash'), undefined);
    },
  );
}

labTest('[ENG-1] a restart finds all as it was, and says so', async (t) => {
  const first = bench(t);
  const pools = [bridgePool('stay1', '10.73.4.0/24', { nat: true }), bridgePool('stay2', '10.73.5.0/24')];
  await Promise.all(pools.map(first.ensure));
  const before = await first.network.observePools();
  t.is(before.length, 2);
  const second = bench(t, { root: first.root });
  t.deepEqual(await second.network.observePools(), before);
  t.deepEqual(
    before.flatMap((pool) => pool.drift),
    [],
  );
});
