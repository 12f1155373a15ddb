import type { Key, LinkCarrier, LinkSpec } from '../../state/resource.ts';
import type { DeviceNumber } from '../linux/device-access.ts';
import type { ProviderSocket } from '../linux/provider-sockets.ts';
import type { DbusListener } from '../proxy/dbus-proxy.ts';
import type { RestListener } from '../proxy/proxy.ts';

/** What a process of ours serves for one link; its name is the link's key. */
export type Front = RestListener | (DbusListener & { readonly type: 'dbus' });

/** What is made for a link besides what is at its target. */
export interface Carried {
  /** Null: no process of ours carries it. */
  readonly front: Front | null;
  /** drm: what the consumer was allowed to open; null: nothing. */
  readonly device: DeviceNumber | null;
}

/** What was made for a link and may still be there, though it is of no use any more. */
export interface Former {
  readonly fronts: readonly Front[];
  readonly devices: readonly DeviceNumber[];
}

export const noFormer: Former = Object.freeze({ fronts: [], devices: [] });

/** A link as it was made, or was about to be. Plain JSON. */
export interface LinkRecord extends Carried {
  readonly key: Key;
  readonly spec: LinkSpec;
  /** `digestOf(spec)`. */
  readonly digest: string;
  readonly carrier: LinkCarrier;
  /** Process ids of both inits when it was last made; null: it has yet to be. */
  readonly ends: { readonly provider: number; readonly consumer: number } | null;
  /** Inode of what the provider had when it was last made; null: nothing. */
  readonly sourceInode: number | null;
  /** What is to be let go of: never what it is made of now. */
  readonly former: Former;
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

/** The link when it is made of something else: what it was made of before and is not any more is former. Nothing is ever lost sight of. Pure. */
export function remade(record: LinkRecord, { front, device }: Carried): LinkRecord {
  const fronts = [...record.former.fronts, record.front].filter((former) => former !== null);
  const devices = [...record.former.devices, record.device].filter((former) => former !== null);
  const former = {
    fronts: fronts.filter(({ type }) => type !== front?.type),
    devices: devices.filter((one) => !isSameDevice(one, device)),
  };
  return { ...record, front, device, former };
}

export function isSameDevice(one: DeviceNumber | null, other: DeviceNumber | null): boolean {
  return one?.major === other?.major && one?.minor === other?.minor;
}

/** Where its consumer has it. */
export function targetOf({ consumer, target }: LinkSpec): {
  readonly container: string;
  readonly target: string;
} {
  return { container: consumer, target };
}
