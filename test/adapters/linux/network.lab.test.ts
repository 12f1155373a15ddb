import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { run } from '../../../adapters/linux/command.ts';
import { bridgeAlias, tableName, vethName } from '../../../adapters/linux/mark.ts';
import { renderNftRules } from '../../../adapters/linux/nft-rules.ts';
import {
  addresses,
  bench,
  bridgePool,
  everything,
  guest,
  labTest,
  link,
  output,
  pings,
  reaches,
  succeeds,
} from './network-bench.ts';

const forwardingFile = '/proc/sys/net/ipv4/ip_forward';

labTest(
  '[POOL-1] [POOL-4] a bridge is made with its mark, a MAC of its own and its gateway, and is up',
  async (t) => {
    const { ensure, observe, network } = bench(t);
    const spec = bridgePool('made', '10.71.0.0/24');
    const result = await ensure(spec);
    t.is(result.outcome, 'done');
    const made = await link(spec.bridge);
    t.true(made?.flags.includes('UP'));
    t.is(made?.address, '02:00:0a:47:00:01');
    t.deepEqual(await addresses(spec.bridge), ['10.71.0.1/24']);
    const detailed = JSON.parse(await output('ip', '-j', '-d', 'link', 'show', 'dev', spec.bridge));
    t.is(detailed[0].ifalias, bridgeAlias(network.instance, 'made'));
    t.deepEqual(result.observations, [{ key: 'pool/made', observed: (await observe('made')) ?? null }]);
    t.deepEqual((await observe('made'))?.drift, []);
  },
);

labTest(
  '[POOL-10] without pools, looking and watching change nothing, and no rule or switch is looked at',
  async (t) => {
    await output('sysctl', '-qw', 'net.ipv4.ip_forward=0');
    const before = await everything();
    const { network, takeRuns, remove } = bench(t);
    const subscription = network.watch().subscribe();
    t.teardown(() => subscription.unsubscribe());
    t.deepEqual(await network.observePools(), []);
    t.deepEqual(takeRuns(), ['ip']);
    t.is((await remove(bridgePool('never', '10.71.0.0/24'))).outcome, 'done');
    t.false(takeRuns().includes('nft'));
    t.is(await everything(), before);
    t.is(readFileSync(forwardingFile, 'utf8'), '0\n');
  },
);

labTest(
  '[POOL-8] [REV-8] nft takes a rule set of five hundred pools, with names of every allowed kind',
  async (t) => {
    const pools = Array.from({ length: 500 }, (_, index) =>
      bridgePool(`P_${index}.x-y`, `10.${index >> 8}.${index & 255}.0/24`, {
        bridge: `_.-${index}`,
        nat: true,
      }),
    );
    const input = renderNftRules('holdfast-0123abcd', pools);
    await t.notThrowsAsync(run(['nft', '--check', '--file', '-'], { input }));
    const broken = input.replace('masquerade', 'masquerades');
    await t.throwsAsync(run(['nft', '--check', '--file', '-'], { input: broken }), {
      message: /syntax error/,
    });
  },
);

labTest('[POOL-6] two pools that come together cost one read, one ip and one rule transaction', async (t) => {
  const { ensure, observe, takeRuns } = bench(t);
  const pools = [bridgePool('one', '10.71.1.0/24', { nat: true }), bridgePool('two', '10.71.2.0/24')];
  await ensure(bridgePool('zero', '10.71.22.0/24'));
  await observe('zero');
  takeRuns();
  const results = await Promise.all(pools.map(ensure));
  t.deepEqual(
    results.map((result) => result.outcome),
    ['done', 'done'],
  );
  t.deepEqual(takeRuns().toSorted(), ['ip', 'ip', 'nft'], 'links: read, write; rules: write');
  t.is(await masquerades(), 1);
});

async function masquerades(): Promise<number> {
  return (await output('nft', 'list', 'ruleset')).split('\n').filter((line) => line.includes('masquerade'))
    .length;
}

labTest('[POOL-6] applying a pool again and again adds no second rule, bridge or address', async (t) => {
  const { ensure, network } = bench(t);
  const spec = bridgePool('again', '10.71.3.0/24', { nat: true });
  await ensure(spec);
  const once = await output('nft', 'list', 'table', 'inet', tableName(network.instance));
  for (let count = 0; count < 3; count += 1) t.is((await ensure(spec)).outcome, 'done');
  t.is(await output('nft', 'list', 'table', 'inet', tableName(network.instance)), once);
  t.deepEqual(await addresses(spec.bridge), ['10.71.3.1/24']);
});

