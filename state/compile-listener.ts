import { freeze } from 'immer';
import { digestOf } from './json.ts';
import type { LeaseGrant } from './ledger.ts';
import type { ListenerManifest } from './listeners.ts';
import type { Resolution } from './resolve-service.ts';
import {
  type Backend,
  type BridgePoolSpec,
  type Conflict,
  type DesiredResource,
  type Key,
  type ListenerSpec,
  leaseKey,
  listenerKey,
  type PoolSpec,
  poolKey,
  type RouteSpec,
} from './resource.ts';

/** What compiling a listener looks at besides its rules. */
export interface ListenerContext {
  /** Of every rule of the device, by its name. */
  readonly resolutions: ReadonlyMap<string, Resolution>;
  grant(lease: Key): LeaseGrant | undefined;
  pool(name: string): PoolSpec | undefined;
}

/**
 * A listener with its routes resolved down to addresses (ING-4). Where some rule leads to nothing it has a conflict that is tolerated: it
 * is shown as blocked, all its other routes serve, and no trial fails by it.
 */
export function compileListener(manifest: ListenerManifest, context: ListenerContext): DesiredResource {
  const { type, addresses, port, rules, name } = manifest;
  const conflicts: Conflict[] = [];
  const routes = rules.map((rule): RouteSpec => {
    const { host, path, keepPrefix, provider, service } = rule;
    const resolved = backendOf(context.resolutions.get(rule.name), context);
    if ('code' in resolved) conflicts.push(resolved);
    const backend = 'code' in resolved ? null : resolved;
    return { rule: rule.name, host, path, keepPrefix, provider, service, backend };
  });
  const spec: ListenerSpec = { type, addresses, port, routes };
  const conflict = joined(conflicts);
  return freeze(
    {
      key: listenerKey(name),
      kind: 'listener',
      spec,
      digest: digestOf(spec),
      dependsOn: poolsOf(manifest, context),
      pointers: rules.map(({ pointer }) => pointer),
      ...(conflict === null ? {} : { conflict }),
    },
    true,
  );
}

function backendOf(resolution: Resolution | undefined, context: ListenerContext): Backend | Conflict {
  if (resolution === undefined || resolution === null)
    throw new Error('a listener was compiled before its services were resolved');
  switch (resolution.type) {
    case 'unresolved': {
      const { code, message } = resolution.finding;
      return { code, message, tolerated: true };
    }
    case 'socket':
      return resolution;
    case 'loopback':
      return { type: 'address', address: '127.0.0.1', port: resolution.port, link: null };
    case 'lease': {
      const { container, face, port } = resolution;
      const key = leaseKey(face.pool, container, face.name);
      const grant = context.grant(key);
      // The container is blocked by the same conflict, and that one is not tolerated.
      if (grant === undefined || grant.conflict !== null) {
        const message = `container '${container}' has no address in pool '${face.pool}'`;
        return { code: 'ProviderUnreachable', message, holder: key, tolerated: true };
      }
      const { bridge, subnet } = bridgePoolOf(face.pool, context);
      return { type: 'address', address: grant.address, port, link: { bridge, subnet } };
    }
  }
}

/** Pools that some rule leads into: the kernel forwards to bridges that are there. */
function poolsOf({ rules }: ListenerManifest, { resolutions }: ListenerContext): readonly Key[] {
  const pools = rules.flatMap((rule) => {
    const resolution = resolutions.get(rule.name);
    return resolution?.type === 'lease' ? [poolKey(resolution.face.pool)] : [];
  });
  return [...new Set(pools)];
}

function bridgePoolOf(name: string, context: ListenerContext): BridgePoolSpec {
  const pool = context.pool(name);
  if (pool?.type === 'bridge') return pool;
  throw new Error(`found pool '${name}' behind a listener, expected one with a bridge`);
}

function joined(conflicts: readonly Conflict[]): Conflict | null {
  const [first, ...others] = conflicts;
  if (first === undefined) return null;
  return others.length === 0
    ? first
    : { ...first, message: conflicts.map(({ message }) => message).join('; ') };
}
