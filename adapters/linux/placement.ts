import { type BigIntStats, closeSync, fstatSync } from 'node:fs';
import { basename, dirname } from 'node:path/posix';
import type { ConsumerRoot, Reach } from './consumer-root.ts';
import type { HeldDirectory } from './held-directories.ts';
import { closeMount, type HeldMount, isMountOf, type LinkFile, mountFile } from './held-mount.ts';
import { TargetRefused } from './link-targets.ts';
import type { MadeDirectories } from './made-directories.ts';
import { isBareFile, isEntry, type MadeEntry, openName, removeEntry } from './made-entry.ts';
import { mountIdOf } from './mount-info.ts';
import type { MountLook } from './mount-look.ts';
import { type Holdings, nothingHeld } from './placement-holdings.ts';
import type { SystemCalls } from './system-calls.ts';
import type { InitIdentity, MadeMount, TargetRecord } from './target-record.ts';
import { releaseWay, removeDirectories, type Way, type WayOptions, walkToTarget } from './target-way.ts';
import { whatIsThere } from './what-is-there.ts';

export interface PlacementOptions {
  readonly calls: SystemCalls;
  readonly root: ConsumerRoot;
  readonly init: InitIdentity;
  readonly made: MadeDirectories;
  /** On disk from when it returns. */
  readonly save: (record: TargetRecord) => void;
  /** Nothing of it is left. */
  readonly forget: (record: TargetRecord) => void;
  /** Has names on the way to a directory watched: those that are passed in the next walk. */
  readonly follow: (path: string) => Reach['passing'];
  readonly reading: Reach['reading'];
}

/** A mount of ours is where it can't be reached now. */
export class OutOfReach extends Error {
  override readonly name = 'OutOfReach';
}

const takenAway = 'the container has taken it away';
const elsewhere = 'its path leads to another directory by now';
const covered = 'the container has mounted something over it';

/** One target in a container that runs: what is mounted there, and what was made for that. `release` lets go of all that is held. */
export class Placement {
  readonly #options: PlacementOptions;
  #record: TargetRecord;
  #holdings: Holdings;
  /** Where it is mounted, as the list of mounts has it; null: that was not looked at yet. */
  #mountPoint: string | null = null;

  /** `holdings` are this one's from now on. */
  constructor(options: PlacementOptions, record: TargetRecord, holdings: Holdings = nothingHeld) {
    this.#options = options;
    this.#record = record;
    this.#holdings = holdings;
  }

  get record(): TargetRecord {
    return this.#record;
  }

