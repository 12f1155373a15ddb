import type { TestFn } from 'ava';
import type { Adapter } from '../../adapters/adapter.ts';
import {
  type Backend,
  type Key,
  type ListenerSpec,
  listenerKey,
  type ObservedResource,
} from '../../state/resource.ts';
import type { ContractWorld } from './adapter-contract.ts';
import {
  bridgePool,
  container,
  ensureListener,
  ensurePool,
  lease,
  listener,
  removeContainer,
  removeListener,
  reserve,
  route,
  start,
  stop,
} from './fixtures.ts';
import { applied, isListener, listen, observed, play, scenes } from './stage.ts';

/** A process of the host that is not ours and listens. */
export interface PortHolder {
  /** Its name, as a conflict has to give it. */
  readonly process: string;
  /** Ends it. */
  release(): Promise<void>;
}

/** A world whose adapter makes listeners. */
export interface ListenerWorld extends Pick<ContractWorld, 'adapter' | 'root' | 'another' | 'dispose'> {
  /** Has a process that is not ours listen at this port of 127.0.0.1. */
  takePort(port: number): Promise<PortHolder>;
  /** Takes away what carries this listener, behind the adapter's back: its proxy dies, its rules are flushed. */
  breakListener(spec: ListenerSpec): Promise<void>;
}

export interface ListenerSubject {
  readonly name: string;
  make(): Promise<ListenerWorld>;
  /** Nothing of the test host listens at this port, nor at the two after it. */
  readonly firstPort: number;
  /** The watch tells that a port that was refused is free. Elsewhere the next full observation is the occasion to try again. */
  readonly tellsReleasedPorts: boolean;
}

/** What listeners of the contract lead to. No container runs there: a listener does not need one. */
const ground = [ensurePool(bridgePool(1)), reserve(lease(1, 'web', 2))];

/** Listeners for each kind of thing that they can lead to. */
function everyKind(
  site: ListenerSpec,
  raw: ListenerSpec,
): readonly (readonly [what: string, spec: ListenerSpec])[] {
  const leading = (spec: ListenerSpec, backend: Backend | null): ListenerSpec => ({
    ...spec,
    routes: [route('elsewhere', { backend })],
  });
  const socket = { type: 'socket', container: 'web', socket: '/run/site.sock' } as const;
  const loopback = { type: 'address', address: '127.0.0.1', port: 18_999, link: null } as const;
  return [
    ['http to an address of a pool', site],
    ['tcp to an address of a pool', raw],
    ['http to a unix socket of a container', leading(site, socket)],
    ['tcp to a unix socket of a container', leading(raw, socket)],
    ['tcp to a container in the network of the host', leading(raw, loopback)],
    ['http to a service that nobody provides', leading(site, null)],
  ];
}

async function listenersOf(adapter: Adapter): Promise<ReadonlyMap<Key, ObservedResource>> {
  return new Map([...(await observed(adapter))].filter(([, resource]) => isListener(resource)));
}

