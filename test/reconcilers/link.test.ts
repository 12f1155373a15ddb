import test from 'ava';
import { plan } from '../../reconcilers/index.ts';
import {
  type ContainerExit,
  type ContainerSpec,
  containerKey,
  type DesiredResource,
  type FactsByKind,
  type Key,
  type Lifecycle,
  type LinkSpec,
  nameOf,
  type ObservedResource,
} from '../../state/resource.ts';
import { container, serviceLink } from '../contract/fixtures.ts';
import { type Scene, see, short, view, want } from './scene.ts';

const root = { type: 'directory', path: '/srv/root' } as const;
const [server, client]: readonly [ContainerSpec, ContainerSpec] = [
  container('server', root, []),
  container('client', root, []),
];
const raw = serviceLink();
const L: Key = 'link/client/run/pv/services/raw.sock';
const S: Key = 'container/server';
const C: Key = 'container/client';

const dependsOn = [S, C];
const halted = { running: false, pid: null, ready: false, exit: null };
const exited = (code: number): ContainerExit => ({ code, signal: null, at: 0 });

const linkFacts = (facts: Partial<FactsByKind['link']>): Partial<ObservedResource> => ({
  facts: {
    carrier: 'model',
    provider: { pid: 7, inode: 70 },
    consumer: { pid: 7, inode: 70 },
    awaits: null,
    ...facts,
  },
});

/** Both containers run, and the link is as it is made for them, but for what is said. */
function linked(
  link: LinkSpec | null,
  more: Scene & { readonly seen?: Partial<ObservedResource>; readonly wish?: Partial<DesiredResource> } = {},
): Scene {
  return {
    desired: {
      [S]: want(S, server),
      [C]: want(C, client),
      [L]: want(L, raw, { dependsOn, ...more.wish }),
      ...more.desired,
    },
    observed: {
      [S]: see(S, server),
      [C]: see(C, client),
      ...(link === null ? {} : { [L]: see(L, link, more.seen ?? {}) }),
      ...more.observed,
    },
  };
}

const down = (key: Key, spec: ContainerSpec, code: number | null = null) => ({
  [key]: see(key, spec, {
    drift: ['not running'],
    facts: code === null ? halted : { ...halted, exit: exited(code) },
  }),
});
const once: Lifecycle = {
  group: null,
  rank: 0,
  recovery: {
    policy: 'on-failure',
    maxRetries: null,
    retryDelayMs: 0,
    backoffFactor: 1,
    resetWindowMs: 0,
    stableTimeoutMs: 0,
  },
};
const renamed = { ...client, hostname: 'other' };
const otherService = { ...raw, service: 'other' };
const taken = { code: 'LinkTargetTaken', message: 'taken' };

/** Rule, title, scene, and the plan of the link in short. */
const table: readonly (readonly [string, string, Scene, string])[] = [
  ['LINK-10', 'a link is made once both of its containers run', linked(null), 'link.ensure'],
  ['ENG-1', 'a link as it is desired, made for the present runs, is settled', linked(raw), 'settled'],
  ['LINK-10', 'a link waits for its provider', linked(null, { observed: down(S, server) }), `wait ${S}`],
  ['LINK-10', 'a link waits for its consumer', linked(null, { observed: down(C, client) }), `wait ${C}`],
  [
    'LINK-10',
    'a link that is there is none without its provider',
    linked(raw, { observed: down(S, server) }),
    `wait ${S}`,
  ],
  [
    'LINK-10',
    'a container that is not there at all is waited for, too',
    linked(null, { observed: { [S]: undefined } }),
    `wait ${S}`,
  ],
  [
    'LINK-10',
    'a consumer that is about to be replaced counts as not there',
    linked(raw, { desired: { [C]: want(C, renamed) } }),
    `wait ${C}`,
  ],
  [
    'LINK-10',
    'a provider that is another process has its link made again',
    linked(raw, { seen: linkFacts({ provider: { pid: 6, inode: 70 } }) }),
    'link.ensure',
  ],
  [
    'LINK-10',
    'a consumer that is another process has its link made again',
    linked(raw, { seen: linkFacts({ consumer: { pid: 6, inode: 70 } }) }),
    'link.ensure',
  ],
  [
    'LINK-10',
    'a link of which it is not known for whom it was made is believed',
    linked(raw, { seen: linkFacts({ provider: { pid: null, inode: null } }) }),
    'settled',
  ],
  [
    'ENG-2',
    'a link that drifted is made again',
    linked(raw, { seen: { drift: ['it was taken away'] } }),
    'link.ensure',
  ],
  [
    'LINK-10',
    'a link that is desired otherwise is changed in place',
    linked({ ...raw, role: 'root' }),
    'link.ensure',
  ],
  [
    'LINK-10',
    'a link whose provider has no socket yet waits without a step',
    linked(raw, { seen: linkFacts({ awaits: 'there is no socket' }) }),
    'wait',
  ],
  [
    'LINK-10',
    'a link that waits for a socket that is there now is made again',
    linked(raw, { seen: { drift: ['it is there'], ...linkFacts({ awaits: 'there is no socket' }) } }),
    'link.ensure',
  ],
  [
    'LINK-10',
    'a link that nobody wants goes at once, whatever runs',
    { observed: { [L]: see(L, raw), ...down(S, server) } },
    'link.remove',
  ],
  ['ENG-1', 'a link that nobody wants and that is not there is settled', {}, 'settled'],
  [
    'LINK-3',
    'a link to another service at the same target goes at once where the new one has to wait',
    linked(otherService, { observed: down(S, server) }),
    'link.remove',
  ],
  [
    'LINK-3',
    'a link to another service at the same target is changed in place where the new one can be had',
    linked(otherService),
    'link.ensure',
  ],
  [
    'ENG-8',
    'a link with a conflict is blocked',
    linked(null, { wish: { conflict: taken } }),
    'blocked LinkTargetTaken',
  ],
  [
    'CTR-8',
    'a link whose consumer has done what it was for is done as well',
    linked(raw, { desired: { [C]: want(C, client, { lifecycle: once }) }, observed: down(C, client, 0) }),
    'settled',
  ],
  [
    'CTR-8',
    'a link whose provider has ended is none, however well it has ended: nobody starts it again',
    linked(raw, { desired: { [S]: want(S, server, { lifecycle: once }) }, observed: down(S, server, 0) }),
    'blocked ContainerExited',
  ],
];

