import test from 'ava';
import { CommandError, type Commands, systemCommands } from '../../../adapters/linux/command.ts';
import { parseHostLinks } from '../../../adapters/linux/host-links.ts';
import { runIpScript } from '../../../adapters/linux/ip-batch.ts';

const links = [
  {
    ifindex: 1,
    ifname: 'lo',
    flags: ['LOOPBACK', 'UP'],
    address: '00:00:00:00:00:00',
    addr_info: [{ family: 'inet', local: '127.0.0.1', prefixlen: 8 }],
  },
  {},
  {
    ifindex: 2,
    ifname: 'br0',
    flags: ['NO-CARRIER', 'UP'],
    address: '02:00:00:01:02:03',
    ifalias: 'x "y"',
    linkinfo: { info_kind: 'bridge' },
    addr_info: [
      { family: 'inet6', local: 'fe80::1', prefixlen: 64 },
      { family: 'inet', local: '10.0.5.1', prefixlen: 24 },
    ],
  },
  {
    ifindex: 3,
    ifname: 'hf1',
    flags: [],
    address: '02:00:00:01:02:04',
    master: 'br0',
    linkinfo: { info_kind: 'veth' },
    addr_info: [],
  },
];

const routes = [
  { type: 'unicast', dst: 'default', dev: 'eth0' },
  { type: 'unicast', dst: '0.0.0.0/1', dev: 'tun0' },
  { type: 'unicast', dst: '128.0.0.0/1', dev: 'tun0' },
  { dst: '10.0.5.0/24', dev: 'br0' },
  { type: 'unicast', dst: '10.9.9.9', dev: 'eth0', table: '77' },
  { type: 'blackhole', dst: '10.77.0.0/16' },
  { type: 'unicast', dst: '10.99.0.0/16', nexthops: [{ dev: 'eth0' }, { dev: 'eth1' }] },
  { type: 'local', dst: '10.0.5.1', dev: 'br0', table: 'local' },
  { type: 'broadcast', dst: '10.0.5.255', dev: 'br0', table: 'local' },
  { type: 'unicast', dst: 'fe80::/64', dev: 'br0' },
];

test('[POOL-4] links are read with kind, state, mark, master and IPv4 addresses', (t) => {
  const host = parseHostLinks(`${JSON.stringify(links)}\n${JSON.stringify(routes)}\n`);
  t.deepEqual([...host.links.keys()], ['lo', 'br0', 'hf1']);
  t.deepEqual(host.links.get('br0'), {
    index: 2,
    name: 'br0',
    kind: 'bridge',
    up: true,
    mac: '02:00:00:01:02:03',
    alias: 'x "y"',
    master: null,
    addresses: ['10.0.5.1/24'],
  });
  t.like(host.links.get('hf1'), { kind: 'veth', up: false, alias: null, master: 'br0', addresses: [] });
});

test('[POOL-3] routes that claim addresses are read; default ones, also split in two, and local ones are not', (t) => {
  const host = parseHostLinks(`${JSON.stringify(links)}\n${JSON.stringify(routes)}\n`);
  t.deepEqual(host.routes, [
    { destination: '10.0.5.0/24', devices: ['br0'] },
    { destination: '10.9.9.9/32', devices: ['eth0'] },
    { destination: '10.77.0.0/16', devices: [] },
    { destination: '10.99.0.0/16', devices: ['eth0', 'eth1'] },
  ]);
});

test('a host without links and routes is read as such', (t) => {
  t.deepEqual(parseHostLinks(''), { links: new Map(), routes: [] });
});

/** An `ip` that says this on standard error and exits with 1. */
function failing(stderr: string): Commands {
  const run = (argv: readonly string[]) =>
    Promise.reject(
      new CommandError(argv, 'exited with 1', { exitCode: 1, signal: null, stdout: '', stderr }),
    );
  return { ...systemCommands, run };
}

const script = {
  lines: [
    { text: 'link delete dev a', owner: 'pool/a' },
    { text: 'link add name b type bridge', owner: 'pool/b' },
    { text: 'link set dev b up', owner: 'pool/b' },
  ],
};

test('[ENG-3] a line that fails is told to its own pool, in the words of ip', async (t) => {
  const said =
    'RTNETLINK answers: File exists\nCommand failed -:2\nCannot find device "b"\nCommand failed -:3\n';
  t.deepEqual(await runIpScript(failing(said), script), [
    {
      owner: 'pool/b',
      message: "'ip link add name b type bridge' failed: RTNETLINK answers: File exists",
      log: ['RTNETLINK answers: File exists'],
    },
  ]);
});

test('[ENG-3] when ip cannot say which line failed, all pools have failed', async (t) => {
  const failures = await runIpScript(failing('Cannot open netlink socket\n'), script);
  t.deepEqual(
    failures.map(({ owner }) => owner),
    ['pool/a', 'pool/b'],
  );
  t.deepEqual(
    failures.map(({ log }) => log),
    [['Cannot open netlink socket'], ['Cannot open netlink socket']],
  );
});

test('without lines nothing is run', async (t) => {
  t.deepEqual(await runIpScript(failing('never'), { lines: [] }), []);
});
