import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import type { ProviderSocket } from '../../../adapters/linux/provider-sockets.ts';
import { digestOf } from '../../../state/json.ts';
import { type LinkSpec, type LinkType, linkKey } from '../../../state/resource.ts';
import { randomNumbers } from '../../state/random.ts';
import { LinkHost, LinksStage, nothingLeft } from './links-stage.ts';

const types: readonly LinkType[] = ['unix', 'rest', 'dbus', 'drm'];
const card = { major: 226, minor: 128 };
const other = { major: 226, minor: 129 };

function specOf(type: LinkType, about: Partial<LinkSpec> = {}): LinkSpec {
  return {
    type,
    service: 's',
    consumer: 'client',
    provider: 'server',
    socket: type === 'drm' ? '/dev/card' : '/run/s',
    target: '/run/t',
    role: 'any',
    interface: null,
    ...about,
  };
}

const socketOf = (container: string): ProviderSocket => ({ container, socket: '/run/s', type: 'socket' });
const deviceOf = (container: string): ProviderSocket => ({ container, socket: '/dev/card', type: 'device' });

function ensure({ links }: LinksStage, spec: LinkSpec) {
  const key = linkKey(spec.consumer, spec.target);
  return links.apply({ action: 'link.ensure', key, spec, digest: digestOf(spec) });
}

function remove({ links }: LinksStage, spec: LinkSpec) {
  return links.apply({ action: 'link.remove', key: linkKey(spec.consumer, spec.target), spec });
}

/** Two providers of all there is, and two consumers, that run. */
function stageFor(t: ExecutionContext): LinksStage {
  const stage = new LinksStage(new LinkHost(t));
  for (const [index, name] of ['server', 'backup', 'client', 'second'].entries())
    stage.move(name, 10 + index);
  for (const [index, name] of ['server', 'backup'].entries()) {
    stage.provide(socketOf(name), 70 + index);
    stage.provide(deviceOf(name), 80 + index, card);
  }
  return stage;
}

/** The controller is killed; another one finds what it has left. */
async function restarted(stage: LinksStage): Promise<LinksStage> {
  stage.close();
  const next = new LinksStage(stage.host);
  for (const [name, pid] of stage.host.pids) next.move(name, pid);
  await next.links.observe();
  return next;
}

/** What there is where these links were made, and nothing else ever was. */
async function expectedOf(t: ExecutionContext, specs: readonly LinkSpec[], from: LinkHost) {
  const stage = new LinksStage(new LinkHost(t));
  for (const [name, sight] of from.provided) stage.host.provided.set(name, sight);
  for (const [name, pid] of from.pids) stage.move(name, pid);
  for (const spec of specs) t.is((await ensure(stage, spec)).outcome, 'done');
  stage.close();
  return comparable(stage.host);
}

/** But for where the instance is, and the order in which nodes were made. */
function comparable(host: LinkHost) {
  const { leftovers, root } = host;
  const placed = leftovers.placed.map(([place, path]) => [
    place,
    path.replace(root, '').replace(/^\/nodes\/.*/, '/nodes'),
  ]);
  return { ...leftovers, placed };
}

const afterwards: Readonly<
  Record<
    string,
    (stage: LinksStage, first: LinkSpec, second: LinkSpec) => Promise<[LinksStage, LinkSpec | null]>
  >
> = {
  'is removed': async (stage) => [stage, null],
  'is made again': async (stage, _, second) => {
    await ensure(stage, second);
    return [stage, second];
  },
  'is made as it was before': async (stage, first) => {
    await ensure(stage, first);
    return [stage, first];
  },
  'is found by another controller, which removes it': async (stage) => [await restarted(stage), null],
  'is found by another controller, which makes it': async (stage, _, second) => {
    const next = await restarted(stage);
    await ensure(next, second);
    return [next, second];
  },
};

for (const from of types) {
  for (const to of types) {
    test(`[LINK-10] a ${from} link that becomes a ${to} one, fails at any call, and then is changed or removed leaves nothing`, async (t) => {
      const [first, second] = [specOf(from), specOf(to, { provider: from === to ? 'backup' : 'server' })];
      for (const [what, then] of Object.entries(afterwards)) {
        for (const fault of ['before', 'after'] as const) {
          for (let at = 0, reached = true; reached; at++) {
            const begun = stageFor(t);
            const { host } = begun;
            await ensure(begun, first);
            const made = host.calls.length;
            host.fails = () => (host.calls.length === made + at + 1 ? fault : null);
            await ensure(begun, second);
            reached = host.calls.length > made + at;
            host.fails = () => null;
            const about = `${what}, having failed ${fault} ${host.calls[made + at] ?? 'nothing'}`;
            const [stage, last] = await then(begun, first, second);
            if (last !== null) t.deepEqual(comparable(host), await expectedOf(t, [last], host), about);
            t.is((await remove(stage, last ?? second)).outcome, 'done', about);
            t.deepEqual(host.leftovers, nothingLeft, about);
            stage.close();
          }
        }
      }
    });
  }
}

