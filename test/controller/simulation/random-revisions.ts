import type { Json } from '../../../state/json.ts';
import { pointerTo } from '../../../state/pointer.ts';
import type { FlatState, ObjectFacts, StateChange } from '../../../state/revision.ts';
import { revisionOf } from '../rig.ts';

/** Whole numbers from 0 to `below` - 1. */
export type Random = (below: number) => number;

/** One of `values`. */
export function pick<Value>(random: Random, values: readonly [Value, ...Value[]]): Value {
  return values[random(values.length)] ?? values[0];
}

/** True once in `times`. */
export function oneIn(random: Random, times: number): boolean {
  return random(times) === 0;
}

/** A bridge that every simulated host has before we come, with an address of its own. */
export const foreignBridge = { name: 'lxcbr0', address: '192.168.9.1/24' } as const;

const poolNames = ['a', 'b', 'c', 'd'] as const;
const containerNames = ['c0', 'c1', 'c2', 'c3', 'c4', 'c5', 'c6', 'c7'] as const;
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

function randomPool(random: Random): Json {
  const subnet = pick(random, oneIn(random, 12) ? badSubnets : subnets);
  if (oneIn(random, 5)) return { type: 'macvlan', parent: pick(random, parents), subnet };
  const named = oneIn(random, 3) ? {} : { bridge: pick(random, bridges) };
  return { subnet, nat: oneIn(random, 2), ...named };
}

function randomInterface(random: Random): { readonly [member: string]: Json } {
  const pool = oneIn(random, 12) ? 'nowhere' : pick(random, poolNames);
  return oneIn(random, 3) ? { pool, ipv4_address: pick(random, addresses) } : { pool };
}

function randomNetwork(random: Random): Json {
  if (oneIn(random, 10)) return { mode: pick(random, ['host', 'none']) };
  if (oneIn(random, 6)) {
    const second = randomInterface(random);
    return {
      mode: 'pool',
      interfaces: [
        { name: 'eth0', ...randomInterface(random) },
        { name: 'eth1', ...second },
      ],
    };
  }
  const { pool, ipv4_address: address } = randomInterface(random);
  const hostname = oneIn(random, 4) ? { hostname: `host-${random(4)}` } : {};
  return { pool: pool ?? null, ...(address === undefined ? {} : { static_ip: address }), ...hostname };
}

function randomRun(random: Random, name: string): FlatState {
  if (!oneIn(random, 8)) return revisionOf({}, { [name]: randomNetwork(random) });
  const sha256 = pick(random, Object.keys(configurations) as [string]);
  return { ...revisionOf({}, { [name]: null }), [`${name}/lxc.container.conf`]: sha256 };
}

function randomContainers(random: Random, present: readonly string[]): FlatState {
  const state: Record<string, Json> = {};
  for (const name of present) {
    for (const [path, document] of Object.entries(randomRun(random, name))) {
      if (path.startsWith(`${name}/`)) state[path] = document;
    }
  }
  return state;
}

/** A revision from nothing: refused now and then, since subnets and bridges may meet. */
function freshRevision(random: Random): FlatState {
  const pools = poolNames.filter(() => oneIn(random, 2));
  const device = revisionOf(Object.fromEntries(pools.map((name) => [name, randomPool(random)])));
  return {
    ...device,
    ...randomContainers(
      random,
      containerNames.filter(() => !oneIn(random, 3)),
    ),
  };
}

interface Documents {
  [path: string]: Json;
}

function poolsIn(state: Documents): Record<string, Json> {
  const device = state['device.json'] as { network?: { pools?: Record<string, Json> } } | undefined;
  return device?.network?.pools ?? {};
}

function withPools(state: Documents, pools: Record<string, Json>): Documents {
  return { ...state, 'device.json': { network: { pools } } };
}

