import type { Observable } from 'rxjs';

/** A unix socket that a container listens on, or a device node that it has. */
export interface ProviderSocket {
  readonly container: string;
  /** Absolute path in the container's own root; nothing outside of that is ever reached (LINK-11). */
  readonly socket: string;
  /** `device`: a character device, which is not used, only looked at. Absent: `socket`. */
  readonly type?: 'socket' | 'device';
}

/** How one stands that is kept. */
export type ProviderSight =
  | {
      readonly state: 'shown';
      /** Of its file system, and in it. */
      readonly device: number;
      readonly inode: number;
      /** Of a device node: what it is the node of; null for a socket. */
      readonly node: { readonly major: number; readonly minor: number } | null;
    }
  /** The container does not run, or has nothing there yet, in words. */
  | { readonly state: 'absent'; readonly why: string }
  /** What is there can't be had: it is something else, or leads to where nothing of a container is reached, in words. */
  | { readonly state: 'refused'; readonly why: string };

/**
 * Sockets of containers at paths of the host that stay the same, whether the container runs, restarts, or makes its socket anew: whoever
 * connects there reaches the present socket, or is refused.
 */
export interface ProviderSockets {
  /** Where `socket` is reached: a path of at most 100 bytes below the instance's own directory, the same for ever. */
  pathOf(socket: ProviderSocket): string;
  /**
   * Keeps exactly these reachable, and takes others away with all that was made for them. Resolves when each that can be reached now is.
   * Those whose container does not run, or that are not there yet, are so when they come.
   */
  keep(sockets: readonly ProviderSocket[]): Promise<void>;
  /**
   * The container's init had this process id when it was last looked at; null: it does not run. Another process that has the id by now is
   * never taken for it. Costs nothing where no socket of it is kept.
   */
  moved(container: string, pid: number | null): void;
  /** Keeps these reachable, besides those that are kept; resolves as `keep` does. Costs what they cost, however many others there are. */
  add(sockets: readonly ProviderSocket[]): Promise<void>;
  /** Keeps these no more, and takes away what was made for them. */
  drop(sockets: readonly ProviderSocket[]): Promise<void>;
  /** Null: it is not kept. */
  sightOf(socket: ProviderSocket): ProviderSight | null;
  /** Why one is not reached that was, or that should be (a path that is no socket, one that leads out of the root), in words; null: it is. */
  problemOf(socket: ProviderSocket): string | null;
  /** One whose `problemOf` or `sightOf` may be another now: also when the container has made its socket anew. */
  readonly changed: Observable<ProviderSocket>;
  /** Lets go; what is mounted stays, and is found again. */
  close(): void;
}
