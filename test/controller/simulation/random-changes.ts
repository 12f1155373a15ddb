import type { Json } from '../../../state/json.ts';
import { pointerTo } from '../../../state/pointer.ts';
import type { FlatState, StateChange } from '../../../state/revision.ts';
import { oneIn, pick, type Random } from './random-choice.ts';
import { changedIngress, randomIngress, randomServices } from './random-ingress.ts';
import { attainable, randomRequirements } from './random-links.ts';
import {
  containerNames,
  type DeviceParts,
  deviceOf,
  freshRevision,
  groupNames,
  poolNames,
  randomConduct,
  randomContainers,
  randomGroups,
  randomPool,
} from './random-state.ts';
import type { Form, Revising } from './schedule.ts';

interface Documents {
  [path: string]: Json;
}

interface DeviceDocument {
  readonly network?: { readonly pools?: Record<string, Json> };
  readonly groups?: readonly Json[];
  readonly ingress?: readonly Json[];
}

const deviceIn = (state: Documents): DeviceDocument => (state['device.json'] ?? {}) as DeviceDocument;
const poolsIn = (state: Documents): Record<string, Json> => deviceIn(state).network?.pools ?? {};

function withDevice(state: Documents, parts: Partial<DeviceParts>): Documents {
  const { groups = [], ingress = [] } = deviceIn(state);
  return { ...state, 'device.json': deviceOf({ pools: poolsIn(state), groups, ingress, ...parts }) };
}

const withPools = (state: Documents, pools: Record<string, Json>) => withDevice(state, { pools });

/** Two pools trade a member, or a pool gets another name and keeps everything else. */
function moveBetweenPools(random: Random, state: Documents): Documents {
  const pools = { ...poolsIn(state) } as Record<string, Record<string, Json>>;
  const [one, other] = Object.keys(pools).sort(() => random(3) - 1);
  if (one === undefined || other === undefined || oneIn(random, 3)) return renamePool(random, state);
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
  return withPools(state, { ...others, [name]: randomPool(random, name) });
}

function changeContainer(random: Random, state: Documents): Documents {
  const name = pick(random, containerNames);
  const others = Object.entries(state).filter(([path]) => !path.startsWith(`${name}/`));
  const rest = Object.fromEntries(others);
  return oneIn(random, 3) ? rest : { ...rest, ...randomContainers(random, [name], poolsIn(state)) };
}

/** How a container is run, and nothing of what it is made from. */
function changeConduct(random: Random, state: Documents): Documents {
  const path = `${pick(random, containerNames)}/run.json`;
  const run = state[path];
  if (run === undefined) return state;
  const { group, status_goal, restart_policy, auto_recovery, ...made } = run as Documents;
  return { ...state, [path]: { ...made, ...randomConduct(random) } };
}

function changeGroups(random: Random, state: Documents): Documents {
  return withDevice(state, { groups: randomGroups(random) });
}

/** One rule mostly, else all of them. */
function changeIngress(random: Random, state: Documents): Documents {
  const { ingress = [] } = deviceIn(state);
  const whole = oneIn(random, 4);
  return withDevice(state, {
    ingress: whole ? randomIngress(random, containerNames) : changedIngress(random, ingress, containerNames),
  });
}

/** What a container provides, and nothing of what it is made from. */
function changeServices(random: Random, state: Documents): Documents {
  const name = pick(random, containerNames);
  const path = `${name}/services.json`;
  if (state[`${name}/run.json`] === undefined) return state;
  const { [path]: before, ...rest } = state;
  return before !== undefined && oneIn(random, 3) ? rest : { ...rest, [path]: randomServices(random, name) };
}

/** What a container uses, and nothing of what it is made from. */
function changeRequirements(random: Random, state: Documents): Documents {
  const name = pick(random, containerNames);
  const path = `${name}/run.json`;
  const run = state[path];
  if (run === undefined) return state;
  const { services, ...made } = run as Documents;
  return { ...state, [path]: { ...made, ...randomRequirements(random, name, containerNames) } };
}

