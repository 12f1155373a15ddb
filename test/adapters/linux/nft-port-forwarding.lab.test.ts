import { once } from 'node:events';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { firstValueFrom, take, toArray } from 'rxjs';
import { type Commands, systemCommands } from '../../../adapters/linux/command.ts';
import { ingressTableName } from '../../../adapters/linux/mark.ts';
import { nftPortForwarding } from '../../../adapters/linux/nft-port-forwarding.ts';
import type { Forward } from '../../../adapters/linux/port-forwarding.ts';
import { systemClock } from '../../../controller/clock.ts';
import {
  addresses,
  ask,
  bridges,
  count,
  echoed,
  forward,
  one,
  open,
  serve,
  start,
  two,
  until,
  world,
} from './forwarding-bench.ts';
import { everything, labTest, output, succeeds } from './network-bench.ts';

const { host, beyond, provider, mate, stranger } = addresses;
const answer = (seen: string, port = 8080) => `${seen} at ${port}\nhello\nend\n`;

interface Path {
  readonly who: string | null;
  readonly address: string;
  /** Who the provider takes it for. */
  readonly seen: string;
}

const paths: readonly Path[] = [
  { who: 'beyond', address: host, seen: beyond },
  { who: null, address: host, seen: host },
  { who: null, address: '127.0.0.1', seen: one.gateway },
  { who: null, address: '127.0.0.77', seen: one.gateway },
  { who: null, address: one.gateway, seen: one.gateway },
  { who: null, address: two.gateway, seen: two.gateway },
  { who: 'mate', address: host, seen: one.gateway },
  { who: 'mate', address: one.gateway, seen: one.gateway },
  { who: 'stranger', address: host, seen: stranger },
  { who: 'stranger', address: two.gateway, seen: stranger },
  { who: 'stranger', address: one.gateway, seen: stranger },
];

const itself: Path = { who: 'provider', address: host, seen: one.gateway };
const bridgeSwitch = '/proc/sys/net/bridge/bridge-nf-call-iptables';

for (const called of ['0', '1']) {
  labTest(
    `[ING-9] a port of the host leads to a container from wherever the host is reached (bridge-nf-call-iptables=${called})`,
    async (t) => {
      if (existsSync(bridgeSwitch)) writeFileSync(bridgeSwitch, called);
      const { write, status } = await world(t);
      await serve(t, 'provider', 8080);
      t.is(await ask('beyond', host, 80), null);
      await write(forward('web', 80));
      for (const { who, address, seen } of called === '0' ? [...paths, itself] : paths)
        t.is(await ask(who, address, 80), answer(seen), `${who ?? 'the host'} at ${address}`);
      t.is(await status(forward('web', 80)), null);
    },
  );
}

labTest(
  '[ING-9] [ING-2] a forward at one address is at no other, and that of loopback is for the host alone',
  async (t) => {
    const { write } = await world(t);
    await serve(t, 'provider', 8080, 8081);
    await write(
      forward('outside', 80, { address: host }),
      forward('inside', 81, { address: '127.0.0.1' }),
      forward('nowhere', 82, { address: beyond }),
    );
    t.is(await ask('beyond', host, 80), answer(beyond));
    t.is(await ask(null, host, 80), answer(host));
    t.is(await ask(null, '127.0.0.1', 80), null);
    t.is(await ask('stranger', two.gateway, 80), null);
    t.is(await ask(null, '127.0.0.1', 81), answer(one.gateway));
    t.is(await ask('beyond', host, 81), null);
    await serve(t, 'beyond', 82);
    t.is(
      await ask(null, beyond, 82),
      `${host} at 82\nhello\nend\n`,
      'an address of another host is left alone',
    );
  },
);

labTest('[ING-9] [POOL-8] what is not exported of another pool stays out of reach', async (t) => {
  const { write } = await world(t);
  await serve(t, 'provider', 8080, 8081);
  await write(forward('web', 80));
  t.is(await ask('stranger', host, 80), answer(stranger));
  for (const port of [8080, 8081]) t.is(await ask('stranger', provider, port), null);
  t.is(await ask('stranger', host, 8081), null);
  t.is(await ask('mate', provider, 8081), answer(mate, 8081));
});

