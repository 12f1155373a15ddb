import { adoptPlacement } from './adopt-placement.ts';
import type { ConsumerLife } from './consumer-life.ts';
import { NoContainer } from './container-handle.ts';
import { lookForMounts } from './mount-look.ts';
import { OutOfReach, Placement } from './placement.ts';
import { isSystemFailure } from './system-failure.ts';
import type { TargetRecords } from './target-record.ts';

/** What a container's own mounts may take in a list of them: some 1200 (open-in-root.ts). */
export const listLimitBytes = 128 * 1024;

/** The targets in one container that runs, with those of its records that are not looked for yet. */
export class Placements {
  readonly #container: string;
  readonly #records: TargetRecords;
  readonly #byTarget = new Map<string, Placement>();
  readonly #byWay = new Map<string, Set<Placement>>();

  constructor(container: string, records: TargetRecords) {
    this.#container = container;
    this.#records = records;
  }

  get all(): readonly Placement[] {
    return [...this.#byTarget.values()];
  }

  /** The paths of their directories. */
  get ways(): readonly string[] {
    return [...this.#byWay.keys()];
  }

  get size(): number {
    return this.#byTarget.size;
  }

  /** Ids of all mounts that are on record, also of those that are there no more. */
  get recordedMounts(): ReadonlySet<number> {
    const records = this.#records.of(this.#container);
    return new Set(records.flatMap(({ mounts }) => mounts.map(({ id }) => id)));
  }

  /** Ids of the mounts that are held. */
  get heldMounts(): ReadonlySet<number> {
    return new Set(this.all.flatMap(({ mount }) => (mount === null ? [] : [mount.id])));
  }

  get(target: string): Placement | null {
    return this.#byTarget.get(target) ?? null;
  }

  /** Those whose directory has this path. */
  on(way: string): Iterable<Placement> {
    return this.#byWay.get(way) ?? [];
  }

  /** The target's, which is a new one where there was none. */
  open({ placementOptions }: ConsumerLife, target: string): Placement {
    const whole = { container: this.#container, target };
    const nothing = { target: whole, state: 'making', init: null, mounts: [], made: [] } as const;
    return this.get(target) ?? this.#add(new Placement(placementOptions, nothing));
  }

  /** Lets go of one, and knows it no more. */
  drop({ watch }: ConsumerLife, placement: Placement): void {
    const { way } = placement;
    placement.release();
    this.#byTarget.delete(placement.record.target.target);
    const others = this.#byWay.get(way);
    others?.delete(placement);
    if (others?.size !== 0) return;
    this.#byWay.delete(way);
    watch.leave(way);
  }

  /** Lets go of all. */
  clear(): void {
    for (const placement of this.#byTarget.values()) placement.release();
    this.#byTarget.clear();
    this.#byWay.clear();
  }

  /** Looks for all that is on record. Throws NoContainer, SystemCallError. */
  adopt(life: ConsumerLife): void {
    const records = this.#records.of(this.#container);
    if (records.length === 0) return;
    const mounted = this.#mounted(life);
    for (const record of records) this.#add(adoptPlacement(life.placementOptions, record, mounted));
    life.watch.walked();
    this.sweep(life);
  }

  /**
   * Undoes what was cut short, and removes what was removed while it could not be reached. What can't be yet stays for the next time. Throws
   * NoContainer.
   */
  sweep(life: ConsumerLife): void {
    for (const { record } of this.all) {
      if (record.state !== 'making' && record.state !== 'removed') continue;
      try {
        this.dismantle(life, record.target.target);
      } catch (error) {
        if (error instanceof NoContainer || !(error instanceof OutOfReach || isSystemFailure(error)))
          throw error;
      }
    }
  }

  /** Takes a target away. False: so much is mounted over it that it has to be called again. Throws as Placement.dismantle does. */
  dismantle(life: ConsumerLife, target: string): boolean {
    let placement = this.get(target);
    if (placement === null) return true;
    if (placement.stray !== null) {
      const { record } = placement;
      this.drop(life, placement);
      placement = this.#add(adoptPlacement(life.placementOptions, record, this.#mounted(life)));
    }
    if (!placement.dismantle()) return false;
    this.drop(life, placement);
    return true;
  }

  /** What there is of a target goes when the container runs. */
  bury(target: string): void {
    const record = this.#records.get({ container: this.#container, target });
    if (record === null) return;
    if (record.made.length + record.mounts.length === 0) this.#records.remove(record.target);
    else this.#records.write({ ...record, state: 'removed' });
  }

  #add(placement: Placement): Placement {
    const { way } = placement;
    this.#byTarget.set(placement.record.target.target, placement);
    this.#byWay.set(way, (this.#byWay.get(way) ?? new Set()).add(placement));
    return placement;
  }

  /** Ids of mounts that are on record and there, with where. Where more is mounted than is read, all count as there. */
  #mounted({ root }: ConsumerLife): ReadonlyMap<number, string> {
    const list = root.fullMountList(listLimitBytes);
    if (list !== null) return lookForMounts(list, this.recordedMounts).mounted;
    const records = this.#records.of(this.#container);
    return new Map(records.flatMap(({ mounts, target }) => mounts.map(({ id }) => [id, target.target])));
  }
}
