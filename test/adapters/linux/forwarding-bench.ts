import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';
import { join } from 'node:path';
import type { Readable, Writable } from 'node:stream';
import type { ExecutionContext } from 'ava';
import { run } from '../../../adapters/linux/command.ts';
import { vethName } from '../../../adapters/linux/mark.ts';
import { nftPortForwarding } from '../../../adapters/linux/nft-port-forwarding.ts';
import type { Forward, PortForwarding } from '../../../adapters/linux/port-forwarding.ts';
import { systemClock } from '../../../controller/clock.ts';
import { type Bench, bench, bridgePool, guest, output, reaches } from './network-bench.ts';

/** Two isolated pools with guests, and a host beyond; all of it in a lab. */

export const one = bridgePool('one', '10.80.1.0/24');
export const two = bridgePool('two', '10.80.2.0/24');
export const bridges = [one, two].map(({ bridge, subnet }) => ({ bridge, subnet }));

export const addresses = {
  host: '198.51.100.1',
  beyond: '198.51.100.2',
  provider: '10.80.1.2',
  mate: '10.80.1.3',
  stranger: '10.80.2.2',
} as const;

/** A forward to the provider's port 8080, at every address of the host. */
export function forward(rule: string, port: number, more: Partial<Forward> = {}): Forward {
  return { rule, address: '0.0.0.0', port, toAddress: addresses.provider, toPort: 8080, ...more };
}

export interface World {
  readonly network: Bench;
  readonly forwarding: PortForwarding;
  /** A controller that starts anew. */
  readonly again: () => PortForwarding;
  readonly write: (...forwards: readonly Forward[]) => Promise<void>;
  readonly status: (...forwards: readonly Forward[]) => Promise<string | null>;
}

/** Guests `provider` and `mate` on the one pool, `stranger` on the other, `beyond` behind another link of the host. */
export async function world(t: ExecutionContext): Promise<World> {
  const network = bench(t);
  await Promise.all([network.ensure(one), network.ensure(two)]);
  const attach = async (name: 'provider' | 'mate' | 'stranger', pool: typeof one) => {
    const veth = vethName(network.network.instance, `lease/x/${name}/eth0`);
    await guest(t, name, veth, pool, addresses[name]);
    // A namespace takes its links with it, but some time later.
    t.teardown(() => output('ip', 'link', 'delete', veth));
  };
  await attach('provider', one);
  await attach('mate', one);
  await attach('stranger', two);
  await output('ip', 'netns', 'add', 'beyond');
  t.teardown(() => output('ip', 'netns', 'delete', 'beyond'));
  await output('ip', 'link', 'add', 'uplink', 'type', 'veth', 'peer', 'name', 'eth0', 'netns', 'beyond');
  t.teardown(() => output('ip', 'link', 'delete', 'uplink'));
  await output('ip', 'address', 'add', `${addresses.host}/24`, 'dev', 'uplink');
  await output('ip', 'link', 'set', 'uplink', 'up');
  await output('ip', 'link', 'set', 'lo', 'up');
  await output('ip', '-n', 'beyond', 'address', 'add', `${addresses.beyond}/24`, 'dev', 'eth0');
  await output('ip', '-n', 'beyond', 'link', 'set', 'eth0', 'up');
  await Promise.all(['provider', 'mate'].map((name) => reaches(name, one.gateway)));
  await Promise.all([reaches('stranger', two.gateway), reaches('beyond', addresses.host)]);
  const again = () => nftPortForwarding({ root: network.root, after: systemClock().after });
  const forwarding = again();
  t.teardown(() => forwarding.write([], []));
  return {
    network,
    forwarding,
    again,
    write: (...forwards) => forwarding.write(forwards, bridges),
    status: (...forwards) => forwarding.status(forwards, bridges),
  };
}

type Process = ChildProcessByStdio<Writable, Readable, Readable>;

export interface Peer {
  /** What it has printed. */
  readonly printed: () => string;
  readonly process: Process;
}

/** Starts a program in a namespace; it ends with the test. */
export function start(t: ExecutionContext, namespace: string, argv: readonly string[]): Peer {
  const process = spawn('ip', ['netns', 'exec', namespace, ...argv], { stdio: 'pipe' });
  let printed = '';
  process.stdout.on('data', (chunk: Buffer) => {
    printed += chunk.toString('latin1');
  });
  process.stdin.on('error', () => {});
  t.teardown(async () => {
    if (process.exitCode !== null || process.signalCode !== null) return;
    process.kill('SIGKILL');
    await once(process, 'exit');
  });
  return { printed: () => printed, process };
}

/** Listens in a namespace, see forwarding-peer.ts. */
export async function serve(
  t: ExecutionContext,
  namespace: string,
  ...ports: readonly number[]
): Promise<Peer> {
  const script = join(import.meta.dirname, 'forwarding-peer.ts');
  const peer = start(t, namespace, [process.execPath, script, ...ports.map(String)]);
  await until(peer, (text) => ports.every((port) => text.includes(`listens ${port}\n`)));
  return peer;
}

/** Waits until what a process has printed is so. Rejects when it ends before. */
export async function until(peer: Peer, isSo: (printed: string) => boolean): Promise<void> {
  while (!isSo(peer.printed())) {
    if (peer.process.exitCode !== null) throw new Error(`ended after ${JSON.stringify(peer.printed())}`);
    await Promise.race([once(peer.process.stdout, 'data'), once(peer.process, 'exit')]);
  }
}

/** What a client in a namespace (null: the host itself) is answered to `text`, after which it ends its half; null: it is not. */
export async function ask(
  namespace: string | null,
  address: string,
  port: number,
  text = 'hello\n',
): Promise<string | null> {
  const inside = namespace === null ? [] : ['ip', 'netns', 'exec', namespace];
  const argv = [...inside, 'busybox', 'nc', '-w', '1', address, `${port}`];
  return run(argv, { input: text }).then(
    ({ stdout }) => (stdout === '' ? null : stdout),
    () => null,
  );
}

/** A connection from this very process, open until the test ends. */
export async function open(t: ExecutionContext, address: string, port: number): Promise<Socket> {
  const socket = connect({ host: address, port, allowHalfOpen: true });
  t.teardown(() => socket.destroy());
  await once(socket, 'data');
  return socket;
}

/** What comes back for `text`. Rejects when the connection is reset. */
export async function echoed(socket: Socket, text: string): Promise<string> {
  const answer = once(socket, 'data');
  socket.write(text);
  return String((await answer)[0]);
}

/** Listens on the host itself; returns what tells how many have connected. */
export async function count(t: ExecutionContext, address: string, port: number): Promise<() => number> {
  let connections = 0;
  const server = createServer((socket) => {
    connections += 1;
    socket.destroy();
  });
  t.teardown(() => server.close());
  server.listen(port, address);
  await once(server, 'listening');
  return () => connections;
}