labTest(
  '[ING-9] [LINK-11] a container on the bridge neither reaches 127.0.0.1 of the host nor speaks as it',
  async (t) => {
    const { write, network } = await world(t);
    await serve(t, 'provider', 8080);
    await write(forward('web', 80), forward('inside', 81, { address: '127.0.0.1' }));
    const service = await count(t, '127.0.0.1', 9999);
    const inside = (...argv: readonly string[]) => output('ip', 'netns', 'exec', 'mate', ...argv);
    await inside('sysctl', '-qw', 'net.ipv4.conf.all.route_localnet=1');
    await inside('ip', 'route', 'add', '127.0.0.1', 'via', one.gateway, 'dev', 'eth0', 'onlink');
    const attempt = () => ask('mate', '127.0.0.1', 9999);
    t.is(await attempt(), null);
    t.is(await ask('mate', '127.0.0.1', 80), null);
    t.is(await ask('mate', '127.0.0.1', 81), null);
    t.is(service(), 0);
    await output('nft', 'flush', 'chain', 'inet', ingressTableName(network.network.instance), 'guard');
    await attempt();
    t.is(service(), 1, 'without the guard it does, so that it is the guard which keeps it');
  },
);

labTest('[ING-5] bytes go both ways after one side has ended its half', async (t) => {
  const { write } = await world(t);
  const peer = await serve(t, 'provider', 8080);
  await write(forward('web', 80));
  const text = `${'x'.repeat(1023)}\n`.repeat(4096);
  const received = (await ask('beyond', host, 80, text)) ?? '';
  t.is(received.length, `${beyond} at 8080\n`.length + text.length + 'end\n'.length);
  t.true(received.endsWith('x\nend\n'));
  t.true(peer.printed().includes('got'));
});

labTest(
  '[ING-10] [ING-11] rules that come, go and change touch no connection and no counter of others',
  async (t) => {
    const { write, forwarding, again } = await world(t);
    await serve(t, 'provider', 8080, 8081);
    const kept = [forward('kept', 80), forward('held', 81, { address: host })];
    await write(...kept, forward('gone', 90), forward('changed', 91));
    const [one, other] = [await open(t, '127.0.0.1', 80), await open(t, host, 81)];
    const before = await forwarding.traffic();
    await write(...kept, forward('changed', 91, { toPort: 8081 }), forward('new', 92));
    t.is(await echoed(one, 'still '), 'still ');
    t.is(await echoed(other, 'still '), 'still ');
    const later = again();
    await later.write([...kept, forward('newer', 93)], bridges);
    t.is(await echoed(one, 'here'), 'here');
    t.is(await echoed(other, 'here'), 'here');
    const after = await later.traffic();
    for (const rule of ['kept', 'held']) {
      const [was, is] = [before, after].map((all) => all.find((each) => each.rule === rule));
      t.is(was?.connections, 1);
      t.is(is?.connections, 1);
      t.true((is?.bytesIn ?? 0) > (was?.bytesIn ?? 0));
      t.true((is?.bytesOut ?? 0) > (was?.bytesOut ?? 0));
    }
    t.deepEqual(after.map(({ rule }) => rule).toSorted(), ['held', 'kept', 'newer']);
  },
);

labTest(
  '[ING-9] connections and bytes are counted for each rule, over its addresses, from each side',
  async (t) => {
    const { write, forwarding } = await world(t);
    await serve(t, 'provider', 8080);
    t.deepEqual(await forwarding.traffic(), []);
    const web = [forward('web', 80, { address: host }), forward('web', 80, { address: '127.0.0.1' })];
    await write(...web, forward('idle', 81));
    const text = 'x'.repeat(10_000);
    await ask('beyond', host, 80, text);
    await ask(null, '127.0.0.1', 80, text);
    const counted = await forwarding.traffic();
    const sum = counted.find(({ rule }) => rule === 'web');
    t.is(sum?.connections, 2);
    t.true((sum?.bytesIn ?? 0) > 20_000 && (sum?.bytesIn ?? 0) < 30_000, `${sum?.bytesIn} bytes in`);
    t.true((sum?.bytesOut ?? 0) > 20_000 && (sum?.bytesOut ?? 0) < 30_000, `${sum?.bytesOut} bytes out`);
    t.deepEqual(
      counted.find(({ rule }) => rule === 'idle'),
      {
        rule: 'idle',
        connections: 0,
        bytesIn: 0,
        bytesOut: 0,
      },
    );
  },
);

