import type { Observable } from 'rxjs';

/** A unix socket that a container listens on. */
export interface ProviderSocket {
  readonly container: string;
  /** Absolute path in the container's own root; nothing outside of that is ever reached (LINK-11). */
  readonly socket: string;
}

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
  /** Why one is not reached that was, or that should be (a path that is no socket, one that leads out of the root), in words; null: it is. */
  problemOf(socket: ProviderSocket): string | null;
  /** One whose `problemOf` may be another now. */
  readonly changed: Observable<ProviderSocket>;
  /** Lets go; what is mounted stays, and is found again. */
  close(): void;
}
