import { World } from '../../controller/world.ts';
import { plan } from '../../reconcilers/index.ts';
import type { View } from '../../reconcilers/reconciler.ts';
import { digestOf } from '../../state/json.ts';
import {
  type DesiredResource,
  type FactsByKind,
  type Key,
  type Kind,
  kindOf,
  type ObservedResource,
  type SpecByKind,
} from '../../state/resource.ts';

/** What is desired and what is observed, by key. */
export interface Scene {
  readonly desired?: Readonly<Partial<Record<string, DesiredResource>>>;
  readonly observed?: Readonly<Partial<Record<string, ObservedResource>>>;
}

export function want<K extends Kind>(
  key: Key,
  spec: SpecByKind[K],
  rest: Partial<DesiredResource> = {},
): DesiredResource {
  return { key, kind: kindOf(key), spec, digest: digestOf(spec), dependsOn: [], pointers: [], ...rest };
}

const end = { pid: 7, inode: 70 };

/** What is observed of each kind where nothing else is said: containers run as process 7. */
const usualFacts: { readonly [K in Kind]: FactsByKind[K] } = {
  pool: { adopted: false },
  lease: {},
  group: {},
  container: { running: true, pid: 7, ready: false, exit: null },
  listener: { carriers: [] },
  link: { carrier: 'model', provider: end, consumer: end, awaits: null },
};

export function see(
  key: Key,
  spec: SpecByKind[Kind],
  rest: Partial<ObservedResource> = {},
): ObservedResource {
  const kind = kindOf(key);
  return { key, kind, spec, digest: digestOf(spec), drift: [], facts: usualFacts[kind], ...rest };
}

export function view({ desired = {}, observed = {} }: Scene): View {
  const world = new World((key) => desired[key], Object.keys(desired) as Key[]);
  for (const resource of Object.values(observed)) {
    if (resource !== undefined) world.observe(resource.key, resource);
  }
  return world;
}

/** The plan in short: `action`, `wait keys`, `blocked code`, `settled`. */
export function short(key: Key, scene: Scene): string {
  const next = plan(key, view(scene));
  if (next.type === 'step') return next.step.action;
  if (next.type === 'wait') return ['wait', ...next.keys].join(' ');
  return next.type === 'blocked' ? `blocked ${next.conflict.code}` : 'settled';
}
