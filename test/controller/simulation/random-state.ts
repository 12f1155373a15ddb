import type { Json } from '../../../state/json.ts';
import type { FlatState, ObjectFacts } from '../../../state/revision.ts';
import { revisionOf } from '../rig.ts';
import { oneIn, pick, pickAny, type Random } from './random-choice.ts';
import { randomIngress, randomServices } from './random-ingress.ts';
import { randomRequirements } from './random-links.ts';

/** A bridge that every simulated host has before we come, with an address of its own. */
export const foreignBridge = { name: 'lxcbr0', address: '192.168.9.1/24' } as const;

export const poolNames = ['a', 'b', 'c', 'd'] as const;
export const containerNames = ['c0', 'c1', 'c2', 'c3', 'c4', 'c5', 'c6', 'c7'] as const;
export const groupNames = ['early', 'middle', 'late'] as const;
/** Few of each, so that they meet. */
const bridges = ['br0', 'br1', 'br2', 'br3', foreignBridge.name] as const;
/** `eth1` comes and goes. */
const parents = ['eth0', 'eth1'] as const;
/** The last has five addresses to lease, which is fewer than there are containers. */
const subnets = ['10.0.5.0/24', '10.0.6.0/24', '10.0.7.0/24', '10.0.8.0/24', '10.0.20.0/29'] as const;
/** Refused whole: one overlaps most of the others, and one is none. */
const badSubnets = ['10.0.0.0/20', '10.0.5.0/33'] as const;
const addresses = ['10.0.5.2', '10.0.5.3', '10.0.5.9', '10.0.6.2', '10.0.20.2', '10.0.99.9'] as const;

/** LXC configurations with an address that nobody else may have (LEASE-6), by the sha256 that stands for each. */
const configurations: Readonly<Record<string, string>> = Object.fromEntries(
  ['10.0.5.2', '10.0.5.4', '10.0.6.3'].map((address, index) => [
    String(index).repeat(64),
    `lxc.net.0.type = veth\nlxc.net.0.link = br9\nlxc.net.0.ipv4.address = ${address}/24\n`,
  ]),
);

/** What the object store has for every random revision. */
export const randomObjects: ObjectFacts = Object.freeze({ texts: configurations, missing: [] });

type Documents = Readonly<Record<string, Json>>;

/** A pool: of its own subnet and bridge mostly, else of any, which another pool may have. */
export function randomPool(random: Random, name: string): Json {
  const own = (poolNames as readonly string[]).indexOf(name);
  const any = oneIn(random, 6);
  const subnet = any ? pick(random, oneIn(random, 4) ? badSubnets : subnets) : (subnets[own] ?? subnets[0]);
  if (oneIn(random, 8)) return { type: 'macvlan', parent: pick(random, parents), subnet };
  const bridge = any ? pick(random, bridges) : (bridges[own] ?? bridges[0]);
  return { subnet, nat: oneIn(random, 2), ...(oneIn(random, 3) ? {} : { bridge }) };
}

/** An interface on one of `pools`, now and then with an address of that pool that few others ask for. */
function randomInterface(random: Random, pools: Documents): { readonly [member: string]: Json } {
  const names = Object.keys(pools);
  const pool = names.length === 0 || oneIn(random, 60) ? 'nowhere' : (pickAny(random, names) ?? 'nowhere');
  if (!oneIn(random, 4)) return { pool };
  if (oneIn(random, 8)) return { pool, ipv4_address: pick(random, addresses) };
  const { subnet = '10.0.5.0/24' } = (pools[pool] ?? {}) as { readonly subnet?: string };
  return { pool, ipv4_address: subnet.replace(/\d+\/\d+$/, String(2 + random(5))) };
}

function randomNetwork(random: Random, pools: Documents): Json {
  const hostname = oneIn(random, 3) ? { hostname: randomHostname(random) } : {};
  if (Object.keys(pools).length === 0 || oneIn(random, 10)) {
    return { mode: pick(random, ['host', 'none']), ...hostname };
  }
  const first = randomInterface(random, pools);
  if (oneIn(random, 6)) {
    const second = randomInterface(random, pools);
    return {
      mode: 'pool',
      interfaces: [
        { name: 'eth0', ...first },
        { name: 'eth1', ...second },
      ],
      ...hostname,
    };
  }
  const { pool, ipv4_address: address } = first;
  return { pool: pool ?? null, ...(address === undefined ? {} : { static_ip: address }), ...hostname };
}

/** A hostname decides how a simulated container behaves: see `behaviourOf`. */
function randomHostname(random: Random): string {
  const kind = random(12);
  if (kind < 6) return `host-${random(4)}`;
  if (kind < 8) return 'mute';
  if (kind < 10) return `slow-${1 + random(20_000)}`;
  return `brief-${500 + random(15_000)}-${random(3)}`;
}

