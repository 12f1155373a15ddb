import type { Key } from '../../state/resource.ts';
import type { DeviceAccess, DeviceNumber } from '../linux/device-access.ts';
import type { DeviceNodes } from '../linux/device-nodes.ts';
import { deviceText } from '../linux/device-number.ts';
import type { LinkSource } from '../linux/link-targets.ts';
import { StepConflict } from '../step-refusal.ts';
import { isDrmNodeOf } from './drm-node.ts';
import type { RunningContainer } from './link-record.ts';

export interface LinkDevicesOptions {
  readonly devices: DeviceAccess;
  readonly nodes: Pick<DeviceNodes, 'ensure' | 'remove' | 'keepOnly'>;
  /** The root of a container that runs, as a user and a group of the host. Throws NoContainer. */
  readonly rootUser: (container: RunningContainer) => { readonly uid: number; readonly gid: number };
  /** The container may pass this device on: by what it is made of it may open it itself. */
  readonly passesOn: (container: string, device: DeviceNumber) => boolean;
}

/** Who runs in the consumer is its own business, as with a socket; who else may open the device is the cgroup's. */
const nodeMode = 0o666;

/** Devices of drm links (LINK-7): who may open them, and nodes of them. */
export class LinkDevices {
  readonly #options: LinkDevicesOptions;

  constructor(options: LinkDevicesOptions) {
    this.#options = options;
  }

  /** A container can make a node of any device in its root, so that what stands there says nothing: it passes on what it may open itself, or what the revision names. Throws a StepConflict, `LinkDeviceRefused`. */
  check(provider: string, path: string, device: DeviceNumber): void {
    if (isDrmNodeOf(path, device) || this.#options.passesOn(provider, device)) return;
    const found = `${path} of container '${provider}' is the device ${deviceText(device)}, which that container may not open itself`;
    const message = `${found}; expected one that its lxc.container.conf allows, or the device of direct rendering that the path names, such as 226:0 for card0`;
    throw new StepConflict({ code: 'LinkDeviceRefused', message });
  }

  /** The consumer may open it, and finds it where `place` puts a node of it. */
  async open(
    link: Key,
    consumer: RunningContainer,
    device: DeviceNumber,
    place: (source: LinkSource) => Promise<void>,
  ): Promise<void> {
    const { devices, nodes, rootUser } = this.#options;
    const node = { device, owner: rootUser(consumer), mode: nodeMode };
    const path = await nodes.ensure(link, node);
    await devices.allow(consumer, device);
    await place({ path, type: 'device' });
  }

  /** The consumer may not open it any more, unless it may by what it is made of. */
  async close(consumer: RunningContainer, device: DeviceNumber): Promise<void> {
    await this.#options.devices.deny(consumer, device);
  }

  /** The node that was made for a link is there no more. */
  async discard(link: Key): Promise<void> {
    await this.#options.nodes.remove(link);
  }
}
