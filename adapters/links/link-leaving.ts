import type { Key } from '../../state/resource.ts';
import type { DeviceNumber } from '../linux/device-access.ts';
import { messageOf } from '../linux/message-of.ts';
import type { LinkDevices } from './link-devices.ts';
import type { LinkFronts } from './link-fronts.ts';
import { isSameDevice, type LinkRecord } from './link-record.ts';
import type { LinkRecords } from './link-records.ts';

export interface LinkLeavingParts {
  readonly records: LinkRecords;
  readonly fronts: LinkFronts;
  readonly devices: LinkDevices;
  /** Process id of the container's init; null: it does not run; undefined: nothing was told. */
  readonly pidOf: (container: string) => number | null | undefined;
}

/** Lets go of what was made for links besides what is at their targets. What goes wrong with one thing keeps no other from being let go of. */
export class LinkLeaving {
  readonly #parts: LinkLeavingParts;

  constructor(parts: LinkLeavingParts) {
    this.#parts = parts;
  }

  /** Nothing is there of what the link was made of before. Its record says so, and not that it is made of it. */
  async former(record: LinkRecord): Promise<void> {
    const { fronts, devices } = record.former;
    await allOf([
      ...fronts.map((front) => this.#parts.fronts.drop(front)),
      ...devices.map((device) => this.#deny(record, device)),
      ...(devices.length > 0 && record.device === null ? [this.#parts.devices.discard(record.key)] : []),
    ]);
  }

  /** The consumer may open the device no more, unless it may by another link. */
  async #deny({ key, spec: { consumer } }: LinkRecord, device: DeviceNumber): Promise<void> {
    const pid = this.#parts.pidOf(consumer);
    // What a container was allowed ends with it.
    if (typeof pid !== 'number' || this.#isGivenBesides(key, consumer, device)) return;
    await this.#parts.devices.close({ name: consumer, pid }, device);
  }

  #isGivenBesides(key: Key, consumer: string, device: DeviceNumber): boolean {
    return this.#parts.records
      .of(consumer)
      .some(
        (other) =>
          other.key !== key && other.spec.consumer === consumer && isSameDevice(device, other.device),
      );
  }
}

/** Resolves when all have, and rejects when all have ended, with everything that went wrong. */
export async function allOf(works: readonly Promise<void>[]): Promise<void> {
  const errors = (await Promise.allSettled(works)).flatMap((end) =>
    end.status === 'rejected' ? [end.reason as unknown] : [],
  );
  if (errors.length === 0) return;
  if (errors.length === 1) throw errors[0];
  throw new AggregateError(errors, errors.map(messageOf).join('; '));
}
