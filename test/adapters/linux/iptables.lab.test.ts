import { tableName, vethName } from '../../../adapters/linux/mark.ts';
import { bench, bridgePool, guest, labTest, output, pings, reaches, succeeds } from './network-bench.ts';

/** Each family of iptables programs that this kernel may have, reached by hiding nft and the other families. */
const families: readonly (readonly [string, readonly RegExp[]])[] = [
  ['iptables', [/^nft$/]],
  ['iptables-nft', [/^nft$/, /^iptables-(save|restore)$/]],
  ['iptables-legacy', [/^nft$/, /^iptables-(nft-)?(save|restore)$/]],
];

for (const [family, hidden] of families) {
  const rules = async (): Promise<readonly string[]> => {
    const lines = (await output(`${family}-save`)).split('\n');
    return lines.filter((line) => line.includes('holdfast-'));
  };

  labTest(
    `[POOL-5] [POOL-6] without nft, ${family} masquerades once, follows changes and leaves nothing`,
    async (t) => {
      const { ensure, remove, observe, network } = bench(t, { hidden });
      const spec = bridgePool('ipt', '10.74.0.0/24', { nat: true });
      const masquerades = async () => (await rules()).filter((rule) => rule.includes('MASQUERADE'));
      for (let count = 0; count < 3; count += 1) t.is((await ensure(spec)).outcome, 'done');
      t.deepEqual(await masquerades(), [
        `-A ${tableName(network.instance)}-nat -s 10.74.0.0/24 ! -o br-ipt -m comment --comment "pool/ipt" -j MASQUERADE`,
      ]);
      t.is((await rules()).filter((rule) => rule.startsWith('-A POSTROUTING')).length, 1);
      t.deepEqual((await observe('ipt'))?.drift, []);
      t.is((await observe('ipt'))?.facts.warnings, undefined);
      await ensure({ ...spec, nat: false });
      t.deepEqual(await masquerades(), []);
      t.deepEqual((await observe('ipt'))?.drift, []);
      await remove(spec);
      t.deepEqual(await rules(), []);
    },
  );

  labTest(
    `[ENG-2] without nft, a rule of ours that ${family} has lost is drift, and is put back`,
    async (t) => {
      const { ensure, observe, network } = bench(t, { hidden });
      const spec = bridgePool('iptd', '10.74.1.0/24', { nat: true });
      await ensure(spec);
      const set = await rules();
      await output(family, '-t', 'nat', '-F', `${tableName(network.instance)}-nat`);
      t.deepEqual((await observe('iptd'))?.drift, ['packet filter rules were changed']);
      t.is((await ensure(spec)).outcome, 'done');
      t.deepEqual(await rules(), set);
      t.deepEqual((await observe('iptd'))?.drift, []);
    },
  );

  labTest(
    `[POOL-8] [ENG-4] without nft, ${family} keeps pools apart and touches no rule of others`,
    async (t) => {
      await output(family, '-A', 'FORWARD', '-s', '203.0.113.9', '-j', 'DROP');
      t.teardown(() => output(family, '-D', 'FORWARD', '-s', '203.0.113.9', '-j', 'DROP'));
      const { ensure, remove, network } = bench(t, { hidden });
      const one = bridgePool('ip1', '10.74.2.0/24', { nat: true });
      const two = bridgePool('ip2', '10.74.3.0/24');
      await Promise.all([ensure(one), ensure(two)]);
      await guest(t, 'ipt-a', vethName(network.instance, 'lease/ip1/a/eth0'), one, '10.74.2.2');
      await guest(t, 'ipt-b', vethName(network.instance, 'lease/ip2/b/eth0'), two, '10.74.3.2');
      t.true(await reaches('ipt-a', '10.74.2.1'));
      t.false(await pings('ipt-a', '10.74.3.2'));
      t.false(await pings('ipt-a', '10.74.3.1'));
      await ensure({ ...two, isolated: false });
      t.true(await reaches('ipt-a', '10.74.3.2'));
      await remove(two);
      await remove(one);
      t.true(await succeeds(family, '-C', 'FORWARD', '-s', '203.0.113.9', '-j', 'DROP'));
    },
  );
}

labTest(
  '[POOL-5] with neither nft nor iptables the pool is usable, and says what it does without',
  async (t) => {
    const { ensure, observe, remove, network } = bench(t, { hidden: [/^nft$/, /^iptables/] });
    const spec = bridgePool('bare', '10.74.4.0/24', { nat: true });
    const result = await ensure(spec);
    t.is(result.outcome, 'done');
    const seen = await observe('bare');
    t.deepEqual(result.observations, [{ key: 'pool/bare', observed: seen ?? null }]);
    t.deepEqual(seen?.drift, []);
    t.is(seen?.facts.warnings?.length, 2);
    t.regex(seen?.facts.warnings?.[0] ?? '', /neither nft nor iptables.*not masqueraded/);
    await guest(t, 'bare-a', vethName(network.instance, 'lease/bare/a/eth0'), spec, '10.74.4.2');
    t.true(await reaches('bare-a', '10.74.4.1'));
    t.is((await remove(spec)).outcome, 'done');
  },
);
