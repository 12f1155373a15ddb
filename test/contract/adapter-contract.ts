import type { TestFn } from 'ava';
import type { Adapter, Step } from '../../adapters/adapter.ts';
import { expectation } from '../../adapters/expectation.ts';
import { containerKey, type ObservedResource, poolKey, type RootVolume } from '../../state/resource.ts';
import {
  bridgePool,
  container,
  ensurePool,
  lease,
  release,
  removeContainer,
  removePool,
  reserve,
  start,
  stop,
} from './fixtures.ts';
import { applied, isContainer, listen, observed, pidOf, play, scenes } from './stage.ts';

/** A host with nothing of ours on it, an adapter, and hands to change the host behind the adapter's back. */
export interface ContractWorld {
  readonly adapter: Adapter;
  /** A root for containers that run until they are stopped. */
  readonly root: RootVolume;
  /** An adapter on the same host as after a restart of the controller: it knows nothing that is not on the host. */
  another(): Adapter;
  deleteBridge(name: string): Promise<void>;
  /** Ends the container's init with SIGKILL. */
  killContainer(name: string, pid: number): Promise<void>;
  /** Does as a container does that has become ready; one of the contract's never does it by itself. */
  signalReady(name: string, pid: number): Promise<void>;
  /**
   * Puts things on the host that are not ours, some of them where ours are kept; resolves to a function that tells in plain data
   * how they are at the time.
   */
  putForeignThings(): Promise<() => Promise<unknown>>;
  /** Takes the host away. */
  dispose(): Promise<void>;
}

export interface ContractSubject {
  readonly name: string;
  make(): Promise<ContractWorld>;
}

const factsOf = (resource: ObservedResource | null | undefined) =>
  resource !== null && resource !== undefined && isContainer(resource) ? resource.facts : null;
const readyOf = (resource: ObservedResource | null | undefined) => factsOf(resource)?.ready === true;
const exitOf = (resource: ObservedResource | null | undefined) => factsOf(resource)?.exit ?? null;

const poolSpec = bridgePool(1);
const [webLease, dbLease] = [lease(1, 'web', 2), lease(1, 'db', 3)];

/** What a container is made of, in order. */
function stepsFor(root: RootVolume): readonly Step[] {
  return [
    ensurePool(poolSpec),
    reserve(webLease),
    reserve(dbLease),
    start(container('web', root, [webLease])),
    start(container('db', root, [dbLease])),
  ];
}

const removals: readonly Step[] = [
  stop('web'),
  removeContainer('web'),
  stop('db'),
  removeContainer('db'),
  release(webLease),
  release(dbLease),
  removePool(poolSpec),
];

/**
 * What every adapter must do (see Adapter): the same tests for the model in memory and for real engines. They run one after the other, each on a
 * world of its own.
 */