labTest(
  '[POOL-6] a changed subnet, gateway or nat converges in place, with the members attached',
  async (t) => {
    const { ensure, observe } = bench(t);
    const spec = bridgePool('change', '10.71.4.0/24', { nat: true });
    await ensure(spec);
    await output('ip', 'link', 'add', 'member', 'type', 'veth', 'peer', 'name', 'memberpeer');
    t.teardown(() => output('ip', 'link', 'delete', 'member'));
    await output('ip', 'link', 'set', 'member', 'master', spec.bridge);
    const index = readFileSync(`/sys/class/net/${spec.bridge}/ifindex`, 'utf8');
    const changed = { ...spec, subnet: '10.71.5.0/24', gateway: '10.71.5.254', nat: false };
    t.is((await ensure(changed)).outcome, 'done');
    t.deepEqual(await addresses(spec.bridge), ['10.71.5.254/24']);
    t.is((await link(spec.bridge))?.address, '02:00:0a:47:05:fe');
    t.is(await masquerades(), 0);
    t.is(readFileSync(`/sys/class/net/${spec.bridge}/ifindex`, 'utf8'), index);
    t.is((await link('member'))?.master, spec.bridge);
    t.deepEqual((await observe('change'))?.drift, []);
    t.deepEqual((await observe('change'))?.spec, changed);
  },
);

labTest(
  '[POOL-6] a removed pool leaves no bridge, rule, address or record; the last one takes the table',
  async (t) => {
    const before = await everything();
    const { ensure, remove, root, network } = bench(t);
    const first = bridgePool('first', '10.71.6.0/24', { nat: true });
    const second = bridgePool('second', '10.71.7.0/24');
    await Promise.all([ensure(first), ensure(second)]);
    t.deepEqual(await remove(first), {
      outcome: 'done',
      observations: [{ key: 'pool/first', observed: null }],
    });
    t.is(await link(first.bridge), undefined);
    t.is(await masquerades(), 0);
    t.true(await succeeds('nft', 'list', 'table', 'inet', tableName(network.instance)));
    t.is((await remove(second)).outcome, 'done');
    t.is(await everything(), before);
    t.deepEqual(readdirSync(join(root, 'run')), ['pools']);
    t.deepEqual(readdirSync(join(root, 'run/pools')), []);
    t.is((await remove(second)).outcome, 'done');
  },
);

labTest(
  '[POOL-4] [ENG-4] a bridge that was there is used with its own addresses, and stays when the pool goes',
  async (t) => {
    await output('ip', 'link', 'add', 'br-foreign', 'type', 'bridge');
    t.teardown(() => output('ip', 'link', 'delete', 'br-foreign'));
    await output('ip', 'address', 'add', '192.168.77.1/24', 'dev', 'br-foreign');
    const mac = (await link('br-foreign'))?.address;
    const { ensure, remove, observe, root } = bench(t);
    const spec = bridgePool('adopt', '10.71.8.0/24', { bridge: 'br-foreign' });
    t.is((await ensure(spec)).outcome, 'done');
    t.deepEqual(await addresses('br-foreign'), ['192.168.77.1/24', '10.71.8.1/24']);
    t.true((await link('br-foreign'))?.flags.includes('UP'));
    t.deepEqual((await observe('adopt'))?.facts, { adopted: true });
    const restarted = bench(t, { root });
    t.deepEqual((await restarted.observe('adopt'))?.drift, []);
    t.is((await remove(spec)).outcome, 'done');
    t.deepEqual(await addresses('br-foreign'), ['192.168.77.1/24']);
    t.is((await link('br-foreign'))?.address, mac);
  },
);

labTest('[POOL-4] an address that an adopted bridge had already stays when the pool goes', async (t) => {
  await output('ip', 'link', 'add', 'br-ready', 'type', 'bridge');
  t.teardown(() => output('ip', 'link', 'delete', 'br-ready'));
  await output('ip', 'address', 'add', '10.71.9.1/24', 'dev', 'br-ready');
  const { ensure, remove } = bench(t);
  const spec = bridgePool('ready', '10.71.9.0/24', { bridge: 'br-ready' });
  t.is((await ensure(spec)).outcome, 'done');
  t.is((await ensure(spec)).outcome, 'done');
  await remove(spec);
  t.deepEqual(await addresses('br-ready'), ['10.71.9.1/24']);
});