/** What becomes of a forward that has an open connection. */
const ends: readonly (readonly [what: string, after: readonly Forward[]])[] = [
  ['removed with others left', [forward('other', 81)]],
  ['removed as the last one', []],
  ['changed to another container', [forward('web', 80, { toAddress: mate })]],
  ['changed to another port of it', [forward('web', 80, { toPort: 8081 })]],
  ['changed to another address of the host', [forward('web', 80, { address: '127.0.0.1' })]],
];

for (const [what, after] of ends) {
  labTest(`[ING-9] no packet of a forward that is ${what} gets to where it led`, async (t) => {
    const { write } = await world(t);
    const old = await serve(t, 'provider', 8080);
    await write(forward('web', 80), forward('other', 81));
    const local = await open(t, host, 80);
    const remote = start(t, 'beyond', ['busybox', 'nc', host, '80']);
    await until(remote, (text) => text.includes('8080\n'));
    await write(...after);
    const printed = old.printed();
    const ended = [once(local, 'error'), once(remote.process, 'exit')];
    local.write('too late');
    remote.process.stdin.write('too late');
    await Promise.all(ended);
    t.is(old.printed(), printed);
  });
}

labTest(
  '[ING-11] a controller that was killed before it ended the connections leaves that to the next',
  async (t) => {
    const { write, again, status, network } = await world(t);
    await serve(t, 'provider', 8080);
    const other = forward('other', 81);
    await write(forward('web', 80), other);
    const local = await open(t, host, 80);
    const file = join(network.root, 'run/forwarding.json');
    const table = ingressTableName(network.network.instance);
    const where = '80 . 10.80.1.2 . 8080';
    await output('nft', 'delete', 'element', 'inet', table, 'to_any', '{ 80 : 10.80.1.2 . 8080 }');
    await output('nft', 'delete', 'element', 'inet', table, 'new_any', '{ 80 }');
    for (const set of ['in_any', 'out_any'])
      await output('nft', 'delete', 'element', 'inet', table, set, `{ ${where} }`);
    const record = JSON.parse(readFileSync(file, 'utf8'));
    const stale = [{ address: null, port: 80, toAddress: provider, toPort: 8080 }];
    writeFileSync(file, JSON.stringify({ ...record, stale }));
    const next = again();
    t.is(await echoed(local, 'alive'), 'alive');
    t.is(await next.status([other], bridges), 'connections of forwards that are gone were not ended');
    await next.write([other], bridges);
    t.is(await next.status([other], bridges), null);
    local.write('too late');
    await once(local, 'error');
    t.is(await status(other), null);
  },
);

labTest(
  '[ING-9] [ROLL-7] when the last forward goes nothing is left, and what was never there is no trouble',
  async (t) => {
    const { write, network, forwarding, again } = await world(t);
    const before = await everything();
    await write();
    t.is(await everything(), before);
    await write(forward('web', 80), forward('tls', 443, { address: host }));
    t.not(await everything(), before);
    const localnet = `/proc/sys/net/ipv4/conf/${one.bridge}/route_localnet`;
    t.is(readFileSync(localnet, 'utf8'), '1\n');
    t.is(readFileSync(`/proc/sys/net/ipv4/conf/${two.bridge}/route_localnet`, 'utf8'), '0\n');
    t.is(await forwarding.status([], []), 'port forwarding rules are left over');
    await again().write([], []);
    t.is(await everything(), before);
    t.is(readFileSync(localnet, 'utf8'), '0\n');
    t.false(existsSync(join(network.root, 'run/forwarding.json')));
    t.is(await forwarding.status([], []), null);
    t.deepEqual(await forwarding.traffic(), []);
  },
);

interface Damage {
  readonly what: string;
  readonly says: RegExp;
  readonly act: (table: string) => Promise<unknown>;
}