export function adapterContract(test: TestFn, { name, make }: ContractSubject): void {
  const scene = scenes(test, make, name);

  scene('[ENG-5] every step leaves what a dry run expects of it', async (t, { adapter, root }) => {
    for (const step of [...stepsFor(root), ...removals]) {
      const before = (await observed(adapter)).get(step.key);
      const expected = expectation(step, before).observed;
      const found = await applied(t, adapter, step);
      t.is(found?.digest, expected?.digest, step.action);
      t.deepEqual(found?.spec, expected?.spec, step.action);
      // How a container ended may follow.
      t.deepEqual(found?.drift.slice(0, expected?.drift.length), expected?.drift, step.action);
      if (found !== null && isContainer(found) && expected !== null && isContainer(expected)) {
        t.is(found.facts.running, expected.facts.running, step.action);
      }
    }
    t.is((await observed(adapter)).size, 0);
  });

  scene(
    '[ENG-1] [LEASE-7] every step done twice is as if done once, and a running container keeps its process',
    async (t, { adapter, root }) => {
      for (const step of [...stepsFor(root), ...removals]) {
        const once = await applied(t, adapter, step);
        t.deepEqual(await applied(t, adapter, step), once, step.action);
      }
    },
  );

  scene('[ENG-1] removing what is not there succeeds', async (t, { adapter }) => {
    for (const step of removals) t.is(await applied(t, adapter, step), null, step.action);
  });

  scene(
    '[CTR-9] closing an adapter stops nothing, and a new one sees what the first one saw',
    async (t, world) => {
      const first = world.another();
      await play(t, first, stepsFor(world.root));
      const before = await observed(first);
      await first.close();
      const after = await observed(world.adapter);
      t.deepEqual(after, before);
      t.is(after.size, 5);
      for (const resource of after.values()) t.deepEqual(resource.drift, [], resource.key);
    },
  );

  scene(
    '[CTR-7] only the container that is stopped and started anew gets another process',
    async (t, { adapter, root }) => {
      await play(t, adapter, stepsFor(root));
      const [web, db] = [await pidOf(adapter, containerKey('web')), await pidOf(adapter, containerKey('db'))];
      const changed = container('web', root, [webLease], { hostname: 'other' });
      await applied(t, adapter, stop('web'));
      const found = await applied(t, adapter, start(changed));
      t.deepEqual(found?.spec, changed);
      t.not(await pidOf(adapter, containerKey('web')), web);
      t.is(await pidOf(adapter, containerKey('db')), db);
    },
  );

  scene('[POOL-6] a pool changes in place', async (t, { adapter }) => {
    await applied(t, adapter, ensurePool(poolSpec));
    const moved = bridgePool(1, { subnet: '10.66.9.0/24', gateway: '10.66.9.1', nat: true });
    const found = await applied(t, adapter, ensurePool(moved));
    t.deepEqual(found?.spec, moved);
    t.deepEqual(found?.drift, []);
  });

  scene(
    '[POOL-7] a macvlan pool without its parent is a conflict that leaves nothing',
    async (t, { adapter }) => {
      const spec = {
        type: 'macvlan',
        name: 'lan',
        parent: 'absent0',
        subnet: '10.66.8.0/24',
        gateway: '10.66.8.1',
      } as const;
      const result = await adapter.apply(ensurePool(spec));
      t.is(result.outcome, 'conflict');
      t.is(result.outcome === 'conflict' && result.conflict.message.includes('absent0'), true);
      t.is((await observed(adapter)).size, 0);
    },
  );

  scene('[ENG-4] things that are not ours are neither seen nor touched', async (t, world) => {
    const look = await world.putForeignThings();
    const before = await look();
    t.is((await observed(world.adapter)).size, 0);
    await play(t, world.adapter, stepsFor(world.root));
    await play(t, world.adapter, removals);
    t.deepEqual(await look(), before);
    t.is((await observed(world.adapter)).size, 0);
  });

  scene(
    '[ENG-2] a killed container is told by the watch, and starting it again repairs it',
    async (t, world) => {
      const { adapter, root } = world;
      await play(t, adapter, stepsFor(root));
      const watch = listen(adapter);
      await world.killContainer('web', await pidOf(adapter, containerKey('web')));
      const { observed: found } = await watch.until(
        ({ key, observed: seen }) => key === containerKey('web') && seen?.drift[0] === 'not running',
      );
      watch.stop();
      t.deepEqual(found, (await observed(adapter)).get(containerKey('web')));
      t.deepEqual((await applied(t, adapter, start(container('web', root, [webLease]))))?.drift, []);
    },
  );

  scene(
    '[ENG-2] a deleted bridge is told by the watch, and ensuring its pool repairs it',
    async (t, world) => {
      const { adapter, root } = world;
      await play(t, adapter, stepsFor(root));
      const watch = listen(adapter);
      await world.deleteBridge(poolSpec.bridge);
      await watch.until(
        ({ key, observed: seen }) => key === poolKey(poolSpec.name) && seen?.drift.length !== 0,
      );
      watch.stop();
      t.deepEqual((await applied(t, adapter, ensurePool(poolSpec)))?.drift, []);
      for (const resource of (await observed(adapter)).values())
        t.deepEqual(resource.drift, [], resource.key);
    },
  );

  scene('[CTR-6] a container that is only to be mounted is made, and nothing runs', async (t, world) => {
    const { adapter, root } = world;
    const spec = container('web', root, [], { goal: 'MOUNTED' });
    const none = { running: false, pid: null, ready: false, exit: null };
    for (const step of [start(spec), start(spec), stop('web')]) {
      const found = await applied(t, adapter, step);
      t.deepEqual([found?.drift, found?.facts], [[], none], step.action);
    }
    t.deepEqual((await observed(world.another())).get(containerKey('web'))?.drift, []);
    const running = await applied(t, adapter, start({ ...spec, goal: 'STARTED' }));
    t.true(running !== null && isContainer(running) && running.facts.running);
    await play(t, adapter, [stop('web'), start(spec)]);
    t.is(await applied(t, adapter, removeContainer('web')), null);
  });

  scene(
    '[CTR-6] a container is ready once it says so, for the rest of its run, whatever becomes of the controller',
    async (t, world) => {
      const { adapter, root } = world;
      const step = start(container('web', root, [], { goal: 'READY' }));
      const watch = listen(adapter);
      t.false(readyOf(await applied(t, adapter, step)));
      await world.signalReady('web', await pidOf(adapter, containerKey('web')));
      await watch.until(({ key, observed: seen }) => key === containerKey('web') && readyOf(seen));
      watch.stop();
      t.true(readyOf((await observed(world.another())).get(containerKey('web'))));
      t.true(readyOf(await applied(t, adapter, step)), 'a start of what runs');
      t.false(readyOf(await applied(t, adapter, stop('web'))));
      t.false(readyOf(await applied(t, adapter, step)), 'the next run');
    },
  );

  scene(
    '[CTR-8] how a container ended is told until it is started again, also by the next controller; being stopped is no exit',
    async (t, world) => {
      const { adapter, root } = world;
      const step = start(container('web', root, []));
      await play(t, adapter, [step]);
      const watch = listen(adapter);
      await world.killContainer('web', await pidOf(adapter, containerKey('web')));
      const { observed: ended } = await watch.until(({ observed: seen }) => exitOf(seen) !== null);
      watch.stop();
      const { at, ...how } = exitOf(ended) ?? { at: 0 };
      t.deepEqual(how, { code: null, signal: 'SIGKILL' });
      t.true(at > 0);
      t.deepEqual(exitOf((await observed(world.another())).get(containerKey('web'))), { ...how, at });
      t.is(exitOf(await applied(t, adapter, step)), null);
      t.is(exitOf(await applied(t, adapter, stop('web'))), null);
    },
  );

  scene('[ENG-4] an observation that is called off is no observation', async (t, { adapter }) => {
    await t.throwsAsync(adapter.observe(AbortSignal.abort(new Error('called off'))), {
      message: 'called off',
    });
  });
}
