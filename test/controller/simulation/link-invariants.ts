import type { Step } from '../../../adapters/adapter.ts';
import { type HostModel, observeContainer } from '../../../adapters/memory/host.ts';
import { observeLink, pathIn } from '../../../adapters/memory/links.ts';
import {
  containerKey,
  type DesiredResource,
  type Key,
  kindOf,
  type LinkSpec,
  type ObservedResource,
} from '../../../state/resource.ts';
import { hasReachedGoal } from './order-invariants.ts';
import type { Findings } from './problem.ts';
import type { SimulatedDevice } from './simulated-device.ts';

/**
 * What a step breaks by what the controller knows when it sends it: a link joins what runs as it is desired and goes only where it is not desired, and
 * nothing is started before what it requires.
 */
export function linkStepFindings(device: SimulatedDevice, step: Step): Findings {
  if (step.action === 'container.start') return consumerFindings(device, step.key);
  if (step.action === 'link.remove') return removalFindings(device, step.key, step.spec);
  if (step.action !== 'link.ensure') return [];
  const { store, engine } = device.rig;
  const { provider, consumer } = step.spec;
  return [provider, consumer].flatMap((name): Findings => {
    const key = containerKey(name);
    const observed = engine.world.observed(key) as ObservedResource<'container'> | undefined;
    if (observed?.facts.running === true && observed.digest === store.desired(key)?.digest) return [];
    return [
      { rule: 'a link joins what runs as it is desired', detail: `${step.key} was made without ${key}` },
    ];
  });
}

function removalFindings({ rig }: SimulatedDevice, key: Key, { service }: LinkSpec): Findings {
  const wanted = rig.store.desired(key)?.spec as LinkSpec | undefined;
  if (wanted?.service !== service) return [];
  return [{ rule: 'no link goes that is desired', detail: `${key} was removed` }];
}

function consumerFindings({ rig }: SimulatedDevice, consumer: Key): Findings {
  const providers = (rig.store.desired(consumer)?.dependsOn ?? []).filter(
    (key) => kindOf(key) === 'container',
  );
  return providers.flatMap((key): Findings => {
    const observed = rig.engine.world.observed(key) as ObservedResource<'container'> | undefined;
    if (hasReachedGoal(rig.store.desired(key), observed)) return [];
    return [
      { rule: 'nothing is started before what it requires', detail: `${consumer} was started before ${key}` },
    ];
  });
}

/** Nothing of ours is where a container has something of its own (LINK-12). */
export function targetFindings(host: HostModel): Findings {
  return [...host.serviceLinks].flatMap(([key, { spec, mounted }]): Findings => {
    const foreign = host.foreignTargets.get(pathIn(spec.consumer, spec.target));
    if (!mounted || foreign === undefined) return [];
    return [{ rule: 'what a container has at a target is left alone', detail: `${key} is over ${foreign}` }];
  });
}

/** Not what the planner thinks of them: links that are desired against those that are there, of a device at rest. */
export function linksAtRest({ host, rig }: SimulatedDevice): readonly string[] {
  const wanted = rig.store.keys().flatMap((key) => {
    const desired = rig.store.desired(key);
    return desired?.kind === 'link' ? [desired as DesiredResource<'link'>] : [];
  });
  const runs = (name: string): boolean => {
    const observed = observeContainer(host, name);
    return observed?.facts.running === true && observed.digest === rig.store.desired(observed.key)?.digest;
  };
  const missing = [...wanted].flatMap(({ key, spec, digest, conflict }) => {
    if (conflict !== undefined || !runs(spec.provider) || !runs(spec.consumer)) return [];
    if (rig.engine.refusalOf(key) !== null) return [];
    const found = observeLink(host, key);
    const isMade = found?.digest === digest && found.drift.length === 0 && found.facts.awaits === null;
    return isMade ? [] : [`${key} joins what runs, and is ${JSON.stringify(found)}`];
  });
  const keys = new Set([...wanted].map(({ key }) => key));
  const strange = [...host.serviceLinks.keys()].filter((key) => !keys.has(key));
  return [...missing, ...strange.map((key) => `${key} is there, and is not to be`)];
}
