import { dirname } from 'node:path/posix';
import { adoptPlacement } from './adopt-placement.ts';
import { ConsumerLife, type ConsumerLifeOptions } from './consumer-life.ts';
import { type ContainerHandle, NoContainer } from './container-handle.ts';
import type { DirectoryWatches } from './directory-watches.ts';
import type { HeldDirectory } from './held-directories.ts';
import type { LinkFile } from './held-mount.ts';
import type { LinkRecords } from './link-record.ts';
import { type LinkTarget, TargetRefused, type TargetSight } from './link-targets.ts';
import { lookForMounts } from './mount-look.ts';
import type { After } from './network-monitor.ts';
import { nextTurn } from './next-turn.ts';
import { Pace } from './pace.ts';
import { Placement } from './placement.ts';
import { refusalOf } from './refusal.ts';
import type { SystemCalls } from './system-calls.ts';

/** What one container can make us do in a second, as of a container that provides sockets (provider-container.ts), in the same units of some 12 us. */
const windowMs = 1000;
const leastBudget = 1000;
const targetBudget = 100;
const eventCost = 1;
const lookCost = 10;
const nameCost = 3;
const listCost = 1 / 200;

/** What a container's own mounts may take in a list of them: some 1200 (open-in-root.ts). */
const listLimitBytes = 128 * 1024;

/** As many times a container can have something mounted over what is taken away, 256 mounts each time, before that is given up. */
const mostDetachments = 400;

export interface ConsumerContainerOptions {
  readonly name: string;
  readonly calls: SystemCalls;
  readonly directories: DirectoryWatches;
  readonly records: LinkRecords;
  /** The clock's. */
  readonly after: After;
  readonly changed: (target: LinkTarget) => void;
}

/**
 * One container in which links have targets: places what is to be there, and tells when that is there no more. Nothing of it is held once its init
 * has ended. What a container can make us do is bounded: one that goes beyond is looked at once a second.
 */
export class ConsumerContainer {
  readonly #options: ConsumerContainerOptions;
  readonly #placements = new Map<string, Placement>();
  /** Targets by the paths of their directories. */
  readonly #byWay = new Map<string, Set<string>>();
  /** Targets that were refused, with what ends the watches on their ways. */
  readonly #refused = new Map<string, () => void>();
  /** Ways to be looked at when all that has happened by now is told. */
  readonly #suspects = new Set<string>();
  readonly #pace: Pace;
  #life: ConsumerLife | null = null;
  /** Why there is none, as an error. */
  #absence: unknown = null;
  /** All that is mounted there but for what is ours, as it was last looked at. */
  #others: string | null = null;

