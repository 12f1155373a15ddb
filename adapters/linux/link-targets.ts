import type { Observable } from 'rxjs';

/** A place in a container where something of ours appears. */
export interface LinkTarget {
  readonly container: string;
  /** Absolute, normalised path in the container's own root; nothing outside of that is ever reached (LINK-11). */
  readonly target: string;
}

/** What appears there: something at a path of the host that nobody but us can write to. It is mounted: that path may go afterwards. */
export interface LinkSource {
  readonly path: string;
  /** A socket's mount lets nobody use devices; a device's does. */
  readonly type: 'socket' | 'device';
}

/** What there is of a target that was placed, by whichever controller. */
export type TargetSight =
  /** What was placed is there; the inode is that of the source. */
  | { readonly state: 'placed'; readonly device: number; readonly inode: number }
  /** It was cleared, or the container took it away, covered it or was started anew; in words. */
  | { readonly state: 'lost'; readonly why: string }
  /** Its container does not run, as far as was told. */
  | { readonly state: 'away' };

/** A target can't be had, whatever is tried: for what is there is not ours (LINK-12), or for where it leads. */
export class TargetRefused extends Error {
  /** `LinkTargetTaken`, `LinkTargetRefused`. */
  readonly code: 'LinkTargetTaken' | 'LinkTargetRefused';

  constructor(code: TargetRefused['code'], message: string) {
    super(message);
    this.name = 'TargetRefused';
    this.code = code;
  }
}

/**
 * Places in containers where sockets and devices of others appear, each by a mount of that one file (docs/decisions/link-targets.md). What was made for
 * it, the file under the mount and the directories on the way, is known by a record on disk, and is all that is ever removed.
 */
export interface LinkTargets {
  /** What earlier processes have placed is known from when it resolves, and followed. Rejects where what is on disk can't be read. */
  attend(): Promise<void>;
  /** What an earlier process has left half written is gone when it returns. Only for who acts here: no other process may. */
  tidy(): void;
  /**
   * The container's init had this process id when it was last looked at; null: it does not run. Another process that has the id by now is never
   * taken for it. What is left of targets that were removed while it did not run is removed now.
   */
  moved(container: string, pid: number | null): void;
  /**
   * The source is at the target when it resolves; what was placed there before is replaced without a moment in which neither is there. Rejects, and
   * has changed nothing then, with a TargetRefused, NoContainer where the container does not run, SystemCallError.
   */
  place(target: LinkTarget, source: LinkSource): Promise<void>;
  /** Takes the source away, so that whoever connects there is refused at once; the target stays ours. Harmless where nothing is placed. */
  clear(target: LinkTarget): Promise<void>;
  /** Takes away the source and what was made for it, wherever in the container that is by now; nothing else. Harmless where there is nothing. */
  remove(target: LinkTarget): Promise<void>;
  /** The container and its root are gone for good, and with them all that was made there. */
  forget(container: string): void;
  /** Null: it was never placed, or was removed. */
  sight(target: LinkTarget): TargetSight | null;
  /** Those whose `sight` may be another now, or that were refused and might be had: one event for each. */
  readonly changed: Observable<LinkTarget>;
  /** Lets go; what is mounted stays, and is found again. */
  close(): void;
}
