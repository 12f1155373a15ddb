import type { ExecutionContext, TestFn } from 'ava';
import type { Adapter, Observation } from '../../adapters/adapter.ts';
import { containerKey, type FactsByKind, type LinkSpec, type LinkType } from '../../state/resource.ts';
import type { ContractWorld } from './adapter-contract.ts';
import { container, ensureLink, removeContainer, removeLink, serviceLink, start, stop } from './fixtures.ts';
import { applied, isLink, listen, observed, pidOf, play, scenes } from './stage.ts';

/** Something that a container has at a path, and that is not ours. */
export interface ForeignThing {
  /** How it is now, in plain data; null: it is gone. */
  look(): Promise<unknown>;
  /** The container takes it away. */
  remove(): Promise<void>;
}

/** A world whose adapter makes links, and hands that act as programs of its containers would. All of these containers run. */
export interface LinkWorld
  extends Pick<ContractWorld, 'adapter' | 'root' | 'another' | 'killContainer' | 'dispose'> {
  /**
   * A program of the container listens at this path, with directories above it where there are none, and says `answer` to whoever connects. What
   * was there is replaced by a new socket, as by a program that was started again. It ends with the container.
   */
  makeSocket(container: string, path: string, answer: string): Promise<void>;
  /** What answers a program of the container that connects at this path; null: nothing is there, or it is refused. */
  ask(container: string, path: string): Promise<string | null>;
  /** A program of the container, as its root, takes away what we have put at this path: what was mounted there is unmounted. */
  takeAway(container: string, path: string): Promise<void>;
  /** A program of the container makes something of its own at this path. */
  putForeign(container: string, path: string): Promise<ForeignThing>;
}

export interface LinkSubject {
  readonly name: string;
  make(): Promise<LinkWorld>;
  /** Types of links to sockets that are to be made; unix is one of them. */
  readonly types: readonly LinkType[];
}

const raw = serviceLink();
const [server, client] = ['server', 'client'];
const key = ensureLink(raw).key;

/** Starts the containers of the contract, each without a socket. */
async function startBoth(t: ExecutionContext, { adapter, root }: LinkWorld): Promise<void> {
  await play(t, adapter, [start(container(server, root, [])), start(container(client, root, []))]);
}

/** Starts them, and lets the provider listen. */
async function startServed(t: ExecutionContext, world: LinkWorld, answer = 'one'): Promise<void> {
  await startBoth(t, world);
  await world.makeSocket(server, raw.socket, answer);
}

/** What is there of the link after a step of it; fails where there is nothing. */
function factsOf(t: ExecutionContext, { observed: found }: Pick<Observation, 'observed'>) {
  if (found !== null && isLink(found)) return found.facts;
  t.fail(`there is ${JSON.stringify(found)}, expected a link`);
  throw new Error('no link');
}

async function ensured(
  t: ExecutionContext,
  adapter: Adapter,
  spec: LinkSpec = raw,
): Promise<FactsByKind['link']> {
  const found = await applied(t, adapter, ensureLink(spec));
  t.deepEqual([found?.spec, found?.drift], [spec, []]);
  return factsOf(t, { observed: found });
}

/** Ensures the link as often as the watch tells that it drifts, until `answer` is what its consumer gets. */
async function ensuredUntil(t: ExecutionContext, world: LinkWorld, answer: string): Promise<void> {
  const watch = listen(world.adapter);
  try {
    for (let round = 0; round < 5; round += 1) {
      // What it waits for may come meanwhile.
      t.is((await world.adapter.apply(ensureLink(raw))).outcome, 'done');
      if ((await world.ask(client, raw.target)) === answer) return;
      await watch.until(isDrift);
    }
    t.fail(`'${answer}' is not what the consumer gets`);
  } finally {
    watch.stop();
  }
}

const isDrift = (observation: Observation): boolean =>
  observation.key === key && (observation.observed?.drift.length ?? 0) > 0;

/** Does something behind the adapter's back; resolves when the watch tells that the link drifts by it. */
async function drifts(world: LinkWorld, change: () => Promise<void>): Promise<void> {
  const watch = listen(world.adapter);
  try {
    await change();
    await watch.until(isDrift);
  } finally {
    watch.stop();
  }
}