  /** The path of its directory. */
  get way(): string {
    return dirname(this.#record.target.target);
  }

  /** Null: nothing of it is mounted. */
  get mount(): MadeMount | null {
    return this.#holdings.mount;
  }

  /** Why what was placed is not there; null: it is. */
  get lost(): string | null {
    return this.#record.state === 'cleared' ? 'it was cleared' : this.#holdings.lost;
  }

  /**
   * The source is at the target when it returns. Throws TargetRefused, NoContainer, SystemCallError, what openInRoot, mkdir(2) and open(2) say; what was
   * there before is there then, and nothing else.
   */
  place(source: LinkFile): void {
    this.#checkStray();
    const before = this.#record;
    const way = walkToTarget(this.#wayOptions());
    try {
      if (way.directory === null) throw way.error;
      this.#placeIn(way.directory, way, source);
    } catch (error) {
      this.#undo(before, way);
      throw error;
    }
  }

  /** Whoever connects is refused: `closed` is there instead, or nothing where the mount is not at its target. Throws SystemCallError. */
  clear(closed: LinkFile): void {
    if (this.#record.state !== 'placed') return;
    const { directory, mount } = this.#holdings;
    if (directory !== null && mount !== null && this.#isOnTop()) this.#swap(directory, mount, closed);
    else this.#dropMount();
    this.#save({ state: 'cleared', mounts: this.#mounts() });
  }

  /** Where a mount of ours is that can't be reached now; null: there is none. */
  get stray(): string | null {
    return this.#holdings.stray;
  }

  /** Takes away all of it. False: so much is mounted over it that it has to be called again. Throws SystemCallError, what unlink(2) and rmdir(2) say. */
  dismantle(): boolean {
    this.#save({ state: 'removed' });
    this.#checkStray();
    const { mount, directory, file, entries } = this.#holdings;
    const { root } = this.#options;
    if (mount !== null && !root.detach(mount.descriptor)) return false;
    this.#dropMount();
    if (file !== null && directory !== null) removeEntry(directory, file, root.owner);
    removeDirectories(this.#options, entries);
    this.release();
    this.#options.forget(this.#record);
    return true;
  }

  /** Takes notice of what is mounted in the container. True: it has been moved or uncovered, and is to be looked for. */
  notice({ mounted, covered: coveredMounts }: MountLook): boolean {
    const { mount, lost } = this.#holdings;
    if (mount === null) return false;
    const mountPoint = mounted.get(mount.id);
    if (mountPoint === undefined) {
      closeMount(mount);
      this.#mountPoint = null;
      this.#hold({ mount: null, lost: takenAway });
      return false;
    }
    const isSuspect = lost !== null || (this.#mountPoint !== null && this.#mountPoint !== mountPoint);
    this.#mountPoint = mountPoint;
    if (coveredMounts.has(mount.id)) this.#hold({ lost: covered });
    return isSuspect && !coveredMounts.has(mount.id);
  }

  /** The target's path leads to this directory now, or nowhere, in words. `isSuspect`: whether the mount is there is to be looked at, too. */
  leadsTo(directory: HeldDirectory | string, isSuspect: boolean): void {
    const { mount, lost } = this.#holdings;
    if (mount === null) return;
    if (typeof directory === 'string') this.#hold({ lost: directory });
    else if (directory !== this.#holdings.directory) this.#hold({ lost: elsewhere });
    else if (isSuspect || lost !== null) this.#hold({ lost: this.#isOnTop() ? null : covered });
  }

  /** Lets go of all that is held; what is mounted and made stays. */
  release(): void {
    const { directory, entries, mount } = this.#holdings;
    if (mount !== null) closeMount(mount);
    releaseWay(this.#options, { directory, entries });
    this.#holdings = nothingHeld;
  }

  #checkStray(): void {
    const { stray } = this.#holdings;
    if (stray === null) return;
    throw new OutOfReach(
      `${this.#words} is still mounted at ${stray} there, below something that the container has mounted or behind what is not looked into; ` +
        'expected to reach it, which is tried again when that has changed',
    );
  }

  get #name(): string {
    return basename(this.#record.target.target);
  }

  get #words(): string {
    const { container, target } = this.#record.target;
    return `${target} of container '${container}'`;
  }

  #wayOptions(): WayOptions {
    const { root, made, follow, reading } = this.#options;
    const path = this.way;
    const intend = (fresh: readonly MadeEntry[]) => this.#save({ made: [...this.#made(), ...fresh] });
    return { root, made, path, passing: follow(path), reading, recorded: [], intend };
  }

  #hold(change: Partial<Holdings>): void {
    this.#holdings = { ...this.#holdings, ...change };
  }

  #save(change: Partial<TargetRecord>): void {
    this.#record = { ...this.#record, ...change };
    this.#options.save(this.#record);
  }

  #made(): readonly MadeEntry[] {
    const { entries, file } = this.#holdings;
    return [...entries.map(({ entry }) => entry), ...(file === null ? [] : [file])];
  }

  #mounts(): readonly MadeMount[] {
    const { mount } = this.#holdings;
    if (mount === null) return [];
    const { id, node, device, inode } = mount;
    return [{ id, node, device, inode }];
  }

  /** The uppermost at the target's name is our mount. */
  #isOnTop(): boolean {
    const { directory, mount } = this.#holdings;
    if (directory === null || mount === null) return false;
    return this.#options.root.mountAt(directory, this.#name) === mount.id;
  }

  #placeIn(directory: HeldDirectory, way: Way, source: LinkFile): void {
    const found = openName(directory.descriptor, this.#name);
    const { mount, file } = this.#holdings;
    try {
      if (found === null || mount === null || mountIdOf(found) !== mount.id)
        return this.#placeAnew(directory, way, { found, source });
    } finally {
      if (found !== null) closeSync(found);
    }
    const isThere = this.#record.state === 'placed' && isMountOf(mount, source);
    if (!isThere) this.#swap(directory, mount, source);
    this.#settle(directory, way, file);
  }