const damages: readonly Damage[] = [
  {
    what: 'a deleted table',
    says: /are missing/,
    act: (table) => output('nft', 'delete', 'table', 'inet', table),
  },
  { what: 'a flushed rule set', says: /are missing/, act: () => output('nft', 'flush', 'ruleset') },
  {
    what: 'a flushed chain',
    says: /were changed/,
    act: (table) => output('nft', 'flush', 'chain', 'inet', table, 'guard'),
  },
  {
    what: 'a rule of others in it',
    says: /were changed/,
    act: (table) => output('nft', 'insert', 'rule', 'inet', table, 'begin', 'accept'),
  },
  {
    what: 'a forward that is gone',
    says: /were changed/,
    act: (table) => output('nft', 'flush', 'map', 'inet', table, 'to_any'),
  },
  {
    what: 'a forward that is not ours',
    says: /were changed/,
    act: (table) => output('nft', 'add', 'element', 'inet', table, 'to_any', '{ 99 : 10.80.1.2 . 8080 }'),
  },
  {
    what: 'an element of a kind that we never make',
    says: /were changed/,
    act: (table) => output('nft', 'add', 'element', 'inet', table, 'targets', '{ "a!b" }'),
  },
  {
    what: 'forwarding that is off',
    says: /IPv4 forwarding is off/,
    act: () => output('sysctl', '-qw', 'net.ipv4.ip_forward=0'),
  },
  {
    what: 'a bridge that keeps loopback in',
    says: /route_localnet of bridge 'br-one' is off/,
    act: () => output('sysctl', '-qw', 'net.ipv4.conf.br-one.route_localnet=0'),
  },
];

for (const { what, says, act } of damages) {
  labTest(`[ENG-2] ${what} is seen, also by the next controller, and made right`, async (t) => {
    const { write, status, network, again } = await world(t);
    await serve(t, 'provider', 8080);
    const forwards = [forward('web', 80), forward('tls', 443, { address: host })];
    await write(...forwards);
    t.is(await again().status(forwards, bridges), null, 'nothing is taken for damage that is none');
    await act(ingressTableName(network.network.instance));
    t.regex((await again().status(forwards, bridges)) ?? '', says);
    t.regex((await status(...forwards)) ?? '', says);
    await write(...forwards);
    t.is(await status(...forwards), null);
    t.is(await ask('beyond', host, 80), answer(beyond));
    t.is(await ask(null, '127.0.0.1', 80), answer(one.gateway));
  });
}

labTest(
  '[ENG-2] [ENG-7] what others change of the rules is news, what we write ourselves is none',
  async (t) => {
    const { write, forwarding, network } = await world(t);
    const table = ingressTableName(network.network.instance);
    await write(forward('web', 80));
    const news = firstValueFrom(forwarding.watch().pipe(take(3), toArray()));
    let told = 0;
    const subscription = forwarding.watch().subscribe(() => {
      told += 1;
    });
    t.teardown(() => subscription.unsubscribe());
    await firstValueFrom(forwarding.watch());
    await write(forward('web', 80), forward('tls', 443));
    await write(forward('tls', 443));
    await output('nft', 'flush', 'chain', 'inet', table, 'guard');
    await output('nft', 'delete', 'table', 'inet', table);
    await news;
    t.is(told, 3, 'one when it listens, and one for each of the two changes');
  },
);

