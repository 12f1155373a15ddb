import { ConsumerLife, type ConsumerLifeOptions } from './consumer-life.ts';
import { type ContainerHandle, NoContainer } from './container-handle.ts';
import type { DirectoryWatches } from './directory-watches.ts';
import type { HeldDirectory } from './held-directories.ts';
import type { LinkFile } from './held-mount.ts';
import { type LinkTarget, TargetRefused, type TargetSight } from './link-targets.ts';
import { lookForMounts } from './mount-look.ts';
import type { After } from './network-monitor.ts';
import { nextTurn } from './next-turn.ts';
import { Pace } from './pace.ts';
import { listLimitBytes, Placements } from './placements.ts';
import { refusalOf } from './refusal.ts';
import { RefusedTargets } from './refused-targets.ts';
import type { SystemCalls } from './system-calls.ts';
import { isSystemFailure } from './system-failure.ts';
import type { TargetRecords } from './target-record.ts';

/** What one container can make us do in a second, as of a container that provides sockets (provider-container.ts), in the same units of some 12 us. */
const windowMs = 1000;
const leastBudget = 1000;
const targetBudget = 100;
const eventCost = 1;
const lookCost = 10;
const nameCost = 3;
const listCost = 1 / 200;

/** As many times a container can have something mounted over what is taken away, 256 mounts each time, before that is given up. */
const mostDetachments = 400;

export interface ConsumerContainerOptions {
  readonly name: string;
  readonly calls: SystemCalls;
  readonly directories: DirectoryWatches;
  readonly records: TargetRecords;
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
  readonly #placements: Placements;
  readonly #refused: RefusedTargets;
  /** Ways to be looked at when all that has happened by now is told. */
  readonly #suspects = new Set<string>();
  readonly #pace: Pace;
  #life: ConsumerLife | null = null;
  /** Why there is none, as an error. */
  #absence: unknown;
  /** All that is mounted there but for what is ours, as it was last looked at. */
  #others: string | null = null;
  /** What ends the wait after a look that failed; null: there was none. */
  #retry: (() => void) | null = null;

  constructor(options: ConsumerContainerOptions) {
    this.#options = options;
    this.#absence = new NoContainer(`container '${options.name}' does not run`);
    this.#placements = new Placements(options.name, options.records);
    this.#refused = new RefusedTargets((target) => options.changed(this.#targetOf(target)));
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
        this.#placements.adopt(life);
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
    this.#looking((life) => this.#lookAtMounts(life, true));
  }

  /** Of a target that has a record. */
  sight(target: string): TargetSight {
    const placement = this.#placements.get(target);
    if (placement === null) return { state: 'away' };
    const { lost, mount } = placement;
    if (lost !== null || mount === null) return { state: 'lost', why: lost ?? 'nothing is mounted there' };
    return { state: 'placed', device: Number(mount.device), inode: Number(mount.inode) };
  }