/** What a container does once it runs. */
export interface Behaviour {
  /** Ends so long after each start; null: it runs until it is stopped. */
  readonly exitsAfterMs: number | null;
  readonly exitCode: number;
  /** Signals that it is ready so long after each start; null: never. */
  readonly readyAfterMs: number | null;
}

/** `brief-<ms>-<code>` ends by itself, `slow-<ms>` is late to be ready, `mute` never says so; others run and are ready at once. */
export function behaviourOf(hostname: string): Behaviour {
  const [kind, ms, code] = hostname.split('-');
  return {
    exitsAfterMs: kind === 'brief' ? Number(ms) : null,
    exitCode: kind === 'brief' ? Number(code) : 0,
    readyAfterMs: kind === 'mute' ? null : kind === 'slow' ? Number(ms) : 0,
  };
}

const goals = ['MOUNTED', 'STARTED', 'READY', 'READY'] as const;

function randomRecovery(random: Random): Json {
  return {
    policy: pick(random, ['no', 'always', 'always', 'on-failure', 'unless-stopped']),
    ...(oneIn(random, 2) ? { retry_delay: random(4) } : {}),
    // Delays that grow without end are not waited for.
    ...(oneIn(random, 2) ? { backoff_factor: 1 + random(3), max_retries: 1 + random(3) } : {}),
    ...(oneIn(random, 3) ? { reset_window: 1 + random(30) } : {}),
    ...(oneIn(random, 3) ? { stable_timeout: random(20) } : {}),
  };
}

/** What a container says of how it is run; nothing mostly. */
export function randomConduct(random: Random): { readonly [member: string]: Json } {
  return {
    ...(oneIn(random, 2) ? { group: pick(random, groupNames) } : {}),
    ...(oneIn(random, 6) ? { status_goal: pick(random, goals) } : {}),
    ...(oneIn(random, 10) ? { restart_policy: pick(random, ['system', 'container']) } : {}),
    ...(oneIn(random, 4) ? { auto_recovery: randomRecovery(random) } : {}),
  };
}

function randomGroup(random: Random, name: string): Json {
  return {
    name,
    ...(oneIn(random, 2) ? { status_goal: pick(random, goals) } : {}),
    ...(oneIn(random, 8) ? { restart_policy: 'system' } : {}),
    ...(oneIn(random, 2) ? { timeout: 1 + random(40) } : {}),
    ...(oneIn(random, 4) ? { auto_recovery: randomRecovery(random) } : {}),
  };
}

/** Some groups, in whatever order. */
export function randomGroups(random: Random): readonly Json[] {
  const names = groupNames.filter(() => !oneIn(random, 4)).sort(() => random(3) - 1);
  return names.map((name) => randomGroup(random, name));
}

function randomRun(random: Random, name: string, pools: Documents): FlatState {
  if (!oneIn(random, 12)) return revisionOf({}, { [name]: randomNetwork(random, pools) });
  const sha256 = pick(random, Object.keys(configurations) as [string]);
  return { ...revisionOf({}, { [name]: null }), [`${name}/lxc.container.conf`]: sha256 };
}

/** The documents of containers on `pools`. */
export function randomContainers(random: Random, present: readonly string[], pools: Documents): FlatState {
  const state: Record<string, Json> = {};
  for (const name of present) {
    for (const [path, document] of Object.entries(randomRun(random, name, pools))) {
      if (!path.startsWith(`${name}/`)) continue;
      const isRun = path.endsWith('/run.json');
      const more = () => ({
        ...randomConduct(random),
        ...randomRequirements(random, name, containerNames),
      });
      state[path] = isRun ? { ...(document as object), ...more() } : document;
    }
    if (!oneIn(random, 3)) state[`${name}/services.json`] = randomServices(random, name);
  }
  return state;
}

/** What stands in a `device.json`. */
export interface DeviceParts {
  readonly pools: Documents;
  readonly groups: readonly Json[];
  readonly ingress: readonly Json[];
}

/** `device.json` of these parts. */
export function deviceOf({ pools, groups, ingress }: DeviceParts): Json {
  return {
    network: { pools },
    ...(groups.length > 0 ? { groups } : {}),
    ...(ingress.length > 0 ? { ingress } : {}),
  };
}

/** A revision from nothing. */
export function freshRevision(random: Random): FlatState {
  const names = poolNames.filter(() => !oneIn(random, 3));
  const pools = Object.fromEntries(names.map((name) => [name, randomPool(random, name)]));
  const groups = oneIn(random, 3) ? [] : randomGroups(random);
  const device = deviceOf({ pools, groups, ingress: randomIngress(random, containerNames) });
  const present = containerNames.filter(() => oneIn(random, 2));
  return { ...revisionOf({}), 'device.json': device, ...randomContainers(random, present, pools) };
}
