import test, { type ExecutionContext } from 'ava';
import type { Operation } from 'fast-json-patch';
import type { Json, JsonObject } from '../../state/json.ts';
import { pointerTo } from '../../state/pointer.ts';
import type { FlatState, StateChange } from '../../state/revision.ts';
import { DesiredStore } from '../../state/store.ts';
import { randomNumbers } from './random.ts';
import { runOf } from './revisions.ts';
import { desiredOf, noFacts } from './stores.ts';

type Random = (below: number) => number;

const containers = ['a', 'b', 'c', 'd', 'e', 'f'] as const;
/** The service that a container provides as a rule; at times others do. */
const own = Object.fromEntries(containers.map((name) => [name, `service-${name}`]));
const services = Object.values(own);

function oneOf<Item>(random: Random, items: readonly Item[]): Item {
  const item = items[random(items.length)];
  if (item === undefined) throw new Error('found nothing to choose from, expected at least one item');
  return item;
}

/** Its own service as a rule, and at times those of others. */
function randomServices(random: Random, name: string): Json {
  const list = services
    .filter((service) => random(20) < (service === own[name] ? 19 : 1))
    .map((service) => ({
      name: service,
      type: oneOf(random, ['unix', 'unix', 'unix', 'unix', 'rest', 'dbus', 'drm', 'tcp']),
      ...(random(6) === 0 ? { port: 80 } : { socket: `/run/${oneOf(random, [name, 'x'])}.sock` }),
    }));
  return random(2) === 0 ? list : { services: list };
}

function randomUses(random: Random): readonly JsonObject[] {
  return services
    .filter(() => random(8) === 0)
    .map((name) => ({
      name,
      ...(random(3) === 0 ? { target: oneOf(random, ['/run/1', '/run/2', '/run/2/3']) } : {}),
      ...(random(9) === 0 ? { type: oneOf(random, ['unix', 'rest', 'dbus']) } : {}),
      ...(random(5) === 0 ? { interface: 'org.example.Clock' } : {}),
      ...(random(5) === 0 ? { role: oneOf(random, ['root', 'operator']) } : {}),
    }));
}

/** A container that provides its service, and uses none. */
function providerOnly(name: string): FlatState {
  const service = { name: own[name] ?? '', type: 'unix', socket: '/run/own.sock' };
  return { [`${name}/run.json`]: runOf(name, null), [`${name}/services.json`]: [service] };
}

/** A container's documents, in order by themselves but for an error at times. */
function randomDocuments(random: Random, name: string): FlatState {
  const uses = { required: randomUses(random), optional: random(2) === 0 ? randomUses(random) : [] };
  const run = runOf(name, null, {
    ...(random(2) === 0 ? { group: oneOf(random, ['early', 'late']) } : {}),
    ...(random(12) === 0 ? { status_goal: 'MOUNTED' } : {}),
    ...(random(20) === 0 ? { 'root-volume': 'none' } : {}),
    services: uses,
  });
  return {
    [`${name}/run.json`]: run,
    ...(random(3) > 0 ? { [`${name}/services.json`]: randomServices(random, name) } : {}),
    ...(random(5) === 0 ? { [`${name}/args.json`]: { PV_SERVICES_REQUIRED: randomUses(random) } } : {}),
  };
}

function randomDevice(random: Random): Json {
  const groups = random(2) === 0 ? ['early', 'late'] : ['late', 'early'];
  const goal = random(6) === 0 ? { status_goal: 'MOUNTED' } : {};
  return random(3) > 0 ? {} : { groups: groups.map((name) => ({ name, ...goal })) };
}

/** One or two containers made anew or taken away, or another device. */
function randomChange(random: Random, flat: FlatState): StateChange {
  const documents = new Map<string, Json | undefined>();
  if (random(9) === 0) documents.set('device.json', randomDevice(random));
  for (let count = random(2); count >= 0; count -= 1) {
    const name = oneOf(random, containers);
    for (const file of ['run', 'services', 'args']) documents.set(`${name}/${file}.json`, undefined);
    if (random(8) === 0) continue;
    for (const [path, value] of Object.entries(randomDocuments(random, name))) documents.set(path, value);
  }
  const operations = [...documents].flatMap(([path, value]): Operation[] => {
    if (value !== undefined) return [{ op: 'add', path: pointerTo(path), value }];
    return Object.hasOwn(flat, path) ? [{ op: 'remove', path: pointerTo(path) }] : [];
  });
  return { type: 'patch', operations };
}

/** The same state as `change` makes of the state of `store`, read by a store that has none before. */
function fromScratch(store: DesiredStore, change: StateChange) {
  const state = store.draft(change).tree.toFlat();
  const scratch = new DesiredStore();
  return { scratch, proposal: scratch.propose({ type: 'replace', state }, noFacts) };
}

/** What it proposed, by code. */
type Seen = Map<string, number>;

function run(t: ExecutionContext, seed: number, seen: Seen): void {
  const random = randomNumbers(seed);
  const store = new DesiredStore();
  const all = containers.map((name) => providerOnly(name));
  store.commit(store.propose({ type: 'replace', state: Object.assign({}, ...all) }, noFacts));
  const note = (what: string) => seen.set(what, (seen.get(what) ?? 0) + 1);
  for (let round = 0; round < 40; round += 1) {
    const change = randomChange(random, store.flat());
    const proposal = store.propose(change, noFacts);
    const { scratch, proposal: expected } = fromScratch(store, change);
    const what = `seed ${seed}, round ${round}`;
    t.deepEqual(proposal.findings, expected.findings, what);
    t.is(proposal.accepted, expected.accepted, what);
    for (const { code } of proposal.findings) note(code);
    if (!proposal.accepted) continue;
    const before = new Map(store.keys().map((key) => [key, store.desired(key)]));
    if (random(4) === 0) {
      store.adopt(proposal);
      store.revert();
      t.deepEqual(new Map(store.keys().map((key) => [key, store.desired(key)])), before, what);
      t.true(
        [...before].every(([key, resource]) => store.desired(key) === resource),
        what,
      );
    }
    store.commit(store.propose(change, noFacts));
    scratch.commit(expected);
    t.deepEqual(desiredOf(store), desiredOf(scratch), what);
    t.deepEqual(store.findings, scratch.findings, what);
    const keys = new Set([...before.keys(), ...store.keys()]);
    const different = [...keys].filter((key) => before.get(key) !== store.desired(key));
    t.deepEqual([...proposal.changes.keys()].sort(), different.sort(), what);
    for (const key of store.keys()) if (key.startsWith('link/')) note('link');
  }
}

test('[ENG-6] [LINK-2] whatever changes, links and findings are those of the state read from scratch', (t) => {
  const seen: Seen = new Map();
  for (let seed = 1; seed <= 40; seed += 1) run(t, seed, seen);
  for (const what of [
    'link',
    'ServiceRequiredMissing',
    'ServiceOptionalMissing',
    'ServiceAmbiguous',
    'ServiceUnlinkable',
    'ServiceNotLinked',
    'ServiceStartsLater',
    'ServiceRing',
    'ServiceTargetTwice',
    'ServiceInterfaceUnused',
    'SpellingsDisagree',
    'FileMissing',
  ]) {
    t.true((seen.get(what) ?? 0) > 5, `${what}: ${seen.get(what) ?? 0}`);
  }
});
