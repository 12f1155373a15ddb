import type { Step } from '../../../adapters/adapter.ts';
import { observeHost } from '../../../adapters/memory/host.ts';
import { endpointsOf } from '../../../adapters/memory/listeners.ts';
import { planOf } from '../../../controller/dry-run.ts';
import { World } from '../../../controller/world.ts';
import { plan } from '../../../reconcilers/index.ts';
import type { Plan } from '../../../reconcilers/reconciler.ts';
import {
  gatewayAddress,
  type Key,
  kindOf,
  type ListenerSpec,
  type ObservedResource,
} from '../../../state/resource.ts';
import type { Phase } from '../../../state/status.ts';
import { DesiredStore } from '../../../state/store.ts';
import { linksAtRest } from './link-invariants.ts';
import type { Findings } from './problem.ts';
import { foreignBridge, randomObjects } from './random-state.ts';
import type { SimulatedDevice } from './simulated-device.ts';
import { hasUse } from './step-invariants.ts';

/** `Failed` is what stays when a container was started again as often as its manifest allows. */
const phasesOf: { readonly [T in Plan['type']]: readonly Phase[] } = {
  settled: ['Ready', 'Waiting'],
  step: ['Blocked', 'Failed'],
  wait: ['Waiting', 'Removing'],
  blocked: ['Blocked'],
};

type Details = readonly string[];

const under = (rule: string, details: Details): Findings => details.map((detail) => ({ rule, detail }));

/** The engine's own view of things against one that is taken anew, of a device that has had time to come to rest. */
class Rest {
  readonly #device: SimulatedDevice;
  readonly #world: World;
  readonly #keys: readonly Key[];
  readonly #refusals: boolean;

  constructor(device: SimulatedDevice, refusals: boolean) {
    this.#device = device;
    this.#refusals = refusals;
    const { store, engine } = device.rig;
    const { tracker } = engine;
    this.#world = new World((key) => store.desired(key), store.keys());
    for (const resource of observeHost(device.host)) this.#world.observe(resource.key, resource);
    // How often a container was started can't be seen by looking.
    for (const key of store.keys())
      this.#world.setSpent(key, (tracker.find(key)?.exhausted ?? null) !== null);
    this.#keys = [...new Set([...store.keys(), ...this.#world.observedKeys()])];
  }