  /** See LinkTargets. Throws what that rejects with. */
  place(target: string, source: LinkFile): void {
    const life = this.#life;
    if (life === null) throw this.#absence;
    this.#refused.end(target);
    const placement = this.#placements.open(life, target);
    try {
      placement.place(source);
    } catch (error) {
      if (this.#options.records.get(this.#targetOf(target)) === null) this.#placements.drop(life, placement);
      throw this.#refusalOf(life, target, error);
    } finally {
      life.watch.walked();
    }
  }

  /** See LinkTargets. Throws what that rejects with. */
  clear(target: string, closed: LinkFile): void {
    this.#untilItEnds(() => this.#placements.get(target)?.clear(closed));
  }

  /** See LinkTargets. */
  async remove(target: string): Promise<void> {
    this.#refused.end(target);
    for (let count = 0; count < mostDetachments; count++) {
      const life = this.#life;
      if (life === null) return this.#placements.bury(target);
      if (this.#untilItEnds(() => this.#placements.dismantle(life, target))) return;
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

  /** Its mounts end with it. Null: it has ended. */
  #untilItEnds<T>(work: () => T): T | null {
    try {
      return work();
    } catch (error) {
      if (!(error instanceof NoContainer)) throw error;
      this.isAway(error);
      return null;
    }
  }

  #letGo(): void {
    this.#placements.clear();
    this.#refused.endAll();
    this.#suspects.clear();
    this.#pace.close();
    this.#retry?.();
    this.#life?.close();
    this.#life = this.#others = this.#retry = null;
  }

  #listeners(): Omit<ConsumerLifeOptions, 'calls' | 'directories' | 'after' | 'handle'> {
    const { records, name } = this.#options;
    return {
      ours: () => this.#placements.recordedMounts,
      save: (record) => records.write(record),
      forget: ({ target }) => records.remove(target),
      // What is done because we want it is nothing that the container has made us do.
      reading: () => undefined,
      mountsChanged: () => this.#looking((life) => this.#lookAtMounts(life, false)),
      wayChanged: (path) => this.#suspect(path),
      told: this.#told,
      ended: () => this.isAway(new NoContainer(`container '${name}' has ended`)),
    };
  }

  /** What is thrown for an error of placing. A refused target is followed from now on. */
  #refusalOf(life: ConsumerLife, target: string, error: unknown): unknown {
    const refusal = refusalOf(this.#targetOf(target), error);
    if (!(refusal instanceof TargetRefused)) return refusal;
    this.#spend(lookCost);
    this.#refused.add(life, target);
    return refusal;
  }

  #spend(cost: number): void {
    if (!this.#pace.spend(cost)) this.#life?.watch.stopListening();
  }

  /** Some name has come or gone in a directory that is watched. */
  readonly #told = (): void => this.#spend(eventCost);

  /** The window has ended in which too much was asked. */
  #goOn(): void {
    this.#looking((life) => {
      life.watch.listen();
      this.#lookAtMounts(life, true);
    });
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
  #lookAtMounts(life: ConsumerLife, all: boolean): void {
    const list = life.root.fullMountList(listLimitBytes);
    this.#spend(lookCost + (list?.length ?? listLimitBytes) * listCost);
    // With more than that mounted, each is looked for by its path.
    if (list === null) return this.#lookAtWays(life, this.#placements.ways, true);
    const look = lookForMounts(list, this.#placements.heldMounts);
    const moved = this.#placements.all.filter((placement) => placement.notice(look));
    const haveOthersChanged = this.#others !== look.others;
    this.#others = look.others;
    if (haveOthersChanged) this.#placements.sweep(life);
    if (haveOthersChanged) this.#refused.tellAll();
    if (all || haveOthersChanged) return this.#lookAtWays(life, this.#placements.ways, false);
    this.#lookAtWays(life, new Set(moved.map(({ way }) => way)), true);
  }

  #lookAtWays(life: ConsumerLife, ways: Iterable<string>, isSuspect: boolean): void {
    for (const way of ways) {
      // All that is left is looked at when it may be.
      if (this.#pace.isTired) return;
      const directory = this.#reach(life, way);
      for (const placement of this.#placements.on(way)) placement.leadsTo(directory, isSuspect);
      if (typeof directory !== 'string') life.root.held.release(directory);
    }
    life.watch.walked();
  }

  /** The directory that a path leads to, to be released; or why it leads nowhere. Throws NoContainer. */
  #reach(life: ConsumerLife, way: string): HeldDirectory | string {
    let cost = lookCost;
    const follow = life.watch.follow(way);
    const passing = (directory: number, name: string) => {
      cost += nameCost;
      follow(directory, name);
    };
    const reading = (bytes: number) => {
      cost += bytes * listCost;
    };
    try {
      return life.root.reach({ path: way, passing, reading });
    } catch (error) {
      if (error instanceof NoContainer) throw error;
      return `its path leads nowhere by now: ${error instanceof Error ? error.message : String(error)}`;
    } finally {
      this.#spend(cost);
    }
  }

  /** Looks at it, if it runs. What keeps us from it, such as too many open files, may be over a while later; its end is told on its own. */
  #looking(work: (life: ConsumerLife) => void): void {
    const life = this.#life;
    if (life === null) return;
    this.#reporting(() => {
      try {
        work(life);
      } catch (error) {
        if (error instanceof NoContainer) return;
        if (!isSystemFailure(error)) throw error;
        this.#lookLater();
      }
    });
  }

  #lookLater(): void {
    this.#retry ??= this.#options.after(windowMs, () => {
      this.#retry = null;
      this.#goOn();
    });
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
