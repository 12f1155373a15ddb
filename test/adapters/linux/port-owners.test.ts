import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { type AddressInfo, createServer, type Server } from 'node:net';
import test, { type ExecutionContext } from 'ava';
import { firstValueFrom, skip, timeout } from 'rxjs';
import { readListeningSockets } from '../../../adapters/linux/listening-sockets.ts';
import { conflictsWith, findPortOwners, plainCommand } from '../../../adapters/linux/port-owners.ts';
import { releasedPort, watchPortRelease } from '../../../adapters/linux/port-release.ts';
import { systemClock } from '../../../controller/clock.ts';

const head =
  '  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n';
const line = (local: string, state: string, inode = '1134') =>
  `   0: ${local} 00000000:0000 ${state} 00000000:00000000 00:00000000 00000000     0        0 ${inode} 1 0 100 0 0 10 0\n`;

const sockets: readonly (readonly [line: string, expected: string | null])[] = [
  [line('00000000:07E8', '0A'), '0.0.0.0 2024 1134'],
  [line('0100007F:1F90', '0A', '77'), '127.0.0.1 8080 77'],
  [line('0100007F:1F90', '01'), null],
  [line('0100007F:1F90', '06'), null],
  [line('00000000000000000000000000000000:0050', '0A'), ':: 80 1134'],
  [line('00000000000000000000000001000000:0050', '0A'), '::1 80 1134'],
  [line('B80D0120000000000000000001000000:0050', '0A'), '2001:db8::1 80 1134'],
  [line('0000000000000000FFFF00000100000A:0050', '0A'), '10.0.0.1 80 1134'],
  [line('0000000000000000FFFF000000000000:0050', '0A'), '0.0.0.0 80 1134'],
  [line('0100007F:1F9', '0A'), null],
  [line('7F:1F90', '0A'), null],
  [line('0100007F:1F90', '0A', 'x'), null],
  ['nonsense\n', null],
];

for (const [text, expected] of sockets) {
  test(`[ENG-8] ${expected ?? 'nothing'} listens by ${JSON.stringify(text.trim().slice(0, 50))}`, (t) => {
    const read = readListeningSockets(head + text).map(
      ({ address, port, inode }) => `${address} ${port} ${inode}`,
    );
    t.deepEqual(read, expected === null ? [] : [expected]);
  });
}

const names: readonly (readonly [bytes: string, shown: string])[] = [
  ['nginx\n', 'nginx'],
  ['a b/c:0', 'a b/c:0'],
  ["x' (pid 1)\n", 'x\\x27 (pid 1)'],
  ['\x1b[2J\n', '\\x1b[2J'],
  ['a\nb\n', 'a\\x0ab'],
  ['\\x41', '\\x5cx41'],
  ['caf\xe9', 'caf\\xe9'],
];

for (const [bytes, shown] of names) {
  test(`[REV-8] a process that calls itself ${JSON.stringify(bytes)} is shown as ${shown}`, (t) => {
    t.is(plainCommand(Buffer.from(bytes, 'latin1')), shown);
  });
}

const conflicts: readonly (readonly [addresses: readonly string[], owner: string, conflicts: boolean])[] = [
  [['0.0.0.0'], '0.0.0.0', true],
  [['0.0.0.0'], '127.0.0.1', true],
  [['127.0.0.1'], '0.0.0.0', true],
  [['10.0.0.1'], '127.0.0.1', false],
  [['10.0.0.1', '127.0.0.1'], '127.0.0.1', true],
  [['0.0.0.0'], '::', true],
  [['10.0.0.1'], '::', true],
  [['::1'], '::', true],
  [['::'], '::', true],
  [['::'], '0.0.0.0', false],
  [['::'], '127.0.0.1', false],
  [['::'], '::1', true],
  [['::1'], '::1', true],
  [['::1'], '2001:db8::1', false],
  [['0.0.0.0'], '::1', false],
  [['0.0.0.0', '::'], '::1', true],
  [[], '::', false],
];

for (const [addresses, owner, expected] of conflicts) {
  test(`[ENG-8] who listens at ${owner} is ${expected ? '' : 'not '}in the way of ${addresses.join(' and ') || 'nothing'}`, (t) => {
    t.is(conflictsWith(addresses, 80, { address: owner, port: 80 }), expected);
    t.false(conflictsWith(addresses, 81, { address: owner, port: 80 }));
  });
}

async function listen(t: ExecutionContext, host: string): Promise<{ server: Server; port: number }> {
  const server = createServer();
  server.listen({ host, port: 0 });
  await once(server, 'listening');
  t.teardown(() => server.close());
  return { server, port: (server.address() as AddressInfo).port };
}

test('[ENG-8] who listens on a port is found by process and name, and nobody on any other', async (t) => {
  const { port } = await listen(t, '127.0.0.1');
  const [owner, ...others] = await findPortOwners(new Set([port]));
  t.like(owner, { address: '127.0.0.1', port, pid: process.pid });
  t.true((owner?.command ?? '').length > 0);
  t.deepEqual(others, []);
  t.deepEqual(await findPortOwners(new Set()), []);
});

/** Descriptor of a server's socket, for a child to inherit. */
function descriptorOf(server: Server): number {
  return (server as unknown as { readonly _handle: { readonly fd: number } })._handle.fd;
}

test('[ENG-8] of processes that share a socket the first is named, and the other when that one has let go', async (t) => {
  const { server, port } = await listen(t, '127.0.0.1');
  const heir = spawn('sleep', ['60'], { stdio: ['ignore', 'ignore', 'ignore', descriptorOf(server)] });
  t.teardown(() => heir.kill());
  await once(heir, 'spawn');
  const pids = [process.pid, heir.pid ?? 0];
  t.deepEqual(
    (await findPortOwners(new Set([port]))).map(({ pid }) => pid),
    [Math.min(...pids)],
  );
  server.close();
  await once(server, 'close');
  const [owner] = await findPortOwners(new Set([port]));
  t.like(owner, { pid: heir.pid, command: 'sleep' });
});

test('[ENG-8] [ENG-7] a port that comes free is told without looking, and no other', async (t) => {
  const [one, other] = [await listen(t, '127.0.0.1'), await listen(t, '::')];
  const watched = watchPortRelease(new Set([other.port]), systemClock().after);
  let told = 0;
  const subscription = watched.subscribe(() => {
    told += 1;
  });
  t.teardown(() => subscription.unsubscribe());
  await firstValueFrom(watched);
  const released = firstValueFrom(watched.pipe(skip(1), timeout(5_000)));
  one.server.close();
  await once(one.server, 'close');
  other.server.close();
  await released;
  // Each who watches is told by the kernel for himself.
  while (told < 2) await new Promise((resolve) => setImmediate(resolve));
  t.deepEqual(await findPortOwners(new Set([other.port])), []);
  t.is(told, 2, 'one when it listens, one when the port is free');
});

test('[ENG-8] a connection that ends releases nothing', (t) => {
  const message = (from: number, to: number) => {
    const bytes = Buffer.alloc(72);
    bytes.writeUInt16BE(from, 4);
    bytes.writeUInt16BE(to, 6);
    return bytes;
  };
  t.is(releasedPort(message(80, 0)), 80);
  t.is(releasedPort(message(80, 40_000)), null);
  t.is(releasedPort(Buffer.alloc(5)), null);
});
