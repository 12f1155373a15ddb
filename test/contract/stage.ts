import type { ExecutionContext, TestFn } from 'ava';
import { filter, firstValueFrom, ReplaySubject } from 'rxjs';
import type { Adapter, Observation, Step, WatchEvent } from '../../adapters/adapter.ts';
import type { Key, ObservedResource } from '../../state/resource.ts';
import { release, removeContainer, removeLink, removeListener, removePool, stop } from './fixtures.ts';

/** Everything that the adapter sees, by key and in the order of keys. */
export async function observed(adapter: Adapter): Promise<ReadonlyMap<Key, ObservedResource>> {
  const resources = await adapter.observe(new AbortController().signal);
  const sorted = resources.toSorted((a, b) => (a.key < b.key ? -1 : 1));
  return new Map(sorted.map((resource) => [resource.key, resource]));
}

/**
 * Applies a step that must succeed, and holds the adapter to its word: what the result reports of the key is what a full observation
 * then says.
 */
export async function applied(
  t: ExecutionContext,
  adapter: Adapter,
  step: Step,
): Promise<ObservedResource | null> {
  const result = await adapter.apply(step);
  t.is(result.outcome, 'done', JSON.stringify(result));
  t.deepEqual(
    result.observations.map((observation) => observation.key),
    [step.key],
  );
  const reported = result.observations[0]?.observed ?? null;
  t.deepEqual((await observed(adapter)).get(step.key) ?? null, reported);
  return reported;
}

/** Applies steps that must succeed, one after the other. */
export async function play(t: ExecutionContext, adapter: Adapter, steps: readonly Step[]): Promise<void> {
  for (const step of steps) {
    const result = await adapter.apply(step);
    t.is(result.outcome, 'done', JSON.stringify(result));
  }
}

/** Takes everything of ours away, dependents first, whatever a test has left. */
export async function clear(adapter: Adapter): Promise<void> {
  const resources = [...(await observed(adapter)).values()];
  const steps = [
    ...resources.filter(isListener),
    ...resources.filter(isLink),
    ...resources.filter(isContainer),
    ...resources.filter(isLease),
    ...resources.filter(isPool),
  ].flatMap((resource): readonly Step[] => {
    if (isListener(resource)) return [{ ...removeListener(resource.spec), key: resource.key }];
    if (isLink(resource)) return [removeLink(resource.spec)];
    if (isContainer(resource)) return [stop(resource.spec.name), removeContainer(resource.spec.name)];
    if (isLease(resource)) return [release(resource.spec)];
    return isPool(resource) ? [removePool(resource.spec)] : [];
  });
  for (const step of steps) {
    const result = await adapter.apply(step);
    if (result.outcome !== 'done') throw new Error(`cleaning up: ${JSON.stringify({ step, result })}`);
  }
}

/** True for a listener, so that its facts can be looked at. */
export function isListener(resource: ObservedResource): resource is ObservedResource<'listener'> {
  return resource.kind === 'listener';
}

/** True for a link, so that its facts can be looked at. */
export function isLink(resource: ObservedResource): resource is ObservedResource<'link'> {
  return resource.kind === 'link';
}
function isPool(resource: ObservedResource): resource is ObservedResource<'pool'> {
  return resource.kind === 'pool';
}
function isLease(resource: ObservedResource): resource is ObservedResource<'lease'> {
  return resource.kind === 'lease';
}

/** True for a container, so that its facts can be looked at. */
export function isContainer(resource: ObservedResource): resource is ObservedResource<'container'> {
  return resource.kind === 'container';
}

/** Process id of a container's init, which must run. */
export async function pidOf(adapter: Adapter, key: Key): Promise<number> {
  const resource = (await observed(adapter)).get(key);
  const pid = resource !== undefined && isContainer(resource) ? resource.facts.pid : null;
  if (pid === null) throw new Error(`${key} does not run: ${JSON.stringify(resource)}`);
  return pid;
}

/** Listens from now on. `until` resolves with the first observation, past or coming, that it is asked for. */
export function listen(adapter: Adapter): {
  until(wanted: (observation: Observation) => boolean): Promise<Observation>;
  stop(): void;
} {
  const events = new ReplaySubject<WatchEvent>();
  const subscription = adapter.watch().subscribe(events);
  return {
    until: (wanted) =>
      firstValueFrom(
        events.pipe(
          filter((event) => event.type === 'observation'),
          filter(wanted),
        ),
      ),
    stop: () => subscription.unsubscribe(),
  };
}

/** What a scene needs of its world. */
interface Stage {
  readonly adapter: Adapter;
  dispose(): Promise<void>;
}

/** Declares a test that plays in a world of its own, which is cleared and taken away afterwards, whatever happened. */
export type Scene<World> = (
  title: string,
  play: (t: ExecutionContext, world: World) => Promise<void>,
) => void;

/** Scenes run one after the other: real worlds share a host. `name`, where there is one, begins every title. */
export function scenes<World extends Stage>(
  test: TestFn,
  make: () => Promise<World>,
  name = '',
): Scene<World> {
  return (title, play) => {
    test.serial(name === '' ? title : `${name}: ${title}`, async (t) => {
      const world = await make();
      try {
        await play(t, world);
      } finally {
        await clear(world.adapter)
          .finally(() => world.adapter.close())
          .finally(() => world.dispose());
      }
    });
  };
}