for (const type of types) {
  test(`[LINK-10] removing a ${type} link that fails at any call takes away what it can, and the rest when it is tried again`, async (t) => {
    for (const fault of ['before', 'after'] as const) {
      for (let at = 0, reached = true; reached; at++) {
        const stage = stageFor(t);
        const { host } = stage;
        await ensure(stage, specOf(type));
        const made = host.calls.length;
        host.fails = () => (host.calls.length === made + at + 1 ? fault : null);
        const { outcome } = await remove(stage, specOf(type));
        reached = host.calls.length > made + at;
        const about = `having failed ${fault} ${host.calls[made + at] ?? 'nothing'}`;
        t.is(outcome, reached ? 'failed' : 'done', about);
        if (host.calls[made + at] !== 'deny') t.deepEqual(host.leftovers.allowed, [], about);
        host.fails = () => null;
        const next = at % 2 === 0 ? stage : await restarted(stage);
        t.is((await remove(next, specOf(type))).outcome, 'done', about);
        t.deepEqual(host.leftovers, nothingLeft, about);
        next.close();
      }
    }
  });
}

test('[LINK-10] links under random changes, faults and kills are in the end what they should be', async (t) => {
  for (let seed = 1; seed <= 60; seed++) {
    const numbers = randomNumbers(seed);
    const random = () => numbers(1_000_000) / 1_000_000;
    const pick = <T>(all: readonly [T, ...T[]]): T => all[Math.floor(random() * all.length)] ?? all[0];
    let stage = stageFor(t);
    const { host } = stage;
    const live = new Map<string, LinkSpec>();
    let pid = 100;
    const faults = random() * 0.3;
    host.fails = () => (random() < faults ? pick(['before', 'after']) : null);
    const under: Promise<unknown>[] = [];
    for (let turn = 0; turn < 30; turn++) {
      const consumer = pick(['client', 'second']);
      const provider = pick(['server', 'backup']);
      const spec = specOf(pick(['unix', 'rest', 'dbus', 'drm', 'drm']), {
        consumer,
        provider,
        target: pick(['/run/t', '/run/u', '/run/v']),
      });
      const place = `${consumer}${spec.target}`;
      const choice = random();
      if (choice < 0.45) {
        live.set(place, spec);
        under.push(ensure(stage, spec));
      } else if (choice < 0.6) {
        const gone = live.get(place);
        live.delete(place);
        if (gone !== undefined)
          under.push(
            remove(stage, gone).then((end) => end.outcome === 'done' || live.set(`gone ${place}`, gone)),
          );
      } else if (choice < 0.7)
        stage.move(pick(['server', 'backup', 'client', 'second']), pick([null, pid++]));
      else if (choice < 0.8) stage.provide(socketOf(provider), pick([null, pid++]));
      else if (choice < 0.9) stage.provide(deviceOf(provider), pick([null, pid++]), pick([card, other]));
      else if (choice < 0.95) {
        await Promise.all(under.splice(0));
        stage = await restarted(stage);
      }
      if (random() < 0.5) await Promise.all(under.splice(0));
      else for (let wait = Math.floor(random() * 8); wait > 0; wait--) await Promise.resolve();
    }
    await Promise.all(under);
    await stage.settle();
    host.fails = () => null;
    for (const name of ['server', 'backup', 'client', 'second'] as const)
      if (!host.pids.has(name)) stage.move(name, pid++);
    await stage.settle();
    for (const [place, spec] of live) {
      if (!place.startsWith('gone ')) continue;
      live.delete(place);
      if (!live.has(place.slice(5))) await remove(stage, spec);
    }
    for (const spec of live.values()) t.is((await ensure(stage, spec)).outcome, 'done', `seed ${seed}`);
    t.deepEqual(comparable(host), await expectedOf(t, [...live.values()], host), `seed ${seed}`);
    for (const { drift } of await stage.links.observe()) t.deepEqual(drift, [], `seed ${seed}`);
    for (const spec of live.values()) t.is((await remove(stage, spec)).outcome, 'done', `seed ${seed}`);
    t.deepEqual(host.leftovers, nothingLeft, `seed ${seed}`);
    t.is(stage.ended, null, 'the watch goes on');
    stage.close();
  }
});