for (const [rule, title, scene, expected] of table) {
  test(`[${rule}] ${title}`, (t) => t.is(short(L, scene), expected));
}

test('[LINK-10] a link that waits for a socket says what its adapter says', (t) => {
  const awaits = "there is no /run/example/raw.sock in container 'server'";
  const next = plan(L, view(linked(raw, { seen: linkFacts({ awaits }) })));
  t.like(next, { type: 'wait', message: awaits });
});

const requiring = want(C, client, { dependsOn: [S] });
const toBeReady: ContainerSpec = { ...server, goal: 'READY' };

/** Title, scene, and the plan of the consumer in short. */
const consumers: readonly (readonly [string, Scene, string])[] = [
  [
    'a consumer is started when its provider runs',
    { desired: { [C]: requiring, [S]: want(S, server) }, observed: { [S]: see(S, server) } },
    'container.start',
  ],
  [
    'a consumer waits for its provider',
    { desired: { [C]: requiring, [S]: want(S, server) }, observed: down(S, server) },
    `wait ${S}`,
  ],
  [
    'a consumer waits for a provider that runs, and has yet to be ready',
    { desired: { [C]: requiring, [S]: want(S, toBeReady) }, observed: { [S]: see(S, toBeReady) } },
    `wait ${S}`,
  ],
  [
    'a consumer waits for a provider that has to be replaced',
    {
      desired: { [C]: requiring, [S]: want(S, { ...server, hostname: 'x' }) },
      observed: { [S]: see(S, server) },
    },
    `wait ${S}`,
  ],
  [
    'a consumer is started on a provider that has done what it was for',
    {
      desired: { [C]: requiring, [S]: want(S, server, { lifecycle: once }) },
      observed: down(S, server, 0),
    },
    'container.start',
  ],
  [
    'a consumer that runs goes on without its provider',
    {
      desired: { [C]: requiring, [S]: want(S, server) },
      observed: { [C]: see(C, client), ...down(S, server) },
    },
    'settled',
  ],
  [
    'a consumer that has to stop does not wait for its provider, nor for its link',
    { observed: { [C]: see(C, client), [S]: see(S, server), [L]: see(L, raw) } },
    'container.stop',
  ],
  [
    'a consumer whose provider has a conflict is blocked by it',
    { desired: { [C]: requiring, [S]: want(S, server, { conflict: taken }) } },
    'blocked LinkTargetTaken',
  ],
];

for (const [title, scene, expected] of consumers) {
  test(`[LINK-8] ${title}`, (t) => t.is(short(C, scene), expected));
}

test('[LINK-8] [ENG-6] of a thousand that a consumer requires it waits for a few at once, and starts when there is none of them left', (t) => {
  const providers = Array.from({ length: 1000 }, (_, place) => containerKey(`p${place}`));
  const specOf = (key: Key): ContainerSpec => ({ ...server, name: nameOf(key) });
  const desired = Object.fromEntries([
    [C, want(C, client, { dependsOn: providers })],
    ...providers.map((key) => [key, want(key, specOf(key))] as const),
  ]);
  const running = (keys: readonly Key[]) =>
    Object.fromEntries(keys.map((key) => [key, see(key, specOf(key))]));
  t.is(short(C, { desired }), 'wait container/p0 container/p1 container/p2 container/p3');
  t.is(short(C, { desired, observed: running(providers.slice(0, -1)) }), 'wait container/p999');
  t.is(short(C, { desired, observed: running(providers) }), 'container.start');
});

test('[LINK-8] a provider stops while its consumer runs with a link to it', (t) => {
  const scene: Scene = { observed: { [C]: see(C, client), [S]: see(S, server), [L]: see(L, raw) } };
  t.is(short(S, scene), 'container.stop');
});

test('[ROLL-3] a consumer that is not ready for want of a service waits for that link', (t) => {
  const unready: ContainerSpec = { ...client, goal: 'READY' };
  const more = { desired: { [C]: want(C, unready) }, observed: { [C]: see(C, unready) } };
  t.is(short(C, linked(raw, { ...more, seen: linkFacts({ awaits: 'there is none' }) })), `wait ${L}`);
  t.is(short(C, linked(raw, more)), 'wait', 'it has what it needs');
  const own = { ...raw, provider: 'client', consumer: 'server' };
  t.is(short(C, linked(own, { ...more, seen: linkFacts({ awaits: 'there is none' }) })), 'wait', 'its own');
});
