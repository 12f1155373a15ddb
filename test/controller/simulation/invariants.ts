import type { Step } from '../../../adapters/adapter.ts';
import { type HostModel, observeHost } from '../../../adapters/memory/host.ts';
import { planOf } from '../../../controller/dry-run.ts';
import { World } from '../../../controller/world.ts';
import { plan } from '../../../reconcilers/index.ts';
import type { Plan } from '../../../reconcilers/reconciler.ts';
import {
  type ContainerSpec,
  gatewayAddress,
  type Key,
  leaseKey,
  type NetworkInterface,
  type PoolSpec,
  poolKey,
} from '../../../state/resource.ts';
import type { Phase } from '../../../state/status.ts';
import { DesiredStore } from '../../../state/store.ts';
import { foreignBridge, randomObjects } from './random-revisions.ts';
import type { SimulatedDevice } from './simulated-device.ts';

/** What is wrong, in words that name it; empty when nothing is. */
export type Problems = readonly string[];

function interfacesOf(spec: ContainerSpec): readonly NetworkInterface[] {
  return spec.network.mode === 'pool' ? spec.network.interfaces : [];
}

type FaceInUse = NetworkInterface & { readonly container: string };

function facesOf(spec: ContainerSpec): readonly FaceInUse[] {
  return interfacesOf(spec).map((face) => ({ ...face, container: spec.name }));
}

/** Interfaces of containers that run, with the container's name. */
function facesInUse(host: HostModel): readonly FaceInUse[] {
  return [...host.containers.values()]
    .filter(({ pid }) => pid !== null && host.processes.has(pid))
    .flatMap(({ spec }) => facesOf(spec));
}

/**
 * What a step would break at the moment at which it is sent, while others are under way: nothing goes from under what
 * stands on it, and nothing is taken that another one has.
 */
export function stepProblems(host: HostModel, step: Step, underWay: readonly Step[]): Problems {
  const starting = underWay.flatMap((other) =>
    other.action === 'container.start' ? facesOf(other.spec) : [],
  );
  const reserving = underWay.flatMap((other) => (other.action === 'lease.reserve' ? [other.spec] : []));
  const used = [...facesInUse(host), ...starting];
  const say = (problem: string) => [`${step.action} ${step.key} was sent while ${problem}`];
  switch (step.action) {
    case 'pool.remove': {
      const user = used.find((face) => poolKey(face.pool) === step.key);
      return user === undefined ? [] : say(`${user.container} runs on it`);
    }
    case 'lease.release': {
      const user = used.find((face) => leaseKey(face.pool, face.container, face.name) === step.key);
      return user === undefined ? [] : say(`${user.container} runs with it`);
    }
    case 'lease.reserve': {
      const { pool, address, container, interface: name } = step.spec;
      const rival = [...[...host.leases.values()].map(({ spec }) => spec), ...reserving].find(
        (spec) =>
          spec.pool === pool &&
          spec.address === address &&
          (spec.container !== container || spec.interface !== name),
      );
      return rival === undefined ? [] : say(`${rival.container} has ${address}`);
    }
    case 'container.start':
      return interfacesOf(step.spec).flatMap((face) => faceProblems(host, step.spec.name, face).flatMap(say));
    case 'pool.ensure':
    case 'container.stop':
    case 'container.remove':
      return [];
  }
}

const linkOf = (spec: PoolSpec) => (spec.type === 'bridge' ? spec.bridge : spec.parent);

function faceProblems(host: HostModel, container: string, face: NetworkInterface): Problems {
  const pool = host.pools.get(face.pool);
  if (pool === undefined || linkOf(pool.spec) !== face.link)
    return [`pool ${face.pool} is not on ${face.link}`];
  const lease = host.leases.get(leaseKey(face.pool, container, face.name));
  return lease?.spec.address === face.address ? [] : [`it has no lease of ${face.address}`];
}

/** What has to be so at every moment. */
export function lastingProblems(host: HostModel): Problems {
  const problems: string[] = [];
  const owners = new Map<string, string>();
  for (const { pool, address, container } of facesInUse(host)) {
    const owner = owners.get(`${pool} ${address}`);
    if (owner !== undefined) problems.push(`${owner} and ${container} both run with ${address} of ${pool}`);
    owners.set(`${pool} ${address}`, container);
  }
  const foreign = host.bridges.get(foreignBridge.name);
  if (foreign?.mark !== null) problems.push(`${foreignBridge.name} is gone or ours`);
  if (foreign?.addresses.has(foreignBridge.address) !== true) problems.push('a foreign address is gone');
  return problems;
}

const phasesOf: { readonly [T in Plan['type']]: readonly Phase[] } = {
  settled: ['Ready', 'Waiting'],
  step: ['Blocked'],
  wait: ['Waiting', 'Removing'],
  blocked: ['Blocked'],
};

/** The engine's own view of things against one that is taken anew, of a device that has had time to come to rest. */
class Rest {
  readonly #device: SimulatedDevice;
  readonly #world: World;
  readonly #keys: readonly Key[];
  readonly #refusals: boolean;

  constructor(device: SimulatedDevice, refusals: boolean) {
    this.#device = device;
    this.#refusals = refusals;
    const { store } = device.rig;
    this.#world = new World((key) => store.desired(key));
    for (const resource of observeHost(device.host)) this.#world.observe(resource.key, resource);
    this.#keys = [...new Set([...store.keys(), ...this.#world.observedKeys()])];
  }