  findings(): Findings {
    return [
      ...under('nothing is remembered of what is neither desired nor observed', this.#strays()),
      ...under(
        'what is believed is what is observed',
        this.#keys.flatMap((key) => this.#beliefs(key)),
      ),
      ...under(
        'whatever can be as desired is',
        this.#keys.flatMap((key) => this.#plans(key)),
      ),
      ...under('nothing of ours is left over', this.#leftOver()),
      ...under('exactly those listeners are there that are wanted and can be', this.#listeners()),
      ...under('a listener leads to nobody else', this.#astray()),
      ...under('exactly those links are there that are wanted and can be', linksAtRest(this.#device)),
    ];
  }

  #strays(): Details {
    const known = new Set(this.#keys);
    const { board, tracker } = this.#device.rig.engine;
    const unknown = (key: Key) => !known.has(key);
    return [
      ...[...board.keys()].filter(unknown).map((key) => `${key} has a status`),
      ...[...tracker.keys()].filter(unknown).map((key) => `${key} has a record of attempts`),
    ];
  }

  #beliefs(key: Key): Details {
    const believed = JSON.stringify(this.#device.rig.engine.world.observed(key));
    const actual = JSON.stringify(this.#world.observed(key));
    return believed === actual ? [] : [`${key} is believed to be ${believed} and is ${actual}`];
  }

  /** No wake-up was lost: what a look from scratch says is what the status says. */
  #plans(key: Key): Details {
    const status = this.#device.rig.engine.board.get(key);
    const next = plan(key, this.#world);
    const told = `${key} is ${status?.phase} (${status?.message}), and its plan is ${JSON.stringify(next)}`;
    if (status === undefined) return [told];
    if (this.#refusals && this.#isRefused(key)) return [];
    if (next.type === 'step' && this.#stopsLater(next.step)) return [];
    if (!phasesOf[next.type].includes(status.phase)) return [told];
    if (next.type === 'settled') return status.phase === 'Ready' ? [] : this.#shadows(key);
    if (next.type === 'step') return this.#isGivenUp(next.step) ? [] : [told];
    if (next.type === 'wait' && !this.#endsBlocked(key, [])) return [`${told}, which nothing will end`];
    return [];
  }

  #isGivenUp(step: Step): boolean {
    const { engine, store } = this.#device.rig;
    const recovery = store.desired(step.key)?.lifecycle?.recovery ?? null;
    if ((engine.tracker.find(step.key)?.exhausted ?? null) !== null) return recovery !== null;
    return this.#device.refusalOf(step) !== null;
  }

  /** The device has refused what is wanted now, and has not been asked again since. */
  #isRefused(key: Key): boolean {
    const { engine, store } = this.#device.rig;
    const wanted = store.desired(key)?.digest ?? null;
    return engine.refusalOf(key) !== null && this.#device.hasEnded('conflict', key, wanted);
  }

  /** Whoever is desired no more stops in the order of groups, which a look from scratch does not know. */
  #stopsLater({ action, key }: Step): boolean {
    const { board } = this.#device.rig.engine;
    return action === 'container.stop' && this.#isHeldUp(board.get(key)?.waitsFor ?? [], []);
  }

  /** Some way along what these wait for, as their statuses say, is something that is blocked. */
  #isHeldUp(keys: readonly Key[], path: readonly Key[]): boolean {
    const { board } = this.#device.rig.engine;
    return keys.some((key) => {
      const status = board.get(key);
      if (path.includes(key) || status === undefined) return false;
      return status.phase === 'Blocked' || this.#isHeldUp(status.waitsFor, [...path, key]);
    });
  }

  /** What holds and is not Ready stands on something that is not. */
  #shadows(key: Key): Details {
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
    if (next.type === 'settled') return this.#isHeldByConflict(key) || this.#hasEnded(key);
    return next.keys.some((other) => this.#endsBlocked(other, [...path, key]));
  }

  /** A container that has done what it was for provides nothing to anybody. */
  #hasEnded(key: Key): boolean {
    const observed = this.#world.observed(key) as ObservedResource<'container'> | undefined;
    return kindOf(key) === 'container' && (observed?.facts.exit ?? null) !== null;
  }

  /** A resource that is as desired and in the way of another one has to be one that a conflict keeps where it is. */
  #isHeldByConflict(key: Key): boolean {
    return this.#device.rig.store.desired(key)?.conflict !== undefined;
  }

  /** Not what the planner thinks of it: what is desired against what listens. */
  #listeners(): Details {
    const { host, rig } = this.#device;
    const wanted = rig.store.keys().flatMap((key) => {
      const desired = rig.store.desired(key);
      return desired?.kind === 'listener' && hasUse(desired.spec as ListenerSpec) ? [desired] : [];
    });
    const missing = wanted.flatMap((desired) => {
      const { key, digest } = desired;
      const spec = desired.spec as ListenerSpec;
      // Into a pool that can't be had nothing leads.
      const isPathless = desired.dependsOn.some((pool) => rig.engine.board.get(pool)?.phase !== 'Ready');
      if (isPathless || rig.engine.refusalOf(key) !== null) return [];
      const silent = endpointsOf(spec).filter((endpoint) => host.sockets.get(endpoint) !== key);
      if (host.listeners.get(key)?.digest === digest && silent.length === 0) return [];
      return [`${key} is to listen, and does not as it is to at ${silent.join(', ') || 'all'}`];
    });
    const keys = new Set(wanted.map(({ key }) => key));
    const strange = [...host.sockets].filter(([, key]) => !keys.has(key));
    return [...missing, ...strange.map(([endpoint, key]) => `${key} listens at ${endpoint}, and is not to`)];
  }

  /** An address that a rule leads to is its provider's, if anybody's (ING-4). */
  #astray(): Details {
    const { host } = this.#device;
    const owners = new Map([...host.leases.values()].map(({ spec }) => [spec.address, spec.container]));
    return [...host.listeners].flatMap(([key, { spec }]) =>
      spec.routes.flatMap(({ provider, backend }) => {
        const owner = backend?.type === 'address' ? owners.get(backend.address) : undefined;
        return owner === undefined || owner === provider
          ? []
          : [`${key} leads to ${owner} for a service of ${provider}`];
      }),
    );
  }

  #leftOver(): Details {
    return [
      ...this.#leftOverLeases(),
      ...this.#leftOverBridges(),
      ...this.#leftOverRules(),
      ...this.#leftOverProcesses(),
    ];
  }

  /** A container that a conflict keeps where it is keeps its address. */
  #leftOverLeases(): Details {
    const { host, rig } = this.#device;
    return [...host.leases].flatMap(([key, { spec }]) => {
      const wanted = rig.store.desired(key) !== undefined || rig.engine.refusalOf(key) !== null;
      const [user] = this.#world.dependents(key);
      return wanted || user !== undefined ? [] : [`${key} of ${spec.address}`];
    });
  }