/** Two pools trade a member, or a pool gets another name and keeps everything else. */
function moveBetweenPools(random: Random, state: Documents): Documents {
  const pools = { ...poolsIn(state) } as Record<string, Record<string, Json>>;
  const [one, other] = Object.keys(pools).sort(() => random(3) - 1);
  if (one === undefined || other === undefined) return renamePool(random, state);
  if (oneIn(random, 3)) return renamePool(random, state);
  const member = pick(random, ['bridge', 'subnet', 'whole']);
  const [a, b] = [pools[one] ?? {}, pools[other] ?? {}];
  if (member === 'whole') return withPools(state, { ...pools, [one]: b, [other]: a });
  const [left, right] = [a[member], b[member]];
  if (left === undefined || right === undefined) return state;
  return withPools(state, { ...pools, [one]: { ...a, [member]: right }, [other]: { ...b, [member]: left } });
}

function renamePool(random: Random, state: Documents): Documents {
  const pools = poolsIn(state);
  const [old] = Object.keys(pools).sort(() => random(3) - 1);
  const fresh = pick(random, poolNames);
  if (old === undefined || fresh in pools) return state;
  const renamed = Object.fromEntries(
    Object.entries(pools).map(([name, spec]) => [name === old ? fresh : name, spec]),
  );
  const moved = withPools(state, renamed);
  if (oneIn(random, 3)) return moved;
  const text = JSON.stringify(moved).replaceAll(`"pool":"${old}"`, `"pool":"${fresh}"`);
  return JSON.parse(text) as Documents;
}

function changePool(random: Random, state: Documents): Documents {
  const name = pick(random, poolNames);
  const { [name]: before, ...others } = poolsIn(state);
  if (before !== undefined && oneIn(random, 3)) return withPools(state, others);
  return withPools(state, { ...others, [name]: randomPool(random) });
}

function changeContainer(random: Random, state: Documents): Documents {
  const name = pick(random, containerNames);
  const others = Object.entries(state).filter(([path]) => !path.startsWith(`${name}/`));
  const rest = Object.fromEntries(others);
  return oneIn(random, 3) ? rest : { ...rest, ...randomContainers(random, [name]) };
}

/** Two containers trade what they are, statics and pools included. */
function tradeContainers(random: Random, state: Documents): Documents {
  const [one, other] = [pick(random, containerNames), pick(random, containerNames)];
  const [left, right] = [state[`${one}/run.json`], state[`${other}/run.json`]];
  if (left === undefined || right === undefined) return state;
  const rename = (run: Json, name: string): Json => ({ ...(run as object), name });
  return { ...state, [`${one}/run.json`]: rename(right, one), [`${other}/run.json`]: rename(left, other) };
}

function mutated(random: Random, current: FlatState): FlatState {
  const change = pick(random, [
    changePool,
    changeContainer,
    changeContainer,
    tradeContainers,
    moveBetweenPools,
  ]);
  const once = change(random, { '#spec': 'pantavisor-service-system@1', ...current });
  return oneIn(random, 3) ? mutated(random, once) : once;
}

/** The same as `after`, told as a change of `before`. */
function asChange(random: Random, before: FlatState, after: FlatState): StateChange {
  const form = random(3);
  if (form === 0) return { type: 'replace', state: after };
  const gone = Object.keys(before).filter((path) => !(path in after));
  const kept = Object.entries(after).filter(([path, document]) => before[path] !== document);
  if (form === 1) {
    const removals = gone.map((path) => ({ op: 'remove' as const, path: pointerTo(path) }));
    const additions = kept.map(([path, value]) => ({ op: 'add' as const, path: pointerTo(path), value }));
    return { type: 'patch', operations: [...removals, ...additions] };
  }
  const patch = Object.fromEntries([...gone.map((path) => [path, null]), ...kept]) as Json;
  return { type: 'merge', patch };
}

/** A change of `current`: mostly of a few things, now and then of everything, now and then to nothing at all. */
export function randomChange(random: Random, current: FlatState): StateChange {
  if (oneIn(random, 25)) return { type: 'replace', state: {} };
  if (oneIn(random, 6)) return { type: 'replace', state: freshRevision(random) };
  return asChange(random, current, mutated(random, current));
}