  constructor(options: ConsumerContainerOptions) {
    this.#options = options;
    const budget = () => Math.max(leastBudget, this.#placements.size * targetBudget);
    this.#pace = new Pace({ after: options.after, windowMs, budget, rested: () => this.#goOn() });
  }

  /**
   * It runs so now. The handle is this one's from now on. What is left of targets that were removed, or never came to be, is removed. Throws
   * NoContainer, SystemCallError: then it is away.
   */
  runs(handle: ContainerHandle): void {
    this.#reporting(() => {
      this.#letGo();
      const life = new ConsumerLife({ ...this.#options, ...this.#listeners(), handle });
      this.#life = life;
      try {
        this.#adoptAll(life);
        life.watch.listen();
      } catch (error) {
        this.#letGo();
        throw error;
      }
    });
  }

  /** Its init is the process that has this id now, and is held. */
  isHeldAs(pid: number): boolean {
    return this.#life?.pid === pid && this.#life.isThere;
  }

  /** It does not run, or can't be reached, for this reason: an error. */
  isAway(why: unknown): void {
    this.#reporting(() => this.#letGo());
    this.#absence = why;
  }

  /** Something may have been missed. */
  suspect(): void {
    if (this.#life !== null) this.#lookAtMounts(true);
  }

  /** Of a target that has a record. */
  sight(target: string): TargetSight {
    const placement = this.#placements.get(target);
    if (placement === undefined) return { state: 'away' };
    const { lost, mount } = placement;
    if (lost !== null || mount === null) return { state: 'lost', why: lost ?? 'nothing is mounted there' };
    return { state: 'placed', device: Number(mount.device), inode: Number(mount.inode) };
  }

  /** See LinkTargets. Throws what that rejects with. */
  place(target: string, source: LinkFile): void {
    const life = this.#life;
    if (life === null) throw this.#absence;
    this.#endRefusal(target);
    const placement = this.#placements.get(target) ?? this.#add(this.#begin(life, target));
    try {
      placement.place(source);
    } catch (error) {
      if (placement.record.state === 'making') this.#drop(placement);
      const refusal = refusalOf(this.#targetOf(target), error);
      if (refusal instanceof TargetRefused) this.#awaitChange(life, target);
      throw refusal;
    } finally {
      life.watch.walked();
    }
  }

  /** See LinkTargets. Throws what that rejects with. */
  clear(target: string, closed: LinkFile): void {
    this.#placements.get(target)?.clear(closed);
  }

  /** See LinkTargets. */
  async remove(target: string): Promise<void> {
    this.#endRefusal(target);
    for (let count = 0; count < mostDetachments; count++) {
      if (this.#life === null) return this.#bury(target);
      try {
        if (this.#dismantle(this.#life, target)) return;
      } catch (error) {
        if (!(error instanceof NoContainer)) throw error;
        // It has ended meanwhile, and its mounts with it.
        this.isAway(error);
      }
      await nextTurn();
    }
    throw new Error(
      `${target} of container '${this.#options.name}' is not taken away: something there mounts over it faster than that can be taken away; ` +
        'expected that to end: stop the container',
    );
  }

  /** Nothing is known of any target in it. */
  get isIdle(): boolean {
    return this.#refused.size === 0 && this.#options.records.of(this.#options.name).length === 0;
  }

  /** Ends all watches. What is mounted stays. */
  close(): void {
    this.#letGo();
  }

  #targetOf(target: string): LinkTarget {
    return { container: this.#options.name, target };
  }

  #letGo(): void {
    for (const placement of this.#placements.values()) placement.release();
    for (const end of this.#refused.values()) end();
    this.#placements.clear();
    this.#byWay.clear();
    this.#refused.clear();
    this.#suspects.clear();
    this.#pace.close();
    this.#life?.close();
    this.#life = this.#others = null;
  }

  #listeners(): Omit<ConsumerLifeOptions, 'calls' | 'directories' | 'after' | 'handle'> {
    const { records } = this.#options;
    return {
      ours: () => this.#ownMounts(),
      save: (record) => records.write(record),
      forget: ({ target }) => records.remove(target),
      // What is done because we want it is nothing that the container has made us do.
      reading: () => undefined,
      mountsChanged: () => this.#lookAtMounts(false),
      wayChanged: (path) => this.#suspect(path),
      told: this.#told,
      ended: () => this.isAway(new NoContainer(`container '${this.#options.name}' has ended`)),
    };
  }

  /** Also those that are not looked for yet. */
  #ownMounts(): ReadonlySet<number> {
    const records = this.#options.records.of(this.#options.name);
    return new Set(records.flatMap(({ mounts }) => mounts.map(({ id }) => id)));
  }

  /** What was not there before. */
  #begin({ placementOptions }: ConsumerLife, target: string): Placement {
    const record = {
      target: this.#targetOf(target),
      state: 'making',
      init: null,
      mounts: [],
      made: [],
    } as const;
    return new Placement(placementOptions, record);
  }

  #add(placement: Placement): Placement {
    const { target } = placement.record.target;
    const way = dirname(target);
    this.#placements.set(target, placement);
    this.#byWay.set(way, (this.#byWay.get(way) ?? new Set()).add(target));
    return placement;
  }

  /** Nothing is known of it any more. */
  #drop(placement: Placement): void {
    const { target } = placement.record.target;
    const way = dirname(target);
    placement.release();
    this.#placements.delete(target);
    const others = this.#byWay.get(way);
    others?.delete(target);
    if (others?.size !== 0) return;
    this.#byWay.delete(way);
    this.#life?.watch.leave(way);
  }

  #adoptAll(life: ConsumerLife): void {
    const records = this.#options.records.of(this.#options.name);
    if (records.length === 0) return;
    const mounted = this.#mounted(life);
    for (const record of records) this.#add(adoptPlacement(life.placementOptions, record, mounted));
    life.watch.walked();
    this.#sweep(life);
  }

  /** Ids of mounts that are on record and there, with where. Where more is mounted than is read, they count as there. */
  #mounted(life: ConsumerLife): ReadonlyMap<number, string> {
    const list = life.root.fullMountList(listLimitBytes);
    if (list !== null) return lookForMounts(list, this.#ownMounts()).mounted;
    const records = this.#options.records.of(this.#options.name);
    return new Map(records.flatMap(({ mounts, target }) => mounts.map(({ id }) => [id, target.target])));
  }

  /** What was cut short is undone, and what was removed is removed. What can't be yet is tried again when the container has changed. */
  #sweep(life: ConsumerLife): void {
    for (const placement of [...this.#placements.values()]) {
      const { state, target } = placement.record;
      if (state !== 'making' && state !== 'removed') continue;
      try {
        this.#dismantle(life, target.target);
      } catch (error) {
        if (error instanceof NoContainer) throw error;
      }
    }
  }