labTest(
  '[POOL-5] nat switches forwarding on and masquerades what leaves by any other interface',
  async (t) => {
    await output('sysctl', '-qw', 'net.ipv4.ip_forward=0');
    const { ensure, network } = bench(t);
    await ensure(bridgePool('plain', '10.71.10.0/24'));
    t.is(readFileSync(forwardingFile, 'utf8'), '0\n');
    const spec = bridgePool('nat', '10.71.11.0/24', { nat: true });
    await ensure(spec);
    t.is(readFileSync(forwardingFile, 'utf8'), '1\n');
    const table = await output('nft', 'list', 'table', 'inet', tableName(network.instance));
    t.regex(table, /ip saddr 10\.71\.11\.0\/24 oifname != "br-nat" masquerade comment "pool\/nat"/);
    t.notRegex(table, /10\.71\.10\.0\/24/);
  },
);

labTest(
  '[POOL-5] a guest of a nat pool reaches what is outside, seen from the address of the host',
  async (t) => {
    const { ensure, network } = bench(t);
    const spec = bridgePool('out', '10.71.12.0/24', { nat: true });
    await ensure(spec);
    await guest(t, 'out-a', vethName(network.instance, 'lease/out/a/eth0'), spec, '10.71.12.2');
    await output('ip', 'netns', 'add', 'outside');
    t.teardown(() => output('ip', 'netns', 'delete', 'outside'));
    await output('ip', 'link', 'add', 'uplink', 'type', 'veth', 'peer', 'name', 'eth0', 'netns', 'outside');
    await output('ip', 'address', 'add', '198.51.100.1/24', 'dev', 'uplink');
    await output('ip', 'link', 'set', 'uplink', 'up');
    await output('ip', '-n', 'outside', 'address', 'add', '198.51.100.2/24', 'dev', 'eth0');
    await output('ip', '-n', 'outside', 'link', 'set', 'eth0', 'up');
    t.true(await reaches('out-a', '198.51.100.2'));
    await ensure({ ...spec, nat: false });
    t.false(await pings('out-a', '198.51.100.2'), 'the outside knows no way back to the pool');
  },
);

labTest(
  '[POOL-8] isolated pools reach neither each other nor the other gateway; opened ones do',
  async (t) => {
    const { ensure, network } = bench(t);
    const one = bridgePool('iso1', '10.71.13.0/24', { nat: true });
    const two = bridgePool('iso2', '10.71.14.0/24');
    await Promise.all([ensure(one), ensure(two)]);
    await guest(t, 'iso-a', vethName(network.instance, 'lease/iso1/a/eth0'), one, '10.71.13.2');
    await guest(t, 'iso-b', vethName(network.instance, 'lease/iso1/b/eth0'), one, '10.71.13.3');
    await guest(t, 'iso-c', vethName(network.instance, 'lease/iso2/c/eth0'), two, '10.71.14.2');
    t.true(await reaches('iso-a', '10.71.13.3'), 'within the pool');
    t.true(await reaches('iso-a', '10.71.13.1'), 'its own gateway');
    t.false(await pings('iso-a', '10.71.14.2'), 'the other pool');
    t.false(await pings('iso-c', '10.71.13.2'), 'and back');
    t.false(await pings('iso-a', '10.71.14.1'), 'the gateway of the other pool');
    await Promise.all([ensure({ ...one, isolated: false }), ensure({ ...two, isolated: false })]);
    t.true(await reaches('iso-a', '10.71.14.2'));
    t.true(await reaches('iso-c', '10.71.13.2'));
    t.true(await reaches('iso-a', '10.71.14.1'));
  },
);

labTest('[POOL-7] a macvlan pool stands on its parent and makes nothing', async (t) => {
  await output('ip', 'link', 'add', 'parent0', 'type', 'bridge');
  const { ensure, remove, observe } = bench(t);
  const spec = {
    type: 'macvlan',
    name: 'mv',
    parent: 'parent0',
    subnet: '10.71.15.0/24',
    gateway: '10.71.15.1',
  } as const;
  const before = await everything();
  t.is((await ensure(spec)).outcome, 'done');
  t.is(await everything(), before);
  t.deepEqual((await observe('mv'))?.facts.warnings, ["parent interface 'parent0' is down"]);
  await output('ip', 'link', 'set', 'parent0', 'up');
  t.deepEqual((await observe('mv'))?.facts, { adopted: false });
  await output('ip', 'link', 'delete', 'parent0');
  t.deepEqual((await observe('mv'))?.drift, ["parent interface 'parent0' is missing"]);
  const result = await ensure(spec);
  t.like(result, { outcome: 'conflict', conflict: { code: 'ParentMissing' } });
  t.is((await remove(spec)).outcome, 'done');
  t.is(await observe('mv'), undefined);
});