  /** Nothing of ours is mounted there, but it may be elsewhere. */
  #placeAnew(
    directory: HeldDirectory,
    way: Way,
    { found, source }: { readonly found: number | null; readonly source: LinkFile },
  ): void {
    if (found !== null) this.#checkOurs(directory, found);
    this.#dropMount();
    const kept = found !== null && directory === this.#holdings.directory ? this.#holdings.file : null;
    this.#leaveBehind(way, kept);
    const file = found === null ? this.#makeFile(directory, way) : kept;
    try {
      this.#attach(directory, source, [...madeOn(way), ...(file === null ? [] : [file])]);
      this.#settle(directory, way, file);
    } catch (error) {
      this.#dropMount();
      if (file !== null && file !== kept) removeEntry(directory, file, this.#options.root.owner);
      throw error;
    }
  }

  /** What was made where the path led before, and is not needed here, goes. */
  #leaveBehind(way: Way, kept: MadeEntry | null): void {
    const { directory, file, entries } = this.#holdings;
    const { root } = this.#options;
    if (directory !== null && file !== null && kept === null) removeEntry(directory, file, root.owner);
    const left = entries.filter((entry) => !way.entries.includes(entry));
    removeDirectories(this.#options, left);
  }

  /** Throws TargetRefused for what is no file that was made for a target. */
  #checkOurs(directory: HeldDirectory, found: number): void {
    // What is mounted there may be of a file system that never answers.
    const isMount = mountIdOf(found) !== directory.mount;
    const stats = isMount ? null : fstatSync(found, { bigint: true });
    if (stats !== null && this.#isOurs(stats)) return;
    const { calls } = this.#options;
    const what = stats === null ? 'something that is mounted there' : whatIsThere(calls, found, stats);
    throw new TargetRefused(
      'LinkTargetTaken',
      `${this.#words} is there already, and not ours: it is ${what}; expected nothing there: remove it, or choose another target`,
    );
  }

  #isOurs(stats: BigIntStats): boolean {
    const { file } = this.#holdings;
    const { owner } = this.#options.root;
    return isBareFile(stats, owner) || (file !== null && isEntry(file, stats, owner));
  }

  #makeFile(directory: HeldDirectory, way: Way): MadeEntry {
    const intent: MadeEntry = { name: this.#name, kind: 'file', identity: null };
    this.#save({ made: [...madeOn(way), intent] });
    return { ...intent, identity: this.#options.root.makeFile(directory.descriptor, this.#name) };
  }

  /** Mounts the source over the file of ours that is there. */
  #attach(directory: HeldDirectory, source: LinkFile, made: readonly MadeEntry[]): void {
    const { calls, root, init } = this.#options;
    const mount = mountFile(calls, source, (mounting, tree) => {
      this.#save({ init, made, mounts: [mounting] });
      this.#mountOver(directory, tree);
    });
    this.#hold({ mount, lost: null });
    if (root.mountAt(directory, this.#name) !== mount.id) throw this.#disturbed();
  }

  /** Puts a mount of something else in the place of ours. */
  #swap(directory: HeldDirectory, before: HeldMount, source: LinkFile): void {
    const { calls, root } = this.#options;
    const mount = mountFile(calls, source, (mounting, tree) => {
      this.#save({ mounts: [...this.#mounts(), mounting] });
      if (root.replace(before.descriptor, tree)) return;
      root.detach(before.descriptor);
      this.#mountOver(directory, tree);
    });
    closeMount(before);
    this.#mountPoint = null;
    this.#hold({ mount, lost: null });
    if (root.mountAt(directory, this.#name) !== mount.id) throw this.#disturbed();
  }

  #mountOver(directory: HeldDirectory, tree: number): void {
    const target = openName(directory.descriptor, this.#name);
    if (target === null) throw this.#disturbed();
    try {
      this.#checkOurs(directory, target);
      this.#options.root.attach(tree, target);
    } finally {
      closeSync(target);
    }
  }

  #disturbed(): Error {
    return new Error(
      `${this.#words} was changed by the container while something was placed there; try again`,
    );
  }

  #dropMount(): void {
    const { mount } = this.#holdings;
    if (mount === null) return;
    if (!this.#options.root.detach(mount.descriptor))
      throw new Error(`${this.#words} has too much mounted over it; try again`);
    closeMount(mount);
    this.#mountPoint = null;
    this.#hold({ mount: null, lost: nothingHeld.lost });
  }

  /** What was found on the way is held from now on, in place of what was held before. */
  #settle(directory: HeldDirectory, way: Way, file: MadeEntry | null): void {
    const made = [...madeOn(way), ...(file === null ? [] : [file])];
    const before = this.#holdings;
    const isSame =
      this.#record.state === 'placed' && before.directory === directory && way.fresh.length === 0;
    if (!isSame || this.#record.mounts.length !== 1 || this.#record.made.length !== made.length)
      this.#save({ state: 'placed', mounts: this.#mounts(), made });
    this.#hold({ directory, file, entries: way.entries, lost: null });
    releaseWay(this.#options, { directory: before.directory, entries: before.entries });
  }

  /** Removes what an attempt that failed has made. What can't be removed stays on record. */
  #undo(before: TargetRecord, way: Way): void {
    try {
      removeDirectories(this.#options, way.fresh);
    } finally {
      releaseWay(this.#options, way);
    }
    const [mounts, made] = [this.#mounts(), this.#made()];
    if (before.state === 'making' && mounts.length + made.length === 0) this.#options.forget(before);
    else this.#save({ ...before, mounts, made });
  }
}

function madeOn(way: Way): readonly MadeEntry[] {
  return way.entries.map(({ entry }) => entry);
}
