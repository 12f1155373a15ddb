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

  /** Nothing runs any more that has to stop, and the device was not asked to boot yet. `inFlight`: steps under way. */
  isDue(inFlight: number): boolean {
    if (!this.isUnderWay || this.#asked || inFlight > 0) return false;
    for (const _ of this.#world.stoppingAfter(Number.NEGATIVE_INFINITY)) return false;
    return true;
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