labTest(
  '[POOL-3] a subnet that the host reaches elsewhere is a conflict that names the route, and nothing is touched',
  async (t) => {
    await output('ip', 'link', 'add', 'lan0', 'type', 'bridge');
    t.teardown(() => output('ip', 'link', 'delete', 'lan0'));
    await output('ip', 'address', 'add', '10.72.0.1/16', 'dev', 'lan0');
    await output('ip', 'link', 'set', 'lan0', 'up');
    const before = await everything();
    const { ensure, observe, root } = bench(t);
    const result = await ensure(bridgePool('clash', '10.72.5.0/24'));
    t.like(result, { outcome: 'conflict', conflict: { code: 'SubnetOverlapsHost' } });
    t.regex(
      result.outcome === 'conflict' ? result.conflict.message : '',
      /10\.72\.5\.0\/24.*10\.72\.0\.0\/16 over lan0/,
    );
    t.is(await everything(), before);
    t.is(await observe('clash'), undefined);
    t.deepEqual(readdirSync(join(root, 'run/pools')), []);
  },
);

labTest('[POOL-3] one pool that is refused holds up no other', async (t) => {
  await output('ip', 'link', 'add', 'nobridge', 'type', 'veth', 'peer', 'name', 'nopeer');
  t.teardown(() => output('ip', 'link', 'delete', 'nobridge'));
  const { ensure } = bench(t);
  const [refused, made] = await Promise.all([
    ensure(bridgePool('refused', '10.71.16.0/24', { bridge: 'nobridge' })),
    ensure(bridgePool('fine', '10.71.17.0/24')),
  ]);
  t.like(refused, { outcome: 'conflict', conflict: { code: 'InterfaceTaken' } });
  t.is(made.outcome, 'done');
});

labTest('[ENG-4] a bridge of another Holdfast is taken by none', async (t) => {
  const mine = bench(t);
  const other = bench(t);
  const spec = bridgePool('theirs', '10.71.18.0/24');
  await other.ensure(spec);
  t.like(await mine.ensure(spec), { outcome: 'conflict', conflict: { code: 'InterfaceTaken' } });
  t.is((await mine.remove(spec)).outcome, 'done');
  t.deepEqual((await other.observe('theirs'))?.drift, []);
  t.is(await mine.observe('theirs'), undefined);
});

labTest('[ENG-4] tables, rules and bridges of others are the same after a pool came and went', async (t) => {
  await output('nft', 'add', 'table', 'inet', 'others');
  t.teardown(() => output('nft', 'delete', 'table', 'inet', 'others'));
  await output('nft', 'add', 'chain', 'inet', 'others', 'c');
  await output('nft', 'add', 'rule', 'inet', 'others', 'c', 'ip', 'saddr', '10.71.19.0/24', 'drop');
  await output('ip', 'link', 'add', 'br-others', 'type', 'bridge');
  t.teardown(() => output('ip', 'link', 'delete', 'br-others'));
  const before = await everything();
  const { ensure, remove } = bench(t);
  const spec = bridgePool('guesthouse', '10.71.19.0/24', { bridge: 'br-gh', nat: true });
  await ensure(spec);
  await remove(spec);
  t.is(await everything(), before);
});

labTest(
  '[ENG-1] a marked bridge without a record is seen after a crash, and can be removed or made right',
  async (t) => {
    const { network, observe, ensure, remove } = bench(t);
    const alias = bridgeAlias(network.instance, 'orphan');
    const spec = bridgePool('orphan', '10.71.20.0/24');
    const strand = async () => {
      await output('ip', 'link', 'add', 'br-orphan', 'type', 'bridge');
      await output('ip', 'link', 'set', 'br-orphan', 'alias', alias, 'up');
      await output('ip', 'address', 'add', '10.71.21.1/24', 'dev', 'br-orphan');
    };
    await strand();
    const seen = await observe('orphan');
    t.like(seen, { key: 'pool/orphan', spec: { bridge: 'br-orphan', subnet: '10.71.21.0/24' } });
    t.is(seen?.drift.length, 1);
    t.is((await ensure(spec)).outcome, 'done');
    t.deepEqual(await addresses('br-orphan'), ['10.71.20.1/24']);
    t.deepEqual((await observe('orphan'))?.drift, []);
    await remove(spec);
    await strand();
    t.is((await remove(spec)).outcome, 'done');
    t.is(await link('br-orphan'), undefined);
  },
);