/** What every adapter must do that makes links, beyond `adapterContract`. */
export function linkContract(test: TestFn, { name, make, types }: LinkSubject): void {
  const scene = scenes(test, make, name);

  for (const type of types) {
    scene(
      `[ENG-1] [LINK-9] a ${type} link is made, made again, seen with both of its ends, and taken away`,
      async (t, world) => {
        const { adapter } = world;
        await startServed(t, world);
        const spec = serviceLink({ type });
        const once = await ensured(t, adapter, spec);
        t.is(once.provider.pid, await pidOf(adapter, containerKey(server)));
        t.is(once.consumer.pid, await pidOf(adapter, containerKey(client)));
        t.is(typeof once.provider.inode, 'number');
        t.is(typeof once.consumer.inode, 'number');
        t.is(once.awaits, null);
        t.deepEqual(await ensured(t, adapter, spec), once, 'twice');
        t.is(await applied(t, adapter, removeLink(spec)), null);
        t.is(await world.ask(client, spec.target), null);
        t.is(await applied(t, adapter, removeLink(spec)), null, 'what is gone');
      },
    );
  }

  scene('[ENG-1] removing a link that never was succeeds, whatever runs', async (t, { adapter }) => {
    t.is(await applied(t, adapter, removeLink(raw)), null);
  });

  scene(
    '[LINK-4] [LINK-10] who connects at the target gets the provider, until the link goes',
    async (t, world) => {
      await startServed(t, world);
      t.is(await world.ask(client, raw.target), null, 'before');
      await ensured(t, world.adapter);
      t.is(await world.ask(client, raw.target), 'one');
      await applied(t, world.adapter, removeLink(raw));
      t.is(await world.ask(client, raw.target), null, 'after');
      t.is(await world.ask(server, raw.socket), 'one', 'its provider has it as before');
    },
  );

  scene('[LINK-10] a link changes in place', async (t, world) => {
    await startServed(t, world);
    await world.makeSocket(server, '/run/example/other.sock', 'other');
    await ensured(t, world.adapter);
    await ensured(t, world.adapter, { ...raw, role: 'operator' });
    t.is(await world.ask(client, raw.target), 'one');
    await ensured(t, world.adapter, { ...raw, socket: '/run/example/other.sock' });
    t.is(await world.ask(client, raw.target), 'other');
  });

  scene(
    '[LINK-3] one service is at two targets, and one of them goes without the other',
    async (t, world) => {
      await startServed(t, world);
      const second = serviceLink({ target: '/run/elsewhere/raw.sock' });
      await ensured(t, world.adapter);
      const before = await ensured(t, world.adapter, second);
      await applied(t, world.adapter, removeLink(raw));
      t.is(await world.ask(client, raw.target), null);
      t.is(await world.ask(client, second.target), 'one');
      t.deepEqual(
        factsOf(t, { observed: (await observed(world.adapter)).get(ensureLink(second).key) ?? null }),
        before,
      );
    },
  );

  scene(
    '[LINK-10] a link whose provider has no socket yet waits for it, and the watch tells when it has',
    async (t, world) => {
      await startBoth(t, world);
      const { awaits, provider } = await ensured(t, world.adapter);
      t.true(awaits?.includes(raw.socket) === true && awaits.includes(server), awaits ?? 'null');
      t.is(provider.inode, null);
      t.is(await world.ask(client, raw.target), null);
      await drifts(world, () => world.makeSocket(server, raw.socket, 'late'));
      t.is((await ensured(t, world.adapter)).awaits, null);
      t.is(await world.ask(client, raw.target), 'late');
    },
  );

  scene(
    '[LINK-10] a provider makes its socket anew, the watch tells, and the link leads to the new one',
    async (t, world) => {
      await startServed(t, world);
      await ensured(t, world.adapter);
      await drifts(world, () => world.makeSocket(server, raw.socket, 'two'));
      await ensured(t, world.adapter);
      t.is(await world.ask(client, raw.target), 'two');
    },
  );

  scene(
    '[ENG-2] [LINK-10] what a consumer takes away is told by the watch, and put back',
    async (t, world) => {
      await startServed(t, world);
      await ensured(t, world.adapter);
      await drifts(world, () => world.takeAway(client, raw.target));
      t.is(await world.ask(client, raw.target), null);
      await ensured(t, world.adapter);
      t.is(await world.ask(client, raw.target), 'one');
    },
  );

  scene('[LINK-10] a consumer that is started anew gets its link again', async (t, world) => {
    const { adapter, root } = world;
    await startServed(t, world);
    const { consumer: before } = await ensured(t, adapter);
    await drifts(world, async () => world.killContainer(client, await pidOf(adapter, containerKey(client))));
    await play(t, adapter, [start(container(client, root, []))]);
    const { consumer: after } = await ensured(t, adapter);
    t.not(after.pid, before.pid);
    t.is(after.pid, await pidOf(adapter, containerKey(client)));
    t.is(await world.ask(client, raw.target), 'one');
  });

  scene(
    '[LINK-10] a link to a provider that ends is refused at once, and leads to its next run when that is there',
    async (t, world) => {
      const { adapter, root } = world;
      await startServed(t, world);
      const { provider: before, consumer } = await ensured(t, adapter);
      await drifts(world, async () =>
        world.killContainer(server, await pidOf(adapter, containerKey(server))),
      );
      t.is(await world.ask(client, raw.target), null);
      await play(t, adapter, [start(container(server, root, []))]);
      await ensured(t, adapter);
      await world.makeSocket(server, raw.socket, 'two');
      await ensuredUntil(t, world, 'two');
      const after = await ensured(t, adapter);
      t.not(after.provider.pid, before.pid);
      t.is(after.consumer.pid, consumer.pid, 'the consumer runs on');
    },
  );

  for (const missing of [server, client]) {
    scene(
      `[LINK-11] a link is not made while a container of it does not run: ${missing}`,
      async (t, world) => {
        const { adapter, root } = world;
        const other = missing === server ? client : server;
        await play(t, adapter, [start(container(other, root, []))]);
        const result = await adapter.apply(ensureLink(raw));
        if (result.outcome !== 'failed') return t.fail(JSON.stringify(result));
        t.true(result.error.message.includes(missing), result.error.message);
        t.false((await observed(adapter)).has(key));
      },
    );
  }

  scene(
    '[LINK-12] [ENG-8] what a container has at the target itself is a conflict, and stays as it is',
    async (t, world) => {
      const { adapter } = world;
      await startServed(t, world);
      const foreign = await world.putForeign(client, raw.target);
      const before = await foreign.look();
      const watch = listen(adapter);
      const result = await adapter.apply(ensureLink(raw));
      if (result.outcome !== 'conflict') return t.fail(JSON.stringify(result));
      t.is(result.conflict.code, 'LinkTargetTaken');
      t.true(result.conflict.message.includes(raw.target), result.conflict.message);
      t.is(await applied(t, adapter, removeLink(raw)), null);
      t.deepEqual(await foreign.look(), before);
      t.is((await adapter.apply(ensureLink(raw))).outcome, 'conflict', 'it is still there');
      await foreign.remove();
      await watch.until((told) => told.key === key);
      watch.stop();
      await ensured(t, adapter);
      t.is(await world.ask(client, raw.target), 'one');
    },
  );

  scene(
    '[LINK-10] [CTR-9] closing an adapter ends no link, and a new one sees what the first one saw',
    async (t, world) => {
      const first = world.another();
      await play(t, first, [
        start(container(server, world.root, [])),
        start(container(client, world.root, [])),
      ]);
      await world.makeSocket(server, raw.socket, 'one');
      const before = await ensured(t, first);
      await first.close();
      const found = (await observed(world.adapter)).get(key) ?? null;
      t.deepEqual(found?.drift, []);
      t.deepEqual(factsOf(t, { observed: found }), before);
      t.is(await world.ask(client, raw.target), 'one');
      await drifts(world, () => world.makeSocket(server, raw.socket, 'two'));
      await ensured(t, world.adapter);
      t.is(await world.ask(client, raw.target), 'two');
      t.is(await applied(t, world.adapter, removeLink(raw)), null);
      t.is(await world.ask(client, raw.target), null);
    },
  );

  for (const gone of [server, client]) {
    scene(`[LINK-10] a link goes also when a container of it is gone: ${gone}`, async (t, world) => {
      const { adapter, root } = world;
      await startServed(t, world);
      await ensured(t, adapter);
      await play(t, adapter, [stop(gone), removeContainer(gone)]);
      t.is(await applied(t, adapter, removeLink(raw)), null);
      if (gone === server) return;
      await play(t, adapter, [start(container(client, root, []))]);
      t.is(await world.ask(client, raw.target), null, 'nothing of it comes back');
    });
  }

  scene('[LINK-9] traffic names links that are there, with counts that are whole', async (t, world) => {
    await startServed(t, world);
    for (const type of types) {
      await ensured(t, world.adapter, serviceLink({ type }));
      const { links } = await world.adapter.traffic();
      t.true(links.length <= 1, type);
      for (const { link, sessions, connections } of links) {
        t.is(link, key, type);
        t.true(Number.isInteger(sessions) && sessions >= 0 && connections >= sessions, type);
      }
      await applied(t, world.adapter, removeLink(serviceLink({ type })));
    }
    t.deepEqual((await world.adapter.traffic()).links, []);
  });
}