  /** False: more is mounted over it. */
  #dismantle(life: ConsumerLife, target: string): boolean {
    let placement = this.#placements.get(target);
    if (placement === undefined) return true;
    if (placement.stray !== null) {
      const { record } = placement;
      this.#drop(placement);
      placement = this.#add(adoptPlacement(life.placementOptions, record, this.#mounted(life)));
    }
    if (!placement.dismantle()) return false;
    this.#drop(placement);
    return true;
  }

  /** It goes when the container runs. */
  #bury(target: string): void {
    const { records } = this.#options;
    const record = records.get(this.#targetOf(target));
    if (record === null) return;
    if (record.made.length + record.mounts.length === 0) records.remove(record.target);
    else records.write({ ...record, state: 'removed' });
  }

  #spend(cost: number): void {
    if (!this.#pace.spend(cost)) this.#life?.watch.stopListening();
  }

  /** Some name has come or gone in a directory that is watched. */
  readonly #told = (): void => this.#spend(eventCost);

  /** The window has ended in which too much was asked. */
  #goOn(): void {
    this.#life?.watch.listen();
    this.suspect();
  }

  #suspect(way: string): void {
    if (this.#suspects.size === 0) queueMicrotask(() => this.#lookAtSuspects());
    this.#suspects.add(way);
  }

  #lookAtSuspects(): void {
    const ways = [...this.#suspects];
    this.#suspects.clear();
    this.#looking((life) => this.#lookAtWays(life, ways, false));
  }

  /** `all`: also whether paths still lead there. */
  #lookAtMounts(all: boolean): void {
    this.#looking((life) => {
      const list = life.root.fullMountList(listLimitBytes);
      this.#spend(lookCost + (list?.length ?? listLimitBytes) * listCost);
      // With more than that mounted, each is looked for by its path.
      if (list === null) return this.#lookAtWays(life, this.#byWay.keys(), true);
      const look = lookForMounts(list, this.#heldMounts());
      const moved = [...this.#placements.values()].filter((placement) => placement.notice(look));
      const haveOthersChanged = this.#others !== look.others;
      this.#others = look.others;
      if (haveOthersChanged) this.#reconsider(life);
      if (all || haveOthersChanged) return this.#lookAtWays(life, this.#byWay.keys(), false);
      this.#lookAtWays(life, new Set(moved.map(wayOf)), true);
    });
  }

  #heldMounts(): ReadonlySet<number> {
    return new Set([...this.#placements.values()].flatMap(({ mount }) => (mount === null ? [] : [mount.id])));
  }

  /** Something else was mounted or unmounted. */
  #reconsider(life: ConsumerLife): void {
    this.#sweep(life);
    for (const target of [...this.#refused.keys()]) this.#mayBeHad(target);
  }

  #lookAtWays(life: ConsumerLife, ways: Iterable<string>, isSuspect: boolean): void {
    for (const way of [...ways]) {
      if (this.#pace.isTired) return;
      const directory = this.#reach(life, way);
      for (const target of this.#byWay.get(way) ?? [])
        this.#placements.get(target)?.leadsTo(directory, isSuspect);
      if (typeof directory !== 'string') life.root.held.release(directory);
    }
    life.watch.walked();
  }

  /** The directory that a path leads to, to be released; or why it leads nowhere. Throws NoContainer. */
  #reach(life: ConsumerLife, way: string): HeldDirectory | string {
    let cost = lookCost;
    const follow = life.watch.follow(way);
    try {
      return life.root.reach({
        path: way,
        passing: (directory, name) => {
          cost += nameCost;
          follow(directory, name);
        },
        reading: (bytes) => {
          cost += bytes * listCost;
        },
      });
    } catch (error) {
      if (error instanceof NoContainer) throw error;
      return `its path leads nowhere by now: ${messageOf(error)}`;
    } finally {
      this.#spend(cost);
    }
  }

  /** Does nothing where it does not run any more. */
  #looking(work: (life: ConsumerLife) => void): void {
    const life = this.#life;
    if (life === null) return;
    this.#reporting(() => {
      try {
        work(life);
      } catch (error) {
        // Its end is told on its own.
        if (!(error instanceof NoContainer)) throw error;
      }
    });
  }

  #awaitChange(life: ConsumerLife, target: string): void {
    this.#spend(lookCost);
    this.#refused.set(
      target,
      life.whenWayChanges(target, () => this.#mayBeHad(target)),
    );
  }

  #mayBeHad(target: string): void {
    this.#endRefusal(target);
    this.#options.changed(this.#targetOf(target));
  }

  #endRefusal(target: string): void {
    this.#refused.get(target)?.();
    this.#refused.delete(target);
  }

  /** Tells of those whose sight is another after `work`. */
  #reporting(work: () => void): void {
    const before = this.#sights();
    try {
      work();
    } finally {
      for (const [target, sight] of this.#sights())
        if (before.get(target) !== sight) this.#options.changed(this.#targetOf(target));
    }
  }

  #sights(): ReadonlyMap<string, string> {
    const records = this.#options.records.of(this.#options.name);
    return new Map(records.map(({ target: { target } }) => [target, JSON.stringify(this.sight(target))]));
  }
}

function wayOf({ record }: Placement): string {
  return dirname(record.target.target);
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
