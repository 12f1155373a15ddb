import type { Key } from '../state/resource.ts';
import type { World } from './world.ts';

/** Fires when the device should have been down for long. */
export const REBOOT_TIMER = 'reboot';

/** How long a device may take from its reboot command to the end of the controller, milliseconds. */
export const REBOOT_TIMEOUT_MS = 300_000;

/**
 * A system transition on a device that reboots for it (ROLL-8): every container stops and none is started; when none runs any more the
 * device is booted, and what is desired then is started by the next controller.
 */
export class Reboot {
  readonly #world: World;
  #asked = false;

  constructor(world: World) {
    this.#world = world;
  }

  /** It is under way, from the first container that stops on. */
  get isUnderWay(): boolean {
    return this.#world.startsHeld();
  }

  /**
   * Nothing runs any more that has to stop, or something of it can't be stopped but by the boot; and the device was not asked to boot
   * yet. `inFlight`: steps under way. `isHopeless`: stopping this one has failed too often to be waited for.
   */
  isDue(inFlight: number, isHopeless: (key: Key) => boolean): boolean {
    if (!this.isUnderWay || this.#asked || inFlight > 0) return false;
    let runs = false;
    for (const key of this.#world.stoppingAfter(Number.NEGATIVE_INFINITY)) {
      if (isHopeless(key)) return true;
      runs = true;
    }
    return !runs;
  }

  begin(): void {
    this.#asked = false;
    this.#world.holdStarts(true);
  }

  ask(): void {
    this.#asked = true;
  }

  /** There is none, or there is none any more: containers are started again. */
  end(): void {
    this.#asked = false;
    this.#world.holdStarts(false);
  }
}
