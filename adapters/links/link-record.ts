import type { Key, LinkCarrier, LinkSpec } from '../../state/resource.ts';
import type { DeviceNumber } from '../linux/device-access.ts';
import type { ProviderSocket } from '../linux/provider-sockets.ts';
import type { DbusListener } from '../proxy/dbus-proxy.ts';
import type { RestListener } from '../proxy/proxy.ts';

/** What a process of ours serves for one link; its name is the link's key. */
export type Front = RestListener | (DbusListener & { readonly type: 'dbus' });

/** A link as it was made, or was about to be. Plain JSON. */
export interface LinkRecord {
  readonly key: Key;
  readonly spec: LinkSpec;
  /** `digestOf(spec)`. */
  readonly digest: string;
  readonly carrier: LinkCarrier;
  /** Process ids of both inits when it was last made; null: it has yet to be. */
  readonly ends: { readonly provider: number; readonly consumer: number } | null;
  /** Inode of what the provider had when it was last made; null: nothing. */
  readonly sourceInode: number | null;
  /** Null: no process of ours carries it. */
  readonly front: Front | null;
  /** drm: what the consumer was allowed to open; null: nothing. */
  readonly device: DeviceNumber | null;
}

/** A container that runs. */
export interface RunningContainer {
  readonly name: string;
  /** Process id of its init. */
  readonly pid: number;
}

/** What of its provider a link leads to. */
export function sourceOf({ type, provider, socket }: LinkSpec): ProviderSocket {
  return { container: provider, socket, type: type === 'drm' ? 'device' : 'socket' };
}

/** Where its consumer has it. */
export function targetOf({ consumer, target }: LinkSpec): {
  readonly container: string;
  readonly target: string;
} {
  return { container: consumer, target };
}