/** Two containers trade what they are, statics and pools included. */
function tradeContainers(random: Random, state: Documents): Documents {
  const [one, other] = [pick(random, containerNames), pick(random, containerNames)];
  const [left, right] = [state[`${one}/run.json`], state[`${other}/run.json`]];
  if (left === undefined || right === undefined) return state;
  const rename = (run: Json, name: string): Json => ({ ...(run as object), name });
  return { ...state, [`${one}/run.json`]: rename(right, one), [`${other}/run.json`]: rename(left, other) };
}

/** Refused whole, each for another reason (REV-6). */
function spoil(random: Random, state: Documents): Documents {
  const name = pick(random, containerNames);
  return {
    ...state,
    ...pick<Documents>(random, [
      { [`${name}/run.json`]: { '#spec': 'service-manifest-run@1', name, type: 'lxc' } },
      { 'device.json': { network: { pools: { a: { subnet: 'nonsense' } } } } },
      withDevice(state, { groups: [{ name: groupNames[0] }, { name: groupNames[0] }] }),
      { '#spec': 'something-else@7' },
    ]),
  };
}

const changes = [
  changePool,
  changeContainer,
  changeContainer,
  changeContainer,
  changeConduct,
  changeGroups,
  changeIngress,
  changeServices,
  changeRequirements,
  changeRequirements,
  tradeContainers,
  moveBetweenPools,
] as const;

function mutated(random: Random, current: FlatState): FlatState {
  const once = pick(random, changes)(random, { '#spec': 'pantavisor-service-system@1', ...current });
  if (oneIn(random, 30)) return spoil(random, once);
  return oneIn(random, 3) ? mutated(random, once) : once;
}

/** `after`, told as a change of `before`. */
export function changeOf(form: Form, before: FlatState, after: FlatState): StateChange {
  if (form === 'replace') return { type: 'replace', state: after };
  const gone = Object.keys(before).filter((path) => !(path in after));
  const kept = Object.entries(after).filter(([path, document]) => before[path] !== document);
  if (form === 'patch') {
    const removals = gone.map((path) => ({ op: 'remove' as const, path: pointerTo(path) }));
    const additions = kept.map(([path, value]) => ({ op: 'add' as const, path: pointerTo(path), value }));
    return { type: 'patch', operations: [...removals, ...additions] };
  }
  const members = kept.flatMap(([path, value]) => mergeOf(path, before[path], value));
  return { type: 'merge', patch: Object.fromEntries([...gone.map((path) => [path, null]), ...members]) };
}

/** What a merge patch says to replace a member whole: what `before` has and `after` lacks is null there. */
function mergeOf(name: string, before: Json | undefined, after: Json): readonly (readonly [string, Json])[] {
  const [left, right] = [membersOf(before), membersOf(after)];
  if (left === null || right === null) return [[name, after]];
  const gone = Object.keys(left).filter((member) => !(member in right));
  const kept = Object.entries(right).flatMap(([member, value]) => mergeOf(member, left[member], value));
  return [[name, Object.fromEntries([...gone.map((member) => [member, null]), ...kept])]];
}

function membersOf(value: Json | undefined): Readonly<Record<string, Json>> | null {
  const isObject = typeof value === 'object' && value !== null && !Array.isArray(value);
  return isObject ? (value as Readonly<Record<string, Json>>) : null;
}

const windows = [0, 500, 3_000, 30_000] as const;

/** A change of `current`: mostly of a few things, now and then of everything, now and then to nothing at all. */
export function randomRevising(random: Random, current: FlatState): Revising {
  const form = pick(random, ['replace', 'patch', 'merge'] as const);
  const commitAfterMs = oneIn(random, 3) ? pick(random, windows) : null;
  if (oneIn(random, 40)) return { state: {}, form: 'replace', commitAfterMs };
  if (Object.keys(current).length < 3 || oneIn(random, 6))
    return { state: attainable(random, freshRevision(random)), form: 'replace', commitAfterMs };
  return { state: attainable(random, mutated(random, current)), form, commitAfterMs };
}