labTest(
  '[ING-9] a FORWARD policy of DROP, as Docker sets it, does not keep connections out, and our exception goes with us',
  async (t) => {
    await output('iptables', '-P', 'FORWARD', 'DROP');
    await output('iptables', '-A', 'FORWARD', '-s', '203.0.113.9', '-j', 'DROP');
    t.teardown(async () => {
      await output('iptables', '-P', 'FORWARD', 'ACCEPT');
      await output('iptables', '-F', 'FORWARD');
      await succeeds('iptables', '-X', 'DOCKER-USER');
    });
    const saved = async () =>
      (await output('iptables-save', '-t', 'filter'))
        .split('\n')
        .filter((line) => /^(-A|:FORW|:DOCK)/.test(line))
        .map((line) => line.replace(/ \[.*/, ''));
    const before = await saved();
    const { write, status, again } = await world(t);
    await serve(t, 'provider', 8080);
    const web = forward('web', 80);
    await write(web);
    t.is(await ask('beyond', host, 80), answer(beyond));
    t.is(await ask('stranger', host, 80), answer(stranger));
    t.is(await status(web), null);
    await output('iptables', '-N', 'DOCKER-USER');
    t.regex((await status(web)) ?? '', /FORWARD policy/);
    await output('iptables', '-I', 'FORWARD', '-j', 'DOCKER-USER');
    await output('iptables', '-A', 'DOCKER-USER', '-j', 'RETURN');
    await again().write([web], bridges);
    t.is(await status(web), null);
    t.regex(
      (await saved()).join('\n'),
      /-A DOCKER-USER -m comment --comment holdfast-[0-9a-f]{8}_ingress -j/,
    );
    t.is(await ask('beyond', host, 80), answer(beyond));
    await write();
    t.is(await ask('beyond', host, 80), null);
    await output('iptables', '-F', 'DOCKER-USER');
    await output('iptables', '-D', 'FORWARD', '-j', 'DOCKER-USER');
    await output('iptables', '-X', 'DOCKER-USER');
    t.deepEqual(await saved(), before);
  },
);

labTest(
  '[ING-9] a FORWARD policy of DROP without iptables to except from it is an error that says so',
  async (t) => {
    await output('iptables', '-P', 'FORWARD', 'DROP');
    t.teardown(() => output('iptables', '-P', 'FORWARD', 'ACCEPT'));
    const { network } = await world(t);
    const find: Commands['find'] = (name) => (name.startsWith('iptables') ? null : systemCommands.find(name));
    const commands = { ...systemCommands, find };
    const forwarding = nftPortForwarding({ root: network.root, after: systemClock().after, commands });
    const message = /no iptables is installed/;
    await t.throwsAsync(forwarding.write([forward('web', 80)], bridges), { message });
    t.regex((await forwarding.status([forward('web', 80)], bridges)) ?? '', message);
    await output('iptables', '-P', 'FORWARD', 'ACCEPT');
    await forwarding.write([forward('web', 80)], bridges);
    t.is(await forwarding.status([forward('web', 80)], bridges), null);
  },
);

labTest('[ING-9] without nft the kernel forwards nothing, and nothing is left over either', async (t) => {
  const { network, forwarding } = await world(t);
  t.true(await forwarding.works());
  const commands = {
    ...systemCommands,
    find: (name: string) => (name === 'nft' ? null : systemCommands.find(name)),
  };
  const without = nftPortForwarding({ root: network.root, after: systemClock().after, commands });
  t.false(await without.works());
  t.is(await without.status([], []), null);
  await t.notThrowsAsync(without.write([], []));
  t.deepEqual(await without.traffic(), []);
});

labTest(
  '[ENG-6] of a thousand forwards, changing one costs one small transaction and no listing',
  async (t) => {
    const { network } = await world(t);
    const runs: string[] = [];
    const commands: Commands = {
      ...systemCommands,
      run: (argv, options) => {
        runs.push(`${argv[0]} ${argv[1]} ${(options?.input ?? '').length < 1000}`);
        return systemCommands.run(argv, options);
      },
    };
    const forwarding = nftPortForwarding({ root: network.root, after: systemClock().after, commands });
    const many = Array.from({ length: 1000 }, (_, index) => forward(`rule-${index}`, 10_000 + index));
    const began = performance.now();
    await forwarding.write(many, bridges);
    const written = performance.now();
    // What was made is read back once.
    await forwarding.status(many, bridges);
    const costs: number[] = [];
    for (let round = 0; round < 20; round += 1) {
      const changed = [...many.slice(1), forward('changing', 9000 + round)];
      runs.length = 0;
      const start = performance.now();
      await forwarding.write(changed, bridges);
      costs.push(performance.now() - start);
      t.is(await forwarding.status(changed, bridges), null);
      t.deepEqual(runs.toSorted(), ['iptables-save undefined true', 'nft --file true']);
    }
    const median = costs.toSorted((a, b) => a - b)[10] ?? 0;
    t.log(`all: ${(written - began).toFixed(0)} ms; one: ${median.toFixed(1)} ms (median of 20)`);
  },
);