  #leftOverBridges(): Details {
    const { host } = this.#device;
    const pools = [...host.pools.values()].map(({ spec }) => spec);
    const named = pools.flatMap((spec) => (spec.type === 'bridge' ? [spec.bridge] : []));
    return [...host.bridges].flatMap(([name, { mark, addresses }]) => {
      const ours = pools.flatMap((spec) =>
        spec.type === 'bridge' && spec.bridge === name ? [gatewayAddress(spec)] : [],
      );
      const strange = [...addresses].filter((one) => one !== foreignBridge.address && !ours.includes(one));
      return [
        ...(mark !== null && !named.includes(name) ? [`bridge ${name}`] : []),
        ...strange.map((address) => `${address} on bridge ${name}`),
      ];
    });
  }

  #leftOverRules(): Details {
    const { host } = this.#device;
    return [...host.masquerade].flatMap(([name, subnet]) => {
      const spec = host.pools.get(name)?.spec;
      const right = spec?.type === 'bridge' && spec.nat && spec.subnet === subnet;
      return right ? [] : [`a rule that masquerades ${subnet} for ${name}`];
    });
  }

  #leftOverProcesses(): Details {
    const { host } = this.#device;
    return [...host.processes].flatMap(([pid, { container }]) =>
      host.containers.get(container)?.pid === pid ? [] : [`process ${pid} of ${container}`],
    );
  }
}

/**
 * What has to be so of a device that has had fair weather for long enough. `refusals`: what the device refused in
 * foul weather may still count as refused.
 */
export function restFindings(device: SimulatedDevice, { refusals } = { refusals: true }): Findings {
  const moving = device.rig.engine.atRest(1) ? [] : ['the engine does not count as at rest'];
  return [
    ...under('a device that is left alone comes to rest', moving),
    ...new Rest(device, refusals).findings(),
  ];
}

/** What a look at a device at rest from outside says: it costs what the whole state costs. */
export function outsideFindings(device: SimulatedDevice): Findings {
  return [...restartFindings(device), ...under('the plan at rest is empty', dryRunProblems(device))];
}

/** A controller that starts anew, with what is on disk, wants exactly the same. */
function restartFindings({ rig, log }: SimulatedDevice): Findings {
  const rule = 'what is desired is what a start from the disk would desire';
  const fresh = new DesiredStore({ held: log.leases() });
  const proposal = fresh.propose({ type: 'replace', state: rig.store.flat() }, randomObjects);
  if (!proposal.accepted) return under(rule, ['the current revision is not accepted anew']);
  fresh.commit(proposal);
  const [known, again] = [rig.store.leases(), fresh.leases()].map((leases) => JSON.stringify(leases));
  const leases = known === again ? [] : [`leases are ${known}, from scratch ${again}`];
  const resources = [...new Set([...rig.store.keys(), ...fresh.keys()])].flatMap((key) => {
    const [one, other] = [rig.store, fresh].map((store) => JSON.stringify(store.desired(key)));
    return one === other ? [] : [`${key} is desired as ${one}, from scratch as ${other}`];
  });
  return under(rule, [...leases, ...resources]);
}

/** Applying what is current would take no step. */
function dryRunProblems({ rig }: SimulatedDevice): Details {
  const change = { type: 'replace', state: rig.store.flat() } as const;
  const outcome = planOf(rig.standing(), change, randomObjects);
  return outcome.steps.map((step) => `${step.action} ${step.key}`);
}
