import type { DeviceAccess, DeviceNumber } from '../linux/device-access.ts';
import { deviceText } from '../linux/device-number.ts';
import type { LinkSource } from '../linux/link-targets.ts';
import { StepConflict } from '../step-refusal.ts';
import type { RunningContainer } from './link-record.ts';

export interface LinkDevicesOptions {
  readonly devices: DeviceAccess;
  /** A node of the device that the container's root owns, at a path of ours, for as long as `use` runs. */
  readonly withNode: (
    consumer: RunningContainer,
    device: DeviceNumber,
    use: (path: string) => Promise<void>,
  ) => Promise<void>;
  /** By what the container is made of, it may open this device. */
  readonly grants: (container: string, device: DeviceNumber) => boolean;
}

/** Direct rendering (Linux, Documentation/admin-guide/devices.txt): what drm links are for. */
const drmMajor = 226;

/** Devices of drm links (LINK-7): who may open them, and nodes of them. */
export class LinkDevices {
  readonly #options: LinkDevicesOptions;

  constructor(options: LinkDevicesOptions) {
    this.#options = options;
  }

  /**
   * A container can make a node of any device in its root, so that what stands there says nothing: it passes on what it may open itself, or direct
   * rendering. Throws a StepConflict, `LinkDeviceRefused`.
   */
  check(provider: string, path: string, device: DeviceNumber): void {
    if (device.major === drmMajor || this.#options.grants(provider, device)) return;
    const found = `${path} of container '${provider}' is the device ${deviceText(device)}, which that container may not open itself`;
    const message = `${found}; expected a device of direct rendering (${drmMajor}:*), or one that its lxc.container.conf allows`;
    throw new StepConflict({ code: 'LinkDeviceRefused', message });
  }

  /** The consumer may open it, and finds it where `place` puts a node of it. */
  async open(
    consumer: RunningContainer,
    device: DeviceNumber,
    place: (source: LinkSource) => Promise<void>,
  ): Promise<void> {
    const { devices, grants, withNode } = this.#options;
    if (!grants(consumer.name, device)) await devices.allow(consumer, device);
    await withNode(consumer, device, (path) => place({ path, type: 'device' }));
  }

  /** The consumer may not open it any more, unless it may by what it is made of. */
  async close(consumer: RunningContainer, device: DeviceNumber): Promise<void> {
    const { devices, grants } = this.#options;
    if (!grants(consumer.name, device)) await devices.deny(consumer, device);
  }
}
