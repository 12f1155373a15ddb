import { pathIn } from '../../../adapters/memory/links.ts';
import { nameOf } from '../../../state/resource.ts';
import { randomNumbers } from '../../state/random.ts';
import { randomRevising } from './random-changes.ts';
import { oneIn, pick, pickAny, type Random } from './random-choice.ts';
import { contestedPorts } from './random-ingress.ts';
import { contestedTargets } from './random-links.ts';
import { containerNames } from './random-state.ts';
import type { Action } from './schedule.ts';
import type { SimulatedDevice } from './simulated-device.ts';

type Choice = (random: Random, device: SimulatedDevice) => Action | null;

const revise: Choice = (random, device) => ({
  do: 'revise',
  ...randomRevising(random, device.rig.store.flat()),
});

/** To the committed one, which ends a trial, or to any. */
const rollBack: Choice = (random, { log }) => {
  const to = oneIn(random, 2) ? log.committed : pickAny(random, log.revisions())?.revision;
  return to === null || to === undefined ? null : { do: 'roll back', to };
};

const exit: Choice = (random, { host }) => {
  const container = pickAny(random, [...host.processes.values()])?.container ?? pick(random, containerNames);
  const killed = oneIn(random, 3);
  return { do: 'exit', container, code: killed ? null : random(3), signal: killed ? 'SIGKILL' : null };
};

const harm: Choice = (random, { host }) => {
  const ours = [...host.bridges].flatMap(([name, { mark }]) => (mark === null ? [] : [name]));
  const bridge = pickAny(random, ours);
  return bridge === undefined ? null : { do: 'harm', bridge, how: pick(random, ['delete', 'down', 'strip']) };
};

const contest: Choice = (random, { host }) => {
  const port = pick(random, contestedPorts);
  return { do: 'port', port, taken: !host.foreignPorts.has(port) };
};

const silence: Choice = (random, { host }) => {
  const key = pickAny(random, [...host.sockets.values()]);
  return key === undefined ? null : { do: 'silence', listener: nameOf(key) };
};

const meddle: Choice = (random) => ({
  do: 'socket',
  container: pick(random, containerNames),
  how: pick(random, ['anew', 'anew', 'withhold', 'make']),
});

const unmount: Choice = (random, { host }) => {
  const link = pickAny(random, [...host.serviceLinks.values()])?.spec;
  return link === undefined ? null : { do: 'unmount', container: link.consumer, target: link.target };
};

/** A file of a container that exists, mostly where it has a link. */
const scribble: Choice = (random, { host }) => {
  const link = pickAny(random, [...host.serviceLinks.values()])?.spec;
  const container = link?.consumer ?? pickAny(random, [...host.containers.keys()]);
  if (container === undefined) return null;
  const target = link !== undefined && oneIn(random, 2) ? link.target : pick(random, contestedTargets);
  const present = !host.foreignTargets.has(pathIn(container, target));
  return { do: 'file', container, target, present };
};

const tell: Choice = (random, { rig }) => {
  const key = oneIn(random, 4) ? 'container/never-there' : pickAny(random, rig.store.keys());
  return key === undefined ? null : { do: 'tell', key };
};

/** Each as often as its number says. */
const choices: readonly (readonly [number, Choice])[] = [
  [9, revise],
  [2, rollBack],
  [3, exit],
  [2, harm],
  [1, () => ({ do: 'flush rules' })],
  [1, contest],
  [2, silence],
  [2, meddle],
  [1, unmount],
  [1, scribble],
  [1, () => ({ do: 'relist' })],
  [1, (_, { host }) => ({ do: 'link', name: 'eth1', present: !host.links.has('eth1') })],
  [1, tell],
  [1, (random) => ({ do: 'restart', downMs: oneIn(random, 2) ? 0 : random(5_000) })],
  [5, (random) => ({ do: 'pass', ms: 1 + random(4_000) })],
  [5, (random) => ({ do: 'pass', ms: 10_000 + random(20_000) })],
  [1, (random) => ({ do: 'pass', ms: 1 + random(90_000) })],
];

const pot: readonly Choice[] = choices.flatMap(([times, choice]) => Array<Choice>(times).fill(choice));

/** Something to go back to, mostly: it may fail by itself, though nothing else goes wrong. */
function* goodStart(random: Random, device: SimulatedDevice): Generator<Action> {
  yield { do: 'revise', ...randomRevising(random, device.rig.store.flat()) };
  yield { do: 'pass', ms: 60_000 };
}

/** How long a random life is. */
export interface LifeLength {
  readonly rounds: number;
  /** At most so many actions between two rests. */
  readonly actions: number;
}

export const usualLength: LifeLength = Object.freeze({ rounds: 2, actions: 18 });

/**
 * A random life: stretches of foul and fair weather, each followed by rest and judgement. Each action is chosen when the one
 * before is over, so that it is about what is there; what was chosen is the schedule.
 */
export function* randomLife(seed: number, device: SimulatedDevice, length: LifeLength): Generator<Action> {
  const random = randomNumbers(seed);
  if (!oneIn(random, 3)) yield* goodStart(random, device);
  for (let round = 0; round < length.rounds; round += 1) {
    yield { do: 'weather', foul: !oneIn(random, 3) };
    for (let left = 3 + random(length.actions); left > 0; left -= 1) {
      const action = pick(random, [revise, ...pot] as const)(random, device);
      if (action !== null) yield action;
    }
    if (oneIn(random, 2)) {
      yield { do: 'link', name: 'eth1', present: true };
      for (const port of device.host.foreignPorts.keys()) yield { do: 'port', port, taken: false };
    }
    if (oneIn(random, 20)) yield { do: 'down' };
    const afterwards = oneIn(random, 2) ? randomRevising(random, device.rig.store.flat()) : null;
    yield { do: 'rest', afterwards };
  }
}