/** What every adapter must do that makes listeners, beyond `adapterContract`. */
export function listenerContract(
  test: TestFn,
  { name, make, firstPort, tellsReleasedPorts }: ListenerSubject,
): void {
  const scene = scenes(test, make, name);
  const site = listener(firstPort, 'site');
  const raw = listener(firstPort + 1, 'raw', { type: 'tcp' });

  for (const [what, spec] of everyKind(site, raw)) {
    scene(
      `[ENG-1] [ING-4] a listener for ${what} is made, made again, and taken away`,
      async (t, { adapter }) => {
        await play(t, adapter, ground);
        const once = await applied(t, adapter, ensureListener(spec));
        t.deepEqual([once?.spec, once?.drift], [spec, []]);
        t.is(once !== null && isListener(once) ? once.facts.carriers.length : 0, spec.addresses.length);
        t.deepEqual(await applied(t, adapter, ensureListener(spec)), once, 'twice');
        t.is(await applied(t, adapter, removeListener(spec)), null);
        t.is(await applied(t, adapter, removeListener(spec)), null, 'what is gone');
      },
    );
  }

  scene('[ING-10] a listener changes in place, and others are as they were', async (t, { adapter }) => {
    await play(t, adapter, [...ground, ensureListener(raw), ensureListener(site)]);
    const before = (await observed(adapter)).get(ensureListener(raw).key);
    const more = { ...site, routes: [route('api', { path: '/api' }), route('site')] };
    for (const changed of [more, site, { ...site, routes: [route('other', { backend: null })] }]) {
      const found = await applied(t, adapter, ensureListener(changed));
      t.deepEqual([found?.spec, found?.drift], [changed, []]);
      t.deepEqual((await observed(adapter)).get(ensureListener(raw).key), before);
    }
  });

  scene(
    '[ING-11] closing an adapter ends no listener, and a new one sees what the first one saw',
    async (t, world) => {
      const first = world.another();
      await play(t, first, [...ground, ensureListener(site), ensureListener(raw)]);
      const before = await listenersOf(first);
      await first.close();
      const after = await listenersOf(world.adapter);
      t.deepEqual(after, before);
      t.is(after.size, 2);
      t.deepEqual(after.get(ensureListener(site).key)?.spec, site);
      for (const resource of after.values()) t.deepEqual(resource.drift, [], resource.key);
      t.is(await applied(t, world.adapter, removeListener(site)), null);
      t.deepEqual([...(await listenersOf(world.adapter)).values()], [before.get(ensureListener(raw).key)]);
    },
  );

  scene('[ING-2] two listeners share a port at different addresses', async (t, { adapter }) => {
    const [one, two] = ['127.0.0.1', '127.0.0.2'].map((address) =>
      listener(firstPort, `at ${address}`, { addresses: [address] }),
    );
    if (one === undefined || two === undefined) return t.fail();
    await play(t, adapter, ground);
    for (const spec of [one, two]) t.deepEqual((await applied(t, adapter, ensureListener(spec)))?.drift, []);
    t.is(await applied(t, adapter, removeListener(one)), null);
    t.deepEqual((await observed(adapter)).get(ensureListener(two).key)?.drift, []);
  });

  scene(
    '[ING-2] a listener gives up one of its addresses, and another one takes it',
    async (t, { adapter }) => {
      const both = listener(firstPort, 'both', { addresses: ['127.0.0.1', '127.0.0.2'] });
      const single = { ...both, addresses: ['127.0.0.1'] };
      const rest = listener(firstPort, 'rest', { addresses: ['127.0.0.2'] });
      await play(t, adapter, [...ground, ensureListener(both)]);
      for (const spec of [single, rest])
        t.deepEqual((await applied(t, adapter, ensureListener(spec)))?.drift, []);
      t.deepEqual((await observed(adapter)).get(ensureListener(both).key)?.spec, single);
    },
  );

  for (const spec of [site, raw]) {
    scene(
      `[ENG-8] [ING-3] a port that a process of the host has is a conflict that names it and disturbs nothing: ${spec.type}`,
      async (t, world) => {
        const { adapter } = world;
        const other = listener(firstPort + 2, 'other');
        await play(t, adapter, [...ground, ensureListener(other)]);
        const before = await observed(adapter);
        const holder = await world.takePort(spec.port);
        try {
          const result = await adapter.apply(ensureListener(spec));
          if (result.outcome !== 'conflict') return t.fail(JSON.stringify(result));
          t.is(result.conflict.code, 'PortTaken');
          t.true(result.conflict.message.includes(holder.process), result.conflict.message);
          t.true(result.conflict.message.includes(String(spec.port)), result.conflict.message);
          t.deepEqual(await observed(adapter), before);
        } finally {
          await holder.release();
        }
        t.deepEqual((await applied(t, adapter, ensureListener(spec)))?.drift, [], 'when it is free');
      },
    );

    scene(
      `[ENG-2] a listener that is broken is told by the watch, and ensuring it repairs it: ${spec.type}`,
      async (t, world) => {
        const { adapter } = world;
        await play(t, adapter, [...ground, ensureListener(spec)]);
        const { key } = ensureListener(spec);
        const watch = listen(adapter);
        await world.breakListener(spec);
        const { observed: found } = await watch.until(
          ({ key: seen, observed: now }) => seen === key && now?.drift.length !== 0,
        );
        watch.stop();
        t.regex(found?.drift[0] ?? '', /127\.0\.0\.1:/);
        t.deepEqual((await applied(t, adapter, ensureListener(spec)))?.drift, []);
      },
    );
  }

  scene(
    '[ING-10] a provider comes, stops and comes again, and its listener is as it was',
    async (t, world) => {
      const { adapter, root } = world;
      const run = start(container('web', root, [lease(1, 'web', 2)]));
      await play(t, adapter, [...ground, ensureListener(site)]);
      const before = (await observed(adapter)).get(ensureListener(site).key);
      for (const step of [run, stop('web'), run, stop('web'), removeContainer('web')]) {
        await play(t, adapter, [step]);
        t.deepEqual((await observed(adapter)).get(ensureListener(site).key), before, step.action);
      }
    },
  );

  scene('[ENG-1] removing a listener that never was succeeds', async (t, { adapter }) => {
    t.is(await applied(t, adapter, removeListener(site)), null);
    t.false((await observed(adapter)).has(listenerKey(`127.0.0.1:${firstPort}`)));
  });

  if (!tellsReleasedPorts) return;
  scene('[ENG-8] the watch tells when a port that was refused is free', async (t, world) => {
    const { adapter } = world;
    await play(t, adapter, ground);
    const holder = await world.takePort(site.port);
    const watch = listen(adapter);
    try {
      t.is((await adapter.apply(ensureListener(site))).outcome, 'conflict');
    } finally {
      await holder.release();
    }
    const told = await watch.until(({ key }) => key === ensureListener(site).key);
    watch.stop();
    t.is(told.observed, null);
    t.deepEqual((await applied(t, adapter, ensureListener(site)))?.drift, []);
  });
}