test("[LINK-7] a device that its provider does not have there any more is nobody's, even if the new one is refused", async (t) => {
  const stage = stageFor(t);
  await ensure(stage, specOf('drm'));
  t.deepEqual(stage.host.leftovers.allowed, ['client 12 226:128']);
  stage.provide(deviceOf('server'), 90, { major: 1, minor: 1 });
  await stage.settle();
  t.deepEqual([stage.host.leftovers.allowed, stage.host.leftovers.placed], [[], []]);
  const refused = await ensure(stage, specOf('drm'));
  t.is(refused.outcome === 'conflict' && refused.conflict.code, 'LinkDeviceRefused');
  t.deepEqual([stage.host.leftovers.allowed, stage.host.leftovers.placed], [[], []]);
});

test('[ENG-2] a device that could not be taken back while its provider is down is drift, and is taken back by the next step', async (t) => {
  const stage = stageFor(t);
  await ensure(stage, specOf('drm'));
  stage.host.fails = (call) => (call === 'deny' ? 'before' : null);
  stage.provide(deviceOf('server'), null);
  await stage.settle();
  t.is(stage.events.at(-1)?.type, 'relist');
  const [seen] = await stage.links.observe();
  t.deepEqual(seen?.drift, ['its consumer may still open the device 226:128']);
  stage.host.fails = () => null;
  await ensure(stage, specOf('drm'));
  t.deepEqual(stage.host.leftovers.allowed, []);
});

test('[LINK-7] of two links to one device the one that goes leaves it to the other', async (t) => {
  const stage = stageFor(t);
  const second = specOf('drm', { provider: 'backup', target: '/run/u' });
  await ensure(stage, specOf('drm'));
  await ensure(stage, second);
  await remove(stage, specOf('drm'));
  t.deepEqual(stage.host.leftovers.allowed, ['client 12 226:128']);
  await remove(stage, second);
  t.deepEqual(stage.host.leftovers, nothingLeft);
});

test('[LINK-10] a provider that goes while its link is led elsewhere takes nothing away from it', async (t) => {
  const stage = stageFor(t);
  await ensure(stage, specOf('unix'));
  const moving = ensure(stage, specOf('unix', { provider: 'backup' }));
  await Promise.resolve();
  stage.provide(socketOf('server'), null);
  await moving;
  await stage.settle();
  t.false(stage.host.calls.includes('clear'));
  t.deepEqual(stage.host.leftovers.placed, [['client:/run/t', '/shown/backup:/run/s:socket']]);
});

test('[LINK-10] a change that was listed before it was told is told all the same, and once', async (t) => {
  const stage = stageFor(t);
  await ensure(stage, specOf('unix'));
  const changed = { state: 'shown', device: 1, inode: 99, node: null } as const;
  stage.host.provided.set('server:/run/s:socket', changed);
  const [listed] = await stage.links.observe();
  t.is(listed?.facts.provider.inode, 99);
  const before = stage.events.length;
  stage.provide(socketOf('server'), 99);
  stage.provide(socketOf('server'), 99);
  await stage.settle();
  t.deepEqual(stage.events.slice(before), [
    { type: 'observation', key: linkKey('client', '/run/t'), observed: listed },
  ]);
});

test('[ENG-3] records that can not be read fail steps, and are told by the watch, which goes on', async (t) => {
  const host = new LinkHost(t);
  mkdirSync(join(host.root, 'run'));
  writeFileSync(join(host.root, 'run/links'), 'no directory');
  const stage = new LinksStage(host);
  const result = await ensure(stage, specOf('unix'));
  t.is(result.outcome, 'failed');
  t.deepEqual(result.observations, []);
  stage.tell({ container: 'client', target: '/run/t' });
  await stage.settle();
  t.deepEqual(
    stage.events.map(({ type }) => type),
    ['relist', 'relist'],
  );
  t.is(stage.ended, null);
});

test('[LINK-7] of two links to one device that go at once neither leaves it to the other', async (t) => {
  const stage = stageFor(t);
  const second = specOf('drm', { provider: 'backup', target: '/run/u' });
  await ensure(stage, specOf('drm'));
  await ensure(stage, second);
  await Promise.all([remove(stage, specOf('drm')), remove(stage, second)]);
  t.deepEqual(stage.host.leftovers, nothingLeft);
});