  problems(): Problems {
    const { board, tracker } = this.#device.rig.engine;
    const strays = [...board.keys()].filter((key) => !this.#keys.includes(key));
    const remembered = [...tracker.keys()].filter((key) => !this.#keys.includes(key));
    return [
      ...strays.map((key) => `${key} has a status and is neither desired nor observed`),
      ...remembered.map((key) => `${key} is remembered and is neither desired nor observed`),
      ...this.#keys.flatMap((key) => [...this.#beliefProblems(key), ...this.#planProblems(key)]),
      ...this.#hostProblems(),
    ];
  }

  #beliefProblems(key: Key): Problems {
    const believed = JSON.stringify(this.#device.rig.engine.world.observed(key));
    const actual = JSON.stringify(this.#world.observed(key));
    return believed === actual ? [] : [`${key} is believed to be ${believed} and is ${actual}`];
  }

  /** No wake-up was lost: what a look from scratch says is what the status says. */
  #planProblems(key: Key): Problems {
    const status = this.#device.rig.engine.board.get(key);
    const next = plan(key, this.#world);
    const told = `${key} is ${status?.phase} (${status?.message}), and its plan is ${JSON.stringify(next)}`;
    if (status === undefined || !phasesOf[next.type].includes(status.phase)) return [told];
    if (next.type === 'settled') return status.phase === 'Ready' ? [] : this.#shadowProblems(key);
    if (next.type === 'step') return this.#isRefused(next.step) ? [] : [told];
    if (next.type === 'wait' && !this.#endsBlocked(key, [])) return [`${told}, which nothing will end`];
    return [];
  }

  #isRefused(step: Step): boolean {
    if (this.#refusals) return this.#device.rig.engine.refusalOf(step.key) !== null;
    return this.#device.refusalOf(step) !== null;
  }

  /** What holds and is not Ready stands on something that is not. */
  #shadowProblems(key: Key): Problems {
    const { engine, store } = this.#device.rig;
    const beneath = store.desired(key)?.dependsOn ?? [];
    const dark = beneath.some((other) => engine.board.get(other)?.phase !== 'Ready');
    return dark ? [] : [`${key} waits on nothing that is not ready`];
  }

  /** Some way along what `key` waits for ends at a conflict: everything else is no reason to wait for ever. */
  #endsBlocked(key: Key, path: readonly Key[]): boolean {
    if (path.includes(key)) return false;
    const next = plan(key, this.#world);
    if (next.type === 'blocked' || next.type === 'step') return true;
    if (next.type === 'settled') return this.#isHeldByConflict(key);
    return next.keys.some((other) => this.#endsBlocked(other, [...path, key]));
  }

  /** A resource that is as desired and in the way of another one has to be one that a conflict keeps where it is. */
  #isHeldByConflict(key: Key): boolean {
    return this.#device.rig.store.desired(key)?.conflict !== undefined;
  }

  /** Nothing of ours is left over, and all that is ours is what some resource says. */
  #hostProblems(): Problems {
    const { host } = this.#device;
    const pools = [...host.pools.values()].map(({ spec }) => spec);
    const named = pools.flatMap((spec) => (spec.type === 'bridge' ? [spec.bridge] : []));
    const problems: string[] = [];
    for (const [name, { mark, addresses }] of host.bridges) {
      if (mark !== null && !named.includes(name)) problems.push(`bridge ${name} is left over`);
      const ours = pools.flatMap((spec) =>
        spec.type === 'bridge' && spec.bridge === name ? [gatewayAddress(spec)] : [],
      );
      const strange = [...addresses].filter((one) => one !== foreignBridge.address && !ours.includes(one));
      if (strange.length > 0) problems.push(`bridge ${name} has ${strange.join(', ')} left over`);
    }
    for (const [name, subnet] of host.masquerade) {
      const spec = pools.find((pool) => pool.name === name);
      const right = spec?.type === 'bridge' && spec.nat && spec.subnet === subnet;
      if (!right) problems.push(`${subnet} is masqueraded for ${name}`);
    }
    for (const [pid, { container }] of host.processes) {
      if (host.containers.get(container)?.pid !== pid) problems.push(`process ${pid} is left over`);
    }
    return problems;
  }
}

/**
 * What has to be so of a device that has had fair weather for long enough. `refusals`: what the device refused in
 * foul weather may still count as refused.
 */
export function restProblems(device: SimulatedDevice, { refusals } = { refusals: true }): Problems {
  const rest = device.rig.engine.atRest(1) ? [] : ['the engine does not count as at rest'];
  const known = new Rest(device, refusals).problems();
  return [...rest, ...known, ...restartProblems(device), ...dryRunProblems(device)];
}

/** A controller that starts anew, with what is on disk, wants exactly the same. */
function restartProblems({ rig, savedLeases }: SimulatedDevice): Problems {
  const fresh = new DesiredStore({ held: savedLeases });
  const proposal = fresh.propose({ type: 'replace', state: rig.store.flat() }, randomObjects);
  if (!proposal.accepted) return ['the current revision is not accepted anew'];
  fresh.commit(proposal);
  const known = JSON.stringify(rig.store.leases());
  const again = JSON.stringify(fresh.leases());
  const problems = known === again ? [] : [`leases are ${known}, from scratch ${again}`];
  for (const key of new Set([...rig.store.keys(), ...fresh.keys()])) {
    const [one, other] = [JSON.stringify(rig.store.desired(key)), JSON.stringify(fresh.desired(key))];
    if (one !== other) problems.push(`${key} is desired as ${one}, from scratch as ${other}`);
  }
  return problems;
}

/** Applying what is current would take no step. */
function dryRunProblems({ rig }: SimulatedDevice): Problems {
  const change = { type: 'replace', state: rig.store.flat() } as const;
  const outcome = planOf(rig.standing(), change, randomObjects);
  return outcome.steps.map((step) => `the plan at rest has ${step.action} ${step.key}`);
}
