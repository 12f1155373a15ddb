import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { type Commands, run, systemCommands } from '../../../adapters/linux/command.ts';
import { tableName } from '../../../adapters/linux/mark.ts';
import { HostNetwork } from '../../../adapters/linux/network.ts';
import { systemClock } from '../../../controller/clock.ts';
import { digestOf } from '../../../state/json.ts';
import {
  type BridgePoolSpec,
  type ObservedResource,
  type PoolSpec,
  poolKey,
} from '../../../state/resource.ts';

/** What the suites on a real kernel share. They run in a lab (test/lab/lab.ts), never in the machine's own network. */

export const inLab = process.env.HOLDFAST_LAB === '1';

/** A test that needs a lab; outside of one it is skipped. Labs share one network: one test at a time. */
export const labTest = inLab ? test.serial : test.serial.skip;

export function bridgePool(name: string, subnet: string, more: Partial<BridgePoolSpec> = {}): BridgePoolSpec {
  const gateway = subnet.replace(/\d+\/\d+$/, '1');
  return { type: 'bridge', name, bridge: `br-${name}`, subnet, gateway, nat: false, isolated: true, ...more };
}

/** One instance of the pools of a host, its commands counted and, where told so, hidden. */
export interface Bench {
  readonly network: HostNetwork;
  readonly root: string;
  /** Programs that were run to their end, in order, since the last call. */
  readonly takeRuns: () => readonly string[];
  readonly ensure: (spec: PoolSpec) => ReturnType<HostNetwork['ensure']>;
  readonly remove: (spec: PoolSpec) => ReturnType<HostNetwork['remove']>;
  readonly observe: (name: string) => Promise<ObservedResource<'pool'> | undefined>;
}

export interface BenchOptions {
  /** An earlier bench's, to go on where that one stopped. */
  readonly root?: string;
  readonly hidden?: readonly RegExp[];
  readonly members?: (pool: string) => readonly string[];
}

export function bench(t: ExecutionContext, options: BenchOptions = {}): Bench {
  const root = options.root ?? mkdtempSync(join(tmpdir(), 'network-'));
  let runs: string[] = [];
  const commands: Commands = {
    lines: systemCommands.lines,
    find: (name) => (options.hidden?.some((hidden) => hidden.test(name)) ? null : systemCommands.find(name)),
    run: (argv, runOptions) => {
      runs.push(argv[0] ?? '');
      return run(argv, runOptions);
    },
  };
  const members = options.members ?? (() => []);
  const network = new HostNetwork({ root, members, after: systemClock().after, commands });
  const remove = (spec: PoolSpec) => network.remove({ action: 'pool.remove', key: poolKey(spec.name), spec });
  if (options.root === undefined) {
    t.teardown(async () => {
      for (const { spec } of await network.observePools()) await remove(spec);
      await ipQuietly('nft', 'delete', 'table', 'inet', tableName(network.instance));
      rmSync(root, { recursive: true });
    });
  }
  return {
    network,
    root,
    takeRuns: () => {
      const taken = runs;
      runs = [];
      return taken;
    },
    ensure: (spec) =>
      network.ensure({ action: 'pool.ensure', key: poolKey(spec.name), spec, digest: digestOf(spec) }),
    remove,
    observe: async (name) => (await network.observePools()).find((pool) => pool.spec.name === name),
  };
}

/** Standard output of a command. */
export async function output(...argv: readonly string[]): Promise<string> {
  return (await run(argv)).stdout;
}

/** Whether a command exits with 0. */
export async function succeeds(...argv: readonly string[]): Promise<boolean> {
  return run(argv).then(
    () => true,
    () => false,
  );
}

async function ipQuietly(...argv: readonly string[]): Promise<void> {
  await succeeds(...argv);
}

interface Link {
  readonly ifname: string;
  readonly flags: readonly string[];
  readonly address: string;
  readonly master?: string;
  readonly ifalias?: string;
  readonly addr_info: readonly {
    readonly family: string;
    readonly local: string;
    readonly prefixlen: number;
  }[];
}

/** A link as `ip` shows it; undefined when there is none of that name. */
export async function link(name: string): Promise<Link | undefined> {
  const links = JSON.parse(await output('ip', '-j', 'address', 'show')) as Link[];
  return links.find((one) => one.ifname === name);
}

/** IPv4 addresses of a link. */
export async function addresses(name: string): Promise<readonly string[]> {
  const found = await link(name);
  return (found?.addr_info ?? [])
    .filter((address) => address.family === 'inet')
    .map((address) => `${address.local}/${address.prefixlen}`);
}

/** Names of all links, and all rules and addresses, as one text: equal before and after where nothing was touched. */
export async function everything(): Promise<string> {
  const links = JSON.parse(await output('ip', '-j', 'address', 'show')) as Link[];
  const shown = links.map(({ ifname, flags, addr_info }) => [
    ifname,
    flags.includes('UP'),
    addr_info.filter(({ family }) => family === 'inet'),
  ]);
  return `${JSON.stringify(shown)}\n${await output('nft', '-s', 'list', 'ruleset')}`;
}

/** A stand-in for a container: a network namespace with one veth on a pool's bridge. */
export async function guest(
  t: ExecutionContext,
  name: string,
  veth: string,
  spec: BridgePoolSpec,
  address: string,
) {
  await output('ip', 'netns', 'add', name);
  t.teardown(async () => {
    await output('ip', 'netns', 'delete', name);
  });
  await output('ip', 'link', 'add', veth, 'type', 'veth', 'peer', 'name', 'eth0', 'netns', name);
  await output('ip', 'link', 'set', veth, 'master', spec.bridge, 'up');
  await output('ip', '-n', name, 'address', 'add', `${address}/24`, 'dev', 'eth0');
  await output('ip', '-n', name, 'link', 'set', 'eth0', 'up');
  await output('ip', '-n', name, 'route', 'add', 'default', 'via', spec.gateway);
}

/** Whether one echo request from a guest is answered within a second. */
export function pings(name: string, address: string): Promise<boolean> {
  return succeeds('ip', 'netns', 'exec', name, 'busybox', 'ping', '-c', '1', '-W', '1', address);
}

/** Whether one of some echo requests from a guest is answered: its link may have come up only now. */
export async function reaches(name: string, address: string): Promise<boolean> {
  for (let attempt = 0; attempt < 8; attempt += 1) {
    if (await pings(name, address)) return true;
  }
  return false;
}
